"""The pictures of the scaling page: one side with raw scores, one with scores divided by sqrt(d)."""

from collections.abc import Mapping, Sequence

import streamlit as st

from selfattn.analysis.scaling import Saturation, score_histogram, sorted_weights, uniform_weight
from selfattn.canvas.source import Source
from selfattn.figures import pieces, scaling
from selfattn.figures.palette import Palette
from selfattn.figures.scaling import Line
from selfattn.maths.attend import Stages
from selfattn.ui.shell.charts import chart


def sides(
    both: Mapping[bool, Stages], measured: Mapping[bool, Saturation], palette: Palette, of: Source | None
) -> None:
    """Raw beside scaled, on one axis of scores; `of`: what they are of, where that is a head."""
    found = {scaled: score_histogram(stages) for scaled, stages in both.items()}
    most = max(float(centres.abs().max()) for centres, _ in found.values())
    for column, scaled in zip(st.columns(2), (False, True), strict=True):
        with column.container(key=f"panel_{scaled}"):
            centres, density = (part.numpy() for part in found[scaled])
            _side(both[scaled], measured[scaled], (centres, density, most), scaled, palette, of)


def _side(
    stages: Stages,
    measured: Saturation,
    density: tuple[Line, Line, float],
    scaled: bool,
    palette: Palette,
    of: Source | None,
) -> None:
    """One side: the scores, what the softmax makes of them, and how much gradient survives."""
    symbol = "weights" if scaled else "key"
    variance = f"measured variance of the scores {measured.variance:.3g}"
    st.html(pieces.heading(scaling.NAMES[scaled], variance, palette.of(symbol)))
    weights = sorted_weights(stages).cpu().numpy()
    chart(
        scaling.density_figure(*density, scaled, palette),
        f"scores-{scaled}",
        f"Distribution of the scores, {scaling.NAMES[scaled]}: {variance}",
        of,
    )
    chart(
        scaling.ranked_figure(weights, scaled, palette),
        f"weights-{scaled}",
        f"Mean weights by rank, {scaling.NAMES[scaled]}: the largest is {weights[0]:.3f}",
        of,
    )
    uniform = uniform_weight(stages)
    rows = [
        ("entropy", measured.entropy, 1.0),
        ("max weight", measured.largest, uniform),
        ("tr J", measured.trace, 1 - uniform),
    ]
    st.html(pieces.bars(rows, palette.of(symbol)))


def sweeps(
    dimensions: Sequence[int], found: Mapping[bool, Sequence[Saturation]], chosen: int, palette: Palette
) -> None:
    """The gauges against d, raw and scaled in each picture."""
    gauges = (("entropy / log n", "entropy"), ("max weight", "largest"), ("tr J, the gradient that survives", "trace"))
    for column, (name, field) in zip(st.columns(3), gauges, strict=True):
        lines = {scaled: [getattr(each, field) for each in found[scaled]] for scaled in found}
        with column:
            chart(
                scaling.sweep_figure(dimensions, lines, name, chosen, palette),
                f"sweep-{field}",
                f"{name} against d: at d = {dimensions[-1]}, raw {lines[False][-1]:.3f}, scaled {lines[True][-1]:.3f}",
            )


def heads(found: Mapping[bool, Sequence[Saturation]], palette: Palette, of: Source | None) -> None:
    """Every head of the layer, from raw to scaled."""
    gauges = (("entropy / log n", "entropy"), ("max weight", "largest"), ("tr J", "trace"))
    for column, (name, field) in zip(st.columns(3), gauges, strict=True):
        before, after = ([getattr(each, field) for each in found[scaled]] for scaled in (False, True))
        with column:
            chart(
                scaling.heads_figure(before, after, name, palette),
                f"heads-{field}",
                f"{name} of every head, raw and scaled: "
                + ", ".join(f"{a:.2f} to {b:.2f}" for a, b in zip(before, after, strict=True)),
                of,
            )
