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
from selfattn.ui.shell.machine import on_this_machine

ID = re.compile(r"[a-z0-9-]{1,64}")
_starting = Lock()


def chosen() -> Run | None:
    """The run that the link asks for. Going to another page takes it out of the link: coming back puts it in again."""
    state = st.session_state
    if state.page != state.page_before and "run" not in st.query_params and state.get("run"):
        st.query_params["run"] = state.run
    state.run = st.query_params.get("run", "")
    if not state.run:
        return None
    try:
        run = named(state.run)
    except ValueError as error:
        st.html(pieces.notice(str(error)))
        return None
    _mine().add(state.run)
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
    if run is None:
        st.query_params.pop("run", None)
    else:
        st.query_params["run"] = run.folder.name


def listed() -> list[Run]:
    """The runs of this session, newest first; all of the machine for who sits at it."""
    everyone = on_this_machine()
    return [run for run in runs.all_runs(places.RUNS) if everyone or run.folder.name in _mine()]


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
    _mine().discard(run.folder.name)
    if st.query_params.get("run") == run.folder.name:
        look_at(None)


def _mine() -> set[str]:
    """The ids of the runs that this session has started, brought, or been given a link to."""
    mine: set[str] = st.session_state.setdefault("my_runs", set())
    return mine
