"""The controls of one head: which head, and what to change in its attention; each writes itself into the link."""

import re
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import streamlit as st

from selfattn import Mask, Model, Scale, Temperature
from selfattn.figures import words
from selfattn.maths.masks import Pattern, causal, custom, padding, window
from selfattn.models.library import Attention
from selfattn.recording.call import Call
from selfattn.recording.edits import Edit
from selfattn.ui.examples import HEADS


class Kept(TypedDict):
    """A control whose state is in the link and outlives its page."""

    bind: Literal["query-params"]
    persist_state: Literal["session"]


KEEP: Kept = {"bind": "query-params", "persist_state": "session"}
ALONE, THIS, EVERY = "this head only", "this head, in the model", "in the model"
OWN = "model's own"
COLDEST, HOTTEST = 0.1, 5.0


@dataclass(frozen=True)
class Head:
    """One head of a model."""

    part: str
    kind: str
    layer: int
    head: int


def head_picker(model: Model) -> Head:
    """Choose part, layer and head; a link that asks for one that is not there is told so."""
    attention = _part_picker(model)
    first_layer, first_head = HEADS.get(model.name, (0, 0))
    layer = _number("Layer", "layer", attention.layers, first_layer, model)
    return Head(attention.part, attention.kind, layer, _number("Head", "head", attention.heads, first_head, model))


def _part_picker(model: Model) -> Attention:
    if len(model.attentions) == 1:
        return model.attentions[0]
    names = {f"{each.part}, {each.kind}": each for each in model.attentions}
    return names[st.selectbox("Attention", names, key="part", width=150, **KEEP)]


def _number(label: str, key: str, count: int, first: int, model: Model) -> int:
    first = min(first, count - 1)
    asked = st.session_state.get(key, st.query_params.get(key))
    if asked is not None and str(asked) not in map(str, range(count)):
        there_are = f"{model.name} has {label.lower()}s 0 to {count - 1}"
        _note(key, f"{label} {asked} was asked for; {there_are}. {label} {first} is shown.")
        st.session_state.pop(key, None)
    return int(st.selectbox(label, range(count), first, key=key, width=80, **KEEP))


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
        st.html(words.notice(sentence))


@dataclass(frozen=True)
class Change:
    """What the reader changes, and where."""

    scaled: bool
    temperature: float
    masked: bool
    edits: tuple[Edit, ...]
    reach: str

    @property
    def in_model(self) -> bool:
        return self.reach != ALONE and bool(self.edits)


def change_picker(at: Head, call: Call) -> Change:
    """Scaling, temperature, mask, and how far they reach."""
    fixed = None
    if call.prescale is None:
        fixed = "This model's scale could not be told apart from its query, so it cannot be taken away."
    elif call.scale == 1.0:
        fixed = "This model never scales its scores, by design."
    scaled = st.toggle(
        "divide by √d",
        True,
        key="scaled",
        disabled=fixed is not None,
        width="content",
        help=fixed,
        **KEEP,
    )
    temperature = temperature_picker(170)
    pattern, replaces = _mask_picker()
    reach = st.selectbox("Applies to", [ALONE, THIS, EVERY], key="reach", width=190, **KEEP)
    where: dict[str, Any] = {}
    if reach != EVERY:
        where = {"layers": {at.layer}, "heads": {at.head}, "part": at.part, "kind": at.kind}
    edits: list[Edit] = []
    if not scaled:
        edits.append(Scale(None, **where))
    if temperature != 1.0:
        edits.append(Temperature(temperature, **where))
    if pattern is not None:
        edits.append(Mask(pattern, replace=replaces, **where))
    return Change(scaled, temperature, pattern is not None, tuple(edits), reach)


def _mask_picker() -> tuple[Pattern | None, bool]:
    """The mask that the reader combined, and whether it stands in place of the model's own."""
    chosen = st.pills(
        "Mask",
        [OWN, "causal", "padding", "window", "custom"],
        selection_mode="multi",
        default=[OWN],
        key="mask",
        width="content",
        help="Chosen masks are combined: attention goes only where all of them allow it.",
        **KEEP,
    )
    patterns: list[Pattern] = []
    if "causal" in chosen:
        patterns.append(causal)
    if "padding" in chosen:
        patterns.append(padding)
    if "window" in chosen:
        patterns.append(window(st.slider("Window width", 1, 32, 4, key="width", width=130, **KEEP)))
    if "custom" in chosen and (pairs := _pairs()):
        patterns.append(~custom(pairs))
    if not patterns:
        return (None, False) if OWN in chosen else (causal | ~causal, True)
    combined = patterns[0]
    for pattern in patterns[1:]:
        combined = combined & pattern
    return combined, OWN not in chosen


def _pairs() -> list[tuple[int, int]]:
    typed = st.text_input(
        "Pairs to hide",
        "",
        key="pairs",
        placeholder="5>3, 8>0",
        width=150,
        **KEEP,
        help="from > to, counted from 0; more pairs after a comma.",
    )
    parts = [part.strip() for part in typed.split(",") if part.strip()]
    if wrong := [part for part in parts if not re.fullmatch(r"\d{1,6}\s*>\s*\d{1,6}", part)]:
        raise ValueError(f"{wrong[0]!r} is no pair; write from > to as two positions from 0, such as 5>3.")
    return [(int(a), int(b)) for a, b in (part.split(">") for part in parts)]
