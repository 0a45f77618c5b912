"""Everything on screen as data: matrices as npz, CSV or JSON, and the Python behind them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from selfattn.exports import data, python
from selfattn.recording.edits import Edit
from selfattn.ui.place import Head
from selfattn.ui.shell import exporting
from selfattn.ui.shell.frame import Study

FORMATS = {".json": "JSON", ".npz": "npz", ".csv": "CSV"}


def export(study: Study, at: Head, edits: tuple[Edit, ...], alone: tuple[Edit, ...]) -> None:
    """The export menu of one head: the edits in the model, and those of this head alone, as on screen."""
    name, run = f"{study.model.name}-{at.layer}.{at.head}", study.run
    files = {
        name + suffix: (f"Numbers as {FORMATS[suffix]}", partial(_written, write, study, at, edits, alone))
        for suffix, write in data.WRITERS.items()
    }
    place = (at.layer, at.head, at.part, at.kind)
    code = python.of_head(run.choice, run.given, edits, *place, run.pad, run.written, alone)
    exporting.menu(files, {exporting.PYTHON: code})


def _written(
    write: Callable[[dict[str, Any]], str | bytes],
    study: Study,
    at: Head,
    edits: tuple[Edit, ...],
    alone: tuple[Edit, ...],
) -> str | bytes:
    """Made when the reader asks for it, and not on each rerun."""
    return write(data.head_data(study.trace(edits), at.layer, at.head, at.part, at.kind, alone))
