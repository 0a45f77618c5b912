"""Everything on screen as data: matrices as npz, CSV or JSON, figures as SVG or PNG, and the Python behind them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from selfattn import Trace, exports
from selfattn.recording.edits import Edit
from selfattn.ui.controls import Head


def figure_config(name: str) -> dict[str, Any]:
    """Plotly's settings for a figure that a reader can save: the camera in its corner writes SVG or PNG."""
    kind = st.session_state.get("figure_format", "svg")
    return {
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": kind, "filename": f"selfattn-{name}", "scale": 1 if kind == "svg" else 3},
    }


def _written(write: Callable[[dict[str, Any]], str | bytes], trace: Trace, at: Head) -> str | bytes:
    """Made when the reader asks for it, and not on each rerun."""
    return write(exports.head_data(trace, at.layer, at.head, at.part, at.kind))


def export(trace: Trace, at: Head, edits: tuple[Edit, ...]) -> None:
    """The export menu of one head."""
    name = f"{trace.model.name}-{at.layer}.{at.head}".replace("/", "-")
    with st.sidebar.popover("Export", width="stretch"):
        for suffix, write in exports.WRITERS.items():
            st.download_button(
                f"Numbers as {suffix[1:].upper() if suffix != '.npz' else 'npz'}",
                partial(_written, write, trace, at),
                file_name=name + suffix,
                width="stretch",
            )
        st.segmented_control(
            "Figures, by the camera in their corner",
            ["svg", "png"],
            default="svg",
            key="figure_format",
            required=True,
            format_func=str.upper,
        )
        st.caption("The Python that makes this")
        st.code(exports.as_python(trace.model.name, trace.text, edits, at.layer, at.head, at.part, at.kind), "python")
