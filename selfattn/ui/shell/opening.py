"""The first seconds of a server: while Python imports PyTorch, the browser already fetches what draws a head."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from selfattn.canvas import component


@contextmanager
def curtain() -> Iterator[None]:
    """Say that the app is starting while the block runs, where PyTorch is not there yet."""
    # The place is there on every run: else all that follows would move up by one, and be drawn anew.
    place = st.empty()
    if "torch" not in sys.modules:
        with place.container():
            st.caption("Starting: PyTorch and Transformers are being loaded …")
            component.fetch()
    yield
    place.empty()
