"""The mount of the live pictures. Streamlit serves their scripts, plain ES modules, from `browser/`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import streamlit as st

from selfattn.canvas.rooms import BROWSER, ROOMS, addressed
from selfattn.canvas.source import Source

# Until its script draws, a picture holds its place, and says so where that takes long enough to be noticed.
_WAITING = '<div class="canvas"><p class="waiting">The picture is being drawn …</p></div>'
# The one component that Streamlit knows; its folder is named in pyproject.toml.
_canvas = st.components.v2.component(
    "selfattn.canvas", html=_WAITING, js="main.js", css=(BROWSER / "main.css").read_text(encoding="utf-8")
)


def mount(room: str, *, key: str, data: bytes, source: Source, **events: Callable[[Any], object]) -> Any:
    """Draw a payload in a room of `browser/`; what the reader does there goes to `on_EVENT_change=`, a function of it.

    `source` names the picture where it is saved.

    Streamlit drops a state that is told in the moment in which its page is left. So states are numbered, and a room
    that opens is told which number its session heard last: it tells a later one again.
    """
    wide, narrow = ROOMS[room].wide, ROOMS[room].narrow
    st.html(f"<style>.st-key-{key} {{ --sa-wide: {wide}px; --sa-narrow: {narrow}px; --sa-waiting: block }}</style>")
    heard = st.session_state.setdefault(f"{key}_heard", _Heard())
    if key not in st.session_state:
        heard.at_opening = heard.last
    hears: dict[str, Any] = {name: partial(_hear, key, heard, name[3:-7], act) for name, act in events.items()}
    about = {"session": heard.session, "number": heard.at_opening, "source": source.as_json()}
    return _canvas(key=key, data=addressed(room, data, about), **hears)


@dataclass
class _Heard:
    """The number of the last state that a session heard of a picture: now, and when its page was opened."""

    last: int = 0
    at_opening: int = 0
    session: str = field(default_factory=lambda: uuid4().hex)


def _hear(key: str, heard: _Heard, event: str, act: Callable[[Any], object]) -> None:
    # Of a picture whose page is being left, Streamlit calls with what it has dropped already.
    told = getattr(st.session_state.get(key), event, None)
    if told is None:
        return
    if isinstance(told, dict) and "number" in told:
        heard.last = told["number"]
    act(told)


def fetch() -> None:
    """Let the browser fetch the scripts that draw a head before there is one."""
    _canvas(key="opening")
