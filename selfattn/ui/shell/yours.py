"""What the reader has trained: their runs and sweeps, and the models of these, by their names in place of paths.

Each lies in a folder under an id that nobody can guess. A reader finds what their session has begun, brought, or been
given a link to; who sits at the machine finds all of it.
"""

from contextlib import suppress
from dataclasses import replace

import streamlit as st

from selfattn import Model, places
from selfattn.models.loading.sources import as_folder
from selfattn.training import titles
from selfattn.training.run.run import Run, all_runs, open_run
from selfattn.training.search.sweeps import Sweep, all_sweeps
from selfattn.ui import public
from selfattn.ui.shell.machine import on_this_machine


def runs() -> list[Run]:
    """The runs that the reader finds, the newest first."""
    return [run for run in all_runs(places.RUNS) if _found(run.folder.name)]


def sweeps() -> list[Sweep]:
    """The sweeps that the reader finds, the newest first."""
    return [sweep for sweep in all_sweeps(places.RUNS) if _found(sweep.folder.name)]


def mine() -> set[str]:
    """The ids of the runs and sweeps that this session has begun, brought, or been given a link to."""
    found: set[str] = st.session_state.setdefault("my_runs", set())
    return found


def _found(name: str) -> bool:
    return on_this_machine() or name in mine()


def models() -> dict[str, str]:
    """The models of the runs and the best of the sweeps, as they are loaded, and what each is called in a list."""
    made = runs()
    for sweep in sweeps():
        best = sweep.best()
        made += [sweep.of(best.number)] if best else []
    named: dict[str, str] = {}
    # A title that comes twice keeps its number when another run is made.
    for run in reversed(made):
        with suppress(ValueError, OSError):  # a damaged trial, or a run that another reader removes just now
            if (run.model / "model.safetensors").is_file():
                named[source(run)] = titles.free(open_run(run.folder).title, named.values())
    return {source: f"Yours: {title}" for source, title in reversed(named.items())}


def source(run: Run) -> str:
    """What loads the model of a run."""
    return str(run.model.resolve())


def run_of(source: str) -> Run | None:
    """The run that a model comes from; None for any other model."""
    folder = None if public.PUBLIC else as_folder(source)
    folder = None if folder is None else folder.resolve()
    if folder is None or folder.name != "model" or not folder.is_relative_to(places.RUNS.resolve()):
        return None
    try:
        return open_run(folder.parent)
    except ValueError:
        return None


def called(source: str) -> str:
    """What a model is called: a run's title where it comes from one, else as it is loaded."""
    run = run_of(source)
    return source if run is None else run.title


def titled(model: Model, source: str) -> Model:
    """A model that was loaded, by the title of its run where it comes from one: its folder has the name of all such."""
    run = run_of(source)
    return model if run is None else replace(model, name=model.name.replace(run.model.name, run.title, 1))
