"""A training run in curves and words, as HTML: drawn anew each second in place, where a Plotly chart would blink.

A curve's lines are an image that is stretched to the width there is; its numbers stand around them as text.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any
from urllib.parse import quote

import numpy as np
from jaxtyping import Float, Int

from selfattn.figures.palette import Palette

Steps = Int[np.ndarray[Any, Any], " step"]
Line = Float[np.ndarray[Any, Any], " step"]
# Evaluations that are drawn of a long run, spread evenly, the last one among them.
MOST_DRAWN = 300
# Of so few, each is a dot.
FEW = 25
MOST_TICKS = 4
DOTTED = "1 4"


@dataclass(frozen=True)
class Curve:
    """One line: its name, its values, and how it looks."""

    name: str
    values: Line
    colour: str
    dash: str = ""  # as SVG has it: "6 4"
    opacity: float = 1.0


@dataclass(frozen=True)
class Baseline:
    """A dotted line at what the curves are compared with."""

    name: str
    value: float


def curve(
    title: str,
    steps: Steps,
    curves: Sequence[Curve],
    palette: Palette,
    *,
    baseline: Baseline | None = None,
    high: float | None = None,
    logarithmic: bool = False,
    best: int | None = None,
) -> str:
    """Curves over steps, under their names and last values; from 0 to `high`, or as far as the values go.

    `best` marks the step whose network is kept. Pointing at a step says all its numbers.
    """
    values = [value for each in curves for value in each.values.tolist() if math.isfinite(value)]
    values += [baseline.value] if baseline else []
    axis = _logarithmic(values) if logarithmic else _linear(values, high)
    right = max(float(steps[-1]), 1.0)
    steps, curves = _thinned(steps, curves)
    marks = [_path(f"M0 {axis.height(tick):.2f}H100", palette.line) for tick in axis.ticks]
    marks += [_path(f"M{100 * tick / right:.2f} 0V100", palette.line) for tick in _ticks(right)]
    if best is not None:
        marks.append(_path(f"M{100 * best / right:.2f} 0V100", palette.value))
    if baseline:
        marks.append(_path(f"M0 {axis.height(baseline.value):.2f}H100", palette.quiet, 1.5, DOTTED))
    marks += [_line(each, steps, axis, right) for each in curves]
    strips = "".join(_strip(at, steps, curves, right) for at in range(len(steps)))
    picture = _picture("0 0 100 100", "".join(marks), _spoken(title, steps, curves, baseline))
    return (
        f'<div class="sa-curve"><div class="sa-heading">{escape(title)}</div>'
        f'<div class="sa-names">{_names(curves, baseline, palette)}</div>'
        f'<div class="sa-plot">{picture}{strips}{_numbers(axis, right)}</div></div>'
    )


def _picture(box: str, marks: str, spoken: str = "") -> str:
    """SVG as an image, which is stretched to the room there is, and painted together with what is around it."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" preserveAspectRatio="none" fill="none">{marks}</svg>'
    )
    return f'<img src="data:image/svg+xml,{quote(svg)}" alt="{escape(spoken)}" decoding="sync">'


def _path(path: str, colour: str, width: float = 1.0, dash: str = "", opacity: float = 1.0) -> str:
    return (
        f'<path d="{path}" stroke="{colour}" stroke-width="{width:g}" stroke-dasharray="{dash}" '
        f'opacity="{opacity:.2f}" vector-effect="non-scaling-stroke" stroke-linejoin="round" stroke-linecap="round"/>'
    )


def _thinned(steps: Steps, curves: Sequence[Curve]) -> tuple[Int[np.ndarray[Any, Any], " drawn"], list[Curve]]:
    """The steps that are drawn of a long run."""
    drawn = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), MOST_DRAWN)).round().astype(int))
    return steps[drawn], [replace(each, values=each.values[drawn]) for each in curves]


@dataclass(frozen=True)
class _Axis:
    """The vertical axis: its ends, its ticks, and where a value stands, in percent from the top."""

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool

    def height(self, value: float) -> float:
        low, high = (math.log10(end) if self.logarithmic else end for end in (self.low, self.high))
        value = math.log10(max(value, 1e-30)) if self.logarithmic else value
        return 100 * (1 - (min(max(value, low), high) - low) / (high - low))


def _linear(values: Sequence[float], high: float | None) -> _Axis:
    high = 1.08 * max([*values, 1e-9]) if high is None else high
    return _Axis(0.0, high, _ticks(high), False)


