"""One training loop: AdamW, warm-up and cosine decay, clipped gradients."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from transformers import PreTrainedModel


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
    Weight decay leaves norms and biases alone.
    """
    matrices = [p for p in network.parameters() if p.dim() > 1]
    vectors = [p for p in network.parameters() if p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98))

    def rate(step: int) -> float:
        return min((step + 1) / warm_up, 0.5 * (1 + math.cos(math.pi * step / steps)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    network.train()
    total = 0.0
    for step, batch in zip(range(1, steps + 1), batches, strict=False):
        loss = network(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        total += loss.item()
        if report is not None and step % every == 0:
            report(step, total / every)
            total = 0.0
    network.eval()
