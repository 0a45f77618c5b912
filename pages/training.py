"""How does attention learn to look? Heads from random to trained, and an encoder trained on the reader's own texts."""

import streamlit as st

from selfattn.figures import pieces
from selfattn.ui import link
from selfattn.ui.shell.frame import Study, routed
from selfattn.ui.training import others, result, runs, start
from selfattn.ui.training import run as training_run
from selfattn.ui.training.learning import learning, shipped
from selfattn.ui.training.side_by_side import side_by_side
from selfattn.ui.training.sweep import sweep

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
            sweep(study.palette)
        elif what == BESIDE:
            side_by_side(study.palette)
        elif (run := runs.chosen()) is not None:
            training_run.view(run, study.palette)
            result.result(run, study.palette)
            others.others(run)
        else:
            learning(shipped(), "learning_induction", "induction")
            start.form()
            others.others(None)
