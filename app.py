"""selfattn, an attention microscope: the router. Each page is one question that a reader asks."""

import streamlit as st

from selfattn.places import HOME
from selfattn.ui.shell import opening

st.set_page_config(page_title="selfattn", page_icon=str(HOME / "assets" / "icon.svg"), layout="wide")
page = st.navigation(
    {
        "Look": [
            st.Page("pages/one_head.py", title="One head", default=True),
            st.Page("pages/all_heads.py", title="All heads"),
            st.Page("pages/compare.py", title="Compare"),
            st.Page("pages/model.py", title="Model"),
        ],
        "Change": [
            st.Page("pages/interventions.py", title="Interventions"),
            st.Page("pages/masks.py", title="Masks and positions"),
        ],
        "Understand": [
            st.Page("pages/scaling.py", title="Why divide by √d"),
            st.Page("pages/variants.py", title="Other attentions"),
            st.Page("pages/mistakes.py", title="Famous mistakes"),
        ],
        "Make": [
            st.Page("pages/training.py", title="Training"),
            st.Page("pages/cost.py", title="What it costs"),
        ],
    }
)
with opening.curtain():
    from selfattn.ui.shell import frame
frame.frame(page.url_path)
page.run()
