"""A text of several lines: a field of one line would make spaces of their ends without a word."""

from typing import Any

import streamlit as st

_SCRIPT = """
const mark = Symbol.for("selfattn.pasting");
export default function ({ setTriggerValue }) {
  const tell = (pasted) => setTriggerValue("pasted", pasted);
  if (window[mark]) return void (window[mark].tell = tell);
  const pasting = window[mark] = { tell };
  addEventListener("paste", (event) => {
    const field = event.composedPath()[0];
    const name = ["text", "second"].find((name) => field.closest?.(`.st-key-${name}`));
    const text = event.clipboardData?.getData("text/plain").replace(/\\r\\n?/g, "\\n") ?? "";
    if (!name || field.tagName !== "INPUT" || !/\\n\\s*\\S/.test(text)) return;
    event.preventDefault();
    event.stopPropagation();
    const { value, selectionStart, selectionEnd } = field;
    pasting.tell({ name, text: value.slice(0, selectionStart) + text + value.slice(selectionEnd) });
  }, true);
}
"""
_mount = st.components.v2.component("pasting", html="<i></i>", js=_SCRIPT)


def watch() -> None:
    """Take what is pasted into the fields of the text whole, where it has several lines."""
    _mount(key="pasting", on_pasted_change=_take)


def _take() -> None:
    told: Any = st.session_state.pasting.get("pasted") or {}
    if told.get("name") in ("text", "second") and isinstance(told.get("text"), str):
        st.session_state[told["name"]] = told["text"]


def forget(name: str) -> None:
    """The control of a text is not drawn in this run."""
    st.session_state.pop(f"{name}_lines", None)


def field(name: str, label: str, live: bool, **options: Any) -> str:
    """The control of a text: of one line, which Enter sends, or as many as the text has. Returns what stands in it."""
    state = st.session_state
    lines = "\n" in state[name]
    if state.get(f"{name}_lines") != lines:
        state[name] = state[name]  # a control that was not there in the run before shows what is set in this one
    state[f"{name}_lines"] = lines
    if lines:
        return str(st.text_area(label, key=name, height="content", **options))
    return str(st.text_input(label, key=name, live=live, **options))
