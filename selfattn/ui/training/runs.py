"""The reader's training runs: each a folder on this machine, under an id that nobody can guess. The link holds it."""

import re
import secrets
from pathlib import Path
from threading import Lock

import streamlit as st

from selfattn import places
from selfattn.figures import pieces
from selfattn.training.run import run as runs
from selfattn.training.run import train
from selfattn.training.run.run import Run
from selfattn.training.work import Work
from selfattn.ui.link import Linked, linked
from selfattn.ui.shell.machine import on_this_machine

ID = re.compile(r"[a-z0-9-]{1,64}")
RUN: Linked[str | None] = linked("run", str, lambda name: name, None)
_starting = Lock()


def chosen() -> Run | None:
    """The run that the link asks for."""
    asked = RUN.get()
    if asked is None:
        return None
    try:
        run = named(asked)
    except ValueError as error:
        st.html(pieces.notice(str(error)))
        return None
    mine().add(asked)
    return run


def named(run: str) -> Run:
    """The run with an id. Raises ValueError where it is none: an id comes from a link, and may be anything."""
    found = places.RUNS / run
    if not ID.fullmatch(run) or found.is_symlink() or not found.is_dir():
        raise ValueError("The link asks for a run that is not on this machine: it was removed, or made on another one.")
    return runs.open_run(found)


def folder() -> Path:
    """Where a new run will lie."""
    return places.RUNS / secrets.token_hex(8)


def look_at(run: Run | None) -> None:
    """Go to a run, or to where a new one is prepared."""
    RUN.put(None if run is None else run.folder.name)


def listed() -> list[Run]:
    """The runs of this session, newest first; all of the machine for who sits at it."""
    everyone = on_this_machine()
    return [run for run in runs.all_runs(places.RUNS) if everyone or run.folder.name in mine()]


def check_free() -> None:
    """Raise ValueError where this machine trains already, be it a run, a sweep or two side by side."""
    there = places.RUNS.iterdir() if places.RUNS.is_dir() else ()
    if any(Work(each).held for each in there if each.is_dir()):
        raise ValueError("This machine trains another model already, one at a time; start again when it is done.")


def start(run: Run) -> None:
    """Train a run, or go on with it, in a process of its own. Raises ValueError where the machine trains another."""
    with _starting:
        check_free()
        train.start(run)


def remove(run: Run) -> None:
    """Delete a run. Raises ValueError while it is trained."""
    runs.delete(named(run.folder.name))
    mine().discard(run.folder.name)
    if RUN.get() == run.folder.name:
        look_at(None)


def mine() -> set[str]:
    """The ids of the runs and sweeps that this session has started, brought, or been given a link to."""
    found: set[str] = st.session_state.setdefault("my_runs", set())
    return found
