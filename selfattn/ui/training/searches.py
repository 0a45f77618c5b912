"""The reader's sweeps, which the link holds by their ids: looked at, renamed, removed."""

import re
import secrets
from pathlib import Path

import streamlit as st

from selfattn import places
from selfattn.figures import pieces
from selfattn.training import titles
from selfattn.training.search import sweeps
from selfattn.training.search.sweeps import Sweep
from selfattn.ui import caches
from selfattn.ui.link import Linked, linked
from selfattn.ui.shell import yours

ID = re.compile(r"sweep-[0-9a-f]{16}")
SWEEP: Linked[str | None] = linked("sweep", str, lambda name: name, None)


def chosen() -> Sweep | None:
    """The sweep that the link asks for."""
    asked = SWEEP.get()
    if asked is None:
        return None
    try:
        found = named(asked)
    except ValueError as error:
        st.html(pieces.notice(str(error)))
        return None
    yours.mine().add(asked)
    return found


def named(sweep: str) -> Sweep:
    """The sweep with an id. Raises ValueError where it is none: an id comes from a link, and may be anything."""
    found = places.RUNS / sweep
    if not ID.fullmatch(sweep) or found.is_symlink() or not found.is_dir():
        raise ValueError("The link asks for a sweep that is none, or is not on this machine; start one here.")
    return sweeps.open_sweep(found)


def folder() -> Path:
    """Where a new sweep will lie."""
    return places.RUNS / f"sweep-{secrets.token_hex(8)}"


def look_at(sweep: Sweep | None) -> None:
    """Go to a sweep, or to where a new one is prepared."""
    SWEEP.put(None if sweep is None else sweep.folder.name)


def free(title: str) -> str:
    """The title, with a number behind it where another sweep has it."""
    return titles.free(title, [sweep.title for sweep in yours.sweeps()])


def rename(sweep: Sweep, title: str) -> None:
    """Call a sweep by another title. Raises ValueError for one that cannot stand in a line."""
    if title.strip() != sweep.title:
        sweeps.rename(named(sweep.folder.name), free(titles.checked(title)))
        for trial in sweep.results():
            caches.MODELS.drop(yours.source(sweep.of(trial.number)))


def remove(sweep: Sweep) -> None:
    """Delete a sweep and all its trials. Raises ValueError while it is running."""
    sweeps.delete(named(sweep.folder.name))
    yours.mine().discard(sweep.folder.name)
    if SWEEP.get() == sweep.folder.name:
        look_at(None)
