"""The error of a variant's output against the one setting that it has: how much is enough."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from selfattn.analysis.variants.variant import ErrorCurve
from selfattn.figures.layout import layout
from selfattn.figures.palette import Palette, rgb

# Errors above this are drawn here: an inverse that nearly fails would press all others to the floor.
HIGHEST = 3.0


def curve_figure(curve: ErrorCurve, label: str, chosen: int | float, even: float, palette: Palette) -> go.Figure:
    """The error by setting: the spread of random draws as a band, the chosen setting larger, even attention dotted."""
    x = list(curve.values)
    figure = go.Figure(layout=layout(palette, 160))
    highest = min(max(*curve.most, even), HIGHEST)

    def drawn(errors: Sequence[float]) -> list[float]:
        return [min(error, highest) for error in errors]

    if curve.least != curve.most:
        figure.add_trace(_band(x, drawn(curve.least), drawn(curve.most), palette))
    figure.add_trace(
        go.Scatter(
            x=x,
            y=drawn(curve.error),
            customdata=list(curve.error),
            mode="lines+markers",
            line={"color": palette.value, "width": 2},
            marker={"size": [11 if value == chosen else 5 for value in x]},
            hovertemplate="%{customdata:.3f}<extra>" + label + " %{x}</extra>",
        )
    )
    figure.add_hline(y=even, line={"color": palette.ink, "width": 1, "dash": "dot"})
    figure.update_layout(margin={"l": 46, "r": 12, "t": 6, "b": 36})
    ticks = x if len(x) <= 9 else [value for value in x if value == x[-1] or math.log2(value).is_integer()]
    figure.update_xaxes(type="log", title_text=label, tickvals=ticks, ticktext=[f"{value:g}" for value in ticks])
    figure.update_yaxes(
        title_text="output error" if highest < HIGHEST else f"error, drawn up to {HIGHEST:g}",
        range=[-0.05 * highest, 1.12 * highest],
        nticks=5,
    )
    return figure


def _band(x: Sequence[int | float], least: Sequence[float], most: Sequence[float], palette: Palette) -> go.Scatter:
    red, green, blue = rgb(palette.value)
    return go.Scatter(
        x=[*x, *reversed(x)],
        y=[*most, *reversed(least)],
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.18)",
        line={"width": 0},
        hoverinfo="skip",
    )
