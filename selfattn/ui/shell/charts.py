"""Plotly figures on the page: in our own colours, spoken, and saved as SVG."""

import plotly.graph_objects as go
import streamlit as st


def chart(figure: go.Figure, name: str, spoken: str) -> None:
    """Draw a figure under a name that no other on the page has; `spoken` says in words what it shows."""
    config = {
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": "svg", "filename": f"selfattn-{name}"},
    }
    st.plotly_chart(figure, theme=None, key=name, config=config, alt=spoken)
