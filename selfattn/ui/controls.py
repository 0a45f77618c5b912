"""The controls that pages share: which head, and the temperature; each writes itself into the link."""

import re

import streamlit as st

from selfattn import Model
from selfattn.canvas.view import COLDEST, HOTTEST
from selfattn.models.model import Attention
from selfattn.ui import link
from selfattn.ui.link import KEEP
from selfattn.ui.place import Head
from selfattn.ui.shell.examples import HEADS


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
    there_are = f"{model.name} has {label.lower()}s 0 to {count - 1}"
    link.check(
        key,
        lambda asked: asked in map(str, range(count)),
        lambda asked: f"{label} {asked} was asked for; {there_are}. {label} {first} is shown.",
    )
    return int(st.selectbox(label, range(count), first, key=key, width=125, **KEEP))


def temperature_picker(width: int) -> float:
    """The temperature; a link that asks for one that is no number in its range is told so."""
    link.check(
        "temperature",
        lambda asked: re.fullmatch(r"\d{1,3}(\.\d{1,6})?", asked) and COLDEST <= float(asked) <= HOTTEST,
        lambda asked: f"Temperature {asked} was asked for; it goes from {COLDEST} to {HOTTEST}. 1 is used.",
    )
    return float(st.slider("Temperature", COLDEST, HOTTEST, 1.0, 0.1, key="temperature", width=width, **KEEP))
