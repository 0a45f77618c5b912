"""Everything on screen as data: matrices as npz, CSV or JSON, and the Python behind them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from selfattn.exports import data
from selfattn.recording.edits import Edit
from selfattn.ui.place import Head
from selfattn.ui.shell.frame import Study


def export(study: Study, at: Head, edits: tuple[Edit, ...], alone: tuple[Edit, ...]) -> None:
    """The export menu of one head: the edits in the model, and those of this head alone, as on screen."""
    name = f"{study.model.name}-{at.layer}.{at.head}".replace("/", "-")
    with st.sidebar.popover("Export", width="stretch"):
        for suffix, write in data.WRITERS.items():
            st.download_button(
                f"Numbers as {suffix[1:].upper() if suffix != '.npz' else 'npz'}",
                partial(_written, write, study, at, edits, alone),
                file_name=name + suffix,
                width="stretch",
            )
        st.caption("The Python that makes this")
        run = study.run
        place = (at.layer, at.head, at.part, at.kind)
        st.code(data.as_python(run.choice, run.given, edits, *place, run.pad, run.written, alone), "python")


def _written(
    write: Callable[[dict[str, Any]], str | bytes],
    study: Study,
    at: Head,
    edits: tuple[Edit, ...],
    alone: tuple[Edit, ...],
) -> str | bytes:
    """Made when the reader asks for it, and not on each rerun."""
    return write(data.head_data(study.trace(edits), at.layer, at.head, at.part, at.kind, alone))
