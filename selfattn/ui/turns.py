"""Whose turn it is to compute at length, where strangers share a machine: one work of each reader, and few at once."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from selfattn.figures import pieces
from selfattn.ui import public

# Seconds between two looks at the queue; who went away meanwhile leaves it then.
BEAT = 0.5


class Turns:
    """Works in the order in which they came: `at_once` of them under way, and at most one of each reader."""

    def __init__(self, at_once: int) -> None:
        self._at_once, self._changed = at_once, Condition()
        self._working: dict[object, str] = {}  # a ticket, and whose it is
        self._waiting: dict[object, str] = {}

    @contextmanager
    def turn(self, reader: str, say: Callable[[int], None]) -> Iterator[None]:
        """The turn of a reader, waited for; `say` hears how many are before them now and then, and may raise."""
        ticket = object()
        with self._changed:
            self._waiting[ticket] = reader
        try:
            while not self._begin(ticket):
                say(self._before(ticket))
            yield
        finally:
            with self._changed:
                self._waiting.pop(ticket, None)
                self._working.pop(ticket, None)
                self._changed.notify_all()

    def _begin(self, ticket: object) -> bool:
        """Begin where it is the ticket's turn, once that changes; False where it is not within a beat."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._next() is ticket, BEAT):
                return False
            self._working[ticket] = self._waiting.pop(ticket)
            return True

    def _next(self) -> object:
        """The first who waits and has nothing under way; None where the machine has enough to do."""
        if len(self._working) >= self._at_once:
            return None
        return next((each for each, reader in self._waiting.items() if reader not in self._working.values()), None)

    def _before(self, ticket: object) -> int:
        with self._changed:
            return len(self._working) + list(self._waiting).index(ticket)


TURNS = Turns(max(1, (os.cpu_count() or 1) // 2))


@contextmanager
def turn() -> Iterator[None]:
    """The reader's turn to compute at length; where they are no strangers, everybody's is at once."""
    if public.PUBLIC is None:
        yield
        return
    place = st.empty()

    def say(before: int) -> None:
        others = "1 reader's computation" if before == 1 else f"the computations of {before} readers"
        place.html(pieces.note(f"Waiting for {others} …"))

    with TURNS.turn(_reader(), say):
        place.empty()
        yield


def _reader() -> str:
    """Who reads: an address, for one reader may open many tabs; behind a proxy, where all have one, the session."""
    context = get_script_run_ctx(suppress_warning=True)
    return st.context.ip_address or (context.session_id if context else "")
