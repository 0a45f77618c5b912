"""What does one attention head compute? Stage by stage, in the model's own numbers."""

import streamlit as st

from selfattn.ui import controls, shell
from selfattn.ui.export import export
from selfattn.ui.layer import heads_of_layer
from selfattn.ui.microscope import microscope, read_link

study = shell.study()

with st.container(horizontal=True, vertical_alignment="bottom", key="controls"), shell.refusing():
    at = controls.head_picker(study.model)
controls.notes()

with shell.refusing():
    edits = read_link()
    before = study.trace()
    after = study.trace(edits) if edits else None

with st.container(key="board"), shell.refusing():
    view = microscope(study, before, after, at)
    with st.container(key="panel_heads"):
        heads_of_layer(study, edits, at)
export(study, at, edits, view.edits())
