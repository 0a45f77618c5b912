"""The model as a page shows it: its facts, and its layers, one table a part."""

import streamlit as st

from selfattn.analysis.model.anatomy import COLUMNS, Anatomy, anatomy, columns
from selfattn.figures import pieces
from selfattn.ui import caches
from selfattn.ui.caches import Run
from selfattn.ui.kept import kept
from selfattn.ui.shell import exporting
from selfattn.ui.shell.frame import Study

# Tokens of a text whose heads are all checked, pair by pair, while a reader waits.
LONGEST = 256


@kept("Checking every layer …")
def found(run: Run) -> Anatomy:
    """The anatomy of a model, on what the reader gave it; on its own probe where that is long."""
    trace = caches.trace(run)
    return anatomy(trace.model, trace if max(max(call.shape) for call in trace.calls) <= LONGEST else None)


def facts(of: Anatomy) -> None:
    """The model as a whole."""
    with st.container(key="panel_facts"):
        st.html(pieces.table([], of.facts))


def layers(study: Study, of: Anatomy) -> None:
    """The layers of each part, those that are alike in one row."""
    for place, at in enumerate(study.model.attentions):
        groups = of.groups(at.part, at.kind)
        names = columns([group.layer for group in groups])
        rows = [[group.title, *(COLUMNS[name](group.layer) for name in names)] for group in groups]
        with st.container(key=f"panel_part_{place}"):
            heading = pieces.heading(f"{at.part}, {at.kind}-attention", f"{at.layers} × {at.heads} heads")
            st.html(heading + pieces.table(["", *names], rows))


def download(study: Study, of: Anatomy) -> None:
    """Every layer, as a file."""
    name = exporting.file_name(study.model.name)
    st.download_button("Every layer as CSV", of.csv, file_name=f"selfattn-{name}-layers.csv", mime="text/csv")
