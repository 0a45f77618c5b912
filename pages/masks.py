"""Which token can reach which, and what does a model know of order? Draw a mask; shift and permute the words."""

import streamlit as st

from selfattn.figures import pieces
from selfattn.ui import link
from selfattn.ui.masks import board
from selfattn.ui.shell.frame import Study, routed
from selfattn.ui.shell.refusing import refusing

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


@routed
def page(study: Study) -> None:
    """The mask, or the places of words."""
    title = st.container()
    shown = st.segmented_control(
        "Masks or positions",
        QUESTIONS,
        default=MASKS,
        required=True,
        key="masks_or_positions",
        label_visibility="collapsed",
        **link.KEEP,
    )
    title.html(pieces.question(*QUESTIONS[shown]))
    if shown == MASKS:
        with st.container(horizontal=True, vertical_alignment="center", key="controls"), refusing():
            place = board.place(study)
        with st.container(key="board"), refusing():
            pattern = board.drawn(study, place)
            board.picture(study, place, pattern)
        board.export(study, place, pattern)
    else:
        from selfattn.ui.masks import positions

        with refusing():
            positions.positions(study)
