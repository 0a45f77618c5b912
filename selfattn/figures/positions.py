"""Places in pictures: the terms of a score, what a scheme is made of, and what moves when words change places."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from selfattn.figures.layout import layout, named
from selfattn.figures.palette import Palette

Matrix = Float[np.ndarray[Any, Any], "row column"]
HEIGHT = 300
GAPS = 32  # rows or columns that have room for a line between them


def term_figure(scores: Matrix, names: Sequence[str], most: float, palette: Palette) -> go.Figure:
    """One term of the scores, query by key, on a diverging scale from -most to most."""
    figure = _heatmap(
        scores, -most, most, names, "attends from %{customdata[0]}<br>attends to %{customdata[1]}", palette
    )
    figure.update_xaxes(title_text="attends to", **named(names))
    figure.update_yaxes(title_text="attends from", autorange="reversed", **named(names))
    return figure


def scheme_figure(values: Matrix, across: str, down: Sequence[str], palette: Palette) -> go.Figure:
    """What a scheme is made of: a row a place, and as columns its numbers, or the keys of its bias."""
    most = float(np.abs(values).max()) or 1.0
    signed = values.min() < 0 < values.max()
    low, high = (-most, most) if signed else (float(values.min()), float(values.max()))
    figure = _heatmap(values, low, high, down, "%{customdata[0]}<br>" + across + " %{x}", palette)
    figure.update_xaxes(title_text=across, showgrid=False, nticks=6, automargin=True)
    figure.update_yaxes(autorange="reversed", **named(down))
    return figure


def order_figure(moved: Float[np.ndarray[Any, Any], " token"], names: Sequence[str], palette: Palette) -> go.Figure:
    """How far each word's output moved when the words changed places, as a share of its length."""
    figure = go.Figure(
        go.Bar(
            x=list(range(len(names))),
            y=moved,
            marker={"color": palette.weights, "line": {"width": 0}},
            customdata=[escape(name) for name in names],
            hovertemplate="%{customdata}: %{y:.1%}<extra></extra>",
        ),
        layout=layout(palette, 190),
    )
    figure.update_layout(bargap=0.2, margin={"l": 62, "r": 8, "t": 8, "b": 8})
    figure.update_xaxes(**named(names))
    figure.update_yaxes(
        title_text="output moved", tickformat=".0%", range=[0, max(0.1, 1.1 * float(moved.max()))], nticks=4
    )
    return figure


def _heatmap(values: Matrix, low: float, high: float, down: Sequence[str], hover: str, palette: Palette) -> go.Figure:
    rows, columns = values.shape
    across = down if rows == columns else [str(column) for column in range(columns)]
    names = np.array([[[escape(row), escape(column)] for column in across] for row in down])
    figure = go.Figure(
        go.Heatmap(
            z=values,
            zmin=low,
            zmax=high,
            colorscale=[[0, palette.key], [0.5, palette.zero], [1, palette.weights]]
            if low < 0 < high
            else [[0, palette.panel], [1, palette.weights]],
            showscale=False,
            xgap=int(columns <= GAPS),
            ygap=int(rows <= GAPS),
            customdata=names,
            hovertemplate=hover + "<br>%{z:.3f}<extra></extra>",
        ),
        layout=layout(palette, HEIGHT),
    )
    figure.update_layout(hovermode="closest", margin={"l": 8, "r": 8, "t": 8, "b": 8})
    return figure
