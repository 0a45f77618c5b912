"""What the model reads: typed, chosen or recorded in the header, and kept in the link where a link can hold it."""

import streamlit as st

from selfattn import Model
from selfattn.models.inputs.given import Illustrated, Pair, Picture
from selfattn.models.inputs.tokens import visible
from selfattn.models.loading.library import Choice
from selfattn.places import SPECIMENS
from selfattn.ui.browser import pasting
from selfattn.ui.caches import Run
from selfattn.ui.controls import whole_number
from selfattn.ui.link import Linked, linked
from selfattn.ui.shell import file_picker, manner, writing
from selfattn.ui.shell.examples import examples, known
from selfattn.ui.shell.in_model import plain

TEXT: Linked[str | None] = linked("text", str, lambda text: text or None, None)
SECOND: Linked[str | None] = linked("second", str, lambda text: text or None, None)
LONGEST_SHOWN = 120  # characters of an example in the list
PLACEHOLDERS = {
    "pair": ("The first text, or a question", "The second text, or the passage that answers it"),
    "text": ("Type a sentence", "A second sentence"),
    "illustrated": ("A question about the picture, or what it shows", ""),
}


def pick(choice: Choice, model: Model) -> None:
    """The controls that this model's input needs. Drawn by the router alone; a page asks `chosen`."""
    wants = model.task.reads[0]
    if wants in file_picker.KINDS:
        file_picker.pick(choice.source, wants)
    else:
        _start(choice.source, _offered(model))
        _texts(choice.source, model)
        if wants == "illustrated":
            file_picker.pick(choice.source, "picture", optional="text" in model.task.reads)
        manner.pick(model)


def hold(choice: Choice, model: Model) -> None:
    """Keep what the model reads on a page where that has no say."""
    wants, state = model.task.reads[0], st.session_state
    if wants in file_picker.KINDS:
        file_picker.hold(choice.source, wants)
    else:
        _start(choice.source, _offered(model))
        # Streamlit drops what belongs to a field that is not drawn, unless it is set as a plain value.
        give(state.text, state.second)
        for name, held in (("text", TEXT), ("second", SECOND)):
            held.put(state[name])
            pasting.forget(name)
        if wants == "illustrated":
            file_picker.hold(choice.source, "picture", optional="text" in model.task.reads)
        manner.hold(model)


def draft() -> None:
    """The field of what was typed, while there is no model to read it."""
    for name, held in (("text", TEXT), ("second", SECOND)):
        st.session_state.setdefault(name, held.get() or "")
    st.text_input("Text", key="text", label_visibility="collapsed", placeholder=PLACEHOLDERS["text"][0])


def chosen(choice: Choice, model: Model) -> Run:
    """What the reader gave to the model, with what the model wrote after it."""
    state, wants = st.session_state, model.task.reads[0]
    if wants in file_picker.KINDS:
        return writing.continued(Run(choice, file_picker.chosen(choice.source, wants)), model)
    if wants == "illustrated" and state.picture != file_picker.NONE:
        picture = file_picker.chosen(choice.source, "picture")
        assert isinstance(picture, Picture)
        return writing.continued(Run(choice, Illustrated(state.text, picture)), model)
    paired = "pair" in model.task.reads and (state.second or wants == "pair")
    text = Pair(state.text, state.second) if paired else manner.given(state.text, model)
    return writing.continued(Run(choice, text, state.get("pad", 0)), model)


def _offered(model: Model) -> str:
    """Of what kind its examples are: what it reads, or captions, where it tells how well one fits a picture."""
    task = model.task
    return "caption" if task.says == "similarity" and "illustrated" in task.reads else task.reads[0]


def _start(source: str, wants: str) -> None:
    """A model opens on its own example, unless the reader or their link brought a text."""
    state = st.session_state
    anew = [TEXT.follow(), SECOND.follow()]
    if any(anew) or "text" not in state:
        text = TEXT.get()
        give(examples(source, wants)[0] if text is None else text, SECOND.get())
    before = state.get("started_with")
    if before not in (None, source) and _typed() in known(before):
        give(examples(source, wants)[0])
    state.started_with = source


def _typed() -> str | Pair:
    state = st.session_state
    return Pair(state.text, state.second) if state.get("second") else state.text


def give(example: str | Pair, second: str | None = None) -> None:
    """Let the model read this."""
    state = st.session_state
    if isinstance(example, Pair):
        state.text, state.second = example.first, example.second
    else:
        state.text, state.second = example, second or ""


def _texts(source: str, model: Model) -> None:
    state, reads = st.session_state, model.task.reads
    wants = reads[0]
    first, second = PLACEHOLDERS[wants]
    live = (SPECIMENS / source).is_dir()  # small enough to answer while the reader types
    alone = {"label_visibility": "collapsed"}
    pasting.field("text", "Text", live, placeholder=first, **alone)
    if "pair" in reads and (state.second or wants == "pair" or state.get("pairing")):
        pasting.field("second", "Second text", live, placeholder=second, **alone)
    with st.popover("Examples"):
        for place, example in enumerate(examples(source, _offered(model))):
            shown = f"{example.first}  ·  {example.second}" if isinstance(example, Pair) else example
            shown = shown if len(shown) <= LONGEST_SHOWN else f"{shown[: LONGEST_SHOWN - 1]}…"
            key = f"example_{place}"
            st.button(plain(visible(shown)), key=key, on_click=give, args=(example,), type="tertiary")
        if wants == "text" and "pair" in reads:
            st.checkbox("Give the model two texts", key="pairing", on_change=_unpair)
        st.button("Write several lines", on_click=_break_line, type="tertiary", disabled="\n" in state.text)
    TEXT.put(state.text)
    SECOND.put(state.second)


def _break_line() -> None:
    st.session_state.text += "\n"


def _unpair() -> None:
    if not st.session_state.pairing:
        st.session_state.second = ""


def padding(model: Model) -> None:
    """Padding tokens to add: that a mask hides them is seen only where there are some."""
    wants = model.task.reads[0]
    if getattr(model.tokenizer, "pad_token_id", None) is None or wants in (*file_picker.KINDS, "illustrated"):
        return
    whole_number(
        "Padding tokens",
        0,
        16,
        0,
        "pad",
        bind="query-params",
        help="As in a batch, where short texts are filled up. The model's mask hides them.",
    )


def outside_the_link(model: Model) -> str:
    """What of the input a link cannot hold, in a sentence; empty where it holds all."""
    state, wants = st.session_state, model.task.reads[0]
    if wants in file_picker.KINDS:
        return file_picker.outside_the_link(wants)
    if not (TEXT.fits(state.text) and SECOND.fits(state.second)):
        return "This text is too long for a link: the link keeps everything else."
    return file_picker.outside_the_link("picture") if wants == "illustrated" else ""
