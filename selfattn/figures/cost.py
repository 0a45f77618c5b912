"""What attention costs: against the length, under the roof of a machine, and on paper."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from selfattn.analysis.cost.exponents import Fit
from selfattn.analysis.cost.measuring import Point
from selfattn.analysis.cost.roofline import Machine, Standing
from selfattn.figures.layout import layout
from selfattn.figures.palette import Palette
from selfattn.models.budgets import in_words

SYMBOLS = {"eager": "circle", "SDPA": "square", "recording": "diamond", "window": "triangle-up", "linear": "cross"}
PREFIXES = {15: "P", 12: "T", 9: "G", 6: "M", 3: "k"}


def _colour(palette: Palette, method: str) -> str:
    return {
        "eager": palette.key,
        "SDPA": palette.query,
        "recording": palette.weights,
        "window": palette.value,
        "linear": palette.against,
    }[method]


def short(count: int | float, unit: str = "") -> str:
    """A large number in three digits with a prefix: 124M, 8.03B; or with its unit 29.4 GFLOP/s."""
    power = next((power for power in PREFIXES if count >= 0.9995 * 10**power), 0)
    prefix = PREFIXES.get(power, "")
    return f"{count / 10**power:.3g}" + (f" {prefix}{unit}" if unit else prefix.replace("G", "B"))


def duration(seconds: int | float) -> str:
    """Seconds with a unit of their size: 42 µs, 1.3 ms, 2.1 s."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def time_figure(points: Sequence[Point], fits: Mapping[str, Fit], palette: Palette) -> go.Figure:
    """The median time of a call against the tokens, from the fastest round to the slowest; lines are the fits."""
    figure = go.Figure(layout=layout(palette, 330))
    for method, found in _by_method(points).items():
        colour = _colour(palette, method)
        figure.add_trace(
            go.Scatter(
                x=[point.tokens for point in found],
                y=[point.seconds for point in found],
                error_y={
                    "array": [point.spread[1] - point.seconds for point in found],
                    "arrayminus": [point.seconds - point.spread[0] for point in found],
                    "color": colour,
                    "thickness": 1,
                    "width": 2,
                },
                mode="markers",
                **_named(method, colour, [duration(point.seconds) for point in found]),
            )
        )
        if fit := fits.get(method):
            figure.add_trace(_line(fit, colour))
    _against_tokens(figure, palette, "seconds a call")
    figure.update_yaxes(exponentformat="SI", minexponent=0, ticksuffix="s", title_text="time of a call")
    return figure


def _named(method: str, colour: str, written: list[str]) -> dict[str, Any]:
    """What the points of a method have in each figure: its name, its mark, and under the pointer what is written."""
    return {
        "name": method,
        "marker": {"color": colour, "size": 8, "symbol": SYMBOLS[method]},
        "customdata": written,
        "hovertemplate": f"{method}: %{{customdata}}<extra></extra>",
    }


def memory_figure(points: Sequence[Point], palette: Palette) -> go.Figure:
    """The most bytes that a call holds, with Q, K and V, against the tokens."""
    figure = go.Figure(layout=layout(palette, 330))
    for method, found in _by_method(points).items():
        colour = _colour(palette, method)
        figure.add_trace(
            go.Scatter(
                x=[point.tokens for point in found],
                y=[point.peak for point in found],
                mode="lines+markers",
                line={"color": colour, "width": 1.5},
                **_named(method, colour, [in_words(point.peak) for point in found]),
            )
        )
    _against_tokens(figure, palette, "")
    figure.update_yaxes(exponentformat="SI", ticksuffix="B", title_text="memory at the peak")
    return figure


