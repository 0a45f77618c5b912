"""The pictures of one head, from a trace to the page: each function draws one."""

import streamlit as st

from selfattn.figures import words
from selfattn.figures.palette import Palette
from selfattn.figures.thumbnails import thumbnail
from selfattn.recording.call import Call
from selfattn.ui.controls import Head


def heads_of_layer(call: Call, at: Head, palette: Palette) -> None:
    """Every head of the layer as a small picture; a button opens it."""
    st.html(words.heading(f"The {call.heads} heads of this layer"))
    with st.container(key="heads"):
        columns = st.columns(max(call.heads, 8), gap="small")
        for head, column in zip(range(call.heads), columns, strict=False):
            with column:
                weights = call.stages(head).weights
                st.image(thumbnail(weights, palette), alt=f"Weights of head {head}", width="stretch")
                st.button(
                    str(head),
                    key=f"open_{head}",
                    type="primary" if head == at.head else "secondary",
                    width="stretch",
                    on_click=lambda head=head: st.session_state.update(head=head),
                    help=None,
                )
