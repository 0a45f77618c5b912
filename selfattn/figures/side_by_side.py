"""One measure of a pair of trainings over their steps: scaled beside raw."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from selfattn.figures.layout import layout
from selfattn.figures.palette import Palette
from selfattn.figures.scaling import NAMES

Line = tuple[Sequence[int], Sequence[float]]  # steps, values


def pair_figure(
    lines: Mapping[bool, Line], name: str, steps: int, bounds: tuple[float, float], logarithmic: bool, palette: Palette
) -> go.Figure:
    """The scaled one (whole line) and the raw one (dashed), on axes that do not move while they grow."""
    figure = go.Figure()
    for scaled, (at, values) in lines.items():
        figure.add_trace(
            go.Scatter(
                x=list(at),
                y=list(values),
                mode="lines",
                name=NAMES[scaled],
                line={
                    "color": palette.weights if scaled else palette.key,
                    "width": 2,
                    "dash": "solid" if scaled else "dash",
                },
                hovertemplate=f"{NAMES[scaled]}: %{{y:.3g}}<extra>step %{{x}}</extra>",
            )
        )
    figure.update_layout(layout(palette, 190))
    figure.update_xaxes(title_text="step", range=[0, steps], nticks=5)
    kind = {"type": "log", "exponentformat": "none"} if logarithmic else {}
    figure.update_yaxes(title_text=name, range=list(bounds), nticks=5, **kind)
    return figure
