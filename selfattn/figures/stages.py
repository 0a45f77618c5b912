"""The stages of one head as matrices that read like the equation: what is projected, then what is compared."""

import base64
import html
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float

from selfattn.figures.palette import Palette

Array = np.ndarray[Any, Any]
HEIGHT = 540
TOP, BOTTOM = (0.68, 0.93), (0.13, 0.565)  # where the two rows stand, as shares of the height
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class Matrix:
    """One matrix to draw: its numbers, and the words around it."""

    symbol: str  # chooses the colour: query, key, value, weights, or none
    title: str  # the formula, written above
    unit: str  # written below, after the shape
    values: Float[Array, "row column"]
    columns: str = "dimension"  # what a column is: a "dimension", or a "token"
    keep: Bool[Array, "row column"] | None = None  # False where masked: drawn hatched
    probability: bool = False  # between 0 and 1: a sequential scale from the paper's colour


def stages_figure(
    top: list[Matrix],
    bottom: list[Matrix],
    attends_from: list[str],
    attends_to: list[str],
    palette: Palette,
    pinned: int | None = None,
) -> go.Figure:
    """Two rows of matrices: by dimension (X, Q, K, V, context), then token by token (scores to weights).

    Rows are queries ("attends from") and columns keys ("attends to"); the pinned query's row is outlined.
    """
    figure = go.Figure()
    rows, columns = distinct(attends_from), distinct(attends_to)
    _add_row(figure, 0, top, TOP, rows, columns, palette, pinned)
    _add_row(figure, len(top), bottom, BOTTOM, rows, columns, palette, pinned)
    _write(figure, 0, BOTTOM[1], "attends<br>from ↓", palette.quiet, 10.5)
    _write(figure, 0, 0, "attends<br>to →", palette.quiet, 10.5, above=30)
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 8, "r": 8, "t": 4, "b": 4},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": palette.quiet, "size": 12},
        hoverlabel={"bgcolor": palette.panel, "bordercolor": palette.line, "font": {"color": palette.ink, "size": 13}},
        showlegend=False,
        dragmode=False,
    )
    return figure


def _add_row(
    figure: go.Figure,
    first: int,
    matrices: list[Matrix],
    span: tuple[float, float],
    rows: list[str],
    keys: list[str],
    palette: Palette,
    pinned: int | None,
) -> None:
    """One row of matrices; the first carries the tokens' names at its side, those by token carry them below."""
    left, gap = 0.085, 0.02
    width = (1 - left - gap * (len(matrices) - 1)) / len(matrices)
    for place, matrix in enumerate(matrices):
        axis = first + place + 1
        start = left + place * (width + gap)
        own_rows = keys if matrix.symbol in ("key", "value") else rows
        names = keys if matrix.columns == "token" else [str(d) for d in range(matrix.values.shape[1])]
        _heatmap(figure, matrix, axis, own_rows, names, palette)
        bare = {"showgrid": False, "zeroline": False, "ticks": "", "fixedrange": True, "type": "category", "dtick": 1}
        border = {"showline": True, "mirror": True, "linecolor": palette.of(matrix.symbol), "linewidth": 1.5}
        figure.update_layout(
            {
                f"xaxis{axis}": {
                    "domain": [start, start + width],
                    "anchor": f"y{axis}",
                    "showticklabels": matrix.columns == "token",
                    "tickangle": -90 if len(names) > 1 else 0,
                    "tickfont": {"size": _font(len(names), 12)},
                    **bare,
                    **border,
                },
                f"yaxis{axis}": {
                    "domain": list(span),
                    "anchor": f"x{axis}",
                    "autorange": "reversed",
                    "showticklabels": place == 0,
                    "tickfont": {"size": _font(len(own_rows), 12 if span == BOTTOM else 9)},
                    **bare,
                    **border,
                },
            }
        )
        _write(figure, start, span[1], f"<b>{matrix.title}</b>", palette.of(matrix.symbol), 13, above=14)
        caption = f"{matrix.values.shape[0]} × {matrix.values.shape[1]}, {matrix.unit}"
        _write(figure, start, span[1], caption, palette.quiet, 10.5)
        if pinned is not None and own_rows is rows:
            figure.add_shape(
                type="rect",
                x0=-0.5,
                x1=len(names) - 0.5,
                y0=pinned - 0.5,
                y1=pinned + 0.5,
                xref=f"x{axis}",
                yref=f"y{axis}",
                line={"color": palette.ink, "width": 1.5},
            )


