"""A sweep on the page: what to search, how far it is, and its trials as parallel coordinates."""

from pathlib import Path

import streamlit as st

from selfattn.figures import pieces
from selfattn.figures import sweeps as figures
from selfattn.figures.palette import Palette
from selfattn.training.run.settings import Settings
from selfattn.training.search import sweeps
from selfattn.training.search.ranges import USUAL, Range
from selfattn.training.search.sweeps import Sweep, Trial
from selfattn.ui.shell.charts import chart
from selfattn.ui.shell.refusing import refusing
from selfattn.ui.training import runs, searches, start
from selfattn.ui.training.curves import majority
from selfattn.ui.training.data import Data

BEAT = 1.0  # seconds between two looks at a sweep that goes on
FIRST = ["learning_rate", "heads", "dropout"]
LISTED = 12


def form() -> None:
    """What is needed to start a sweep."""
    data, settings = start.choose()
    if data is not None:
        with st.container(key="panel_sweep"), refusing():
            _form(data, settings)


def _form(data: Data, settings: Settings) -> None:
    names = st.multiselect("Search for the best", list(USUAL), FIRST, key="sweep_names", persist_state="session")
    st.html(pieces.facts([(name, _said(USUAL[name])) for name in names]))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        title = start.title_field(searches.free(sweeps.sensible_title(data.corpus.name)), "sweep_title")
        trials = st.number_input("Trials", 2, 200, 12, key="sweep_trials", width=140, persist_state="session")
        if st.button("Start the sweep", type="primary", key="sweep_start", disabled=not names):
            runs.check_free()
            with st.spinner("Preparing the texts …"):
                made = sweeps.prepare(
                    searches.folder(),
                    data.corpus,
                    settings,
                    {name: USUAL[name] for name in names},
                    trials,
                    tokenizer=data.tokenizer,
                    title=searches.free(title),
                )
            sweeps.start(made)
            searches.look_at(made)
            st.rerun()


def _said(found: Range) -> str:
    if found.among:
        return ", ".join(map(str, found.among))
    return f"{found.low:g} to {found.high:g}" + (", every power of ten as likely" if found.log else "")


def view(found: Sweep, palette: Palette) -> None:
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
        facts = f"{about['rows']:,} texts of {about['name']} · {', '.join(found.ranges)}"
        st.html(pieces.heading(found.title, facts))
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
        run = found.of(best.number)
        st.button("Open the best in the microscope", key="sweep_load", on_click=runs.open_model, args=(run,))
    st.button("Another sweep", key="sweep_leave", on_click=searches.look_at, args=(None,))


def _how_far(found: Sweep, done: int) -> str:
    said = f"{done} of {found.trials} trials"
    if found.state == "running" and found.asked():
        return f"{said}; stopping …"
    current = found.of(done)
    if found.state == "running" and Path(current.folder / "settings.json").exists():
        status = current.status
        return f"{said}; in this one, step {status.step:,} of {status.steps:,}"
    return said


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
    st.html(pieces.heading(found.verdict(), note))
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
