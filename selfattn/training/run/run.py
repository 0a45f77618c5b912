"""A run: a folder that holds all of one training, which any process can watch, stop and take up again.

run = prepare(folder, corpus, Settings(epochs=3))
start(run)                        # in a process of its own; train(run) in this one
run.status, run.metrics()         # read from disk, so that every session sees the same
selfattn.load(run.model)          # the best network so far
"""

import json
import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from transformers import PreTrainedTokenizerFast

from selfattn.places import RUNS
from selfattn.training import titles
from selfattn.training.data import vocabulary
from selfattn.training.run import history, progress
from selfattn.training.run.history import History
from selfattn.training.run.progress import Evaluation, Status
from selfattn.training.run.settings import Settings
from selfattn.training.work import Work, read_object, write_object

FORMAT = 1
ASKED = ("pause", "cancel")
MOST_THREADS = 64
# What runs were trained with before these could be chosen.
BEFORE = {"averaging": 0.0, "word_dropout": 0.0, "informed": False}


@dataclass(frozen=True)
class Run(Work):
    """A folder of one training."""

    @property
    def data(self) -> Path:
        """The encoded texts."""
        return self.folder / "data.safetensors"

    @property
    def checkpoint(self) -> Path:
        """All that is needed to go on."""
        return self.folder / "checkpoint.safetensors"

    @property
    def model(self) -> Path:
        """The best network so far, as a folder that `selfattn.load` opens; there from the first evaluation on."""
        return self.folder / "model"

    @property
    def settings(self) -> Settings:
        """The choices that it was prepared with."""
        return Settings(**BEFORE | read_object(self.folder / "settings.json"))

    @property
    def device(self) -> str:
        """The device that it is trained on."""
        return str(self.about.get("device", "cpu"))

    @property
    def about(self) -> dict[str, Any]:
        """What it is trained on: name, rows, held_out, labels, notes, tokens, parameters, watched, created."""
        return read_object(self.folder / "about.json")

    @property
    def title(self) -> str:
        """What it is called: by its reader, else by its data and its layers."""
        about = self.about
        try:
            return titles.checked(about.get("title"))
        except ValueError:  # an older run, or one that came from elsewhere
            return sensible_title(about["name"], self.settings)

    @property
    def status(self) -> Status:
        """Where it stands. A process that died without a word left it paused."""
        # The lock first: a run that ends in between has written its last word by then.
        held = self.held
        found = progress.read_status(self.folder / "status.json")
        if held:
            return replace(found, state="running", sentence="")
        if found.state == "running":
            return replace(found, state="paused", seconds_left=None)
        return found

    def metrics(self) -> list[Evaluation]:
        """Every evaluation so far."""
        return progress.read_metrics(self.folder / "metrics.jsonl")

    def best(self) -> Evaluation | None:
        """The evaluation whose network is kept; None before the first, and where the numbers cannot be read."""
        try:
            step = self.status.best_step
            return next((each for each in self.metrics() if each.step == step), None)
        except (ValueError, KeyError, TypeError):
            return None

    def history(self) -> History:
        """What the heads gave to the watched sentences. Raises ValueError where nothing was recorded yet."""
        return history.read(self.folder / "history")

    def tokenizer(self) -> PreTrainedTokenizerFast:
        """The run's own."""
        return vocabulary.open_tokenizer(str(self.folder / "tokenizer"))

    def ask(self, what: Literal["pause", "cancel"]) -> None:
        """Ask whoever trains it to stop; heard at the next step. One that nobody trains is cancelled at once."""
        if what not in ASKED:
            raise ValueError(f"A run can be asked to {' or '.join(ASKED)}; got {what!r}.")
        if self.status.state == "running":
            self.request(what)
        elif what == "cancel" and self.status.state in ("ready", "paused", "failed"):
            cancelled = replace(self.status, state="cancelled", sentence="It was cancelled.")
            progress.write_status(self.folder / "status.json", cancelled)


def sensible_title(data: str, settings: Settings) -> str:
    """What a run is called at first."""
    return titles.sensible(data, "1 layer" if settings.layers == 1 else f"{settings.layers} layers")


def rename(run: Run, title: str) -> None:
    """Call a run by another title, also while it is trained. Raises ValueError for one that cannot stand in a line."""
    write_object(run.folder / "about.json", run.about | {"title": titles.checked(title)})


def open_run(folder: Path) -> Run:
    """The run in a folder. Raises ValueError where there is none, or one of another format."""
    run = Run(Path(folder))
    try:
        about = run.about
        if about.get("format") != FORMAT:
            raise ValueError(
                f"{folder} is a run of format {about.get('format')!r}, and this version reads {FORMAT}; train it again."
            )
        run.settings.check()
        progress.read_status(run.folder / "status.json")
        sound = _is_about(about)
    except (
        OSError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        json.JSONDecodeError,
        UnicodeDecodeError,
    ) as error:
        raise ValueError(f"{folder} holds no run; prepare one, or give a folder of {RUNS}.") from error
    if not sound:
        raise ValueError(f"The files of {folder} do not fit together as a run; train it again.")
    return run


def _is_about(about: dict[str, Any]) -> bool:
    """Whether every entry is of its kind."""
    try:
        created = datetime.fromisoformat(about["created"])
    except ValueError:
        return False
    words = [
        about["name"],
        about["tokenizer"],
        about.get("device", "cpu"),
        *about["labels"],
        *about["notes"],
        *about["watched"],
    ]
    counts = [about[name] for name in ("rows", "held_out", "tokens", "parameters", "threads")]
    lists = all(isinstance(about[name], list) for name in ("labels", "notes", "watched"))
    return (
        lists
        and created.tzinfo is not None
        and 2000 <= created.year < 9000  # by any clock there is such a day
        and all(isinstance(word, str) for word in words)
        and all(type(count) is int and count > 0 for count in counts)
        and about["threads"] <= MOST_THREADS
        and bool(about["watched"])
    )


def all_runs(home: Path = RUNS) -> list[Run]:
    """Every run in a folder of runs, the newest first."""
    found = []
    for folder in home.iterdir() if home.is_dir() else ():
        if (folder / "settings.json").is_file():
            try:
                found.append(open_run(folder))
            except ValueError:  # of another version; whoever opens it is told
                continue
    return sorted(found, key=lambda run: str(run.about["created"]), reverse=True)


def delete(run: Run) -> None:
    """Remove a run and all it made. Raises ValueError while it is trained."""
    if run.status.state == "running":
        raise ValueError(f"{run.folder.name} is being trained; pause or cancel it first.")
    shutil.rmtree(run.folder)
