"""The edits in the model: the link holds them, every page says so, and each can be taken out."""

import re
from collections.abc import Sequence

import streamlit as st

from selfattn import Model
from selfattn.analysis.interventions.edit_list import in_words
from selfattn.figures import pieces
from selfattn.models.inputs.tokens import visible
from selfattn.recording.edits import Edit, from_json, to_json
from selfattn.ui.link import Linked, linked

EDITS: Linked[tuple[Edit, ...]] = linked(
    "edits", from_json, lambda edits: to_json(edits) if edits else None, (), noun="This list of changes"
)
# Edits that are named one by one.
NAMED = 6


def strip(edits: Sequence[Edit], model: Model, tokens: Sequence[str], drawn: bool) -> None:
    """Say which edits are in the model, each a button that takes it out; and where they are not `drawn`, so."""
    if not edits:
        return
    several = len(model.attentions) > 1
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="in_model"):
        st.html(pieces.note("In the model:" if drawn else "In the model, but not on this page:"), width="content")
        for place, edit in enumerate(edits[:NAMED]):
            words = visible(in_words(edit, tokens, tokens, several))
            st.button(
                f"{plain(words)} ✕",
                key=f"take_out_{place}",
                help="Take it out of the model",
                on_click=_take_out,
                args=(to_json([edit]),),
            )
        if (more := len(edits) - NAMED) > 0:
            st.html(pieces.note(f"and {more} more"), width="content")
        if len(edits) > 1:
            st.button("Take all out", key="take_all_out", type="tertiary", on_click=EDITS.put, args=((),))


def add(edits: Sequence[Edit]) -> None:
    """Put edits into the model beside those that are there; what is there already is not added again."""
    there = EDITS.get()
    EDITS.put((*there, *(edit for edit in edits if edit not in there)))


def _take_out(written: str) -> None:
    EDITS.put(tuple(edit for edit in EDITS.get() if to_json([edit]) != written))


def plain(words: str) -> str:
    """Words as Streamlit's Markdown shows them unchanged: they hold a reader's text."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!~$:|^])", r"\\\1", words)
