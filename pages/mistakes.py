"""What goes wrong if …? Eleven mistakes that many make, each one switch, on the reader's own head."""

import streamlit as st

from selfattn.figures import pieces
from selfattn.ui import controls
from selfattn.ui.mistakes import exhibit as mistakes
from selfattn.ui.shell.frame import Study, routed
from selfattn.ui.shell.refusing import refusing


@routed
def page(study: Study) -> None:
    """The list of mistakes, and the one that is chosen."""
    chooser, board = st.columns([1, 3.4], gap="medium")
    with chooser:
        st.html(pieces.question("What goes wrong if …?", "Eleven mistakes, computed on your own sentence and head."))
        with refusing(), st.container(horizontal=True, key="place"):
            at = controls.head_picker(study.model)
        exhibit = mistakes.choose()
    with board.container(key="board"):
        mistakes.show(study, at, exhibit)
