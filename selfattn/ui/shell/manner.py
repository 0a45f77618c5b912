"""How a text is given to the model: alone, in its chat template, or from one language into another; in the link."""

import re

import streamlit as st

from selfattn import Model
from selfattn.models.inputs.given import Chat, Text, Translation
from selfattn.models.inputs.languages import languages
from selfattn.ui import link
from selfattn.ui.link import QUOTED, Linked, linked

OWN = "the model's own"


def _switch(asked: str) -> bool:
    if not re.fullmatch("[01]", asked):
        raise ValueError(f"Chat {asked[:QUOTED]} was asked for; it is 1 or 0. 0 is used.")
    return asked == "1"


CHAT: Linked[bool] = linked("chat", _switch, lambda on: "1" if on else None, False)
SYSTEM: Linked[str] = linked("system", str, lambda text: text or None, "", noun="The system text")
SOURCE, TARGET = (linked(name, str, lambda code: code or None, "") for name in ("source", "target"))
LABELS = {"source": "From the language", "target": "Into the language"}


def pick(model: Model) -> None:
    """The controls that this model's tokenizer and template have a use for."""
    if _chats(model):
        switch = CHAT.control()
        with st.popover("Chat ✓" if st.session_state[switch] else "Chat", key="chatting"):
            on = st.toggle("In the model's chat template", key=switch)
            st.text_area("System text", key=SYSTEM.control(), height="content", disabled=not on)
        CHAT.put(on)
        SYSTEM.put(st.session_state.system)
    if _translates(model):
        there = languages(model.tokenizer)
        with st.popover("Languages", key="languages"):
            for held in (SOURCE, TARGET):
                _language(held, there)
    hold(model)


def _language(held: Linked[str], there: tuple[str, ...]) -> None:
    name, asked = held.names[0], held.get()
    if asked and asked not in there:
        link.note(name, f"The {name} {asked[:QUOTED]} was asked for; the model's tokenizer has {len(there)} languages.")
        held.put("")
    st.session_state[name] = held.get()
    st.selectbox(
        LABELS[name],
        ["", *there],
        format_func=lambda code: code or OWN,
        key=name,
        on_change=lambda: held.put(st.session_state[name]),
    )


def hold(model: Model) -> None:
    """Keep in the link what this model has a use for, and take out what it has none for."""
    for used, several in ((_chats(model), (CHAT, SYSTEM)), (_translates(model), (SOURCE, TARGET))):
        for held in several:
            held.get() if used else held.leave()


def given(text: str, model: Model) -> Text:
    """What the model is given of a text."""
    if _chats(model) and CHAT.get():
        return Chat(text, SYSTEM.get())
    if _translates(model) and (SOURCE.get() or TARGET.get()):
        return Translation(text, SOURCE.get(), TARGET.get())
    return text


def _chats(model: Model) -> bool:
    return bool(getattr(model.tokenizer, "chat_template", None)) and model.task.reads[0] == "text"


def _translates(model: Model) -> bool:
    whole = model.task.writes and model.network.config.is_encoder_decoder
    return bool(whole and languages(model.tokenizer))
