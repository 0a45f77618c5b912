"""What every Plotly figure shares: paper, ink, quiet axes, no title."""

from typing import Any

from selfattn.figures.palette import Palette


def layout(palette: Palette, height: int) -> dict[str, Any]:
    """Plotly's layout of a figure of so many pixels: `figure.update_layout(layout(palette, 200))`."""
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
