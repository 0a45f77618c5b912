"""The browser's way back: one step for each thing that the reader did."""

import streamlit as st

from selfattn.ui import link

# Streamlit adds a step for every value that it writes into the address: several for one click, and one for each key. A
# step stays where the reader has done something since the last one; what is typed into a field is one thing.
_SCRIPT = """
const mark = Symbol.for("selfattn.steps");
export default function ({ setTriggerValue }) {
  const back = () => setTriggerValue("back", true);
  if (history[mark]) return void (history[mark].back = back);
  const steps = history[mark] = { back };
  let acted = false;
  let typing = null;
  const act = () => { acted = true; typing = null; };
  const key = (event) => {
    const field = event.composedPath()[0];
    const typed = field.matches?.("textarea, input:not([type=range], [type=checkbox], [type=radio])");
    if (!typed) return act();
    if (event.key === "Enter") typing = null;
    else if (field !== typing) { acted = true; typing = field; }
  };
  addEventListener("pointerdown", act, true);
  addEventListener("keydown", key, true);
  let page = location.pathname;
  addEventListener("popstate", () => {
    acted = false;
    typing = null;
    // Of another page Streamlit tells by itself; a word beside it would hold this one.
    if (page === location.pathname) steps.back();
    page = location.pathname;
  }, true);
  const push = history.pushState;
  history.pushState = function (...step) {
    const add = acted ? push : this.replaceState;
    acted = false;
    add.apply(this, step);
    page = location.pathname;
  };
}
"""
_mount = st.components.v2.component("steps_back", html="<i></i>", js=_SCRIPT)


def watch() -> None:
    """Let one press of Back undo one thing."""
    _mount(key="steps_back", on_back_change=link.go_back)
