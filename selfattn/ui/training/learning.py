"""Attention learning to look: the history of a training, played in the browser."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from selfattn.canvas import component
from selfattn.canvas.source import Source
from selfattn.canvas.training import history_payload
from selfattn.figures import pieces
from selfattn.places import SPECIMENS
from selfattn.training.run.history import History, read
from selfattn.ui.training.runs import STEP

SHIPPED = "induction"


def learning(history: History, key: str, name: str) -> None:
    """Play what every head of the model of that name gave to the tokens of the watched sentences, step by step.

    A longer history under the same key is drawn in place: the reader keeps the step, unless it is the last.
    """
    asked = STEP.get()
    if key not in st.session_state:
        # The component keeps the step from here on: what it sends back is not sent to it again.
        st.session_state[f"{key}_opening"] = asked
    data = history_payload(history, st.session_state[f"{key}_opening"])
    component.mount("training", key=key, data=data, source=Source(name), on_view_change=_keep)


def _keep(view: Mapping[str, Any]) -> None:
    step = view.get("step")
    STEP.put(step if isinstance(step, int) else None)


def shipped() -> None:
    """Play the training of the specimen whose heads learned to copy."""
    history = _history()
    st.html(
        pieces.heading(
            SHIPPED, f"a model that ships with the app, over the {history.steps[-1]:,} steps of its training"
        )
    )
    learning(history, f"learning_{SHIPPED}", SHIPPED)


@st.cache_resource(show_spinner=False)
def _history() -> History:
    return read(SPECIMENS / SHIPPED / "history.safetensors")
