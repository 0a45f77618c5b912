"""What does attention cost? Measured on this machine, and planned past it."""

import streamlit as st

from selfattn.figures import words

st.html(words.question("What does attention cost?", "Measured on this machine, and planned past it."))
