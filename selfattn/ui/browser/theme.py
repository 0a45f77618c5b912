"""A change of the browser's theme, noticed: what Python draws in its colours is drawn again."""

import streamlit as st

# Streamlit hands its colours to a component, and does not run the script when they change. The transition of a colour
# that follows them ends a millisecond after they did.
_SCRIPT = """
export default function ({ parentElement, setTriggerValue }) {
  parentElement.querySelector("i").ontransitionend = () => setTriggerValue("changed", true);
}
"""
_STYLE = """
i { color: var(--st-text-color);
  transition: color 1ms; }
"""
_mount = st.components.v2.component("theme", html="<i></i>", js=_SCRIPT, css=_STYLE)


def watch() -> None:
    """Run the script again when the theme has changed."""
    _mount(key="theme", on_changed_change=lambda: None)
