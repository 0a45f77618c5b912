"""Scaled against unscaled: pairs of encoders that differ in nothing but the division by sqrt(d_k), trained in turn.

    d_k = d_model / heads grows as the heads become fewer; seed, first weights, batches and steps are the same

The first weights have variance 1 / d_model, so that q and k have unit variance and their product the variance d_k, as
the theory assumes (Vaswani et al. 2017, footnote 4). With the usual standard deviation of 0.02 the first scores would
be close to 0 whether divided or not.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from math import log
from pathlib import Path
from statistics import fmean
from typing import Literal

import torch
from torch import Tensor

from selfattn.maths.saturation import jacobian_trace
from selfattn.models.encoder import SelfAttentionConfig, SelfAttentionForSequenceClassification
from selfattn.threads import threads
from selfattn.training.fit import Descent
from selfattn.training.search.lookup import Lookup
from selfattn.training.work import Work, read_lines, read_object, write_object

START, END = 50, 20  # steps at either end of a training, over which it is summed up


@dataclass(frozen=True)
class PairsPlan:
    """What is trained: for each seed and each d_k a pair, on a lookup of random cards."""

    seeds: int = 3
    widths: tuple[int, ...] = (8, 32, 128)  # d_k
    d_model: int = 256
    d_ff: int = 64
    steps: int = 200
    every: int = 5  # steps to a point of a curve
    batch: int = 32
    learning_rate: float = 1e-3
    warm_up: int = 20
    clip: float = 1.0
    task: Lookup = field(default_factory=Lookup)

    @property
    def points(self) -> int:
        """How many points all its trainings make."""
        return self.seeds * len(self.widths) * 2 * (self.steps // self.every)

    @property
    def guessing(self) -> float:
        """The loss of giving every digit the same probability."""
        return log(self.task.digits)

    @property
    def uniform_trace(self) -> float:
        """tr J of a row that gives all tokens the same weight."""
        return 1 - 1 / (1 + self.task.cards)


PLAN = PairsPlan()


@dataclass(frozen=True)
class Reading:
    """A few steps of one training: means of its loss and of its gradient's length before clipping.

    `trace` is the mean tr J of the attention before the first of them: the gradient that the softmax lets through.
    """

    seed: int
    d_k: int
    scaled: bool
    step: int  # the last of them
    loss: float
    gradient_norm: float
    trace: float


def plan(folder: Path) -> PairsPlan | None:
    """What is or was trained in a folder; None where nothing was that this version knows."""
    try:
        found = read_object(folder / "plan.json")
        return PairsPlan(**found | {"widths": tuple(found["widths"]), "task": Lookup(**found["task"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def points(folder: Path) -> list[Reading]:
    """Every point so far, in the order in which they were made."""
    return [Reading(**found) for found in read_lines(folder / "points.jsonl")] if plan(folder) else []


def state(folder: Path) -> Literal["ready", "running", "stopping", "done", "stopped"]:
    """Where it stands, as any process sees it."""
    work = Work(folder)
    if work.held:
        return "stopping" if work.asked() else "running"
    prepared = plan(folder)
    if prepared is None:
        return "ready"
    return "done" if len(points(folder)) == prepared.points else "stopped"


def prepare(folder: Path, chosen: PairsPlan = PLAN) -> None:
    """Write the plan to `folder`; the points of another go. Raises ValueError while one is trained there."""
    folder.mkdir(parents=True, exist_ok=True)
    work = Work(folder)
    with work.holding():
        work.unask()
        (folder / "points.jsonl").unlink(missing_ok=True)
        write_object(folder / "plan.json", asdict(chosen))


def start(folder: Path) -> None:
    """Train what was prepared, in a process of its own. Raises ValueError while it is running."""
    Work(folder).begin("selfattn.training.search.side_by_side")


def stop(folder: Path) -> None:
    """Ask it to stop; heard within a few steps. What it has found stays."""
    Work(folder).request("stop")


def run(folder: Path, lock: int | None = None) -> None:
    """Train every pair of the plan, and write each point to `folder` as it is made. Ends early where it was asked to.

    `lock` is a descriptor that holds the folder's lock already. Raises ValueError where nothing was prepared.
    """
    work = Work(folder)
    with work.holding(lock):
        prepared = plan(folder)
        if prepared is None:
            raise ValueError(f"{folder.name} holds no plan of pairs to train; prepare one.")
        with (folder / "points.jsonl").open("w", encoding="utf-8") as lines:
            for point in train(prepared):
                lines.write(json.dumps(asdict(point)) + "\n")
                lines.flush()
                if work.asked():
                    return


def train(plan: PairsPlan) -> Iterator[Reading]:
    """Every point of every training: all pairs with one seed, by growing d_k, then with the next seed."""
    for seed in range(plan.seeds):
        for d_k in plan.widths:
            for scaled in (True, False):
                yield from _train(plan, seed, d_k, scaled)


def _train(plan: PairsPlan, seed: int, d_k: int, scaled: bool) -> Iterator[Reading]:
    encoder = network(plan, seed, d_k, scaled)
    descent = Descent(encoder, steps=plan.steps, learning_rate=plan.learning_rate, warm_up=plan.warm_up, clip=plan.clip)
    batches = plan.task.batches(plan.batch, torch.Generator().manual_seed(seed))
    for step in range(plan.every, plan.steps + 1, plan.every):
        some = list(islice(batches, plan.every))
        trace = _trace(encoder, some[0])
        loss, gradient = map(fmean, zip(*map(descent.step, some), strict=True))
        yield Reading(seed, d_k, scaled, step, loss, gradient, trace)


def network(plan: PairsPlan, seed: int, d_k: int, scaled: bool) -> SelfAttentionForSequenceClassification:
    """One of the encoders before its first step: the same for both of a pair, but for their scale.

    It has one block and reads its answer where it was asked; the cards lie in no order, so it needs no positions.
    """
    config = SelfAttentionConfig(
        vocab_size=plan.task.vocabulary,
        hidden_size=plan.d_model,
        num_hidden_layers=1,
        num_attention_heads=plan.d_model // d_k,
        intermediate_size=plan.d_ff,
        positions="none",
        pooling="cls",
        scaling=scaled,
        num_labels=plan.task.digits,
        initializer_range=plan.d_model**-0.5,
        attn_implementation="eager",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SelfAttentionForSequenceClassification(config).train()


@torch.no_grad()
def _trace(encoder: SelfAttentionForSequenceClassification, batch: dict[str, Tensor]) -> float:
    """Mean tr J over all rows of all heads."""
    (weights,) = encoder(**batch, output_attentions=True).attentions
    return jacobian_trace(weights).mean().item()


@dataclass(frozen=True)
class Gap:
    """What the pairs of one d_k came to, as means over the seeds whose pair is complete; scaled first, then raw."""

    d_k: int
    seeds: int
    losses: tuple[float, float]  # over the last steps
    gradients: tuple[float, float]  # over the first steps
    traces: tuple[float, float]  # before the first step


def gaps(plan: PairsPlan, found: Sequence[Reading]) -> list[Gap]:
    """The d_k that have a complete pair, in the order of the plan."""
    made = []
    for d_k in plan.widths:
        pairs = [
            [[p for p in found if (p.seed, p.d_k, p.scaled) == (seed, d_k, scaled)] for scaled in (True, False)]
            for seed in range(plan.seeds)
        ]
        complete = [pair for pair in pairs if all(len(side) == plan.steps // plan.every for side in pair)]
        if complete:
            scaled, raw = (_summed_up(plan, [pair[side] for pair in complete]) for side in (0, 1))
            made.append(Gap(d_k, len(complete), *zip(scaled, raw, strict=True)))
    return made


def _summed_up(plan: PairsPlan, sides: Sequence[Sequence[Reading]]) -> tuple[float, float, float]:
    """The last loss, the first gradient and the trace at the start, as means over some seeds."""
    return (
        fmean(point.loss for side in sides for point in side if point.step > plan.steps - END),
        fmean(point.gradient_norm for side in sides for point in side if point.step <= START),
        fmean(side[0].trace for side in sides),
    )


if __name__ == "__main__":
    with threads(1):  # the app goes on beside it
        run(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
