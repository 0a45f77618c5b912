"""How far a run is and what was measured on the way, as values that travel through JSON."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from selfattn.training.work import add_line, read_lines
from selfattn.training.writing import atomically

State = Literal["ready", "running", "paused", "done", "cancelled", "failed"]


@dataclass(frozen=True)
class Status:
    """Where a run stands."""

    state: State
    step: int
    steps: int
    seconds: float = 0.0  # of training, breaks left out
    seconds_left: float | None = None  # None where nothing can be said yet
    sentence: str = ""  # why it stopped, where it stopped before its end
    best: float | None = None  # the held-out loss of the best evaluation
    best_step: int | None = None


@dataclass(frozen=True)
class Evaluation:
    """One evaluation; `loss` and `gradient_norm` are means over the steps since the last one."""

    step: int
    loss: float
    held_out_loss: float
    accuracy: float
    f1: float | None  # macro: the mean over the labels; None for next-token prediction
    gradient_norm: float
    entropy: tuple[float, ...]  # by layer: H / log n of its heads on held-out texts; 1 is even, 0 a single key
    learning_rate: float


def write_status(file: Path, status: Status) -> None:
    """Write a status, whole or not at all."""
    atomically(file, json.dumps(asdict(status)).encode(), lasting=False)


def read_status(file: Path) -> Status:
    """The status in a file. Raises ValueError, TypeError or KeyError where it is none."""
    found = json.loads(file.read_text(encoding="utf-8"))
    if found["state"] not in get_args(State):
        raise ValueError(f"A state is one of {', '.join(get_args(State))}; got {found['state']!r}.")
    return Status(
        state=found["state"],
        step=int(found["step"]),
        steps=int(found["steps"]),
        seconds=float(found["seconds"]),
        seconds_left=_optional(found["seconds_left"]),
        sentence=str(found["sentence"]),
        best=_optional(found["best"]),
        best_step=None if found["best_step"] is None else int(found["best_step"]),
    )


def _optional(number: Any) -> float | None:
    return None if number is None else float(number)


def read_metrics(file: Path) -> list[Evaluation]:
    """The evaluations in a file, one a line; a line that was cut short by a crash is left out."""
    return [_measured(found) for found in read_lines(file)]


def append_metrics(file: Path, measured: Evaluation) -> None:
    """Add an evaluation to the end of a file."""
    add_line(file, asdict(measured))


def write_metrics(file: Path, found: Iterable[Evaluation]) -> None:
    """Write a file of evaluations anew."""
    atomically(file, "".join(json.dumps(asdict(each)) + "\n" for each in found).encode())


def _measured(found: dict[str, Any]) -> Evaluation:
    return Evaluation(
        step=int(found["step"]),
        loss=float(found["loss"]),
        held_out_loss=float(found["held_out_loss"]),
        accuracy=float(found["accuracy"]),
        f1=_optional(found["f1"]),
        gradient_norm=float(found["gradient_norm"]),
        entropy=tuple(map(float, found["entropy"])),
        learning_rate=float(found["learning_rate"]),
    )
