"""What goes wrong if …? Eleven mistakes that many make, each one switch, on the reader's own head."""

import streamlit as st

from selfattn.figures import words
from selfattn.ui import controls, mistakes, shell
from selfattn.ui.refusing import refusing

study = shell.study()

chooser, board = st.columns([1, 3.4], gap="medium")
with chooser:
    st.html(words.question("What goes wrong if …?", "Eleven mistakes, computed on your own sentence and head."))
    with refusing(), st.container(horizontal=True, key="place"):
        at = controls.head_picker(study.model)
    controls.notes()
    exhibit = mistakes.choose()
with board.container(key="board"):
    mistakes.show(study, at, exhibit)
