"""What do other attentions compute? The same head, the same sentence: each variant beside exact attention."""

import streamlit as st

from selfattn.figures import words
from selfattn.ui import controls, shell, variants, variants_controls
from selfattn.ui.refusing import refusing
from selfattn.ui.variants_export import export

study = shell.study()

st.html(
    words.question(
        "What do other attentions compute?",
        "The same queries, keys and values of one head of this model, mixed another way. Choose one, or a row below.",
    )
)
with refusing():
    with st.container(horizontal=True, key="controls"):
        at = controls.head_picker(study.model)
    controls.notes()
    choice, about = st.columns([7, 5])
    with choice:
        variant = variants_controls.chips()
        settings = variants_controls.settings(variant, variants.exact(study.run, at))
    with about.container(key="panel_variant"):
        variants.variant_panel(study, at, variant, settings)

with st.container(key="board"), refusing():
    variants.picture(study, at, variant, settings)
export(study.run, at, variants.rows(study.run, at, settings), variant, settings)
