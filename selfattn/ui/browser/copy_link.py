"""A button that copies the address of this very state: every control writes itself into it."""

import streamlit as st

_SCRIPT = """
export default function ({ parentElement }) {
  const button = parentElement.querySelector("button");
  button.onclick = async () => {
    const said = button.textContent;
    try {
      await navigator.clipboard.writeText(window.location.href);
      button.textContent = "Link copied";
    } catch {
      // No clipboard (an address without https, or a refusal): the address itself, to copy by hand.
      window.prompt("Copy this link", window.location.href);
    }
    setTimeout(() => { button.textContent = said; }, 1500);
  };
}
"""
_STYLE = """
button { font: inherit; font-size: .9rem; color: var(--st-text-color); background: transparent; width: 100%;
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius, 8px);
  padding: .4rem .8rem; cursor: pointer; }
button:hover, button:focus-visible { border-color: var(--st-primary-color); color: var(--st-primary-color); }
"""
_mount = st.components.v2.component(
    "copy_link", html='<button type="button" aria-live="polite">Copy link to this view</button>', js=_SCRIPT, css=_STYLE
)


def copy_link() -> None:
    """Mount the button."""
    _mount(key="copy_link")
