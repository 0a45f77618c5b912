"""What differs between two? Two texts, heads, models, or the edits: their attention side by side, cell by cell."""

import streamlit as st

from selfattn.figures import words
from selfattn.ui import compare, compare_sides, controls, shell
from selfattn.ui.compare_export import export
from selfattn.ui.refusing import refusing

study = shell.study()

st.html(
    words.question(
        "What differs between the two?",
        "A is what you look at. B differs from it by what you choose here. Point at a cell of one to see both.",
    )
)
with refusing():
    sides = compare_sides.pick(study)
controls.notes()

with st.container(key="board"), refusing():
    pair = compare.run(sides)
    found = compare.found(sides, pair)
    compare.picture(sides, pair, found)
export(sides, pair, found)
