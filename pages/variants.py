"""What do other attentions compute? The same head, the same sentence: each variant beside exact attention."""

import streamlit as st

from selfattn.figures import words

st.html(
    words.question(
        "What do other attentions compute?", "The same head, the same sentence: each variant beside exact attention."
    )
)
