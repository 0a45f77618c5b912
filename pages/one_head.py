"""What does one attention head compute? Stage by stage, in the model's own numbers."""

import streamlit as st

from selfattn.figures import pieces
from selfattn.ui import controls
from selfattn.ui.one_head.export import export
from selfattn.ui.one_head.layer import heads_of_layer
from selfattn.ui.one_head.microscope import microscope, read_link
from selfattn.ui.shell import writing
from selfattn.ui.shell.frame import Study, routed
from selfattn.ui.shell.refusing import refusing


@routed
def page(study: Study) -> None:
    """The controls, the head, and the others of its layer."""
    st.html(
        pieces.question(
            "What does one head compute?",
            "From queries and keys to weights, stage by stage. Move the temperature and watch the weights sharpen.",
        )
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="controls"), refusing():
        at = controls.head_picker(study.model)
        temperature = writing.temperature_picker(study.model)

    with refusing():
        before = study.trace()
        found, refused = study.try_edits(read_link(study.model))
        edits = found.edits
        for sentence in refused:
            st.html(pieces.notice(sentence))

    with st.container(key="board"), refusing():
        view = microscope(study, before, found if edits else None, at, temperature)
        with st.container(key="panel_heads"):
            heads_of_layer(study, edits, at)
    export(study, at, edits, view.edits())
