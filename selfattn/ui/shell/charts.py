"""Plotly figures on the page: in our own colours, spoken, and saved as SVG."""

import plotly.graph_objects as go
import streamlit as st

from selfattn.canvas.source import Source


def chart(figure: go.Figure, name: str, spoken: str, source: Source | None = None) -> None:
    """Draw a figure under a name that no other on the page has; `spoken` says in words what it shows.

    Saved, it is named by its `source`, where it is of one.
    """
    saved = source.file_name(name) if source else f"selfattn-{name}"
    config = {
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": "svg", "filename": saved},
    }
    st.plotly_chart(figure, theme=None, key=name, config=config, alt=spoken)
