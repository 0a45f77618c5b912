"""Two heads for the browser: their weights over one list of tokens, how far apart heads read, and what each says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from selfattn.analysis.compare.comparison import Alignment, Comparison, aligned
from selfattn.canvas.payload import Planes
from selfattn.models.answers.changes import change
from selfattn.models.inputs.tokens import visible
from selfattn.recording.call import Call
from selfattn.tracing.trace import Trace, moved

# Labels of each prediction: of one kind, and of two that share none.
SHOWN, FEW = 3, 2


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two that are compared: a head of a trace, and what it is called."""

    trace: Trace
    call: Call
    head: int
    title: str


@dataclass(frozen=True, eq=False)
class Compared:
    """The two that are compared, with their tokens as one list."""

    first: Side
    second: Side
    queries: Alignment
    keys: Alignment

    @classmethod
    def of(cls, first: Side, second: Side) -> "Compared":
        """Find which tokens are the same."""
        return cls(first, second, *aligned(first.trace, first.call, second.trace, second.call))


def pair_payload(pair: Compared) -> tuple[dict[str, Any], Planes]:
    """The words and planes of two heads, over the tokens that either has."""
    first, second, queries, keys = pair.first, pair.second, pair.queries, pair.keys
    first_names, second_names = (
        [[visible(name) for name in names] for names in side.trace.labels(side.call)] for side in (first, second)
    )
    planes: Planes = {}
    sides = []
    for place, (side, names) in enumerate(((first, first_names), (second, second_names))):
        rows, columns = (each.second if place else each.first for each in (queries, keys))
        planes |= _planes(side, rows, columns, place)
        notes = side.trace.notes(side.call)
        sides.append(
            {
                "queries": _picked(names[0], rows),
                "keys": _picked(names[1], columns),
                "notes": {
                    name: _picked(said, chosen) if said else []
                    for name, said, chosen in zip(("queries", "keys"), notes, (rows, columns), strict=True)
                },
            }
        )
    about = {
        "shape": (len(queries), len(keys)),
        "queries": queries.names(first_names[0], second_names[0]),
        "keys": keys.names(first_names[1], second_names[1]),
        "sides": sides,
        "titles": [visible(side.title) for side in (first, second)],
        "prediction": predictions(first.trace, second.trace),
    }
    return about, planes


def _planes(side: Side, rows: Sequence[int], columns: Sequence[int], place: int) -> Planes:
    """Weights and mask with a row and a column for each entry of the lists: zeros where the side has no such token."""
    stages = side.call.stages(side.head)
    i, j = torch.tensor(rows)[:, None], torch.tensor(columns)[None, :]
    there = (i >= 0) & (j >= 0)
    i, j = i.clamp_min(0), j.clamp_min(0)
    weights, keep = stages.weights.cpu()[i, j].float() * there, stages.keep.cpu()[i, j] & there
    return {f"weights_{place}": weights.numpy(), f"keep_{place}": keep.to(torch.uint8).numpy()}


def _picked(names: Sequence[str], places: Sequence[int]) -> list[str | None]:
    return [names[place] if place >= 0 else None for place in places]


def divergences(found: Comparison) -> Planes:
    """How far apart the heads read, as planes."""
    return {
        "bits": found.bits.numpy().astype(np.float32),
        "left_out": found.left_out.nan_to_num(0.0).numpy().astype(np.float32),
    }


def predictions(first: Trace, second: Trace) -> dict[str, Any]:
    """Title, rows of {name, first, second}, None for a label that a model does not know, and a sentence or two."""
    a, b = first.prediction, second.prediction
    if a is None or b is None:
        why = first.why_no_prediction if a is None else second.why_no_prediction
        return {"title": "What they say", "rows": [], "bars": True, "note": f"{why} {_apart(first, second)}".strip()}
    kinds, shown = (a.kind, SHOWN) if a.kind == b.kind else (f"A: {a.kind}, B: {b.kind}", FEW)
    names = list(dict.fromkeys(name for each in (a, b) for name, _ in each.top(shown)))
    rows = [{"name": visible(name), "first": a.of(name) or None, "second": b.of(name) or None} for name in names]
    ((said, one),), ((other, two),) = a.top(1), b.top(1)
    note = f"Both say {visible(said)}." if said == other else f"A says {visible(said)}, B says {visible(other)}."
    if not (a.is_distribution or b.is_distribution):
        note = f"B's is {abs(two - one):.3f} {'above' if two > one else 'below'} A's."
    bars = "number" not in (a.unit, b.unit)
    note = f"{note} {_apart(first, second)}".strip()
    return {"title": f"What they say ({kinds})", "rows": rows, "bars": bars, "note": note}


def _apart(first: Trace, second: Trace) -> str:
    """How far apart the predictions, or the outputs of models without a head, lie; nothing where that has no number."""
    try:
        if first.prediction is None or second.prediction is None:
            far = moved(first, second).mean
            return f"B's output lies {far:.2f} of A's length from it, mean over the tokens."
        distance = change(first.prediction, second.prediction).distance
    except ValueError:
        return ""
    return "" if distance is None else f"Total variation {distance:.2f}: 0 is the same answer, 1 another one."
