"""Attention learning to look: the history of a training, played in the browser."""

import streamlit as st

from selfattn.canvas import component
from selfattn.canvas.source import Source
from selfattn.canvas.training import history_payload
from selfattn.places import SPECIMENS
from selfattn.training.run.history import History, read


def learning(history: History, key: str, name: str) -> None:
    """Play what every head of the model of that name gave to the tokens of the watched sentences, step by step.

    A longer history under the same key is drawn in place: the reader keeps the step, unless it is the last.
    """
    component.mount("training", key=key, data=history_payload(history), source=Source(name))


@st.cache_resource(show_spinner=False)
def shipped() -> History:
    """The history of the induction specimen."""
    return read(SPECIMENS / "induction" / "history.safetensors")
