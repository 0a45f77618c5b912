"""How does attention learn to look? Train an encoder on your own sentences and watch its heads."""

import streamlit as st

from selfattn.figures import words

st.html(
    words.question("How does attention learn to look?", "Train an encoder on your own sentences and watch its heads.")
)
