"""selfattn, an attention microscope: the router. Each page is one question that a reader asks."""

import streamlit as st

from selfattn.places import HOME
from selfattn.ui import opening

st.set_page_config(page_title="selfattn", page_icon=str(HOME / "assets" / "icon.svg"), layout="wide")
page = st.navigation(
    {
        "Look": [
            st.Page("pages/one_head.py", title="One head", default=True),
            st.Page("pages/all_heads.py", title="All heads"),
            st.Page("pages/compare.py", title="Compare"),
            st.Page("pages/model.py", title="Model"),
        ],
        "Change": [st.Page("pages/interventions.py", title="Interventions")],
        "Understand": [st.Page("pages/scaling.py", title="Why divide by √d")],
    }
)
with opening.curtain():
    from selfattn.ui import shell
shell.frame(page.url_path)
page.run()
