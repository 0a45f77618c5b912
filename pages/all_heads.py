"""Which head does what? Every head of a model on one page: its picture, and what it looks at by computed patterns."""

import streamlit as st

from selfattn.figures import pieces
from selfattn.ui import controls, link
from selfattn.ui.all_heads import heads
from selfattn.ui.shell.frame import Study, routed
from selfattn.ui.shell.refusing import refusing

PICTURES, TABLE, CLASSIC = "Pictures", "Table", "Classic (BertViz)"


@routed
def page(study: Study) -> None:
    """Every head of the model, as pictures or numbers."""
    st.html(
        pieces.question(
            "Which head does what?",
            "Look for badges: what a head gives most of its weight to. They say where it reads, not what that does.",
        )
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        attention = controls.part_picker(study.model)
        shown = st.segmented_control(
            "Show",
            [PICTURES, TABLE, CLASSIC],
            default=PICTURES,
            required=True,
            key="shown",
            label_visibility="collapsed",
            **link.KEEP,
        )
        study = heads.edits_or_not(study)

    with st.container(key="board"), refusing():
        if shown == CLASSIC:
            from selfattn.ui.all_heads.classic import classic

            classic(study, attention)
        else:
            found = heads.found(study, attention, whole=shown == TABLE)
            if shown == PICTURES:
                heads.pictures(study, found, attention)
            else:
                heads.table(study, found)
            heads.go_on(study, attention)
