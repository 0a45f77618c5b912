"""What is this model? Its layers, heads, positions, scales and masks, and how exact what is shown of it is."""

import streamlit as st

from selfattn.figures import words
from selfattn.ui import model_view, shell
from selfattn.ui.refusing import refusing

study = shell.study()

with st.container(key="board"), refusing():
    anatomy = model_view.found(study.run)
    st.html(words.question("What is this model?", anatomy.verdict))
    model_view.layers(study, anatomy)
    model_view.facts(anatomy)
    model_view.download(study, anatomy)
