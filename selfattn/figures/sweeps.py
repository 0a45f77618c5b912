"""A sweep's trials as parallel coordinates: a line a trial, coloured by its held-out accuracy."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from selfattn.figures.layout import layout
from selfattn.figures.palette import Palette

Value = bool | int | float | str
ACCURACY = "accuracy"  # held out; the longer name would run into its neighbour on a narrow screen
MARKS = 5  # along an axis


def parallel_figure(
    trials: Sequence[Mapping[str, Value]],
    accuracies: Sequence[float],
    logarithmic: frozenset[str],
    palette: Palette,
) -> go.Figure:
    """Each trial is a line across an axis for each setting, to its accuracy on the last; the best are the darkest.

    `trials` hold the settings by name, the same in each; `logarithmic` are those drawn on a scale of powers.
    """
    axes = [_axis(name, [trial[name] for trial in trials], name in logarithmic) for name in trials[0]]
    least, most = min(accuracies), max(accuracies)
    axes.append(_axis(ACCURACY, accuracies))
    figure = go.Figure(
        go.Parcoords(
            dimensions=axes,
            line={
                "color": list(accuracies),
                "colorscale": [[0, palette.line], [1, palette.weights]],
                "cmin": least - 0.3 * (most - least) - 1e-6,  # so that the worst is still seen, and one of equals
                "cmax": most,
            },
            labelfont={"color": palette.ink, "size": 13},
            tickfont={"color": palette.quiet, "size": 12},
            rangefont={"color": "rgba(0,0,0,0)", "size": 1},
        ),
        layout=layout(palette, 300),
    )
    figure.update_layout(margin={"l": 70, "r": 60, "t": 50, "b": 24})
    return figure


def _axis(name: str, values: Sequence[Value], logarithmic: bool = False) -> dict[str, Any]:
    """An axis of numbers, of powers, or of choices in their order."""
    if not all(type(value) in (int, float) for value in values):
        choices = sorted({str(value) for value in values})
        places = [choices.index(str(value)) for value in values]
        return {"label": name, "values": places, "tickvals": [*range(len(choices))], "ticktext": choices}
    numbers = [math.log10(float(value)) if logarithmic else float(value) for value in values]
    known = sorted(set(numbers))
    few = len(known) <= MARKS and all(type(value) is int for value in values)
    marks = known if few or len(known) == 1 else _marks(known[0], known[-1])
    written = [f"{10**mark if logarithmic else mark:.3g}" for mark in marks]
    return {"label": name, "values": numbers, "tickvals": marks, "ticktext": written}


def _marks(low: float, high: float) -> list[float]:
    """Marks from one end of an axis to the other."""
    return [low + step * (high - low) / (MARKS - 1) for step in range(MARKS)]
