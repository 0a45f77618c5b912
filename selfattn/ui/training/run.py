"""A run as it goes: the heads learning to look, how far it is, and its curves, in every session that looks at it."""

from pathlib import Path

import streamlit as st

from selfattn.figures import pieces
from selfattn.figures import training as figures
from selfattn.figures.palette import Palette
from selfattn.figures.training import duration
from selfattn.training.run.history import History
from selfattn.training.run.progress import Status
from selfattn.training.run.run import Run
from selfattn.ui.kept import kept
from selfattn.ui.shell.refusing import refusing
from selfattn.ui.training import curves, runs
from selfattn.ui.training.learning import learning
from selfattn.ui.training.result import ENDED, card

# Seconds between two looks at a run: one that rests may be taken up again by another session, one that ended may not.
BEATS = {"running": 1.0, "ready": 3.0, "paused": 3.0, "failed": 3.0}


def view(run: Run, palette: Palette) -> None:
    """Draw a run; while it goes on, what is new is drawn as it comes."""
    state = run.status.state
    place = st.container(key="panel_run") if state in ENDED else None
    if place is not None:
        with place, refusing():
            _head(run)

    @st.fragment(run_every=BEATS.get(state))
    def live() -> None:
        if not run.folder.is_dir() or run.status.state != state:
            st.rerun()  # removed, begun or ended, maybe by another session: all of the page depends on it
        if place is None:
            with st.container(key="panel_run"), refusing():
                _head(run)
                st.progress(*_how_far(run.status))
        _history(run)
        with st.container(key="panel_curves"):
            curves.curves(run, palette)

    live()
    if place is not None:
        # Last, for a bag of words is trained first; and in no fragment, for its button leaves the page.
        with place:
            card(run)


def _history(run: Run) -> None:
    steps = sorted((run.folder / "history").glob("*.safetensors"))
    if steps:
        learning(_read_history(run.folder, steps[-1].name), f"learning_{run.folder.name}", run.title)
    else:
        st.html(figures.notes(["The heads are drawn here from the first step on."]))


@kept()
def _read_history(folder: Path, last: str) -> History:
    return Run(folder).history()


def _head(run: Run) -> None:
    about, settings = run.about, run.settings
    size = f"{settings.layers} × {settings.heads} heads, d_model {settings.d_model}, {about['parameters']:,} parameters"
    with st.container(horizontal=True, vertical_alignment="center", key="run_head"):
        st.html(pieces.heading(run.title, f"{about['rows']:,} texts of {about['name']} · {size}"))
        # What was there before leaves at once, not when the page is drawn to its end.
        with st.empty().container(horizontal=True, width="content"):
            _buttons(run, run.status)


def _how_far(status: Status) -> tuple[float, str]:
    """The share of its steps that is done, and where it stands in words."""
    share = min(max(status.step / max(status.steps, 1), 0.0), 1.0)
    if status.state == "ready":
        return share, f"Prepared: {status.steps:,} steps to go"
    so_far = f"step {status.step:,} of {status.steps:,}"
    if status.state == "paused":
        return share, f"Paused at {so_far}"
    if status.step == 0:
        return share, "Starting: PyTorch is being loaded …"
    left = "" if status.seconds_left is None else f", {duration(status.seconds_left)} left"
    return share, f"Running, {so_far}{left}"


def _buttons(run: Run, status: Status) -> None:
    match status.state:
        case "running":
            st.button("Pause", key="run_pause", on_click=run.ask, args=("pause",))
            st.button("Cancel", key="run_cancel", on_click=run.ask, args=("cancel",))
        case "ready" | "paused" | "failed":
            if st.button("Start" if status.state == "ready" else "Resume", key="run_resume", type="primary"):
                runs.start(run)
                st.rerun()
            st.button("Cancel", key="run_cancel", on_click=run.ask, args=("cancel",))
