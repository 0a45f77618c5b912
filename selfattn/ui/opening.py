"""The first seconds of a server: while Python imports PyTorch, the browser already fetches what draws the figures."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

# A figure with nothing in it: Streamlit's charts are a script of their own, fetched with the first of them.
EMPTY = {
    "data": [{"type": "scatter", "x": [], "y": []}],
    "layout": {
        "height": 60,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": {"visible": False},
        "yaxis": {"visible": False},
    },
}


@contextmanager
def curtain() -> Iterator[None]:
    """Say that the app is starting while the block runs, where PyTorch is not there yet."""
    # The place is there on every run: else all that follows would move up by one, and be drawn anew.
    place = st.empty()
    if "torch" not in sys.modules:
        with place.container():
            st.caption("Starting: PyTorch and Transformers are being loaded …")
            st.plotly_chart(EMPTY, theme=None, key="opening", config={"displayModeBar": False})
    yield
    place.empty()
