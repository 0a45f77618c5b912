"""What is kept between reruns: bounded, shared by all readers, keyed by everything that the result depends on."""

import os

import streamlit as st
from torch import Tensor

import selfattn
from selfattn import Model, Trace
from selfattn.analysis import scaling
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


@st.cache_resource(max_entries=12, show_spinner=False)
def layer_input(source: str, text: str, edits: str, pad: int, layer: int, part: str, kind: str) -> Tensor | None:
    """What a layer's projections read. It takes a forward pass of its own, so not one for every click."""
    return trace(source, text, edits, pad).layer_input(layer, part=part, kind=kind)


@st.cache_data(max_entries=32, show_spinner=False)
def random_saturation(dimensions: tuple[int, ...], temperature: float) -> dict[bool, list[scaling.Saturation]]:
    """The sweep over d_k, by temperature."""
    return scaling.random_saturation(dimensions, temperature)
