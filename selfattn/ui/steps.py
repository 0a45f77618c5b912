"""What is computed step by step while a reader waits: how far it is, a way to stop it, and a way to go on."""

import time
from collections.abc import Iterator, MutableMapping
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
) -> bool:
    """Take the steps that are left, with a bar and a way to stop once that takes long; True once all are done.

    `team` is the number of PyTorch's threads: more than one for each short step cost more than they save, and wait for
    whoever shares the machine.
    """
    place, begun = st.empty(), time.monotonic()
    stopped = st.session_state.get(STOPPED) == named
    with turn() if not stopped and len(done) < total else nullcontext(), threads(team):
        while len(done) < total and not (stopped and done):
            key, found = next(steps)
            done[key] = found
            if time.monotonic() - begun > SILENT and len(done) < total:
                with place.container(horizontal=True, vertical_alignment="center"):
                    st.progress(len(done) / total, f"{len(done)} of {total} {noun} are done …")
                    st.button("Stop here", key=f"stop_{named}_{len(done)}", on_click=partial(_stop, named))
    place.empty()
    if len(done) < total:
        with place.container(horizontal=True, vertical_alignment="center"):
            st.html(pieces.notice(f"Stopped: {len(done)} of {total} {noun} are done."))
            st.button("Go on", key=f"on_{named}", on_click=partial(_stop, None))
    return len(done) == total


def _stop(named: str | None) -> None:
    st.session_state[STOPPED] = named