def roofline_figure(machine: Machine, standings: Sequence[Standing], palette: Palette) -> go.Figure:
    """Operations a second against operations a byte, each method at every length, under the roof of the machine."""
    figure = go.Figure(layout=layout(palette, 280))
    intensities = [standing.intensity for standing in standings]
    ends = [min([machine.ridge / 8, *intensities]) / 2, machine.ridge, max([machine.ridge * 8, *intensities]) * 2]
    figure.add_trace(
        go.Scatter(
            x=ends,
            y=[machine.roof(end) for end in ends],
            mode="lines",
            line={"color": palette.ink, "width": 1.5},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    for method in SYMBOLS:
        found = [standing for standing in standings if standing.method == method]
        if not found:
            continue
        colour = _colour(palette, method)
        figure.add_trace(
            go.Scatter(
                x=[standing.intensity for standing in found],
                y=[standing.rate for standing in found],
                mode="lines+markers",
                name=method,
                line={"color": colour, "width": 1},
                marker={
                    "color": colour,
                    "symbol": SYMBOLS[method],
                    "size": [5] * (len(found) - 1) + [11],
                    "line": {"width": 0},
                },
                customdata=[
                    f"{method}, {standing.tokens:,} tokens: {short(standing.rate, 'FLOP/s')} "
                    f"at {standing.intensity:.3g} FLOP/byte"
                    for standing in found
                ],
                hovertemplate="%{customdata}<extra></extra>",
            )
        )
    figure.update_layout(hovermode="closest", margin_l=86, **_legend(palette))
    figure.update_xaxes(type="log", title_text="FLOP a byte moved, by formula", dtick=1)
    figure.update_yaxes(type="log", title_text="operations a second", exponentformat="SI", ticksuffix="FLOP/s", dtick=1)
    return figure


def plan_figure(rows: Sequence[tuple[str, int, str]], free: int, palette: Palette) -> go.Figure:
    """Bytes by what takes them, (name, bytes, symbol whose colour it has); the dotted line is this machine's memory."""
    names, sizes = [name for name, _, _ in rows], [max(size, 1) for _, size, _ in rows]
    least = min([*sizes, free]) / 4
    figure = go.Figure(
        go.Bar(
            x=sizes,
            y=names,
            orientation="h",
            marker={"color": [palette.of(symbol) for _, _, symbol in rows], "line": {"width": 0}},
            customdata=[in_words(size) for size in sizes],
            hovertemplate="%{y}: %{customdata}<extra></extra>",
        ),
        layout=layout(palette, 290),
    )
    for name, size in zip(names, sizes, strict=True):
        # On paper of its own: the dotted line ends where a number stands.
        figure.add_annotation(
            x=math.log10(size),
            y=name,
            xanchor="left",
            xshift=3,
            showarrow=False,
            text=in_words(size),
            font_color=palette.ink,
            bgcolor=palette.panel,
        )
    figure.add_vline(x=free, line={"color": palette.ink, "width": 1, "dash": "dot"}, layer="below")
    figure.add_annotation(
        x=math.log10(free),
        y=1,
        yref="paper",
        xanchor="right",
        yanchor="bottom",
        showarrow=False,
        text=f"free here, {in_words(free)}",
    )
    figure.update_layout(bargap=0.35, hovermode="closest", margin={"l": 8, "t": 28, "r": 20})
    figure.update_xaxes(
        type="log",
        range=[math.log10(least), math.log10(max([*sizes, free])) + 0.9],
        exponentformat="SI",
        ticksuffix="B",
        dtick=3,
        title_text="bytes, on a log scale",
    )
    figure.update_yaxes(
        autorange="reversed", automargin=True, showgrid=False, tickfont={"color": palette.ink, "size": 13}
    )
    return figure


def numbers(rows: Sequence[tuple[str, str, str]]) -> str:
    """Few large numbers side by side: (name, number, what it is compared with)."""
    cells = "".join(
        f"<div><span>{escape(name)}</span><b>{escape(number)}</b><i>{escape(beside)}</i></div>"
        for name, number, beside in rows
    )
    return f'<div class="sa-numbers">{cells}</div>'


def _by_method(points: Sequence[Point]) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = {}
    for method in SYMBOLS:
        mine = sorted((point for point in points if point.method == method), key=lambda point: point.tokens)
        if mine:
            found[method] = mine
    return found


def _line(fit: Fit, colour: str) -> go.Scatter:
    """The fitted line, over the lengths that it was fitted on."""
    ends = [fit.lengths[0], fit.lengths[-1]]
    line = {"color": colour, "width": 1.5}
    return go.Scatter(
        x=ends, y=[fit.at(end) for end in ends], mode="lines", line=line, hoverinfo="skip", showlegend=False
    )


def _legend(palette: Palette) -> dict[str, object]:
    place = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"color": palette.ink, "size": 12}}
    return {"showlegend": True, "legend": place, "margin_t": 10}


def _against_tokens(figure: go.Figure, palette: Palette, name: str) -> None:
    figure.update_layout(margin_l=66, **_legend(palette))
    lengths = sorted({tokens for trace in figure.data for tokens in trace.x})
    figure.update_xaxes(
        type="log",
        tickvals=lengths[::2],
        ticktext=[f"{tokens:,}" for tokens in lengths[::2]],
        title_text="tokens",
    )
    figure.update_yaxes(type="log", dtick=1)
