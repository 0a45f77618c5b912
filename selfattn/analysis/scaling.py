"""Why divide by sqrt(d_k): what the softmax does to random queries and keys, and to a model's own, with and without."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from selfattn.maths import saturation
from selfattn.maths.attend import Stages, attend
from selfattn.recording.call import Call
from selfattn.recording.edits import Scale, Temperature

KEYS, QUERIES, DRAWS = 32, 100, 40  # 4000 queries in all, a hundred for each draw of 32 keys


@dataclass(frozen=True)
class Saturation:
    """What one set of rows does under one scale, as means over its rows."""

    variance: float  # of the scores that enter the softmax
    entropy: float  # over log n
    largest: float  # max p
    trace: float  # tr J


def saturation_of(stages: Stages) -> Saturation:
    """Measure the stages of one head, or of many rows."""
    keep = stages.keep.expand(stages.weights.shape)
    rows = keep.any(-1)
    keep, weights, scaled = keep[rows], stages.weights[rows], stages.scaled[rows]
    return Saturation(
        variance=saturation.score_variance(scaled, keep),
        entropy=saturation.normalised_entropy(weights, keep).nanmean().item(),
        largest=saturation.max_probability(weights).mean().item(),
        trace=saturation.jacobian_trace(weights).mean().item(),
    )


def random_stages(d_k: int, temperature: float = 1.0, seed: int = 0) -> dict[bool, Stages]:
    """Independent standard normal queries and keys, attended without (False) and with 1/sqrt(d_k) (True).

    40 draws of 100 queries and 32 keys, the same under both; the values are ones.
    """
    generator = torch.Generator().manual_seed(seed + d_k)
    query = torch.randn(DRAWS, QUERIES, d_k, generator=generator)
    key = torch.randn(DRAWS, KEYS, d_k, generator=generator)
    value = torch.ones(DRAWS, KEYS, 1)
    return {
        scaled: attend(query, key, value, scale=d_k**-0.5 if scaled else 1.0, temperature=temperature)
        for scaled in (False, True)
    }


def random_saturation(dimensions: Sequence[int], temperature: float = 1.0) -> dict[bool, list[Saturation]]:
    """Saturation for every d_k, unscaled (False) and scaled (True)."""
    found: dict[bool, list[Saturation]] = {False: [], True: []}
    for d in dimensions:
        for scaled, stages in random_stages(d, temperature).items():
            found[scaled].append(saturation_of(stages))
    return found


def head_stages(call: Call, head: int, temperature: float = 1.0) -> dict[bool, Stages]:
    """One head on its own q and k: with the raw scores (False), and with the model's scale (True)."""
    return {
        scaled: call.with_edits([Scale(scale), Temperature(temperature)]).stages(head)
        for scaled, scale in ((False, 1.0), (True, call.own_scale(head)))
    }


def head_saturation(call: Call, temperature: float = 1.0) -> dict[bool, list[Saturation]]:
    """Saturation of every head of a call, with the raw scores (False) and with the model's scale (True)."""
    found: dict[bool, list[Saturation]] = {False: [], True: []}
    for head in range(call.heads):
        for scaled, stages in head_stages(call, head, temperature).items():
            found[scaled].append(saturation_of(stages))
    return found


def uniform_weight(stages: Stages) -> float:
    """The mean weight of a key where each row spreads evenly over what it may attend to."""
    allowed = stages.keep.sum(-1)
    return (1.0 / allowed[allowed > 0]).mean().item()


def sorted_weights(stages: Stages, most: int = 32) -> Float[Tensor, " rank"]:
    """The mean weight of a row's largest key, second largest, and so on: a cliff when the softmax has saturated."""
    reached = ~stages.empty.expand(stages.weights.shape[:-1])
    ranked = stages.weights[reached].sort(-1, descending=True).values
    return ranked.mean(0)[: min(most, ranked.shape[-1])]


def score_histogram(stages: Stages, bins: int = 61) -> tuple[Tensor, Tensor]:
    """Density of the scores that enter the softmax: (centres of the bins, density)."""
    values = stages.scaled[stages.keep.expand(stages.scaled.shape)].float().cpu()
    most = max(values.abs().max().item(), 1e-6) if values.numel() else 1.0
    most = math.ceil(most * 10) / 10
    counts = torch.histc(values, bins, -most, most)
    width = 2 * most / bins
    centres = torch.linspace(-most + width / 2, most - width / 2, bins)
    return centres, counts / (counts.sum().clamp_min(1) * width)
