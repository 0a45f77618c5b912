"""What every Plotly figure shares: paper, ink, quiet axes, no title."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

# Plotly looks for pandas among what is imported, and takes it as it stands: half imported, where another reader's page
# asks for it at that moment. Here it is whole before there is a figure.
import pandas  # noqa: F401

from selfattn.figures.palette import Palette
from selfattn.models.inputs.tokens import visible

# Names along an axis: more of them would stand on each other. And letters of a name.
NAMED, LETTERS = 24, 11


def layout(palette: Palette, height: int) -> dict[str, Any]:
    """Plotly's layout of a figure of so many pixels: `go.Figure(layout=layout(palette, 200))`.

    A figure that is made without it and updated takes Plotly five times as long.
    """
    axis = {
        "gridcolor": palette.line,
        "zeroline": False,
        "linecolor": palette.line,
        "fixedrange": True,
        "tickfont": {"color": palette.quiet, "size": 12},
        "title": {"font": {"color": palette.quiet, "size": 12}},
    }
    return {
        "height": height,
        "margin": {"l": 46, "r": 12, "t": 10, "b": 40},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": palette.line, "activecolor": palette.quiet},
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": palette.ink, "size": 13},
        "xaxis": axis,
        "yaxis": axis,
        "showlegend": False,
        "dragmode": False,
        "hovermode": "x",
        "hoverlabel": {"bgcolor": palette.panel, "bordercolor": palette.line, "font": {"color": palette.ink}},
    }


def named(names: Sequence[str]) -> dict[str, Any]:
    """An axis with a name for each row or column of a matrix, or for every so many of them."""
    step = math.ceil(len(names) / NAMED)
    places = list(range(0, len(names), step))
    short = [visible(names[place]) for place in places]
    text = [escape(name if len(name) <= LETTERS else name[: LETTERS - 1] + "…") for name in short]
    return {
        "tickvals": places,
        "ticktext": text,
        "showgrid": False,
        "automargin": True,
        "range": [-0.5, len(names) - 0.5],
    }
