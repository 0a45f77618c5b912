"""A comparison as data: the heads and the weights of two of them as CSV, and the Python behind both."""

import math
from functools import partial

from selfattn.analysis.compare.comparison import Comparison
from selfattn.canvas.compare import Compared, Side
from selfattn.exports import data, python
from selfattn.exports.data import rows_as_csv
from selfattn.ui.compare.sides import Sides
from selfattn.ui.shell import exporting


def export(sides: Sides, pair: Compared, found: Comparison) -> None:
    """The export menu."""
    files = {
        "comparison-heads.csv": ("Heads as CSV", partial(heads_csv, found)),
        "comparison-weights.csv": ("Weights as CSV", partial(weights_csv, pair)),
    }
    exporting.menu(files, {exporting.PYTHON: as_python(sides)})


def heads_csv(found: Comparison) -> bytes:
    """A line a head."""
    rows = [
        [layer, head, _number(found.bits[row, head].item()), _number(found.left_out[row, head].item())]
        for row, layer in enumerate(found.layers)
        for head in range(found.bits.shape[1])
    ]
    return rows_as_csv(["layer", "head", "bits", "left_out"], rows)


def weights_csv(pair: Compared) -> bytes:
    """A line for each pair of tokens: where they stand in A and in B, both weights, and B's less A's."""
    first, second = (side.call.stages(side.head).weights for side in (pair.first, pair.second))
    (from_a, to_a), (from_b, to_b) = _names(pair.first), _names(pair.second)
    rows = []
    for i, k in zip(pair.queries.first, pair.queries.second, strict=True):
        for j, m in zip(pair.keys.first, pair.keys.second, strict=True):
            a = first[i, j].item() if min(i, j) >= 0 else None
            b = second[k, m].item() if min(k, m) >= 0 else None
            if a is None and b is None:
                continue
            tokens = [_at(from_a, i), _at(to_a, j), _at(from_b, k), _at(to_b, m)]
            rows.append([*map(_place, (i, j, k, m)), *tokens, a, b, None if a is None or b is None else b - a])
    places = ["query_a", "key_a", "query_b", "key_b"]
    names = ["attends_from_a", "attends_to_a", "attends_from_b", "attends_to_b"]
    return rows_as_csv([*places, *names, "weight_a", "weight_b", "difference"], rows)


def as_python(sides: Sides) -> str:
    """The Python that computes the same numbers again."""
    at, other, runs = sides.first_at, sides.second_at, (sides.first, sides.second)
    edits = [run.edits for run in runs]
    loads = [f"selfattn.load({python.arguments(run.choice)})" for run in runs]
    models = ("model", "model" if loads[0] == loads[1] else "other")
    traces = [
        python.trace(model, run.given, these, run.pad, run.written)
        for model, run, these in zip(models, runs, edits, strict=True)
    ]
    head = f", head=({at.layer}, {at.head})" if sides.of_heads else ""
    imports = python.imports([*edits[0], *edits[1]])
    lines = [
        *imports,
        "from selfattn.analysis.compare import comparison",
        "",
        f"model = {loads[0]}",
        *([f"other = {loads[1]}"] if models[1] == "other" else []),
        *python.data_sets([*edits[0], *edits[1]]),
        f"first = {traces[0]}",
        f"second = {traces[1]}",
        f"found = comparison.compare(first, second, part={at.part!r}, kind={at.kind!r}{head})",
        "print(found.bits)  # layer x head",
        f"a = first.stages({at.layer}, {at.head}, part={at.part!r}, kind={at.kind!r}).weights",
        f"b = second.stages({other.layer}, {other.head}, part={other.part!r}, kind={other.kind!r}).weights",
    ]
    return "\n".join(lines) + "\n"


def _names(side: Side) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return side.trace.labels(side.call)


def _at(names: tuple[str, ...], place: int) -> str | None:
    return data.cell(names[place]) if place >= 0 else None


def _place(place: int) -> int | None:
    return place if place >= 0 else None


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
