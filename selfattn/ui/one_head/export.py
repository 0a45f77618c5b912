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


def export(study: Study, at: Head, more: tuple[Edit, ...]) -> None:
    """The export menu of one head, as on screen: the edits in the model, and on top those of this head alone."""
    name, run = f"{study.model.name}-{at.layer}.{at.head}", study.run
    alone = (*run.edits, *more)
    files = {
        name + suffix: (f"Numbers as {FORMATS[suffix]}", partial(_written, write, study, at, alone))
        for suffix, write in data.WRITERS.items()
    }
    place = (at.layer, at.head, at.part, at.kind)
    code = python.of_head(run.choice, run.given, run.edits, *place, run.pad, run.written, alone)
    exporting.menu(files, {exporting.PYTHON: code})


def _written(
    write: Callable[[dict[str, Any]], str | bytes],
    study: Study,
    at: Head,
    alone: tuple[Edit, ...],
) -> str | bytes:
    """Made when the reader asks for it, and not on each rerun."""
    return write(data.head_data(study.trace(), at.layer, at.head, at.part, at.kind, alone))
