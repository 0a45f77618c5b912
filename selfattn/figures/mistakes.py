"""A mistake as a figure, as a table of numbers, and as two pieces of code."""

import math
from collections.abc import Sequence
from difflib import SequenceMatcher
from html import escape
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float

from selfattn.analysis.mistakes.subject import Matrix, Number
from selfattn.figures.layout import NAMED, layout, named
from selfattn.figures.palette import Palette, rgb

HEIGHT = 460
# Cells that have room for their numbers.
WRITTEN = 36
Which = Literal["wrong", "right"]
WAYS: tuple[Which, Which] = ("wrong", "right")
MARKS = {"wrong": "✗", "right": "✓"}


def matrix_figure(shown: Matrix, other: Matrix, palette: Palette) -> go.Figure:
    """A matrix with what stands beside its rows, and the sums of its columns above; masked cells are hatched.

    Colours and the rows' bars have one range for this picture and the other, so that both can be compared.
    """
    values = shown.values.numpy()
    figure = go.Figure(_heatmap(values, _most(shown, other), shown, palette), layout=layout(palette, HEIGHT))
    if shown.keep is not None:
        _hatch(figure, ~shown.keep.numpy(), "/", palette.quiet)
    _hatch(figure, np.isnan(values), "x", palette.key)
    figure.update_layout(hovermode="closest", bargap=0.25, margin={"l": 8, "r": 8, "t": 6, "b": 8})
    sums = shown.beside is None
    figure.update_xaxes(domain=[0, 0.78], title_text=shown.axes[1], **named(shown.columns))
    figure.update_yaxes(
        domain=[0, 0.86 if sums else 1],
        title_text=shown.axes[0],
        **named(shown.rows) | {"range": [len(shown.rows) - 0.5, -0.5]},
    )
    _row_bars(figure, shown, other, palette)
    if sums:
        _column_bars(figure, shown, palette)
    return figure


def _heatmap(values: Float[np.ndarray[Any, Any], "row column"], most: float, shown: Matrix, palette: Palette) -> Any:
    signed = shown.symbol == "value"
    axes = f"{shown.axes[0]} %{{customdata[0]}}<br>{shown.axes[1]} %{{customdata[1]}}"
    names = np.array([[[escape(row), escape(column)] for column in shown.columns] for row in shown.rows])
    return go.Heatmap(
        z=values,
        zmin=-most if signed else 0,
        zmax=most,
        colorscale=_diverging(palette) if signed else _rising(palette),
        showscale=False,
        xgap=1,
        ygap=1,
        customdata=names,
        texttemplate="%{z:.2f}" if values.size <= WRITTEN else "",
        hovertemplate=f"{axes}<br>%{{z:.3f}}<extra></extra>",
    )


def _rising(palette: Palette) -> list[list[Any]]:
    """From the panel's colour to the weights', by the square root: small weights are seen too."""
    low, high = np.array(rgb(palette.panel)), np.array(rgb(palette.weights))
    steps = np.linspace(0, 1, 17)
    return [
        [float(step**2), "rgb({},{},{})".format(*(low + step * (high - low)).round().astype(int))] for step in steps
    ]


def _diverging(palette: Palette) -> list[list[Any]]:
    return [[0, palette.against], [0.5, palette.zero], [1, palette.value]]


def _most(shown: Matrix, other: Matrix) -> float:
    """The largest size in either picture, where both show the same."""
    pictures = (shown, other) if shown.symbol == other.symbol else (shown,)
    return max(float(np.nan_to_num(each.values.numpy()).__abs__().max()) for each in pictures) or 1.0


def _hatch(figure: go.Figure, cells: Bool[np.ndarray[Any, Any], "row column"], shape: str, colour: str) -> None:
    """Hatch cells, one rectangle for each run of a row; what colour they have shows through."""
    x: list[float | None] = []
    y: list[float | None] = []
    for row, masked in enumerate(cells):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], masked.astype(int), [0]])))
        for start, end in edges.reshape(-1, 2):
            left, right = float(start) - 0.5, float(end) - 0.5
            x += [left, right, right, left, left, None]
            y += [row - 0.5, row - 0.5, row + 0.5, row + 0.5, row - 0.5, None]
    if x:
        pattern = {"shape": shape, "fgcolor": colour, "bgcolor": "rgba(0,0,0,0)", "size": 6, "solidity": 0.16}
        figure.add_scatter(
            x=x, y=y, mode="lines", line={"width": 0}, fill="toself", fillpattern=pattern, hoverinfo="skip"
        )


