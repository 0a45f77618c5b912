"""What is computed step by step while a reader waits: how far it is, a way to stop it, and a way to go on."""

import time
from collections.abc import Iterator, MutableMapping, Sized
from contextlib import nullcontext
from functools import partial
from hashlib import sha256
from typing import TypeVar

import streamlit as st

from selfattn.figures import pieces
from selfattn.threads import threads
from selfattn.ui.turns import turn

# Seconds of computing without a sign of progress.
SILENT = 0.4
STOPPED = "steps_stopped"
Key = TypeVar("Key")
Found = TypeVar("Found")


def name(*what: object) -> str:
    """A short name for what is computed: what was stopped is known by it."""
    return sha256(repr(what).encode()).hexdigest()


def walk(
    steps: Iterator[tuple[Key, Found]],
    done: MutableMapping[Key, Found],
    total: int,
    named: str,
    noun: str,
    team: int | None = 1,
    slice_of: float | None = None,
) -> bool:
    """Take the steps that are left, with a bar and a way to stop once that takes long; True once all are done.

    `team` is the number of PyTorch's threads: more than one for each short step cost more than they save, and wait for
    whoever shares the machine. `slice_of` is how many seconds are taken at once, for a page that shows what is done so
    far and comes again while `going_on`.
    """
    place, begun = st.empty(), time.monotonic()
    stopped = st.session_state.get(STOPPED) == named
    ended = False
    with turn() if not stopped and len(done) < total else nullcontext(), threads(team):
        while len(done) < total and not (stopped and done) and not ended:
            key, found = next(steps)
            done[key] = found
            spent = time.monotonic() - begun
            ended = slice_of is not None and spent > slice_of
            if (spent > SILENT or ended) and len(done) < total:
                with place.container(horizontal=True, vertical_alignment="center"):
                    st.progress(len(done) / total, f"{len(done)} of {total} {noun} are done …")
                    st.button("Stop here", key=f"stop_{named}_{len(done)}", on_click=partial(_stop, named))
    if not ended or len(done) == total:
        place.empty()
    if len(done) < total and not ended:
        with place.container(horizontal=True, vertical_alignment="center"):
            st.html(pieces.notice(f"Stopped: {len(done)} of {total} {noun} are done."))
            st.button("Go on", key=f"on_{named}", on_click=partial(_stop, None))
    return len(done) == total


def going_on(named: str, done: Sized, total: int) -> bool:
    """Are there steps left that the reader has not stopped?"""
    return len(done) < total and st.session_state.get(STOPPED) != named


def _stop(named: str | None) -> None:
    st.session_state[STOPPED] = named
