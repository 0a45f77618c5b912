"""What does one attention head compute? Stage by stage, in the model's own numbers."""

import streamlit as st

from selfattn.figures import pieces
from selfattn.models.inputs.given import kind_of
from selfattn.ui import controls
from selfattn.ui.one_head.export import export
from selfattn.ui.one_head.layer import heads_of_layer
from selfattn.ui.one_head.microscope import microscope, read_link
from selfattn.ui.shell import writing
from selfattn.ui.shell.frame import Study, routed
from selfattn.ui.shell.refusing import refusing

# What to look at first, by what the model reads.
LOOKS = dict.fromkeys(
    ("picture", "illustrated"), "Choose what looks, a word or a patch: where in the picture it looks lights up."
)


@routed
def page(study: Study) -> None:
    """The controls, the head, and the others of its layer."""
    looks = LOOKS.get(kind_of(study.run.given), "Each row is a token that looks.")
    said = f"{looks} Drag the temperature, or do not divide by √d, and watch softmax sharpen."
    st.html(pieces.question("What does one head compute?", said))
    with st.container(horizontal=True, vertical_alignment="bottom", key="controls"), refusing():
        at = controls.head_picker(study.model)
        temperature = writing.temperature_picker(study.model)

    with refusing():
        read_link(study.model, at)
    with st.container(key="board"), refusing():
        view = microscope(study, at, temperature)
        with st.container(key="panel_heads"):
            heads_of_layer(study, at)
    export(study, at, view.edits())
