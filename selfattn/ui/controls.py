"""The controls that pages share: which head, and the temperature; each writes itself into the link."""

import re
from typing import Literal, TypedDict

import streamlit as st

from selfattn import Model
from selfattn.canvas.view import COLDEST, HOTTEST
from selfattn.figures import pieces
from selfattn.models.model import Attention
from selfattn.ui.place import Head
from selfattn.ui.shell.examples import HEADS


class Kept(TypedDict):
    """A control whose state is in the link and outlives its page."""

    bind: Literal["query-params"]
    persist_state: Literal["session"]


KEEP: Kept = {"bind": "query-params", "persist_state": "session"}


def head_picker(model: Model) -> Head:
    """Choose part, layer and head; a link that asks for one that is not there is told so."""
    attention = part_picker(model)
    _, first_layer, first_head = HEADS.get(model.name, ("", 0, 0))
    layer = number_picker("Layer", "layer", attention.layers, first_layer, model)
    head = number_picker("Head", "head", attention.heads, first_head, model)
    return Head(attention.part, attention.kind, layer, head)


def part_picker(model: Model) -> Attention:
    """Choose among the attentions of a model, where it has several."""
    if len(model.attentions) == 1:
        return model.attentions[0]
    names = {f"{each.part}, {each.kind}": each for each in model.attentions}
    first = HEADS.get(model.name, ("", 0, 0))[0]
    index = list(names).index(first) if first in names else 0
    return names[st.selectbox("Attention", names, index, key="part", width=240, **KEEP)]


def number_picker(label: str, key: str, count: int, first: int, model: Model) -> int:
    """Choose a layer or a head by its number; a link that asks for one that is not there is told so."""
    first = min(first, count - 1)
    asked = st.session_state.get(key, st.query_params.get(key))
    if asked is not None and str(asked) not in map(str, range(count)):
        there_are = f"{model.name} has {label.lower()}s 0 to {count - 1}"
        _note(key, f"{label} {asked} was asked for; {there_are}. {label} {first} is shown.")
        st.session_state.pop(key, None)
    return int(st.selectbox(label, range(count), first, key=key, width=125, **KEEP))


def temperature_picker(width: int) -> float:
    """The temperature; a link that asks for one that is no number in its range is told so."""
    asked = st.query_params.get("temperature", "1")
    if not re.fullmatch(r"\d{1,3}(\.\d{1,6})?", asked) or not COLDEST <= float(asked) <= HOTTEST:
        _note("temperature", f"Temperature {asked[:20]} was asked for; it goes from {COLDEST} to {HOTTEST}. 1 is used.")
    return float(st.slider("Temperature", COLDEST, HOTTEST, 1.0, 0.1, key="temperature", width=width, **KEEP))


def _note(key: str, sentence: str) -> None:
    st.session_state.setdefault("link_notes", {})[key] = sentence


def notes() -> None:
    """What had to be changed in what a link asked for, said once."""
    for sentence in st.session_state.pop("link_notes", {}).values():
        st.html(pieces.notice(sentence))
