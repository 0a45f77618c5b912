"""The mounts of the live components. Streamlit serves their scripts, plain ES modules, from `browser/`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

BROWSER = Path(__file__).with_name("browser")


def _component(name: str, room: str, *sheets: str) -> Callable[..., Any]:
    # The folder is named in pyproject.toml, `[[tool.streamlit.component.components]]`. The style goes with the first
    # message: a sheet that is fetched later would leave the component bare for a moment.
    style = "\n".join((BROWSER / f"{sheet}.css").read_text(encoding="utf-8") for sheet in sheets)
    return st.components.v2.component(
        f"selfattn.{name}", html=f'<div class="{name}"></div>', js=f"{room}/index.js", css=style
    )


_HEAD, _TABLE = "one_head/head", "one_head/table"
# Each draws the payload given as `data=`, and tells what the reader does there to `on_EVENT_change=`.
head = _component(
    "head", "one_head", "shared/slider", _HEAD, "one_head/map/map", "one_head/lines", _TABLE, "one_head/places"
)
atlas = _component("atlas", "all_heads", "shared/slider", "all_heads/atlas")
compare = _component("compare", "compare", _HEAD, _TABLE, "compare/compare")
experiment = _component("experiment", "interventions", "interventions/experiment")
mask = _component("mask", "masks", "shared/slider", "interventions/experiment", "masks/mask")
history = _component("history", "training", "shared/slider", "training/history")
variants = _component("variants", "variants", _HEAD, _TABLE, "compare/compare", "variants/variants")
