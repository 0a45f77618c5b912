"""An experiment: the edits in the model, which the link holds and pages share, and what they are measured by."""

import time
from collections.abc import Iterator, MutableMapping
from functools import partial
from hashlib import sha256
from typing import TypeVar

import streamlit as st
import torch

import selfattn
from selfattn import Trace
from selfattn.analysis.interventions import effects
from selfattn.analysis.interventions.effects import SEED, THIS_TEXT, Effect, How, Measure, Place
from selfattn.figures import pieces
from selfattn.models.model import Attention
from selfattn.recording.edits import Edit, from_json, to_json
from selfattn.ui import caches
from selfattn.ui.all_heads.heads import TEAM
from selfattn.ui.caches import Run

# Seconds of computing without a sign of progress.
SILENT = 0.4
Key = TypeVar("Key")
Found = TypeVar("Found")


def edits_in_model() -> tuple[Edit, ...]:
    """The edits that the link asks for. Going to another page takes them out of it: coming back puts them in again."""
    state = st.session_state
    if state.page != state.page_before and "edits" not in st.query_params and state.get("edits"):
        st.query_params["edits"] = state.edits
    state.edits = st.query_params.get("edits", "")
    return from_json(state.edits or "[]")


def put(edits: tuple[Edit, ...]) -> None:
    """Put edits into the model in place of those that are there."""
    if edits:
        st.query_params["edits"] = to_json(edits)
    else:
        st.query_params.pop("edits", None)


def measure(run: Run, on: str) -> Measure:
    """What effects on a run are measured in."""
    if on == THIS_TEXT:
        return effects.on_text(partial(_once, run))
    return effects.on_repeats(caches.model(run.choice), torch.Generator().manual_seed(SEED))


def _once(run: Run, edits: tuple[Edit, ...]) -> Trace:
    """A run whose trace nobody asks for again: it would push others out of the cache."""
    if not edits:
        return caches.trace(run)
    return selfattn.trace(caches.model(run.choice), run.given, edits, pad=run.pad, written=run.written)


@st.cache_resource(max_entries=6, show_spinner=False)
def induction(run: Run) -> dict[Place, float]:
    """The induction score of each head, on repeated random tokens."""
    return effects.induction_scores(caches.model(run.choice), torch.Generator().manual_seed(SEED))


@st.cache_resource(max_entries=64, show_spinner=False)
def effect(run: Run, on: str, edits: tuple[Edit, ...]) -> Effect:
    """The effect of some edits."""
    return measure(run, on).effect(edits)


@st.cache_resource(max_entries=12, show_spinner=False)
def alone(run: Run, on: str, attention: Attention, how: How) -> dict[Place, Effect]:
    """Where the effects of silencing each head are kept as they are done: who stops loses nothing."""
    return {}


@st.cache_resource(max_entries=24, show_spinner=False)
def drawn(run: Run, on: str, attention: Attention, how: How, chosen: frozenset[Place]) -> dict[int, Effect]:
    """Where the effects of the control's draws are kept as they are done."""
    return {}


def ranking(run: Run, on: str, attention: Attention, how: How) -> bool:
    """Silence every head that is not done; True once all are."""
    done = alone(run, on, attention, how)
    steps = effects.silencing(measure(run, on), attention, how, done)
    return walk(steps, done, attention.layers * attention.heads, name("heads", run, on, attention, how), "heads")


def control(run: Run, on: str, attention: Attention, how: How, chosen: frozenset[Place]) -> bool:
    """Silence as many heads at random; True once all draws are done. Raises ValueError where too few are left."""
    done = drawn(run, on, attention, how, chosen)
    generator = torch.Generator().manual_seed(SEED)
    sets = effects.control_sets(attention, chosen, generator)
    found = measure(run, on)
    steps = ((n, found.effect(effects.silence(sets[n], attention, how))) for n in range(len(done), len(sets)))
    named = name("control", run, on, attention, how, sorted(chosen))
    return walk(steps, done, len(sets), named, "random sets")


def name(*what: object) -> str:
    """A short name for what is computed: what was stopped is known by it."""
    return sha256(repr(what).encode()).hexdigest()


def walk(
    steps: Iterator[tuple[Key, Found]], done: MutableMapping[Key, Found], total: int, named: str, noun: str
) -> bool:
    """Take the steps that are left, with a bar and a way to stop once that takes long; True once all are done."""
    place, begun = st.empty(), time.monotonic()
    # A team of threads for each short run costs more than it saves, and waits for whoever shares the machine.
    torch.set_num_threads(1)
    stopped = st.session_state.get("experiment_stopped") == named
    while len(done) < total and not stopped:
        key, found = next(steps)
        done[key] = found
        if time.monotonic() - begun > SILENT and len(done) < total:
            with place.container(horizontal=True, vertical_alignment="center"):
                st.progress(len(done) / total, f"{len(done)} of {total} {noun} are done …")
                st.button("Stop here", key=f"stop_{named}_{len(done)}", on_click=partial(_stop, named))
    torch.set_num_threads(TEAM)
    place.empty()
    if len(done) < total:
        with place.container(horizontal=True, vertical_alignment="center"):
            st.html(pieces.notice(f"Stopped: {len(done)} of {total} {noun} are done."))
            st.button("Go on", key=f"on_{named}", on_click=partial(_stop, None))
    return len(done) == total


def _stop(named: str | None) -> None:
    st.session_state.experiment_stopped = named
