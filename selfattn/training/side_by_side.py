"""Scaled against unscaled: pairs of encoders that differ in nothing but the division by sqrt(d_k), trained in turn.

    d_k = d_model / heads grows as the heads become fewer; seed, first weights, batches and steps are the same

The first weights have variance 1 / d_model, so that q and k have unit variance and their product the variance d_k, as
the theory assumes (Vaswani et al. 2017, footnote 4). With the usual standard deviation of 0.02 the first scores would
be close to 0 whether divided or not.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count, islice
from pathlib import Path
from statistics import fmean
from typing import Literal

import torch

from selfattn.models.encoder import SelfAttentionConfig, SelfAttentionForSequenceClassification
from selfattn.training import encoded, locks, processes, vocabulary
from selfattn.training.encoded import Encoded
from selfattn.training.fit import Descent
from selfattn.training.generated import generate
from selfattn.training.settings import Settings
from selfattn.training.splits import split

ROWS = 4000
STEPS = 200
EVERY = 5  # steps to a point of a curve
WIDTHS = (4, 16, 64)  # d_k
SETTINGS = Settings(layers=2, d_model=64, batch=32, warm_up=20, dropout=0.0, attention_dropout=0.0)
LAST = 8  # points at the end of each curve, over which it is summed up


@dataclass(frozen=True)
class Point:
    """Means over the last steps of one training: its loss, and the length of its gradient before clipping."""

    d_k: int
    scaled: bool
    step: int
    loss: float
    gradient_norm: float


def points(folder: Path) -> list[Point]:
    """Every point so far, in the order in which they were made."""
    file = folder / "points.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.exists() else []
    return [Point(**json.loads(line)) for line in lines if line.endswith("\n")]


def state(folder: Path) -> Literal["ready", "running", "done", "stopped"]:
    """Where it stands, as any process sees it."""
    if folder.is_dir() and locks.held(folder / "lock"):
        return "running"
    found = points(folder)
    if not found:
        return "ready"
    return "done" if len(found) == 2 * len(WIDTHS) * STEPS // EVERY else "stopped"


def start(folder: Path) -> None:
    """Train all pairs anew in a process of its own. Raises ValueError while it is running."""
    folder.mkdir(parents=True, exist_ok=True)
    processes.start("selfattn.training.side_by_side", folder)


def stop(folder: Path) -> None:
    """Ask it to stop; heard at the next step."""
    (folder / "asked").touch()


@dataclass(frozen=True)
class Gap:
    """What a pair came to: mean losses over the last points, and mean gradients over all, scaled first."""

    d_k: int
    losses: tuple[float, float]
    gradients: tuple[float, float]


def gaps(found: Sequence[Point]) -> list[Gap]:
    """The pairs that are complete, by growing d_k."""
    pairs = []
    for d_k in sorted({point.d_k for point in found}):
        sides = [[point for point in found if (point.d_k, point.scaled) == (d_k, scaled)] for scaled in (True, False)]
        if all(len(side) == STEPS // EVERY for side in sides):
            scaled, raw = (fmean(point.loss for point in side[-LAST:]) for side in sides)
            gradients = [fmean(point.gradient_norm for point in side) for side in sides]
            pairs.append(Gap(d_k, (scaled, raw), (gradients[0], gradients[1])))
    return pairs


def run(folder: Path, lock: int | None = None) -> None:
    """Train every pair, and write each point to `folder` as it is made. Ends early where it was asked to."""
    with locks.locked(folder / "lock", lock):
        (folder / "asked").unlink(missing_ok=True)
        (folder / "points.jsonl").write_text("")
        threads = torch.get_num_threads()
        try:
            torch.set_num_threads(1)
            with torch.random.fork_rng(devices=[]), (folder / "points.jsonl").open("a", encoding="utf-8") as lines:
                for point in train():
                    lines.write(json.dumps(asdict(point)) + "\n")
                    lines.flush()
                    if (folder / "asked").exists():
                        return
        finally:
            torch.set_num_threads(threads)


def train() -> Iterator[Point]:
    """Every point of every training, on the hard corpus, pair after pair."""
    corpus = generate("hard", ROWS, SETTINGS.seed)
    parts = split(corpus.texts, corpus.labels, corpus.names, SETTINGS.held_out, SETTINGS.seed)
    tokenizer = vocabulary.train_tokenizer((corpus.texts[row] for row in parts.training), SETTINGS.vocabulary)
    data = encoded.encode(corpus, parts, tokenizer, SETTINGS)
    for d_k in WIDTHS:
        for scaled in (True, False):
            settings = replace(SETTINGS, heads=SETTINGS.d_model // d_k, scaling=scaled)
            config = settings.config(len(tokenizer), corpus.names)
            config.initializer_range = settings.d_model**-0.5
            yield from _train(data, settings, config)


def _train(data: Encoded, settings: Settings, config: SelfAttentionConfig) -> Iterator[Point]:
    torch.manual_seed(settings.seed)
    network = SelfAttentionForSequenceClassification(config).train()
    descent = Descent(network, steps=STEPS, learning_rate=settings.learning_rate, warm_up=settings.warm_up)
    measured: list[tuple[float, float]] = []
    for rows in islice(_batches(data, settings), STEPS):
        measured.append(descent.step(data.batch(rows)))
        if len(measured) == EVERY:
            loss, gradient = map(fmean, zip(*measured, strict=True))
            yield Point(settings.d_model // settings.heads, settings.scaling, descent.done, loss, gradient)
            measured = []


def _batches(data: Encoded, settings: Settings) -> Iterator[torch.Tensor]:
    for epoch in count():
        yield from data.epoch(settings.batch, settings.seed, epoch)


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
