"""The mounts of the live components. Streamlit serves their scripts, plain ES modules, from `browser/`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

BROWSER = Path(__file__).with_name("browser")


def _component(name: str, *sheets: str) -> Callable[..., Any]:
    # The folder is named in pyproject.toml, `[[tool.streamlit.component.components]]`. The style goes with the first
    # message: a sheet that is fetched later would leave the component bare for a moment.
    style = "\n".join((BROWSER / f"{sheet}.css").read_text(encoding="utf-8") for sheet in sheets)
    return st.components.v2.component(
        f"selfattn.{name}", html=f'<div class="{name}"></div>', js=f"{name}.js", css=style
    )


# Each draws the payload given as `data=`, and tells what the reader does there to `on_EVENT_change=`.
head = _component("head", "slider", "head", "map", "lines", "table", "places")
atlas = _component("atlas", "slider", "atlas")
compare = _component("compare", "head", "table", "compare")
experiment = _component("experiment", "experiment")
mask = _component("mask", "slider", "experiment", "mask")
history = _component("history", "slider", "history")
variants = _component("variants", "head", "table", "compare", "variants")
