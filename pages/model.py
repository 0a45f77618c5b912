"""What is this model? Its layers, heads, positions, scales and masks, and how exact what is shown of it is."""

import streamlit as st

from selfattn.figures import pieces
from selfattn.ui import model
from selfattn.ui.shell.frame import Study, routed
from selfattn.ui.shell.refusing import refusing


@routed
def page(study: Study) -> None:
    """The model's layers and facts."""
    with st.container(key="board"), refusing():
        anatomy = model.found(study.plain)
        st.html(pieces.question("What is this model?", anatomy.verdict))
        model.layers(study, anatomy)
        model.facts(anatomy)
        model.download(study, anatomy)
