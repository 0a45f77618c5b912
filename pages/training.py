"""How does attention learn to look? Heads from random to trained, and an encoder trained on the reader's own texts."""

import streamlit as st

from selfattn.figures import pieces
from selfattn.figures.palette import Palette
from selfattn.ui import link, public
from selfattn.ui.shell import yours
from selfattn.ui.shell.frame import Study, routed
from selfattn.ui.training import others, result, runs, searches, start, sweep
from selfattn.ui.training import run as training_run
from selfattn.ui.training.learning import shipped
from selfattn.ui.training.side_by_side import side_by_side

ONE, SWEEP, BESIDE = "One run", "A sweep", "Scaled or not"


@routed
def page(study: Study) -> None:
    """The runs, the sweep, or the pair that trains side by side."""
    st.html(
        pieces.question(
            "How does attention learn to look?",
            "Every head begins at random. Drag through the steps of its training, then train an encoder on your own "
            "texts.",
        )
    )
    if public.is_off("training is"):
        with st.container(key="board"):
            shipped()
        return
    what = st.segmented_control(
        "What to train",
        [ONE, SWEEP, BESIDE],
        default=ONE,
        required=True,
        key="training_of",
        label_visibility="collapsed",
        **link.KEEP,
    )

    with st.container(key="board"):
        if what == SWEEP:
            sweeps(study.palette)
        elif what == BESIDE:
            side_by_side(study.palette)
        else:
            one_run(study.palette)


def one_run(palette: Palette) -> None:
    """The runs that are there, then the one that is looked at, or a shipped one and what is needed to train another."""
    run, found = runs.chosen(), yours.runs()
    if found:
        others.list_runs(found, run)
    if run is not None:
        training_run.view(run, palette)
        result.result(run, palette)
    else:
        shipped()
        start.form()
    if not found:
        others.list_runs(found, run)


def sweeps(palette: Palette) -> None:
    """The sweeps that are there, then the one that is looked at, or what is needed to start another."""
    looked_at, found = searches.chosen(), yours.sweeps()
    if found:
        others.list_sweeps(found, looked_at)
    if looked_at is not None:
        sweep.view(looked_at, palette)
    else:
        sweep.form()
