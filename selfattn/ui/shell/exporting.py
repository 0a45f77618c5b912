"""The export menu: what a page shows as files, and the Python behind it."""

from collections.abc import Callable, Mapping
from pathlib import PurePath

import streamlit as st

MIME = {".csv": "text/csv", ".json": "application/json", ".npz": "application/octet-stream"}
# What a file holds, and what makes it once a reader asks for it.
File = tuple[str, Callable[[], str | bytes]]
PYTHON = "The Python that makes these numbers"


def file_name(name: str) -> str:
    """A name that a browser keeps whole: a model's own has slashes."""
    return name.replace("/", "-")


def menu(files: Mapping[str, File], code: Mapping[str, str]) -> None:
    """The menu in the sidebar: files by their names, and lines of Python by what they do."""
    with st.sidebar.popover("Export", width="stretch"):
        for name, (label, write) in files.items():
            st.download_button(label, write, file_name(name), mime=MIME[PurePath(name).suffix], width="stretch")
        for caption, lines in code.items():
            st.caption(caption)
            # An expression is one line of any length.
            st.code(lines, "python", wrap_lines="\n" not in lines)