def _row_bars(figure: go.Figure, shown: Matrix, other: Matrix, palette: Palette) -> None:
    values, others = (_beside(each, 1) for each in (shown, other))
    comparable = shown.named == other.named
    most = max(_largest(values), _largest(others) if comparable else 0.0, 0.0 if shown.beside is not None else 1.0)
    figure.add_bar(
        x=values,
        y=list(range(len(values))),
        orientation="h",
        xaxis="x2",
        yaxis="y",
        marker={"color": _symbol(shown, palette), "line": {"width": 0}},
        hovertemplate=f"{shown.named} %{{x:.3f}}<extra></extra>",
    )
    if len(values) <= NAMED:
        figure.add_scatter(
            x=[2.3 * (most or 1)] * len(values),
            y=list(range(len(values))),
            xaxis="x2",
            yaxis="y",
            mode="text",
            text=["NaN" if np.isnan(value) else f"{value:.2f}" for value in values],
            textposition="middle left",
            textfont={"size": 11, "color": palette.ink},
            hoverinfo="skip",
        )
    axis = layout(palette, HEIGHT)["xaxis"] | {"showgrid": False, "showticklabels": False}
    figure.update_layout(
        xaxis2=axis
        | {"domain": [0.8, 1], "anchor": "y", "range": [0, 2.3 * (most or 1)], "title": _title(shown, palette)}
    )
    if shown.beside is None:
        figure.add_shape(type="line", x0=1, x1=1, y0=0, y1=1, xref="x2", yref="y domain", line=_one(palette))


def _column_bars(figure: go.Figure, shown: Matrix, palette: Palette) -> None:
    values = _beside(shown, 0)
    figure.add_bar(
        x=list(range(len(values))),
        y=values,
        xaxis="x",
        yaxis="y2",
        marker={"color": _symbol(shown, palette), "line": {"width": 0}},
        hovertemplate="column sum %{y:.3f}<extra></extra>",
    )
    axis = layout(palette, HEIGHT)["yaxis"] | {"showgrid": False, "nticks": 3}
    title = {"text": "column<br>sum", "font": {"color": palette.quiet, "size": 11}}
    figure.update_layout(
        yaxis2=axis
        | {"domain": [0.88, 1], "anchor": "x", "range": [0, 1.1 * max(_largest(values), 1.0)], "title": title}
    )
    figure.add_shape(type="line", x0=0, x1=1, y0=1, y1=1, xref="x domain", yref="y2", line=_one(palette))


def _beside(picture: Matrix, axis: int) -> Float[np.ndarray[Any, Any], " place"]:
    """What the bars show: the sums along an axis, unless the picture has its own."""
    return (picture.values.sum(axis) if picture.beside is None else picture.beside).numpy()


def _largest(values: Float[np.ndarray[Any, Any], " place"]) -> float:
    return float(np.nan_to_num(values).max())


def _symbol(picture: Matrix, palette: Palette) -> str:
    return palette.of(picture.symbol)


def _title(picture: Matrix, palette: Palette) -> dict[str, Any]:
    return {"text": picture.named, "font": {"color": palette.quiet, "size": 11}}


def _one(palette: Palette) -> dict[str, Any]:
    """The line at 1, which the sums are compared with."""
    return {"color": palette.ink, "width": 1, "dash": "dot"}


def written(number: float) -> str:
    """A number as the page writes it: three digits after the point, whole where it is whole, NaN as it is."""
    if math.isnan(number):
        return "NaN"
    if number and abs(number) < 5e-4:
        return f"{number:.0e}".replace("-", "−")
    return f"{number:.3f}".replace("-", "−")


def numbers_table(numbers: Sequence[Number], which: Which) -> str:
    """What breaks, wrong beside right; the side that is drawn stands out."""
    head = "".join(f'<th scope="col" class="sa-{way}">{MARKS[way]} {way}</th>' for way in WAYS)
    body = "".join(
        f'<tr><th scope="row">{escape(number.name)}</th>'
        + "".join(f"<td{' class=sa-shown' if way == which else ''}>{_cell(getattr(number, way))}</td>" for way in WAYS)
        + "</tr>"
        for number in numbers
    )
    table = f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="sa-table" tabindex="0">{table}</div>'


def _cell(number: int | float) -> str:
    return f"{number:,}" if isinstance(number, int) else written(number)


def title(text: str) -> str:
    """The question of an exhibit."""
    return f'<h2 class="sa-question">{escape(text)}</h2>'


def sentence(text: str) -> str:
    """A sentence, which may quote what a reader typed."""
    return f'<p class="sa-said">{escape(text)}</p>'


def code(wrong: str, right: str, which: Which) -> str:
    """One of two pieces of code; the lines that the other has not are marked."""
    pieces = {"wrong": wrong.rstrip().split("\n"), "right": right.rstrip().split("\n")}
    own, other = pieces.pop(which), next(iter(pieces.values()))
    same = {
        block.a + offset
        for block in SequenceMatcher(a=own, b=other, autojunk=False).get_matching_blocks()
        for offset in range(block.size)
    }
    lines = "".join(
        f"<span{'' if place in same else ' class=sa-differs'}>{escape(line)}</span>\n" for place, line in enumerate(own)
    )
    label = f'<div class="sa-heading sa-{which}">{MARKS[which]} {which}</div>'
    return f'{label}<pre class="sa-code sa-{which}" tabindex="0" aria-label="Code, {which}"><code>{lines}</code></pre>'
