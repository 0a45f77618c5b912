"""A trace as data: one head's stages as JSON, npz or CSV, and the Python that computes them again."""

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from torch import Tensor

from selfattn.maths.masks import Pattern
from selfattn.recording.edits import Edit
from selfattn.recording.edits import to_json as edits_to_json
from selfattn.traces import Trace

MATRICES = ("query", "key", "value", "scores", "scaled", "logits", "weights", "context", "keep")


def head_data(
    trace: Trace,
    layer: int,
    head: int,
    part: str | None = None,
    kind: str | None = None,
    alone: Sequence[Edit] | None = None,
) -> dict[str, Any]:
    """Everything about one head: its matrices as arrays, and what they belong to.

    `alone` takes the place of the trace's edits on this head: what it would do by itself, on the same q, k and v.
    """
    call = trace.call(layer, part, kind)
    stages = trace.stages(layer, head, part=part, kind=kind, edits=alone)
    queries, keys = trace.labels(call)
    prediction = trace.prediction
    return {
        "model": trace.model.name,
        "text": trace.text,
        "tokens": list(trace.tokens.text),
        "attends_from": list(queries),
        "attends_to": list(keys),
        "layer": layer,
        "head": head,
        "part": call.part,
        "kind": call.kind,
        "scale": call.scale,
        "edits": json.loads(edits_to_json(trace.edits)),
        "fidelity": trace.fidelity,
        "prediction": None if prediction is None else {"kind": prediction.kind, "top": prediction.top(10)},
        **({} if alone is None else {"edits_of_this_head_alone": json.loads(edits_to_json(alone))}),
        **{name: _array(getattr(stages, name)) for name in MATRICES},
    }


def _array(tensor: Tensor) -> np.ndarray[Any, Any]:
    return tensor.cpu().numpy()


def as_json(data: dict[str, Any]) -> str:
    """Strict JSON: matrices as nested lists; a logit of minus infinity (masked) is null."""
    return json.dumps({name: _listed(value) for name, value in data.items()}, ensure_ascii=False, allow_nan=False)


def _listed(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    rows = value.tolist()
    if value.dtype == bool or np.isfinite(value).all():
        return rows
    return [[x if math.isfinite(x) else None for x in row] for row in rows]


def as_npz(data: dict[str, Any]) -> bytes:
    """A NumPy archive: the matrices as arrays, all else in one JSON string named `about`."""
    arrays = {name: value for name, value in data.items() if isinstance(value, np.ndarray)}
    about = {name: value for name, value in data.items() if name not in arrays}
    buffer = io.BytesIO()
    arrays["about"] = np.array(json.dumps(about, ensure_ascii=False))
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def as_csv(data: dict[str, Any]) -> str:
    """One line for each (query, key) pair, with both tokens and every number between them."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["query", "key", "attends_from", "attends_to", "score", "scaled", "logit", "weight", "keep"])
    matrices = [data[name].tolist() for name in ("scores", "scaled", "logits", "weights", "keep")]
    for i, attends_from in enumerate(data["attends_from"]):
        for j, attends_to in enumerate(data["attends_to"]):
            # Minus infinity would be a formula to a spreadsheet: a masked logit is an empty cell.
            numbers = [number if math.isfinite(number := matrix[i][j]) else None for matrix in matrices]
            writer.writerow([i, j, _cell(attends_from), _cell(attends_to), *numbers])
    return buffer.getvalue()


def _cell(text: str) -> str:
    """A token that a spreadsheet would run as a formula is kept from it by a leading quote."""
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r", "\n") else text


# What `--out` writes, by the ending of the file's name.
WRITERS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    ".json": lambda data: as_json(data).encode(),
    ".npz": as_npz,
    ".csv": lambda data: as_csv(data).encode(),
}


def as_python(
    model: str,
    text: str,
    edits: Sequence[Edit],
    layer: int,
    head: int,
    part: str,
    kind: str,
    pad: int = 0,
    alone: Sequence[Edit] | None = None,
) -> str:
    """The Python that computes the same numbers again; `alone` as in `head_data`."""
    names = sorted({type(edit).__name__ for edit in [*edits, *(alone or ())]})
    lines = ["import selfattn"]
    if names:
        lines.append(f"from selfattn import {', '.join(names)}")
    if "Mask" in names:
        lines.append("from selfattn.maths.masks import parse")
    arguments = f"edits={_list(edits)}" + (f", pad={pad}" if pad else "")
    place = f"{layer}, {head}, part={part!r}, kind={kind!r}"
    if alone is not None and tuple(alone) != tuple(edits):
        place += f", edits={_list(alone)}"
    lines += [
        "",
        f"model = selfattn.load({model!r})",
        f"trace = selfattn.trace(model, {text!r}, {arguments})",
        f"stages = trace.stages({place})",
        "print(stages.weights)",
    ]
    return "\n".join(lines) + "\n"


def _list(edits: Sequence[Edit]) -> str:
    return f"[{', '.join(map(_expression, edits))}]"


def _expression(edit: Edit) -> str:
    """The call that makes `edit`, without the fields that are as they always are."""
    values = {each.name: getattr(edit, each.name) for each in fields(edit) if getattr(edit, each.name) != each.default}
    return f"{type(edit).__name__}({', '.join(f'{name}={_literal(value)}' for name, value in values.items())})"


def _literal(value: Any) -> str:
    if isinstance(value, Pattern):
        return f"parse({str(value)!r})"
    if isinstance(value, frozenset) and value:
        return "{" + ", ".join(map(repr, sorted(value))) + "}"
    return repr(value)
