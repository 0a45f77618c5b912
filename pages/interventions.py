"""What does the model need? Silence heads, cut lines, change the formula, and see what it says then."""

import streamlit as st

from selfattn.figures import pieces
from selfattn.ui import controls, link
from selfattn.ui.interventions import asked, patching, ranking, silent
from selfattn.ui.interventions import board as interventions
from selfattn.ui.interventions.add_change import add_change
from selfattn.ui.shell import in_model
from selfattn.ui.shell.frame import Study, routed
from selfattn.ui.shell.refusing import refusing

CHANGE, PATCH = "Silence and cut", "Patch from another text"
ANSWERS = {
    CHANGE: "Silence a head, cut a line or hide a word: the model runs again with that change inside, at once.",
    PATCH: "What each head gave on another text is put into this one: does the other answer come back with it?",
}


@routed
def page(study: Study) -> None:
    """The changes in the model, or the patches from another text."""
    title = st.container()
    experiment = st.segmented_control(
        "Experiment",
        [CHANGE, PATCH],
        default=CHANGE,
        required=True,
        key="experiment_of",
        label_visibility="collapsed",
        **link.KEEP,
    )
    title.html(pieces.question("What does the model need?", ANSWERS[experiment]))

    with refusing():
        edits = in_model.EDITS.get() if study.refused else study.run.edits
        if experiment == CHANGE:
            with st.container(horizontal=True, vertical_alignment="center", key="controls"):
                setup = interventions.setup(study)
                add_change(study, setup.attention, edits)
            board = st.container(key="board")
            with st.container(horizontal=True, vertical_alignment="bottom", key="measures"):
                how = silent.pick(study, edits)
                on = asked.pick(study)
                wanted = ranking.wanted(setup.attention)
            ranking.measure_at_once(study, setup.attention, edits, how, on)
            with board:
                interventions.picture(study, setup, edits, how, on)
            ranking.measure(study, setup.attention, edits, how, on, wanted)
            ranking.table(study, setup.attention, how, on)
            interventions.export(study, setup.attention, edits, how, on)
        else:
            attention = controls.part_picker(study.model)
            with st.container(key="board"):
                patching.patching(study, attention)
