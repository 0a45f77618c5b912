"""Gauges: how saturated a head is, each number beside what uniform weights under the same mask would give."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from selfattn.analysis.all_heads.patterns import uniform
from selfattn.maths import saturation
from selfattn.maths.attend import Stages


@dataclass(frozen=True)
class Gauge:
    """One number about a head, between 0 and 1, and its uniform baseline."""

    name: str
    value: float
    baseline: float
    meaning: str


def gauges(stages: Stages, real: Bool[Tensor, " query"] | None = None) -> list[Gauge]:
    """Means over the rows that may attend to anything; entropy over those with a choice of two keys or more.

    `real` says which queries are text: padding tokens attend too, and leave every average.
    """
    rows = ~stages.empty if real is None else ~stages.empty & real
    keep = stages.keep[rows]
    weights, even = stages.weights[rows], uniform(keep).to(stages.weights)

    def entropy(w: torch.Tensor) -> float:
        return saturation.normalised_entropy(w, keep).nanmean().item()

    def largest(w: torch.Tensor) -> float:
        return saturation.max_probability(w).mean().item()

    def trace(w: torch.Tensor) -> float:
        return saturation.jacobian_trace(w).mean().item()

    # Padding may stand before the text; its keys are its queries.
    begins = 0 if real is None or len(real) != keep.shape[-1] else int(real.long().argmax())

    def first(w: torch.Tensor) -> float:
        return w[:, begins].mean().item()

    measured = (
        ("entropy", entropy, "H / log n: 1 is spread evenly, 0 is a single key"),
        ("max weight", largest, "the largest weight of a row"),
        ("tr J", trace, "the gradient that survives the softmax, 1 − Σp²"),
        ("first token", first, "the weight that goes to the first token"),
    )
    if not rows.any():
        return [Gauge(name, torch.nan, torch.nan, meaning) for name, _, meaning in measured]
    return [Gauge(name, measure(weights), measure(even), meaning) for name, measure, meaning in measured]
