"""The controls that pages share: which head, and the temperature; each writes itself into the link."""

import re
from collections.abc import Sequence
from typing import Any

import streamlit as st

from selfattn import Model
from selfattn.canvas.view import COLDEST, HOTTEST
from selfattn.models.attention import Attention, ranges
from selfattn.ui import link
from selfattn.ui.link import KEEP, QUOTED, Linked, linked
from selfattn.ui.place import Head
from selfattn.ui.shell.examples import HEADS


def _number(name: str) -> Linked[str]:
    """The number of a layer or a head, as text; nothing stands for the one that a page shows first."""
    return linked(name, str, lambda number: number or None, "")


LAYER, HEAD, LAYER_B, HEAD_B = map(_number, ("layer", "head", "layer_b", "head_b"))


def head_picker(model: Model) -> Head:
    """Choose part, layer and head; a link that asks for one that is not there is told so."""
    attention = part_picker(model)
    _, layer, head = HEADS.get(model.name, ("", 0, 0))
    return Head(attention.part, attention.kind, *layer_and_head(attention, layer, head, model))


def layer_and_head(attention: Attention, layer: int, head: int, model: Model) -> tuple[int, int]:
    """Choose a layer and a head of an attention, at first these; the link always says which."""
    layer = number_picker("Layer", LAYER, attention.numbers, layer, model)
    head = number_picker("Head", HEAD, range(attention.heads), head, model)
    open_head(layer, head)
    return layer, head


def open_head(layer: int, head: int, second: bool = False) -> None:
    """Look at this head; `second`: as B's, beside the one that is looked at."""
    for held, number in zip((LAYER_B, HEAD_B) if second else (LAYER, HEAD), (layer, head), strict=True):
        held.put(str(number))


def forget_head() -> None:
    """Look at the head that the model opens on: for callbacks that change the model."""
    LAYER.put("")
    HEAD.put("")
    st.session_state.pop("part", None)
    link.drop("part")


def part_picker(model: Model) -> Attention:
    """Choose among the attentions of a model, where it has several."""
    if len(model.attentions) == 1:
        return model.attentions[0]
    names = {f"{each.part}, {each.kind}": each for each in model.attentions}
    first = HEADS.get(model.name, ("", 0, 0))[0]
    index = list(names).index(first) if first in names else 0
    return names[st.selectbox("Attention", names, index, key="part", width=240, **KEEP)]


def number_picker(label: str, held: Linked[str], numbers: Sequence[int], first: int, model: Model) -> int:
    """Choose a layer or a head by its number, at first the nearest to `first`; a link to one that is not there is told.

    Of a hybrid model, only some of the layers attend.
    """
    first, asked, (key,) = min(numbers, key=lambda number: abs(number - first)), held.get(), held.names
    if asked and asked not in map(str, numbers):
        there_are = f"{model.name} has {label.lower()}s {ranges(numbers)}"
        link.note(key, f"{label} {asked[:QUOTED]} was asked for; {there_are}. {label} {first} is shown.")
        held.put(asked := "")
    st.session_state[key] = int(asked or first)
    return int(st.selectbox(label, numbers, key=key, width=125, on_change=lambda: held.put(str(st.session_state[key]))))


def temperature_picker(width: int) -> float:
    """The temperature; a link that asks for one that is no number in its range is told so."""
    link.check(
        "temperature",
        lambda asked: re.fullmatch(r"\d{1,3}(\.\d{1,6})?", asked) and COLDEST <= float(asked) <= HOTTEST,
        lambda asked: f"Temperature {asked} was asked for; it goes from {COLDEST} to {HOTTEST}. 1 is used.",
    )
    return float(st.slider("Temperature", COLDEST, HOTTEST, 1.0, 0.1, key="temperature", width=width, **KEEP))


def whole_number(label: str, least: int, most: int, first: int, key: str, **shown: Any) -> int:
    """A field for a whole number that lives in the link; one that is none there, or out of range, is told so."""
    link.check(
        key,
        lambda asked: re.fullmatch(r"\d{1,9}(\.0)?", asked) and least <= float(asked) <= most,
        lambda asked: f"{label} {asked} was asked for; it goes from {least:,} to {most:,}. {first:,} is used.",
    )
    return int(st.number_input(label, least, most, first, key=key, **shown))
