"""What a run has made: how good it is, beside what knows less, and the ways to take it along."""

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import streamlit as st

from selfattn.exports.data import rows_as_csv
from selfattn.figures import pieces
from selfattn.figures import training as figures
from selfattn.figures.palette import Palette
from selfattn.figures.training import duration
from selfattn.training.run import references
from selfattn.training.run.progress import Evaluation
from selfattn.training.run.run import Run
from selfattn.training.run.zips import export
from selfattn.ui.training import choices, runs
from selfattn.ui.training.curves import majority

ENDED = ("done", "cancelled", "failed")


def card(run: Run) -> None:
    """How a run ended, how good it is beside what knows less, and the way to its model."""
    status, best = run.status, run.best()
    said = f"{status.state.capitalize()} in {duration(status.seconds)}"
    if best is not None:
        said += f" · held-out accuracy {best.accuracy:.3f} ({_compared(run)})"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(figures.outcome(said, status.sentence))
        if best is not None:
            # The callback chooses the model before the sidebar is drawn, and leaves the page.
            st.button("Open in the microscope", key="run_open", type="primary", on_click=runs.open_model, args=(run,))


def _compared(run: Run) -> str:
    """What a bag of words reaches, and one constant answer."""
    least = f"most frequent {majority(run.folder):.3f}"
    if run.settings.task == choices.CLASSIFIER:
        with suppress(ValueError):  # scikit-learn is not installed
            return f"bag of words {_bag_of_words(run.folder):.3f}, {least}"
    return least


def result(run: Run, palette: Palette) -> None:
    """Draw it, where the run has ended and left a model."""
    best = run.best()
    if run.status.state not in ENDED or best is None:
        return
    with st.container(key="panel_result"):
        left, right = st.columns(2, gap="large")
        with left:
            _quality(run, best, palette)
        with right:
            st.html(pieces.heading("The model", f"as it was at step {best.step:,}"))
            _take_along(run)


def _quality(run: Run, best: Evaluation, palette: Palette) -> None:
    """The accuracy of the best network, of a bag of words, and of one constant answer."""
    least = majority(run.folder)
    st.html(pieces.heading("Held-out accuracy", f"of {run.about['held_out']:,} texts; the tick is the last line"))
    rows = [("this model", best.accuracy, least)]
    notes = []
    if best.f1 is not None:
        notes.append(f"Macro F1 of this model: {best.f1:.3f}.")
        try:
            rows.append(("bag of words", _bag_of_words(run.folder), least))
        except ValueError as error:  # scikit-learn is not installed
            notes.append(str(error))
    rows.append(("most frequent", least, least))
    st.html(pieces.bars(rows, palette.ink) + figures.notes([*notes, *run.about["notes"]]))


@st.cache_data(max_entries=64, show_spinner="Training a bag of words beside it …")
def _bag_of_words(folder: Path) -> float:
    return references.bag_of_words(Run(folder))


def _take_along(run: Run) -> None:
    with st.container(horizontal=True):
        st.download_button(
            "Download as zip", lambda: export(run), f"selfattn-{run.folder.name}.zip", "application/zip", key="run_zip"
        )
        st.download_button(
            "Curves as CSV", lambda: as_csv(run), f"selfattn-{run.folder.name}.csv", "text/csv", key="run_csv"
        )
    st.code(_as_python(run), "python")


def as_csv(run: Run) -> bytes:
    """Every evaluation a row, the entropy of each layer a column."""
    rows = []
    for measured in run.metrics():
        row = asdict(measured)
        row |= {f"entropy of layer {layer}": value for layer, value in enumerate(row.pop("entropy"))}
        rows.append(row)
    return rows_as_csv(rows[0], (list(row.values()) for row in rows))


def _as_python(run: Run) -> str:
    lines = [
        "import selfattn",
        "",
        f"model = selfattn.load({str(run.model.resolve())!r})",
        f"trace = selfattn.trace(model, {run.about['watched'][0]!r})",
        "print(trace.prediction.top(3), trace.stages(layer=0, head=0).weights)",
    ]
    return "\n".join(lines)
