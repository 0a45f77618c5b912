"""Scaled and unscaled side by side: scores, weights, and gauges against d_k."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from selfattn.figures.layout import layout
from selfattn.figures.palette import Palette

Line = Float[np.ndarray[Any, Any], " point"]
NAMES = {False: "raw q·k", True: "divided by √d"}


def _colour(palette: Palette, scaled: bool) -> str:
    return palette.weights if scaled else palette.key


def density_figure(centres: Line, density: Line, most: float, scaled: bool, palette: Palette) -> go.Figure:
    """The distribution of the scores that enter the softmax, from -most to most."""
    colour = _colour(palette, scaled)
    figure = go.Figure(
        go.Scatter(
            x=centres,
            y=density,
            mode="lines",
            fill="tozeroy",
            line={"color": colour, "width": 2},
            hovertemplate="score %{x:.1f}: density %{y:.3f}<extra></extra>",
        ),
        layout=layout(palette, 190),
    )
    figure.update_xaxes(title_text="score that enters the softmax", range=[-1.05 * most, 1.05 * most])
    figure.update_yaxes(title_text="density", rangemode="tozero", nticks=4)
    return figure


def ranked_figure(weights: Line, scaled: bool, palette: Palette) -> go.Figure:
    """The mean weight by rank, with the uniform weight as a line: a cliff where the softmax has saturated."""
    ranks = np.arange(1, len(weights) + 1)
    figure = go.Figure(
        go.Bar(
            x=ranks,
            y=weights,
            marker={"color": _colour(palette, scaled), "line": {"width": 0}},
            hovertemplate="key of rank %{x}: weight %{y:.3f}<extra></extra>",
        ),
        layout=layout(palette, 190),
    )
    figure.add_hline(y=1 / len(weights), line={"color": palette.ink, "width": 1, "dash": "dot"})
    figure.update_layout(bargap=0.15)
    figure.update_xaxes(title_text="keys of a row, largest weight first")
    figure.update_yaxes(title_text="weight", range=[0, 1], nticks=5)
    return figure


def sweep_figure(
    dimensions: Sequence[int],
    lines: Mapping[bool, Sequence[float]],
    name: str,
    chosen: int,
    palette: Palette,
) -> go.Figure:
    """One gauge against d_k, unscaled and scaled, with the chosen d_k marked."""
    figure = go.Figure(layout=layout(palette, 200))
    for scaled, values in lines.items():
        figure.add_trace(
            go.Scatter(
                x=list(dimensions),
                y=list(values),
                mode="lines+markers",
                name=NAMES[scaled],
                line={"color": _colour(palette, scaled), "width": 2, "dash": "solid" if scaled else "dash"},
                marker={"size": 6, "symbol": "circle" if scaled else "diamond"},
                hovertemplate=f"{NAMES[scaled]}: %{{y:.3f}}<extra>d = %{{x}}</extra>",
            )
        )
    figure.add_vline(x=chosen, line={"color": palette.quiet, "width": 1, "dash": "dot"})
    figure.update_xaxes(
        type="log", tickvals=list(dimensions)[::2], ticktext=[str(d) for d in dimensions][::2], title_text="d"
    )
    figure.update_yaxes(title_text=name, range=[-0.03, 1.03], nticks=5)
    return figure


def heads_figure(before: Sequence[float], after: Sequence[float], name: str, palette: Palette) -> go.Figure:
    """Every head of a layer as a line from its gauge unscaled (diamond) to scaled (dot)."""
    heads = [f"head {head}" for head in range(len(before))]
    figure = go.Figure(layout=layout(palette, 70 + 26 * len(heads)))
    for head, (raw, scaled) in enumerate(zip(before, after, strict=True)):
        figure.add_trace(
            go.Scatter(
                x=[raw, scaled],
                y=[heads[head]] * 2,
                mode="lines",
                hoverinfo="skip",
                line={"color": palette.line, "width": 4},
            )
        )
    for scaled, values in ((False, before), (True, after)):
        figure.add_trace(
            go.Scatter(
                x=list(values),
                y=heads,
                mode="markers",
                name=NAMES[scaled],
                marker={"color": _colour(palette, scaled), "size": 11, "symbol": "circle" if scaled else "diamond"},
                hovertemplate=f"%{{y}}, {NAMES[scaled]}: %{{x:.3f}}<extra></extra>",
            )
        )
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(title_text=name, range=[-0.03, 1.03])
    figure.update_yaxes(autorange="reversed", type="category")
    return figure
