"""What differs between two? Two texts, heads, models, or the edits: their attention side by side, cell by cell."""

import streamlit as st

from selfattn.figures import pieces
from selfattn.ui.compare import board
from selfattn.ui.compare import sides as compare_sides
from selfattn.ui.compare.export import export
from selfattn.ui.shell.frame import Study, routed
from selfattn.ui.shell.refusing import refusing


@routed
def page(study: Study) -> None:
    """Two sides, their difference, and which heads differ most."""
    st.html(
        pieces.question(
            "What differs between the two?",
            "A is what you look at. B differs from it by what you choose here. Point at a cell of one to see both.",
        )
    )
    with refusing():
        sides = compare_sides.pick(study)

    with st.container(key="board"), refusing():
        pair = board.run(sides)
        found = board.found(sides, pair)
        board.picture(sides, pair, found)
    export(sides, pair, found)
