"""A trace as data: one head's stages as JSON, npz or CSV."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from selfattn.maths.attend import Stages
from selfattn.models.answers.predictions import Prediction
from selfattn.models.inputs.given import Chat, Illustrated, Input, Pair, Picture, Sound, Translation
from selfattn.recording.call import Call
from selfattn.recording.edits import Edit
from selfattn.recording.edits import to_json as edits_to_json
from selfattn.tracing.trace import Trace

MATRICES = ("query", "key", "value", "scores", "scaled", "logits", "weights", "context", "keep")
SIDES = ("attends_from", "attends_to")


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
    return {
        **of_text(trace),
        **of_sides(trace, call),
        "layer": layer,
        "head": head,
        "part": call.part,
        "kind": call.kind,
        "scale": call.own_scale(head),
        **of_run(trace),
        **({} if alone is None else {"edits_of_this_head_alone": json.loads(edits_to_json(alone))}),
        **{name: _array(getattr(stages, name)) for name in MATRICES},
        **({} if call.sink is None else _sink(call.sink[head].item(), stages)),
    }


def of_text(trace: Trace) -> dict[str, Any]:
    """What was read, and by which model."""
    return {
        "model": trace.model.name,
        "text": trace.text,
        **_also(trace.given),
        **({"note": trace.tokens.note} if trace.tokens.note else {}),
        "tokens": list(trace.tokens.text),
        "pieces": list(trace.tokens.pieces),
        "ids": list(trace.tokens.ids),
    }


def of_sides(trace: Trace, call: Call) -> dict[str, Any]:
    """What stands beside the rows and the columns of a call's matrices."""
    (queries, keys), (own, read) = trace.labels(call), trace.sides(call)
    return {
        "attends_from": list(queries),
        "attends_from_pieces": list(own.pieces),
        "attends_from_ids": list(own.ids),
        "attends_to": list(keys),
        "attends_to_pieces": list(read.pieces),
        "attends_to_ids": list(read.ids),
    }


def of_run(trace: Trace) -> dict[str, Any]:
    """What was changed, how exact it is, and what the model said."""
    said = None if trace.prediction is None else _said(trace.prediction)
    return {"edits": json.loads(edits_to_json(trace.edits)), "fidelity": trace.fidelity, "prediction": said}


def _also(given: Input) -> dict[str, Any]:
    """What was read beside a text: the second one of a pair, what a chat or a translation is, or the name of a file."""
    if isinstance(given, Pair):
        return {"second": given.second}
    if isinstance(given, Illustrated):
        return _also(given.picture)
    if isinstance(given, Chat | Translation):
        return {type(given).__name__.lower(): vars(given)}
    return {type(given).__name__.lower(): given.name} if isinstance(given, Picture | Sound) else {}


def _said(prediction: Prediction) -> dict[str, Any]:
    """A prediction in words and numbers, with the pieces of text that it speaks of, where there are some."""
    said = {"kind": prediction.kind, "unit": prediction.unit, "top": prediction.top(10)}
    return said | ({"said": [vars(piece) for piece in prediction.said]} if prediction.said else {})


def _sink(logit: float, stages: Stages) -> dict[str, Any]:
    """What stands beside the keys in the softmax: its logit, and the share that each query gives to it."""
    return {"sink": logit, "to_sink": _array(1 - stages.weights.sum(-1))}


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
    """One line for each (query, key) pair, with both tokens, every number between them, and which tokens they are.

    Where a sink takes a share, one line more for each query.
    """
    rows, (own, read) = [], [_which(data, side) for side in SIDES]
    matrices = [data[name].tolist() for name in ("scores", "scaled", "logits", "weights", "keep")]
    for i, attends_from in enumerate(data["attends_from"]):
        for j, attends_to in enumerate(data["attends_to"]):
            # Minus infinity would be a formula to a spreadsheet: a masked logit is an empty cell.
            numbers = [number if math.isfinite(number := matrix[i][j]) else None for matrix in matrices]
            rows.append([i, j, cell(attends_from), cell(attends_to), *numbers, *own[i], *read[j]])
        if "to_sink" in data:
            numbers = [None, None, data["sink"], data["to_sink"][i].item(), True]
            rows.append([i, None, cell(attends_from), "sink", *numbers, *own[i], None, None])
    names = ["query", "key", "attends_from", "attends_to", "score", "scaled", "logit", "weight", "keep"]
    names += [f"{side}_{what}" for side in SIDES for what in ("piece", "id")]
    return rows_as_csv(names, rows).decode()


def _which(data: dict[str, Any], side: str) -> list[tuple[str | None, int | None]]:
    """The piece and the id of each token on a side; nothing where there are no tokens."""
    pieces, ids = data[f"{side}_pieces"], data[f"{side}_ids"]
    return [(cell(piece), index) for piece, index in zip(pieces, ids, strict=True)] or [(None, None)] * len(data[side])


def rows_as_csv(names: Iterable[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table under its names; None is an empty cell."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(names)
    writer.writerows(rows)
    return buffer.getvalue().encode()


def cell(text: str) -> str:
    """A token that a spreadsheet would run as a formula is kept from it by a leading quote."""
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r", "\n") else text


# What `--out` writes, by the ending of the file's name.
WRITERS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    ".json": lambda data: as_json(data).encode(),
    ".npz": as_npz,
    ".csv": lambda data: as_csv(data).encode(),
}