def _logarithmic(values: Sequence[float]) -> _Axis:
    positive = [value for value in values if value > 0] or [1.0]
    low, high = min(positive) / 1.3, max(positive) * 1.3
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1,) if len(decades) > 4 else (1, 2, 5)
    ticks = [tick for decade in decades for digit in digits if low <= (tick := digit * 10.0**decade) <= high]
    return _Axis(low, high, tuple(ticks[:: math.ceil(len(ticks) / MOST_TICKS) or 1]), True)


def _ticks(high: float) -> tuple[float, ...]:
    """Round numbers from 0 to `high`."""
    rough = high / MOST_TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * digit for digit in (1, 2, 5, 10) if size * digit >= rough)
    return tuple(step * count for count in range(math.floor(high / step + 1e-9) + 1))


def _line(each: Curve, steps: Steps, axis: _Axis, right: float) -> str:
    """One line, which leaves out what is no number."""
    there = [at for at in range(len(steps)) if math.isfinite(each.values[at])]
    points = [f"{100 * steps[at] / right:.2f} {axis.height(each.values[at]):.2f}" for at in there]
    if not points:
        return ""
    line = _path(f"M{'L'.join(points)}", each.colour, 2.0, each.dash, each.opacity)
    # A stroke without length and with round ends is a dot that is not stretched.
    dots = _path("".join(f"M{point}h0" for point in points), each.colour, 5.0, opacity=each.opacity)
    return line + (dots if len(steps) <= FEW else "")


def _strip(at: int, steps: Steps, curves: Sequence[Curve], right: float) -> str:
    """The room around a step: pointing at it says its numbers."""
    here = int(steps[at])
    left = (steps[at - 1] + here) / 2 if at else 0.0
    end = (here + steps[at + 1]) / 2 if at + 1 < len(steps) else right
    said = ", ".join(f"{each.name} {each.values[at]:.3g}" for each in curves)
    place = f"left:{100 * left / right:.2f}%;width:{100 * (end - left) / right:.2f}%"
    return f'<u style="{place}" title="step {here:,}: {escape(said)}"></u>'


def _names(curves: Sequence[Curve], baseline: Baseline | None, palette: Palette) -> str:
    """The names of the lines, each after a sample of it and before its last value."""
    known = [(each.name, float(each.values[-1]), each.colour, each.dash, each.opacity) for each in curves]
    known += [(baseline.name, baseline.value, palette.quiet, DOTTED, 1.0)] if baseline else []
    return "".join(
        f"<span>{_picture('0 0 18 6', _path('M1 3H17', colour, 2.0, dash, opacity))}"
        f"{escape(name)} <b>{value:.3g}</b></span>"
        for name, value, colour, dash, opacity in known
    )


def _numbers(axis: _Axis, right: float) -> str:
    """The numbers of both axes, where their lines are."""
    side = "".join(f'<i class="sa-side" style="top:{axis.height(tick):.1f}%">{tick:g}</i>' for tick in axis.ticks)
    foot = "".join(f'<i class="sa-foot" style="left:{100 * tick / right:.1f}%">{tick:,g}</i>' for tick in _ticks(right))
    return side + foot


def _spoken(title: str, steps: Steps, curves: Sequence[Curve], baseline: Baseline | None) -> str:
    said = [f"{each.name} {each.values[0]:.3g} to {each.values[-1]:.3g}" for each in curves]
    said += [f"compared with {baseline.name} {baseline.value:.3g}"] if baseline else []
    return f"{title} from step {steps[0]:,} to {steps[-1]:,}: {', '.join(said)}"


def notes(sentences: Sequence[str]) -> str:
    """Quiet sentences, one a line. They may quote a reader's file: that is shown as text."""
    return "".join(f'<div class="sa-note">{escape(sentence)}</div>' for sentence in sentences)


def examples(rows: Sequence[tuple[str, str]]) -> str:
    """A few texts, each after its label where it has one."""
    lines = "".join(
        f"<tr>{f'<th scope=row>{escape(label)}</th>' if label else ''}"
        f'<td style="white-space:normal;overflow-wrap:anywhere">{escape(text)}</td></tr>'
        for text, label in rows
    )
    return f'<div class="sa-table" tabindex=0><table><tbody>{lines}</tbody></table></div>'


def outcome(said: str, sentence: str) -> str:
    """How a run ended, and why where that was before its end."""
    return f'<p class="sa-said"><b>{escape(said)}</b></p>' + (notes([sentence]) if sentence else "")


def duration(seconds: float) -> str:
    """Seconds as one says them: 40 s, 3 min 20 s, 2 h 5 min."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
