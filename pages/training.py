"""How does attention learn to look? Heads from random to trained, and an encoder trained on the reader's own texts."""

import streamlit as st

from selfattn.figures import words
from selfattn.ui import controls, runs, shell, training_list, training_result, training_run, training_start
from selfattn.ui.learning import learning, shipped
from selfattn.ui.side_by_side import side_by_side
from selfattn.ui.sweep import sweep

ONE, SWEEP, BESIDE = "One run", "A sweep", "Scaled or not"

study = shell.study()

st.html(
    words.question(
        "How does attention learn to look?",
        "Every head begins at random. Drag through the steps of its training, then train an encoder on your own texts.",
    )
)
what = st.segmented_control(
    "What to train",
    [ONE, SWEEP, BESIDE],
    default=ONE,
    required=True,
    key="training_of",
    label_visibility="collapsed",
    **controls.KEEP,
)
controls.notes()

with st.container(key="board"):
    if what == SWEEP:
        sweep(study.palette)
    elif what == BESIDE:
        side_by_side(study.palette)
    elif (run := runs.chosen()) is not None:
        training_run.view(run, study.palette)
        training_result.result(run, study.palette)
        training_list.others(run)
    else:
        learning(shipped(), "learning_induction")
        training_start.form()
        training_list.others(None)
