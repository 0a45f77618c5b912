"""The script that draws charts is there before one is asked for: it is large, and takes seconds to be read."""

from functools import cache
from pathlib import Path

import streamlit as st

# Streamlit's, by the name that this release gives it. A module is read once: who asks for it again has it at once.
SCRIPTS = Path(st.__file__).parent / "static" / "static" / "js"
_SCRIPT = """<script>
(() => {
  const mark = Symbol.for("selfattn.charts");
  const ours = document.querySelector("script[type=module][src*='static/js/']")?.src;
  if (window[mark] || !ours) return;
  window[mark] = true;
  const read = () => import(new URL("%s", ours)).catch(() => {});
  setTimeout(() => (window.requestIdleCallback ?? setTimeout)(read), 2500);
})();
</script>"""


@cache
def script() -> str:
    """The name of the script that draws charts; empty where this release of Streamlit has none of that name."""
    return next((found.name for found in SCRIPTS.glob("PlotlyChart.*.js")), "")


def fetch() -> None:
    """Let the browser read it once the page has come to rest."""
    if name := script():
        st.html(_SCRIPT % name, unsafe_allow_javascript=True)
