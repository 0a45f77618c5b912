"""selfattn, an attention microscope: the router. Each page is one question that a reader asks."""

import os
from importlib import import_module

import streamlit as st

from selfattn.places import HOME
from selfattn.ui.shell import opening

# Threads of PyTorch that wait for each other sleep: while they spin, whoever else computes on the machine stands still.
# This is read when PyTorch is loaded, which is below.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def page(name: str, title: str, *, default: bool = False) -> st.Page:
    """A page by the name of its file, which is imported when the page is shown."""
    return st.Page(lambda: import_module(f"pages.{name}").page(study), title=title, url_path=name, default=default)


st.set_page_config(page_title="selfattn", page_icon=str(HOME / "assets" / "icon.svg"), layout="wide")
shown = st.navigation(
    {
        "Look": [
            page("one_head", "One head", default=True),
            page("all_heads", "All heads"),
            page("compare", "Compare"),
            page("model", "Model"),
        ],
        "Change": [
            page("interventions", "Interventions"),
            page("masks", "Masks and positions"),
        ],
        "Understand": [
            page("scaling", "Why divide by √d"),
            page("variants", "Other attentions"),
            page("mistakes", "Famous mistakes"),
        ],
        "Make": [
            page("training", "Training"),
            page("cost", "What it costs"),
        ],
    }
)
with opening.curtain():
    from selfattn.ui import link
    from selfattn.ui.shell import frame
study = frame.frame(shown.url_path, shown.title)
with link.notes():
    shown.run()
