"""The mount of the live pictures. Streamlit serves their scripts, plain ES modules, from `browser/`."""

from typing import Any

import streamlit as st

from selfattn.canvas.rooms import BROWSER, ROOMS, addressed

# Until its script draws, a picture holds its place, and says so where that takes long enough to be noticed.
_WAITING = '<div class="canvas"><p class="waiting">The picture is being drawn …</p></div>'
# The one component that Streamlit knows; its folder is named in pyproject.toml.
_canvas = st.components.v2.component(
    "selfattn.canvas", html=_WAITING, js="main.js", css=(BROWSER / "main.css").read_text(encoding="utf-8")
)


def mount(room: str, *, key: str, data: bytes, **events: Any) -> Any:
    """Draw a payload in a room of `browser/`; what the reader does there goes to `on_EVENT_change=`."""
    wide, narrow = ROOMS[room].wide, ROOMS[room].narrow
    st.html(f"<style>.st-key-{key} {{ --sa-wide: {wide}px; --sa-narrow: {narrow}px; --sa-waiting: block }}</style>")
    return _canvas(key=key, data=addressed(room, data), **events)


def fetch() -> None:
    """Let the browser fetch the scripts that draw a head before there is one."""
    _canvas(key="opening")