def _heatmap(
    figure: go.Figure, matrix: Matrix, axis: int, rows: list[str], columns: list[str], palette: Palette
) -> None:
    values = matrix.values.astype(np.float32)
    shown = values if matrix.keep is None else np.where(matrix.keep, values, np.nan)
    finite = shown[np.isfinite(shown)]
    most = float(np.abs(finite).max()) if finite.size else 1.0
    span = {"zmin": 0.0, "zmax": 1.0} if matrix.probability else {"zmin": -(most or 1.0), "zmax": most or 1.0}
    by_token = matrix.columns == "token"
    where = "attends from <b>%{y}</b><br>attends to <b>%{x}</b>" if by_token else "<b>%{y}</b>, dimension %{x}"
    figure.add_trace(
        go.Heatmap(
            z=shown,
            x=columns,
            y=rows,
            xaxis=f"x{axis}",
            yaxis=f"y{axis}",
            colorscale=palette.sequential if matrix.probability else palette.diverging(matrix.symbol),
            showscale=False,
            hoverongaps=False,
            hovertemplate=f"{where}<br>{matrix.title}: %{{z:.4f}}<extra></extra>",
            xgap=1 if len(columns) <= 40 else 0,
            ygap=1 if len(rows) <= 40 else 0,
            **span,
        )
    )
    if matrix.keep is not None and not matrix.keep.all():
        _hatch(figure, matrix.keep, axis, rows, columns, palette)


def _hatch(
    figure: go.Figure, keep: Bool[Array, "row column"], axis: int, rows: list[str], columns: list[str], palette: Palette
) -> None:
    """Masked cells are hatched, never a colour of the scale; a clear map above the pattern answers the pointer."""
    figure.add_layout_image(
        source=_hatching(palette),
        xref=f"x{axis} domain",
        yref=f"y{axis} domain",
        x=0,
        y=1,
        sizex=1,
        sizey=1,
        sizing="stretch",
        layer="below",
    )
    clear = [[0.0, "rgba(0,0,0,0)"], [1.0, "rgba(0,0,0,0)"]]
    figure.add_trace(
        go.Heatmap(
            z=np.where(keep, np.nan, 0.0).astype(np.float32),
            x=columns,
            y=rows,
            xaxis=f"x{axis}",
            yaxis=f"y{axis}",
            colorscale=clear,
            showscale=False,
            hoverongaps=False,
            hovertemplate="<b>%{y}</b> may not attend to <b>%{x}</b>: masked<extra></extra>",
        )
    )


def _hatching(palette: Palette) -> str:
    lines = "".join(
        f"<path d='M{x} 0L{x - 220} 220' stroke='{palette.line}' stroke-width='2.2'/>" for x in range(0, 460, 9)
    )
    picture = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 230 220' preserveAspectRatio='none'>{lines}</svg>"
    return "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()


def _write(figure: go.Figure, x: float, y: float, text: str, colour: str, size: float, above: int = 0) -> None:
    figure.add_annotation(
        x=x,
        y=y,
        xref="paper",
        yref="paper",
        text=text,
        showarrow=False,
        xanchor="left",
        yanchor="bottom",
        xshift=-2,
        yshift=above,
        font={"color": colour, "size": size},
    )


def _font(labels: int, largest: int) -> int:
    return max(6, min(largest, 165 // max(labels, 1)))


def distinct(labels: list[str]) -> list[str]:
    """Labels as axis names: escaped, shortened, and told apart where a token comes again (was, was₂)."""
    seen: dict[str, int] = {}
    names = []
    for label in labels:
        short = label if len(label) <= 12 else label[:11] + "…"
        name = html.escape(short, quote=False).replace("$", "&#36;") or "·"
        count = seen[name] = seen.get(name, 0) + 1
        while count > 1 and (numbered := name + str(count).translate(SUBSCRIPTS)) in seen:
            count += 1
        if count > 1:
            name = numbered
            seen[name] = 1
        names.append(name)
    return names
