"""The stages of one head as matrices that read like the equation: what is projected, then what is compared."""

import base64
import html
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float

from selfattn.figures.palette import Palette

Array = np.ndarray[Any, Any]
HEIGHT = 540
TOP, BOTTOM = (0.68, 0.93), (0.13, 0.565)  # where the two rows stand, as shares of the height
LEFT, GAP = 0.085, 0.02  # room for the tokens' names, and between matrices, as shares of the width
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


@dataclass
class _Drawing:
    """A figure in the making. Plotly checks each change of a figure it has: it is handed all at once instead."""

    palette: Palette
    traces: list[go.Heatmap] = field(default_factory=list)
    axes: dict[str, Any] = field(default_factory=dict)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    shapes: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)

    def write(self, x: float, y: float, text: str, colour: str, size: float, above: int = 0) -> None:
        """Words at a place in the figure, `above` so many pixels over it."""
        place = {"x": x, "y": y, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
        font = {"color": colour, "size": size}
        self.annotations.append(
            place | {"text": text, "font": font, "showarrow": False, "xshift": -2, "yshift": above, "align": "left"}
        )

    def figure(self) -> go.Figure:
        """The figure, on whatever paper lies below it."""
        palette = self.palette
        hover = {"bgcolor": palette.panel, "bordercolor": palette.line, "font": {"color": palette.ink, "size": 13}}
        layout = {
            "height": HEIGHT,
            "margin": {"l": 8, "r": 26, "t": 4, "b": 4},  # the camera stands in the right margin
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": palette.line, "activecolor": palette.quiet},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": palette.quiet, "size": 12},
            "hoverlabel": hover,
            "showlegend": False,
            "dragmode": False,
            "annotations": self.annotations,
            "shapes": self.shapes,
            "images": self.images,
        }
        return go.Figure(self.traces, layout | self.axes)


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
    drawing = _Drawing(palette)
    rows, columns = distinct(attends_from), distinct(attends_to)
    for matrices, (low, high) in ((top, TOP), (bottom, BOTTOM)):
        width = (1 - LEFT - GAP * (len(matrices) - 1)) / len(matrices)
        for place, matrix in enumerate(matrices):
            start = LEFT + place * (width + GAP)
            of_keys = matrix.symbol in ("key", "value")
            _draw(drawing, matrix, (start, start + width), (low, high), columns if of_keys else rows, columns)
            axis = list(drawing.axes)[-1].removeprefix("yaxis")
            drawing.axes[f"yaxis{axis}"]["showticklabels"] = place == 0
            if pinned is not None and not of_keys:
                drawing.shapes.append(_outline(axis, pinned, palette))
    drawing.write(0.0, BOTTOM[1], "attends<br>from ↓", palette.quiet, 10.5)
    drawing.write(0.0, 0.0, "attends<br>to →", palette.quiet, 10.5, above=30)
    return drawing.figure()


def _draw(
    drawing: _Drawing,
    matrix: Matrix,
    across: tuple[float, float],
    up: tuple[float, float],
    rows: list[str],
    keys: list[str],
) -> None:
    """One matrix with its axes, its formula above, and its shape and unit below that."""
    palette = drawing.palette
    axis = str(len(drawing.axes) // 2 + 1) if drawing.axes else ""  # Plotly's first axes have no number
    by_token = matrix.columns == "token"
    columns = keys if by_token else [str(d) for d in range(matrix.values.shape[1])]
    bare = {"showgrid": False, "zeroline": False, "ticks": "", "fixedrange": True, "type": "category", "dtick": 1}
    border = {"showline": True, "mirror": True, "linecolor": palette.of(matrix.symbol), "linewidth": 1.5}
    shared = bare | border
    drawing.axes[f"xaxis{axis}"] = shared | {
        "domain": across,
        "anchor": f"y{axis}",
        "showticklabels": by_token,
        "tickangle": -90,
        "tickfont": {"size": _font(len(columns), 12)},
    }
    drawing.axes[f"yaxis{axis}"] = shared | {
        "domain": up,
        "anchor": f"x{axis}",
        "autorange": "reversed",
        "tickfont": {"size": _font(len(rows), 12 if by_token else 9)},
    }
    drawing.write(across[0], up[1], f"<b>{matrix.title}</b>", palette.of(matrix.symbol), 13.0, above=14)
    height, width = matrix.values.shape
    drawing.write(across[0], up[1], f"{height} × {width}, {matrix.unit}", palette.quiet, 10.5)
    place = {"x": columns, "y": rows, "xaxis": f"x{axis}", "yaxis": f"y{axis}", "showscale": False}
    drawing.traces.append(_heatmap(matrix, place, palette))
    if matrix.keep is not None and not matrix.keep.all():
        drawing.images.append(_hatched(axis, palette))
        drawing.traces.append(_masked(matrix.keep, place))


def _heatmap(matrix: Matrix, place: dict[str, Any], palette: Palette) -> go.Heatmap:
    values = matrix.values.astype(np.float32)
    shown = values if matrix.keep is None else np.where(matrix.keep, values, np.nan)
    finite = shown[np.isfinite(shown)]
    most = float(np.abs(finite).max(initial=0.0)) or 1.0
    # Between hatched cells no gap is left: the pattern would show through it.
    gap = 1 if np.isfinite(shown).all() and max(shown.shape) <= 40 else 0
    by_token = matrix.columns == "token"
    where = "attends from <b>%{y}</b><br>attends to <b>%{x}</b>" if by_token else "<b>%{y}</b>, dimension %{x}"
    return go.Heatmap(
        z=shown,
        zmin=0.0 if matrix.probability else -most,
        zmax=1.0 if matrix.probability else most,
        colorscale=palette.sequential if matrix.probability else palette.diverging(matrix.symbol),
        hoverongaps=False,
        hovertemplate=f"{where}<br>{matrix.title}: %{{z:.4f}}<extra></extra>",
        xgap=gap,
        ygap=gap,
        **place,
    )


def _masked(keep: Bool[Array, "row column"], place: dict[str, Any]) -> go.Heatmap:
    """Masked cells are hatched, never a colour of the scale; this clear map over them answers the pointer."""
    return go.Heatmap(
        z=np.where(keep, np.nan, 0.0).astype(np.float32),
        colorscale=[[0.0, "rgba(0,0,0,0)"], [1.0, "rgba(0,0,0,0)"]],
        hoverongaps=False,
        hovertemplate="<b>%{y}</b> may not attend to <b>%{x}</b>: masked<extra></extra>",
        **place,
    )


def _hatched(axis: str, palette: Palette) -> dict[str, Any]:
    place = {"xref": f"x{axis} domain", "yref": f"y{axis} domain", "x": 0, "y": 1, "sizex": 1, "sizey": 1}
    return place | {"source": _hatching(palette), "sizing": "stretch", "layer": "below"}


def _outline(axis: str, row: int, palette: Palette) -> dict[str, Any]:
    """A frame around one query's row."""
    place = {"xref": f"x{axis} domain", "yref": f"y{axis}", "x0": 0, "x1": 1, "y0": row - 0.5, "y1": row + 0.5}
    return place | {"type": "rect", "line": {"color": palette.ink, "width": 1.5}}


def _hatching(palette: Palette) -> str:
    lines = "".join(
        f"<path d='M{x} 0L{x - 220} 220' stroke='{palette.line}' stroke-width='2.2'/>" for x in range(0, 460, 9)
    )
    picture = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 230 220' preserveAspectRatio='none'>{lines}</svg>"
    return "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()


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
