"""Attention learning to look: the history of a training, played in the browser."""

import streamlit as st

from selfattn.canvas import component
from selfattn.canvas.training import history_payload
from selfattn.places import SPECIMENS
from selfattn.training.run.history import History, read


def learning(history: History, key: str) -> None:
    """Play what every head gave to the tokens of the watched sentences, step by step.

    A longer history under the same key is drawn in place: the reader keeps the step, unless it is the last.
    """
    component.mount("training", key=key, data=history_payload(history))


@st.cache_resource(show_spinner=False)
def shipped() -> History:
    """The history of the induction specimen."""
    return read(SPECIMENS / "induction" / "history.safetensors")
