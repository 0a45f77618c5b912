"""What does attention cost? Measured on this machine, and planned past it."""

import streamlit as st

from selfattn.figures import pieces
from selfattn.ui import link, public
from selfattn.ui.cost import measured
from selfattn.ui.cost import plan as costs_plan
from selfattn.ui.shell.frame import Study, routed
from selfattn.ui.shell.refusing import refusing

PLANNED, MEASURED = "Planned", "Measured here"


@routed
def page(study: Study) -> None:
    """The plan on paper, or the measurement."""
    st.html(
        pieces.question(
            "What does attention cost?",
            "Every token meets every other: twice the text, four times the work. Plan it on paper, or measure it here.",
        )
    )
    with st.container(horizontal=True, vertical_alignment="center", key="controls"):
        shown, begin = (PLANNED, False) if public.is_off("measuring this machine is") else _chosen()

    with refusing():
        if shown == PLANNED:
            plan = costs_plan.chosen(study)
            with st.container(key="board"):
                costs_plan.board(study, plan)
        else:
            setup, backward = measured.chosen(study)
            with st.container(key="board"):
                measured.board(study, setup, backward, begin)


def _chosen() -> tuple[str, bool]:
    """Which costs are shown, and whether to begin to measure."""
    begin = st.session_state.pop("begin_costs", False)
    # What the button below chose needs no default beside it.
    shown = st.segmented_control(
        "Costs",
        [PLANNED, MEASURED],
        default=None if begin else PLANNED,
        required=True,
        key="costs",
        label_visibility="collapsed",
        **link.KEEP,
    )
    st.button(
        "Measure on this machine",
        type="primary",
        key="measure",
        on_click=st.session_state.update,
        kwargs={"costs": MEASURED, "begin_costs": True},
    )
    return str(shown), begin
