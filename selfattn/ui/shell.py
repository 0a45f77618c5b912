"""What every page shares: the model and the text, the sidebar, and errors as one kind sentence."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st
import torch
from streamlit.runtime.pages_manager import PagesManager

from selfattn import Model, Trace
from selfattn.figures import words
from selfattn.figures.palette import DARK, LIGHT, Palette
from selfattn.models import library
from selfattn.places import HOME, SPECIMENS
from selfattn.recording.edits import Edit, to_json
from selfattn.traces import budget, in_words
from selfattn.ui import caches, style, theme
from selfattn.ui.copy_link import copy_link
from selfattn.ui.examples import examples

# A longer text would make a link that browsers and servers refuse.
LONGEST_LINK = 4000
# Tokens of a text whose heads are drawn while a reader waits: the time grows with their square.
LONGEST_DRAWN = 32_768
# From so many tokens on, what a run takes is said before it.
LONG = 1024


@dataclass(frozen=True)
class Study:
    """The model and the text that a reader looks at, in the colours of their theme."""

    source: str
    model: Model
    text: str
    pad: int
    palette: Palette

    def trace(self, edits: Sequence[Edit] = ()) -> Trace:
        """The forward pass over the text, with edits in the model."""
        return caches.trace(self.source, self.text, to_json(edits), self.pad)


def frame(page: str) -> None:
    """Draw what every page shares, before the page: the sidebar, the text, and how exact the model's run was.

    Streamlit keeps the state of what the router draws when the page changes, so this is called by `app.py` alone.
    """
    # Going to another page takes from the link what that page does not know: pages tell by this that they were left.
    st.session_state.page_before, st.session_state.page = st.session_state.get("page"), page
    palette = _palette()
    st.html(style.sheet(palette))
    st.logo(str(HOME / "assets" / f"name-{'dark' if palette is DARK else 'light'}.svg"), size="large")
    source = _model_picker()
    with st.container(horizontal=True, vertical_alignment="center", key="header"):
        text = _text_input(source)
        badge = st.container(width="content")
    with refusing():
        model = caches.model(source)
        _padding(model)
        tokens = _length(model, text)
        room = budget(model, tokens)
        with st.spinner(room.describe if tokens > LONG else "Running the model …", show_time=True):
            found = study().trace()
    badge.html(words.badge(f"✓ exact to {found.fidelity:.1e}"))
    with st.sidebar:
        st.html(words.facts(_facts(found)))
        copy_link()
        theme.watch()
        if len(text) > LONGEST_LINK:
            st.caption("This text is too long for a link: the link keeps everything else.")


def study() -> Study:
    """What the reader looks at. The first call of every page."""
    if PagesManager.uses_pages_directory:
        # The first visitor of a server came by a deep link: until `st.navigation` has run once, Streamlit takes the
        # folder `pages` for its older kind of app and runs a page without the router. Lead them through `app.py`.
        PagesManager.uses_pages_directory = False
        st.rerun()
    source, text = st.session_state.model, st.session_state.text
    return Study(source, caches.model(source), text, st.session_state.get("pad", 0), _palette())


def _palette() -> Palette:
    return DARK if st.context.theme.type == "dark" else LIGHT


def _length(model: Model, text: str) -> int:
    """The text's tokens; refuses more than are drawn."""
    tokens, _ = model.inputs(text)
    length = len(tokens) if tokens is not None else 0
    if length > LONGEST_DRAWN:
        raise ValueError(
            f"The text has {length:,} tokens: {length**2:,} weights in every head. "
            f"Up to {LONGEST_DRAWN:,} tokens are drawn here; shorten it."
        )
    return length


@contextmanager
def refusing() -> Iterator[None]:
    """Whatever cannot be done is one sentence on the page, and the page ends there; what was typed stays."""
    try:
        yield
    except torch.OutOfMemoryError:
        st.html(words.notice("The device has no memory left for this text; shorten it, or choose a smaller model."))
        st.stop()
    except (ValueError, MemoryError) as error:
        st.html(words.notice(str(error)))
        st.stop()


def _model_picker() -> str:
    st.session_state.setdefault("model", st.query_params.get("model", caches.FIRST_MODEL))
    here, chosen = list(library.names()), st.session_state.model
    source = st.sidebar.selectbox(
        "Model",
        here if chosen in here else [*here, chosen],
        key="model",
        accept_new_options=True,
        on_change=_open_on_its_example,
        help="A shipped model; or type a folder, or a hub id such as bert-base-uncased. "
        "Only a hub id makes a request outside this machine.",
    )
    st.query_params["model"] = source
    return str(source)


def _open_on_its_example() -> None:
    """A new model opens on its own example, unless the reader has typed something."""
    if st.session_state.get("text") in {text for name in ["", *library.names()] for text in examples(name)}:
        st.session_state.text = examples(st.session_state.model)[0]


def _text_input(source: str) -> str:
    st.session_state.setdefault("text", st.query_params.get("text", examples(source)[0]))
    typed = st.text_input(
        "Text",
        key="text",
        label_visibility="collapsed",
        placeholder="Type a sentence",
        live=(SPECIMENS / source).is_dir(),  # small enough to answer while the reader types
    )
    with st.popover("Examples"):
        for example in examples(source):
            st.button(
                example, on_click=lambda text: st.session_state.update(text=text), args=(example,), type="tertiary"
            )
    if len(typed) <= LONGEST_LINK:
        st.query_params["text"] = typed
    else:
        st.query_params.pop("text", None)
    return typed


def _padding(model: Model) -> int:
    """Padding tokens to add: that a mask hides them is seen only where there are some."""
    if model.tokenizer is None or model.tokenizer.pad_token_id is None:
        return 0
    return int(
        st.sidebar.number_input(
            "Padding tokens",
            0,
            16,
            0,
            key="pad",
            bind="query-params",
            help="As in a batch, where short texts are filled up. The model's mask hides them.",
        )
    )


def _facts(trace: Trace) -> list[tuple[str, str]]:
    """The model and the machine in a few lines."""
    model, room = trace.model, budget(trace.model, len(trace.tokens))
    first = model.attentions[0]
    stacks = " + ".join(f"{each.layers} × {each.heads} heads" for each in model.attentions)
    dtype = str(model.network.dtype).removeprefix("torch.")
    return [
        (model.name, stacks),
        ("size", f"{in_words(model.size)}, {dtype} on {model.network.device}"),
        ("text", f"{len(trace.tokens)} tokens, d = {first.d_head} a head"),
        ("this run", f"{in_words(room.needed)} of {in_words(room.free)} free"),
        *([("drawn", room.drawn)] if len(trace.tokens) > LONG else []),
    ]
