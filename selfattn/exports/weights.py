"""The patterns of all heads as one file, written layer by layer: no more than one layer is in memory."""

import json
import math
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from selfattn.exports.data import of_run, of_sides, of_text
from selfattn.recording.call import Call
from selfattn.tracing.heads import weights_of
from selfattn.tracing.trace import Trace

# A number of the files.
DTYPE = np.dtype("<f4")
# By its name, the shape of each array and what makes it.
Arrays = Mapping[str, tuple[tuple[int, ...], Callable[[], Any]]]


def save_weights(
    trace: Trace, file: str | Path, layer: int | None = None, part: str | None = None, kind: str | None = None
) -> list[str]:
    """Write the weights of all heads, of a layer, a part or a kind alone or of all, to FILE.npz or FILE.safetensors.

    One array a call, (head, query, key) in float32, named by its part, kind and layer: "decoder.self.0". A text in JSON
    named `about` says what was read, with the tokens beside the rows and the columns of each array. Gives the names.
    Raises ValueError for another ending, for a layer that is not there, and where the file cannot be written.
    """
    file = Path(file)
    if file.suffix not in WRITERS:
        raise ValueError(f"The weights of all heads go into {' or '.join(WRITERS)}; got {file.name!r}.")
    if layer is not None:
        calls = [trace.call(layer, part, kind)]
    else:
        trace.model.attention(part, kind)
        calls = [call for call in trace.calls if part in (None, call.part) and kind in (None, call.kind)]
    named = {f"{call.part}.{call.kind}.{call.layer}": call for call in calls}
    sides = {name: of_sides(trace, call) for name, call in named.items()}
    # Where the sides of an array are those of another, its name stands for them.
    first = {name: next(other for other in sides if sides[other] == sides[name]) for name in sides}
    about = of_text(trace) | of_run(trace)
    about |= {name: side if first[name] == name else first[name] for name, side in sides.items()}
    arrays = {name: ((call.heads, *call.shape), partial(_array, trace, call)) for name, call in named.items()}
    try:
        with file.open("wb") as out:
            WRITERS[file.suffix](out, arrays, json.dumps(about, ensure_ascii=False))
    except OSError as error:
        raise ValueError(f"{file} could not be written: {error.strerror}.") from error
    return [*arrays]


def _array(trace: Trace, call: Call) -> "np.ndarray[Any, Any]":
    return weights_of(trace.model, call).float().cpu().numpy().astype(DTYPE, copy=False)


def _npz(out: BinaryIO, arrays: Arrays, about: str) -> None:
    # Packing would take most of the time, and weights hardly get smaller by it.
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, make in {
            "about": lambda: np.array(about),
            **{name: make for name, (_, make) in arrays.items()},
        }.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, make(), allow_pickle=False)


def _safetensors(out: BinaryIO, arrays: Arrays, about: str) -> None:
    """The length of the header in 8 bytes, the header in JSON, the numbers: https://github.com/huggingface/safetensors."""
    header: dict[str, Any] = {"__metadata__": {"about": about}}
    end = 0
    for name, (shape, _) in arrays.items():
        start, end = end, end + DTYPE.itemsize * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": (start, end)}
    head = json.dumps(header).encode()
    out.write(len(head).to_bytes(8, "little") + head)
    for _, make in arrays.values():
        out.write(make().data)


WRITERS: dict[str, Callable[[BinaryIO, Arrays, str], None]] = {".npz": _npz, ".safetensors": _safetensors}
