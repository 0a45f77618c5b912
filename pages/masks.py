"""Which token can reach which? Draw a mask: after each layer a token has heard from one ring more of its neighbours."""

import streamlit as st

from selfattn.figures import words

st.html(
    words.question(
        "Which token can reach which?",
        "Draw a mask: after each layer a token has heard from one ring more of its neighbours.",
    )
)
