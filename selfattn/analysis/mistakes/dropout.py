"""Attention dropout that is still on when the model is used: every run is another one."""

import torch
from torch import Tensor

from selfattn.analysis.mistakes.subject import Mistake, Number, Subject, apart, pictures

RATE = 0.1
RUNS = 200


def dropped(weights: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Each weight set to 0 with probability `rate`, the others divided by `1 - rate`: right on average alone."""
    kept = torch.rand(weights.shape, generator=generator) >= rate
    return weights * kept.to(weights) / (1 - rate)


def at_inference(subject: Subject, generator: torch.Generator) -> Mistake:
    """Dropout on the weights of a model that is in use: rows no longer sum to 1, and no two runs are alike."""
    right = subject.right
    weights, again = (dropped(right.weights, RATE, generator) for _ in range(2))
    contexts = [each @ right.value for each in (weights, again)]
    mean = torch.zeros_like(right.context)
    for _ in range(RUNS):
        mean += dropped(right.weights, RATE, generator) @ right.value / RUNS
    sums, whole = weights.sum(-1), right.weights.sum(-1)
    sentence = (
        f"One weight in ten is 0 and the others are a ninth too large: rows sum to {sums.min():.3f} to "
        f"{sums.max():.3f} in place of 1, and a second run differs by {apart(contexts[1], contexts[0]):.3f} of its "
        "length."
    )
    numbers = (
        Number("smallest row sum", sums.min().item(), whole.min().item()),
        Number("largest row sum", sums.max().item(), whole.max().item()),
        Number("difference of two runs", apart(contexts[1], contexts[0]), 0.0),
        Number("relative error of the output", apart(contexts[0], right.context), 0.0),
        Number(f"error of the mean of {RUNS} runs", apart(mean, right.context), 0.0),
    )
    return Mistake(*pictures(subject, weights, right.weights), numbers, sentence, contexts[0])
