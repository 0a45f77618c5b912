"""What is kept between reruns: bounded, shared by all readers, keyed by everything that the result depends on."""

import os
from typing import Any

import streamlit as st

import selfattn
from selfattn import Model, Trace
from selfattn.analysis import scaling
from selfattn.analysis.atlas import Heads
from selfattn.canvas.head_payload import Planes
from selfattn.canvas.head_payload import head_payload as payload_of
from selfattn.recording.edits import from_json

FIRST_MODEL = os.environ.get("SELFATTN_MODEL", "sentiment")


@st.cache_resource(max_entries=2, show_spinner="Loading the model, and testing it against itself …")
def model(source: str) -> Model:
    """A model, loaded once for all readers. What belongs to one of them is never stored on it."""
    return selfattn.load(source)


@st.cache_resource(max_entries=12, show_spinner=False)
def trace(source: str, text: str, edits: str, pad: int) -> Trace:
    """A trace, by the model's name, the text and the edits as JSON."""
    return selfattn.trace(model(source), text, from_json(edits), pad=pad)


@st.cache_resource(max_entries=24, show_spinner=False)
def head_payload(
    source: str, text: str, edits: str, pad: int, layer: int, part: str, kind: str, head: int
) -> tuple[dict[str, Any], Planes]:
    """What the browser needs of one head."""
    found = trace(source, text, edits, pad)
    return payload_of(found, found.call(layer, part, kind), head)


@st.cache_resource(max_entries=4, show_spinner=False)
def heads(source: str, text: str, edits: str, pad: int, part: str, kind: str) -> dict[int, Heads]:
    """Where the layers of an atlas are kept as they are done: who stops a long one loses nothing."""
    return {}


@st.cache_data(max_entries=32, show_spinner=False)
def random_saturation(dimensions: tuple[int, ...], temperature: float) -> dict[bool, list[scaling.Saturation]]:
    """The sweep over d_k, by temperature."""
    return scaling.random_saturation(dimensions, temperature)
