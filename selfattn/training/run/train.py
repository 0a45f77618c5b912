"""A run is trained: in this process, or in one of its own."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch

from selfattn.models.loading.library import usable
from selfattn.threads import threads
from selfattn.training.run import progress
from selfattn.training.run.loop import Loop
from selfattn.training.run.progress import Evaluation, Status
from selfattn.training.run.run import Run


def start(run: Run) -> None:
    """Train a run in a process of its own, which outlives this one. Raises ValueError where it is trained already."""
    _startable(run)
    run.begin("selfattn.training.run.background")


def train(
    run: Run, report: Callable[[Status, Evaluation | None], None] | None = None, *, lock: int | None = None
) -> Status:
    """Train a run in this process, from its last checkpoint or from the start; `report` hears of each evaluation.

    Between them it hears twice a second, with None. `lock` is a descriptor that holds the run's lock already. Raises
    ValueError where another process trains it.
    """
    _startable(run)
    device = usable(run.device)
    # Sums depend on how many threads share them: the same number gives the same weights.
    alike = threads(run.about["threads"])
    with run.holding(lock), alike, _randomness_of(device):
        return Loop(run, report).train()


def _randomness_of(device: torch.device) -> AbstractContextManager[None]:
    """What is drawn in the block leaves no trace, neither here nor on the device."""
    if device.type == "cpu":
        return torch.random.fork_rng(devices=[])
    kinds = {"devices": [device]} if device.type == "cuda" else {"devices": [0]}
    return torch.random.fork_rng(**kinds, device_type=device.type)


def _startable(run: Run) -> None:
    state = progress.read_status(run.folder / "status.json").state
    if state in ("done", "cancelled"):
        raise ValueError(f"{run.folder.name} is {state}; prepare another run to train again.")
