"""The runs and sweeps that are there, the newest first: open one, compare it, rename or remove it, or bring a run."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from selfattn import places
from selfattn.figures import pieces
from selfattn.figures import training as figures
from selfattn.training import titles
from selfattn.training.run.run import Run
from selfattn.training.run.settings import Settings
from selfattn.training.run.zips import import_zip
from selfattn.training.search.sweeps import Sweep
from selfattn.training.work import Work
from selfattn.ui import link
from selfattn.ui.shell.in_model import plain
from selfattn.ui.shell.machine import on_this_machine
from selfattn.ui.training import runs, searches

MOST_MEGABYTES = 200
# Rows that stand before what is below them: fewer where that is a run or a sweep, with its own among them.
AT_ONCE, BESIDE_ONE, MOST_LISTED = 4, 2, 20
MOST_DIFFERENT = 3  # settings that are named of a run, beside its size and its learning rate
NAMED = ("task", "layers", "heads", "d_model", "learning_rate")
Owned = TypeVar("Owned", Run, Sweep)


def list_runs(found: Sequence[Run], looked_at: Run | None) -> None:
    """Draw the list of runs; the one that is looked at is marked."""
    with st.container(key="panel_runs"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(pieces.heading("Runs", _whose("run")))
            if looked_at is not None:
                st.button("Train another", key="run_another", on_click=runs.look_at, args=(None,))
            with st.popover("Import a zip"):
                st.file_uploader(
                    "A run that was downloaded here or elsewhere",
                    "zip",
                    key="run_import",
                    max_upload_size=MOST_MEGABYTES,
                    on_change=_bring,
                )
        _folded(found, looked_at, partial(_run, looked_at=looked_at, listed=found))


def list_sweeps(found: Sequence[Sweep], looked_at: Sweep | None) -> None:
    """Draw the list of sweeps; the one that is looked at is marked."""
    with st.container(key="panel_sweeps"):
        st.html(pieces.heading("Sweeps", _whose("sweep")))
        _folded(found, looked_at, partial(_sweep, looked_at=looked_at))


def _whose(what: str) -> str:
    return "on this machine" if on_this_machine() else f"of this session; a link to a {what} opens it anywhere"


def _folded(found: Sequence[Owned], looked_at: Owned | None, draw: Callable[[Owned], None]) -> None:
    """The newest and the one that is looked at, and the others behind a line."""
    newest = found[: AT_ONCE if looked_at is None else BESIDE_ONE]
    first = [each for each in found if each in newest or each == looked_at]
    others = [each for each in found if each not in first]
    for each in first:
        draw(each)
    if others:
        with st.expander(f"{len(others):,} more"):
            for each in others[:MOST_LISTED]:
                draw(each)
            if len(others) > MOST_LISTED:
                st.html(figures.notes([f"And {len(others) - MOST_LISTED:,} that are older."]))


def _run(run: Run, looked_at: Run | None, listed: Sequence[Run]) -> None:
    name, here = run.folder.name, run == looked_at
    best, state = run.best(), run.status.state
    facts = [*([] if state == "done" else [state]), *_settings(run.settings)]
    facts += [] if best is None else [f"accuracy {best.accuracy:.3f}"]
    with _row(run, run.title, [*facts, _when(run)], here):
        if not here:
            st.button("Look", key=f"look_{name}", on_click=runs.look_at, args=(run,))
        other = None if best is None else _beside(run, looked_at, listed)
        if other is not None:
            st.button(
                "Compare",
                key=f"compare_{name}",
                help=f"With {plain(other.title)}, on a text of this one's data",
                on_click=runs.compare,
                args=(run, other),
            )
        _more(run, run.title, runs.rename, runs.remove, "Its model, curves and history are deleted from this machine.")


def _beside(run: Run, looked_at: Run | None, listed: Sequence[Run]) -> Run | None:
    """What to compare a run with: the one that is looked at, else the newest other one."""
    others = [each for each in (looked_at, *listed) if each is not None and each != run]
    return next((each for each in others if each.best() is not None), None)


def _settings(settings: Settings) -> list[str]:
    """A run's size and learning rate, and what else is not as usual."""
    usual = vars(Settings())
    others = [name for name, value in vars(settings).items() if name not in NAMED and value != usual[name]]
    more = [f"{_word(name)} {getattr(settings, name)}" for name in others[:MOST_DIFFERENT]]
    size = f"{settings.layers} × {settings.heads} heads, d_model {settings.d_model}"
    return [size, f"learning rate {settings.learning_rate:g}", *more, *(["…"] if len(others) > MOST_DIFFERENT else [])]


def _word(name: str) -> str:
    return name if name.startswith("d_") else name.replace("_", " ")


def _sweep(sweep: Sweep, looked_at: Sweep | None) -> None:
    name, here = sweep.folder.name, sweep == looked_at
    best, state = sweep.best(), sweep.state
    facts: list[str] = [] if state == "done" else [state]
    facts += [f"{len(sweep.results())} of {sweep.trials} trials", ", ".join(map(_word, sweep.ranges))]
    facts += [] if best is None else [f"best accuracy {best.accuracy:.3f}"]
    with _row(sweep, sweep.title, [*facts, _when(sweep.base)], here):
        if not here:
            st.button("Look", key=f"look_{name}", on_click=searches.look_at, args=(sweep,))
        _more(
            sweep,
            sweep.title,
            searches.rename,
            searches.remove,
            "Its trials and their models are deleted from this machine.",
        )


def _when(run: Run) -> str:
    """The date and the hour, as the reader's clock has them."""
    clock = timezone(-timedelta(minutes=st.context.timezone_offset or 0))
    return f"{datetime.fromisoformat(run.about['created']).astimezone(clock):%d %b %Y, %H:%M}"


def _row(work: Work, title: str, facts: Sequence[str], here: bool) -> DeltaGenerator:
    """A row: its name and facts, and the place of its buttons."""
    row = st.container(
        horizontal=True, vertical_alignment="center", key=f"{'here' if here else 'row'}_{work.folder.name}"
    )
    with row:
        st.html(pieces.heading(title, " · ".join(facts)))
        if here:
            st.html(pieces.badge("shown"), width="content")
    return row


def _more(
    work: Owned, title: str, rename: Callable[[Owned, str], None], remove: Callable[[Owned], None], lost: str
) -> None:
    """Another name, and the way to remove it, which is not there while it is worked on."""
    key, name = f"title_{work.folder.name}", work.folder.name
    with st.popover("More", key=f"more_{name}"):
        st.session_state.setdefault(key, title)
        st.text_input("Name", max_chars=titles.MOST, key=key, on_change=_rename, args=(work, key, rename))
        if not work.held:
            st.html(figures.notes([lost]))
            st.button("Remove it for good", key=f"remove_{name}", on_click=_remove, args=(work, remove))


def _rename(work: Owned, key: str, rename: Callable[[Owned, str], None]) -> None:
    try:
        rename(work, st.session_state[key])
    except ValueError as error:
        link.note("title", str(error))
    st.session_state[key] = work.title


def _remove(work: Owned, remove: Callable[[Owned], None]) -> None:
    try:
        remove(work)
    except ValueError as error:  # it is worked on, or another reader was faster
        link.note("remove", str(error))


def _bring() -> None:
    """Take a run out of an uploaded zip and go to it; what is wrong with it is said once."""
    file = st.session_state.run_import
    if file is None:
        return
    try:
        runs.look_at(import_zip(file, places.RUNS, runs.folder().name))
    except ValueError as error:
        link.note("zip", str(error))
