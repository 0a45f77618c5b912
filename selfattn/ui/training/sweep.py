"""A sweep on the page: what to search, how far it is, and its trials as parallel coordinates."""

import re
import secrets
from pathlib import Path

import streamlit as st

from selfattn import places
from selfattn.figures import pieces
from selfattn.figures import sweeps as figures
from selfattn.figures.palette import Palette
from selfattn.models.loading.library import Choice
from selfattn.training.run.run import Run
from selfattn.training.run.settings import Settings
from selfattn.training.search import sweeps
from selfattn.training.search.sweeps import USUAL, Range, Sweep, Trial
from selfattn.ui.link import Linked, linked
from selfattn.ui.shell import model_picker
from selfattn.ui.shell.charts import chart
from selfattn.ui.shell.machine import on_this_machine
from selfattn.ui.shell.refusing import refusing
from selfattn.ui.training import runs, start
from selfattn.ui.training.curves import majority
from selfattn.ui.training.data import Data

ID = re.compile(r"sweep-[0-9a-f]{16}")
SWEEP: Linked[str | None] = linked("sweep", str, lambda name: name, None)
BEAT = 1.0  # seconds between two looks at a sweep that goes on
FIRST = ["learning_rate", "heads", "dropout"]
LISTED = 12


def sweep(palette: Palette) -> None:
    """The sweep that the link asks for, live while it runs; else what is needed to start one."""
    found = _chosen()
    if found is not None:
        _view(found, palette)
        _others()
        return
    data, settings = start.choose()
    if data is not None:
        with st.container(key="panel_sweep"), refusing():
            _form(data, settings)
    _others()


def _chosen() -> Sweep | None:
    asked = SWEEP.get()
    if asked is None:
        return None
    try:
        if not ID.fullmatch(asked):
            raise ValueError("The link asks for a sweep that is none; start one here.")
        found = sweeps.open_sweep(places.RUNS / asked)
    except ValueError as error:
        st.html(pieces.notice(str(error)))
        return None
    runs.mine().add(asked)
    return found


def _others() -> None:
    """The other sweeps of this session, newest first; all of the machine for who sits at it."""
    everyone, here = on_this_machine(), SWEEP.get()
    found = [
        each
        for each in sweeps.all_sweeps(places.RUNS)
        if each.folder.name != here and (everyone or each.folder.name in runs.mine())
    ]
    if not found:
        return
    with st.container(key="panel_sweeps"):
        whose = "on this machine" if everyone else "of this session; a link to a sweep opens it anywhere"
        st.html(pieces.heading("Sweeps", whose))
        for each in found[:LISTED]:
            name = each.folder.name
            with st.container(horizontal=True, vertical_alignment="center", key=f"row_{name}"):
                done = f"{len(each.results())} of {each.trials} trials"
                st.html(pieces.heading(each.base.about["name"], f"{each.state} · {done} · {', '.join(each.ranges)}"))
                st.button("Look", key=f"look_{name}", on_click=SWEEP.put, args=(name,))


def _form(data: Data, settings: Settings) -> None:
    names = st.multiselect("Search for the best", list(USUAL), FIRST, key="sweep_names", persist_state="session")
    st.html(pieces.facts([(name, _said(USUAL[name])) for name in names]))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        trials = st.number_input("Trials", 2, 200, 12, key="sweep_trials", width=140, persist_state="session")
        if st.button("Start the sweep", type="primary", key="sweep_start", disabled=not names):
            runs.check_free()
            folder = places.RUNS / f"sweep-{secrets.token_hex(8)}"
            with st.spinner("Preparing the texts …"):
                made = sweeps.prepare(
                    folder,
                    data.corpus,
                    settings,
                    {name: USUAL[name] for name in names},
                    trials,
                    tokenizer=data.tokenizer,
                )
            sweeps.start(made)
            SWEEP.put(folder.name)
            st.rerun()


