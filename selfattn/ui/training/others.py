"""The runs that are there: open one, remove one, bring one as a zip, or prepare another."""

from datetime import UTC, datetime

import streamlit as st

from selfattn import places
from selfattn.figures import pieces
from selfattn.figures import training as figures
from selfattn.figures.training import duration
from selfattn.training.run.run import Run
from selfattn.training.run.zips import import_zip
from selfattn.ui import link
from selfattn.ui.shell.machine import on_this_machine
from selfattn.ui.training import runs

MOST_MEGABYTES = 200
MOST_LISTED = 12


def others(looked_at: Run | None) -> None:
    """Draw the list."""
    found = runs.listed()
    with st.container(key="panel_runs"):
        with st.container(horizontal=True, vertical_alignment="center"):
            whose = "on this machine" if on_this_machine() else "of this session; a link to a run opens it anywhere"
            st.html(pieces.heading("Runs", whose))
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
        for run in found[:MOST_LISTED]:
            _row(run, looked_at is not None and run.folder == looked_at.folder)
        if len(found) > MOST_LISTED:
            st.html(figures.notes([f"And {len(found) - MOST_LISTED:,} older ones."]))


def _row(run: Run, here: bool) -> None:
    status, about, name = run.status, run.about, run.folder.name
    best = next((each for each in run.metrics() if each.step == status.best_step), None)
    facts = [status.state, f"step {status.step:,} of {status.steps:,}"]
    facts += [f"accuracy {best.accuracy:.3f}"] if best is not None else []
    facts.append(f"{duration((datetime.now(UTC) - datetime.fromisoformat(about['created'])).total_seconds())} ago")
    with st.container(horizontal=True, vertical_alignment="center", key=f"row_{name}"):
        st.html(pieces.heading(about["name"], " · ".join(facts)))
        if not here:
            st.button("Look", key=f"look_{name}", on_click=runs.look_at, args=(run,))
        if status.state != "running":
            with st.popover("Remove"):
                st.html(figures.notes(["Its model, curves and history are deleted from this machine."]))
                st.button("Remove it for good", key=f"remove_{name}", on_click=runs.remove, args=(run,))


def _bring() -> None:
    """Take a run out of an uploaded zip and go to it; what is wrong with it is said once."""
    file = st.session_state.run_import
    if file is None:
        return
    try:
        runs.look_at(import_zip(file, places.RUNS, runs.folder().name))
    except ValueError as error:
        link.note("zip", str(error))
