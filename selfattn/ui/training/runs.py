"""The reader's training runs, which the link holds by their ids: looked at, begun, renamed, removed, opened."""

import re
import secrets
from pathlib import Path
from threading import Lock

import streamlit as st

from selfattn import places
from selfattn.figures import pieces
from selfattn.models.loading.library import Choice, names
from selfattn.training import titles
from selfattn.training.run import run as runs
from selfattn.training.run import train
from selfattn.training.run.run import Run
from selfattn.training.work import Work
from selfattn.ui import caches, link
from selfattn.ui.link import QUOTED, Linked, linked
from selfattn.ui.shell import input_picker, model_picker, yours

ID = re.compile(r"[a-z0-9-]{1,64}")
RUN: Linked[str | None] = linked("run", str, lambda name: name, None)
_starting = Lock()


def _step(asked: str) -> int | None:
    if not re.fullmatch(r"\d{1,9}", asked):
        raise ValueError(f"Training step {asked[:QUOTED]} was asked for; a step is a whole number. The last is shown.")
    return int(asked)


# The step that is looked at; nothing stands for the last, which moves on while a run goes on.
STEP: Linked[int | None] = linked("training_step", _step, lambda step: None if step is None else str(step), None)


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
    yours.mine().add(asked)
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
    STEP.put(None)


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


def free(title: str) -> str:
    """The title, with a number behind it where another run or a model that ships has it."""
    return titles.free(title, [*names(), *(run.title for run in yours.runs())])


def rename(run: Run, title: str) -> None:
    """Call a run by another title. Raises ValueError for one that cannot stand in a line."""
    if title.strip() != run.title:
        runs.rename(named(run.folder.name), free(titles.checked(title)))
        caches.MODELS.drop(yours.source(run))


def remove(run: Run) -> None:
    """Delete a run. Raises ValueError while it is trained."""
    runs.delete(named(run.folder.name))
    yours.mine().discard(run.folder.name)
    if RUN.get() == run.folder.name:
        look_at(None)


def open_model(run: Run) -> None:
    """Go to the model of a run, with a text of its own data: for callbacks."""
    model_picker.choose(Choice(yours.source(run)))
    input_picker.give(run.about["watched"][0])
    link.go("one_head")


def compare(run: Run, other: Run) -> None:
    """Go to the models of two runs, with a text of the first's data: for callbacks."""
    model_picker.choose(Choice(yours.source(run)))
    input_picker.give(run.about["watched"][0])
    link.go("compare", **{"with": "model", "model_b": yours.source(other)})
