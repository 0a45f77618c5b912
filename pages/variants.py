"""What do other attentions compute? The same head, the same sentence: each variant beside exact attention."""

import streamlit as st

from selfattn.figures import pieces
from selfattn.ui import controls
from selfattn.ui.shell.frame import Study, routed
from selfattn.ui.shell.refusing import refusing
from selfattn.ui.variants import board, choices
from selfattn.ui.variants.export import export


@routed
def page(study: Study) -> None:
    """The chosen variant beside exact attention, and the table of all."""
    st.html(
        pieces.question(
            "What do other attentions compute?",
            "The same queries, keys and values of one head of this model, mixed another way. Choose one, or a row "
            "below.",
        )
    )
    with refusing():
        with st.container(horizontal=True, key="controls"):
            at = controls.head_picker(study.model)
        choice, about = st.columns([7, 5])
        with choice:
            variant = choices.chips()
            settings = choices.settings(variant, board.exact(study.plain, at))
        with about.container(key="panel_variant"):
            board.variant_panel(study, at, variant, settings)

    with st.container(key="board"), refusing():
        board.picture(study, at, variant, settings)
    export(study.plain, at, board.rows(study.plain, at, settings), variant, settings)
