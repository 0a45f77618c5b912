"""What goes wrong if …? Eleven mistakes that many make, each one switch."""

import streamlit as st

from selfattn.figures import words

st.html(words.question("What goes wrong if …?", "Eleven mistakes that many make, each one switch."))
