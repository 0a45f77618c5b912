"""What does attention cost? Measured on this machine, and planned past it."""

import streamlit as st

from selfattn.figures import words
from selfattn.ui import controls, costs_measured, costs_plan, shell
from selfattn.ui.refusing import refusing

PLANNED, MEASURED = "Planned", "Measured here"

study = shell.study()

st.html(
    words.question(
        "What does attention cost?",
        "Every token meets every other: twice the text, four times the work. Plan it on paper, or measure it here.",
    )
)
with st.container(horizontal=True, vertical_alignment="center", key="controls"):
    begin = st.session_state.pop("begin_costs", False)
    # What the button below chose needs no default beside it.
    shown = st.segmented_control(
        "Costs",
        [PLANNED, MEASURED],
        default=None if begin else PLANNED,
        required=True,
        key="costs",
        label_visibility="collapsed",
        **controls.KEEP,
    )
    st.button(
        "Measure on this machine",
        type="primary",
        key="measure",
        on_click=st.session_state.update,
        kwargs={"costs": MEASURED, "begin_costs": True},
    )

with refusing():
    if shown == PLANNED:
        plan = costs_plan.chosen(study)
        with st.container(key="board"):
            costs_plan.board(study, plan)
    else:
        setup, backward = costs_measured.chosen(study)
        with st.container(key="board"):
            costs_measured.board(study, setup, backward, begin)
