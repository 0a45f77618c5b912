"""What a step of training is (AdamW, warm-up, cosine decay, clipped gradients, an average), and a loop of them."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel
from transformers import PreTrainedModel


class Descent:
    """AdamW on a network: the learning rate warms up, then falls as a cosine to 0 after `steps` steps.

    Weight decay leaves norms and biases alone. `done` counts the steps, and is all that the schedule depends on. With
    `averaging` a second network follows the first, `average <- a average + (1 - a) network` after each step, where a
    rises from 2 / 11 to it as (1 + steps) / (10 + steps): it swings less, and errs less on other texts.
    """

    def __init__(
        self,
        network: PreTrainedModel,
        *,
        steps: int,
        learning_rate: float,
        warm_up: int = 100,
        weight_decay: float = 0.01,
        clip: float = 1.0,
        averaging: float = 0.0,
    ) -> None:
        matrices = [p for p in network.parameters() if p.dim() > 1]
        vectors = [p for p in network.parameters() if p.dim() <= 1]
        groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
        self.network = network
        self.optimiser = torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98))
        self.steps, self.learning_rate, self.warm_up, self.clip = steps, learning_rate, warm_up, clip
        self.average = AveragedModel(network, avg_fn=_follow(averaging)) if averaging else None
        self.done = 0

    @property
    def kept(self) -> PreTrainedModel:
        """The network to measure and to keep: the average, where there is one."""
        return self.network if self.average is None else self.average.module

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        warm = (self.done + 1) / self.warm_up if self.warm_up else 1.0
        return self.learning_rate * min(warm, 0.5 * (1 + math.cos(math.pi * self.done / self.steps)))

    def step(self, batch: dict[str, Tensor]) -> tuple[float, float]:
        """One step on a batch: its loss, and the length of its gradient before clipping.

        Where either is not finite, nothing is changed.
        """
        loss = self.network(**batch).loss
        loss.backward()
        length = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        measured = loss.item(), length.item()
        if all(map(math.isfinite, measured)):
            for group in self.optimiser.param_groups:
                group["lr"] = self.rate
            self.optimiser.step()
            if self.average is not None:
                self.average.update_parameters(self.network)
            self.done += 1
        self.optimiser.zero_grad()
        return measured


def _follow(most: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """How an average takes in the weights of one more step."""

    def follow(average: Tensor, now: Tensor, steps: Tensor | int) -> Tensor:
        rate = min(most, (1 + int(steps)) / (10 + int(steps)))
        return average.lerp(now, 1 - rate)

    return follow


def fit(
    network: PreTrainedModel,
    batches: Iterable[dict[str, Tensor]],
    *,
    steps: int,
    learning_rate: float,
    warm_up: int = 100,
    weight_decay: float = 0.01,
    report: Callable[[int, float], None] | None = None,
    every: int = 100,
) -> None:
    """Train `network` in place on `steps` batches, each a dict of what its forward takes, labels and all.

    `report(step, loss)` is called every `every` steps with the mean loss since the last report.
    """
    descent = Descent(network, steps=steps, learning_rate=learning_rate, warm_up=warm_up, weight_decay=weight_decay)
    network.train()
    total = 0.0
    for step, batch in zip(range(1, steps + 1), batches, strict=False):
        total += descent.step(batch)[0]
        if report is not None and step % every == 0:
            report(step, total / every)
            total = 0.0
    network.eval()
