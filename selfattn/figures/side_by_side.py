"""A pair of trainings over their steps, scaled beside raw: loss, gradient, and how far the softmax has saturated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from selfattn.figures.layout import layout
from selfattn.figures.palette import Palette
from selfattn.figures.scaling import NAMES

MEASURES = ("loss", "gradient norm", "tr J")
# Where each curve is drawn, from the top of the figure; and between which values: a gradient's as powers of ten.
ROOMS = ((0.62, 1.0), (0.3, 0.55), (0.0, 0.23))
GRADIENTS = (-2.5, 1.5)


@dataclass(frozen=True)
class Line:
    """One training, measured at some steps: for each measure its values."""

    scaled: bool
    steps: Sequence[int]
    values: Mapping[str, Sequence[float]]


def pair_figure(lines: Sequence[Line], steps: int, baselines: Mapping[str, float], palette: Palette) -> go.Figure:
    """Three curves under each other, scaled ones whole and raw ones dashed, on axes that do not move as they grow.

    `baselines` is what each measure is compared with, drawn as a dotted line.
    """
    figure = go.Figure()
    for row, name in enumerate(MEASURES, start=1):
        for line in lines:
            figure.add_trace(_trace(line, name, row, palette))
        at = {"xref": "x domain", "yref": f"y{row}", "x0": 0, "x1": 1, "y0": baselines[name], "y1": baselines[name]}
        figure.add_shape(type="line", line={"color": palette.quiet, "width": 1, "dash": "dot"}, **at)
    look = layout(palette, 400)
    across, upright = look.pop("xaxis"), look.pop("yaxis")
    figure.update_layout(look, hovermode="closest")
    figure.update_layout(xaxis=across | {"title": across["title"] | {"text": "step"}, "range": [0, steps], "nticks": 5})
    figure.update_layout(xaxis={"anchor": "y3", "showgrid": False})
    bounds = ([0, 1.4 * baselines["loss"]], list(GRADIENTS), [0, 1])
    for row, (name, between, room) in enumerate(zip(MEASURES, bounds, ROOMS, strict=True), start=1):
        title = upright["title"] | {"text": name, "standoff": 6}
        axis = upright | {"title": title, "range": between, "domain": room, "nticks": 4}
        figure.update_layout({f"yaxis{row}": axis})
    figure.update_layout(yaxis2={"type": "log", "tickvals": [0.01, 0.1, 1, 10], "ticktext": ["0.01", "0.1", "1", "10"]})
    return figure


def _trace(line: Line, name: str, row: int, palette: Palette) -> go.Scatter:
    return go.Scatter(
        x=list(line.steps),
        y=list(line.values[name]),
        yaxis=f"y{row}",
        mode="lines",
        name=NAMES[line.scaled],
        line={
            "color": palette.weights if line.scaled else palette.key,
            "width": 1.6,
            "dash": "solid" if line.scaled else "dash",
        },
        hovertemplate=f"{NAMES[line.scaled]}: {name} %{{y:.3g}}<extra>step %{{x}}</extra>",
    )


def legend(palette: Palette) -> str:
    """The two kinds of line, each after a sample of it, and the dotted one of what they are compared with."""
    kinds = (
        (NAMES[True], palette.weights, "solid"),
        (NAMES[False], palette.key, "dashed"),
        ("guessing, clipping, uniform weights", palette.quiet, "dotted"),
    )
    return "".join(
        f'<span class="sa-beside" style="white-space:nowrap;margin:0 1.2rem 0 0;font-size:.87rem">'
        f'<i style="display:inline-block;width:1.6rem;border-top:2px {style} {colour};vertical-align:middle;'
        f'margin-right:.45rem"></i>{escape(name)}</span>'
        for name, colour, style in kinds
    )
