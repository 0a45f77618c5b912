"""Everything on screen as data: matrices as npz, CSV or JSON, figures as SVG or PNG, and the Python behind them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from selfattn import exports
from selfattn.recording.edits import Edit
from selfattn.ui.controls import Head
from selfattn.ui.shell import Study


def figure_config(name: str) -> dict[str, Any]:
    """Plotly's settings for a figure that a reader can save: the camera in its corner writes SVG or PNG."""
    kind = st.session_state.get("figure_format", "svg")
    return {
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": kind, "filename": f"selfattn-{name}", "scale": 1 if kind == "svg" else 3},
    }


def export(study: Study, at: Head, edits: tuple[Edit, ...]) -> None:
    """The export menu of one head, with the edits that reach it."""
    name = f"{study.model.name}-{at.layer}.{at.head}".replace("/", "-")
    with st.sidebar.popover("Export", width="stretch"):
        for suffix, write in exports.WRITERS.items():
            st.download_button(
                f"Numbers as {suffix[1:].upper() if suffix != '.npz' else 'npz'}",
                partial(_written, write, study, at, edits),
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
        place = (at.layer, at.head, at.part, at.kind, study.pad)
        st.code(exports.as_python(study.source, study.text, edits, *place), "python")


def _written(
    write: Callable[[dict[str, Any]], str | bytes], study: Study, at: Head, edits: tuple[Edit, ...]
) -> str | bytes:
    """Made when the reader asks for it, and not on each rerun.

    A head reads what earlier layers wrote: an edit of this head alone leaves its queries, keys and values as they were,
    so the trace with it in the model holds the numbers that are on screen.
    """
    return write(exports.head_data(study.trace(edits), at.layer, at.head, at.part, at.kind))