def _said(found: Range) -> str:
    if found.among:
        return ", ".join(map(str, found.among))
    return f"{found.low:g} to {found.high:g}" + (", every power of ten as likely" if found.log else "")


def _view(found: Sweep, palette: Palette) -> None:
    """Draw a sweep; while it goes on, what is new is drawn as it comes."""

    @st.fragment(run_every=BEAT)
    def live() -> None:
        if found.state != "running":
            st.rerun()  # the page has other buttons then
        _panels(found, palette)

    if found.state == "running":
        live()
    else:
        _panels(found, palette)


def _panels(found: Sweep, palette: Palette) -> None:
    trials = found.results()
    with st.container(key="panel_sweep"), refusing():
        _head(found, len(trials))
    with st.container(key="panel_trials"):
        _trials(found, trials, palette)


def _head(found: Sweep, done: int) -> None:
    about, state = found.base.about, found.state
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(pieces.heading(f"A sweep on {about['name']}", f"{about['rows']:,} texts · {', '.join(found.ranges)}"))
        if state == "running":
            st.button(
                "Stop", key="sweep_stop", on_click=found.ask, args=("cancel",), disabled=found.asked() is not None
            )
        else:
            _buttons(found, done)
    st.progress(done / found.trials, _how_far(found, done))


def _buttons(found: Sweep, done: int) -> None:
    if done < found.trials and st.button("Go on", key="sweep_resume", type="primary"):
        runs.check_free()
        sweeps.start(found)
        st.rerun()
    best = found.best()
    if best:
        st.button("Load the best model", key="sweep_load", on_click=_choose, args=(found.of(best.number),))
    st.button("Another sweep", key="sweep_leave", on_click=SWEEP.put, args=(None,))


def _how_far(found: Sweep, done: int) -> str:
    said = f"{done} of {found.trials} trials"
    if found.state == "running" and found.asked():
        return f"{said}; stopping …"
    current = found.of(done)
    if found.state == "running" and Path(current.folder / "settings.json").exists():
        status = current.status
        return f"{said}; in this one, step {status.step:,} of {status.steps:,}"
    return said


def _choose(run: Run) -> None:
    model_picker.choose(Choice(str(run.model.resolve())))


def _trials(found: Sweep, trials: list[Trial], palette: Palette) -> None:
    """The best so far, a line a trial, and the numbers."""
    best = found.best()
    if best is None:
        failed = f"The last one failed: {trials[-1].sentence}" if trials else "each one becomes a line here"
        st.html(pieces.heading("No trial has a result yet", failed))
        return
    note = (
        f"the most frequent answer alone reaches {majority(found.base.folder):.3f}; "
        "chosen on these texts, so on others maybe a little lower"
    )
    st.html(pieces.heading(f"Best: {best.said}, held-out accuracy {best.accuracy:.3f}", note))
    measured = [(trial, trial.accuracy) for trial in trials if trial.accuracy is not None]
    if len(measured) > 1:
        logarithmic = frozenset(name for name, each in found.ranges.items() if each.log)
        chart(
            figures.parallel_figure(
                [trial.values for trial, _ in measured], [accuracy for _, accuracy in measured], logarithmic, palette
            ),
            "sweep-trials",
            f"{len(measured)} trials as lines across {', '.join(found.ranges)}; best: {best.said}",
        )
    _numbers(found, trials)


def _numbers(found: Sweep, trials: list[Trial]) -> None:
    """The best trials, a row each."""
    ranked = sorted(trials, key=lambda trial: -(trial.accuracy or 0.0))[:LISTED]
    rows = [
        [
            f"{trial.number + 1}",
            *(f"{value:.2g}" if type(value) is float else str(value) for value in trial.values.values()),
            "failed" if trial.accuracy is None else f"{trial.accuracy:.3f}",
        ]
        for trial in ranked
    ]
    st.html(pieces.table(["trial", *found.ranges, figures.ACCURACY], rows))
