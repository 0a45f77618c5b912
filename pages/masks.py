"""Which token can reach which, and what does a model know of order? Draw a mask; shift and permute the words."""

import streamlit as st

from selfattn.figures import words
from selfattn.ui import controls, masks, shell
from selfattn.ui.refusing import refusing

MASKS, POSITIONS = "Masks", "Positions"
QUESTIONS = {
    MASKS: (
        "Which token can reach which?",
        "Drag over the left grid to hide pairs: after each layer a token has heard from what its neighbours had heard.",
    ),
    POSITIONS: (
        "How does a model know the order?",
        "Attention alone sees a bag of words: what is added for position is all that tells first from last.",
    ),
}

study = shell.study()

shown = st.segmented_control(
    "Masks or positions",
    QUESTIONS,
    default=MASKS,
    required=True,
    key="masks_or_positions",
    label_visibility="collapsed",
    **controls.KEEP,
)
st.html(words.question(*QUESTIONS[shown]))
if shown == MASKS:
    with st.container(horizontal=True, vertical_alignment="center", key="controls"), refusing():
        place = masks.place(study)
    controls.notes()
    with st.container(key="board"), refusing():
        pattern = masks.drawn(study, place)
        masks.picture(study, place, pattern)
    masks.export(study, place, pattern)
else:
    from selfattn.ui import positions_view

    with refusing():
        positions_view.positions(study)
