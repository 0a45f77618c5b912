"""While a model is loaded: what is happening, how far it is, and the way back to the model before it."""

from typing import NoReturn
from uuid import uuid4

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from selfattn import Model
from selfattn.figures import pieces
from selfattn.models.budgets import in_words
from selfattn.models.loading import memory
from selfattn.models.loading.library import Choice, names
from selfattn.models.loading.sources import as_path
from selfattn.models.loading.steps import Step
from selfattn.ui import caches, public
from selfattn.ui.shell import input_picker, model_picker, yours
from selfattn.ui.shell.in_model import plain

# Seconds without a sign: what is done by then is never announced.
SILENT = 0.3
# A model of so many bytes on this machine is there before a reader could read what is happening.
SMALL = 200e6
# Seconds between two looks at how far it is.
BEAT = 0.2
WAY_OUT = "It opens here when it is ready. Cancel goes back to the model before it."
# What the page showed of the model before stands aside meanwhile.
_ALONE = """<style>.stMain :is([data-stale=true], [class*=st-key-panel], .st-key-header) { display: none; }
</style>"""


def wait(choice: Choice, header: DeltaGenerator) -> Model:
    """The model, once it is there; where it cannot be, the page ends with one sentence and the ways out.

    The script waits here, so that the page goes on without being run again when the model has come.
    """
    state, place = st.session_state, st.empty()
    if (shown := memory.get(choice.source)) is not None:
        state.model_before = choice
        return shown
    refused, sentence = state.get("refused_model", (None, ""))
    if refused == choice:
        _refuse(place, header, choice, sentence)
    reader = state.setdefault("reader", uuid4().hex)
    load = caches.MODELS.ask(choice, reader)
    if not load.wait(None if _is_small(choice) else SILENT):
        with place.container(key="loading", width=560):
            st.html(pieces.question(f"Loading {yours.called(choice.source)}", WAY_OUT) + _ALONE)
            bar = st.empty()
            st.button("Cancel", key="cancel_load", on_click=_cancel, args=(choice, reader))
        while not load.wait(BEAT):
            bar.progress(_share(load.step), _in_words(load.step))
        place.empty()
    if load.model is None:
        state.refused_model = (choice, load.error or "")
        _refuse(place, header, *state.refused_model)
    state.model_before = choice
    return load.model


def _refuse(place: DeltaGenerator, header: DeltaGenerator, choice: Choice, sentence: str) -> NoReturn:
    """Say once why there is no model, with the ways out; the page ends there, and what was typed stays in `header`."""
    with header:
        input_picker.draft()
    with place.container(horizontal=True, key="refused"):
        st.html(pieces.notice(sentence))
        st.button("Try again", on_click=st.session_state.pop, args=("refused_model", None))
        if (before := _before()) != choice:
            st.button(f"Back to {plain(yours.called(before.source))}", on_click=model_picker.choose, args=(before,))
    st.stop()


def _before() -> Choice:
    """The model that the reader had last; the app's first where they had none."""
    return st.session_state.get("model_before", Choice(caches.FIRST_MODEL))


def _cancel(choice: Choice, reader: str) -> None:
    caches.MODELS.leave(choice, reader)
    model_picker.choose(_before())


def _is_small(choice: Choice) -> bool:
    place = names().get(choice.source) or (None if public.PUBLIC else as_path(choice.source))
    files = [] if place is None else [place] if place.is_file() else place.glob("*.safetensors")
    return place is not None and sum(file.stat().st_size for file in files) < SMALL


def _share(step: Step) -> float:
    return min(step.done / step.whole, 1.0) if step.whole else 0.0


def _in_words(step: Step) -> str:
    """What is being done, and how much of it: bytes where it is a download."""
    if not step.whole:
        return f"{step.doing} …"
    if step.doing.startswith("Downloading"):
        return f"{step.doing}: {in_words(step.done)} of {in_words(step.whole)}"
    return f"{step.doing}: {step.done:,} of {step.whole:,}"
