"""What is kept between reruns: bounded, shared by all readers, keyed by everything that the result depends on."""

import os
from typing import Any

import numpy as np
import streamlit as st

import selfattn
from selfattn import Model, Trace
from selfattn.analysis import scaling
from selfattn.analysis.atlas import Heads
from selfattn.analysis.overview import overview
from selfattn.canvas.head_payload import Planes
from selfattn.canvas.head_payload import head_payload as payload_of
from selfattn.canvas.long_payload import long_payload as long_payload_of
from selfattn.figures.thumbnails import SIDE
from selfattn.recording.edits import from_json

Payload = tuple[dict[str, Any], Planes]
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
def head_payload(source: str, text: str, edits: str, pad: int, layer: int, part: str, kind: str, head: int) -> Payload:
    """What the browser needs to compute one head itself."""
    found = trace(source, text, edits, pad)
    return payload_of(found, found.call(layer, part, kind), head)


@st.cache_resource(max_entries=6, show_spinner="Pooling the head's weights …")
def long_payload(
    source: str, text: str, edits: str, pad: int, layer: int, part: str, kind: str, head: int, alone: str
) -> Payload:
    """What the browser needs of one head of a long text, under edits of this head alone."""
    found = trace(source, text, edits, pad)
    call = found.call(layer, part, kind).with_edits(from_json(alone))
    return long_payload_of(call, head, *found.labels(call), overview(call, head))


@st.cache_resource(max_entries=24, show_spinner=False)
def small_maps(
    source: str, text: str, edits: str, pad: int, layer: int, part: str, kind: str
) -> list[np.ndarray[Any, Any]]:
    """The weights of every head of a layer, pooled to the size of a thumbnail."""
    call = trace(source, text, edits, pad).call(layer, part, kind)
    return [overview(call, head, SIDE).weights.numpy() for head in range(call.heads)]


@st.cache_resource(max_entries=4, show_spinner=False)
def heads(source: str, text: str, edits: str, pad: int, part: str, kind: str) -> dict[int, Heads]:
    """Where the layers of an atlas are kept as they are done: who stops a long one loses nothing."""
    return {}


@st.cache_data(max_entries=32, show_spinner=False)
def random_saturation(dimensions: tuple[int, ...], temperature: float) -> dict[bool, list[scaling.Saturation]]:
    """The sweep over d_k, by temperature."""
    return scaling.random_saturation(dimensions, temperature)
