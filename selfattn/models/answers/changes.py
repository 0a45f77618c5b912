"""How far an edit moved what a model says, or, where it has no head, what it gives."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from selfattn.models.answers.predictions import Prediction


@dataclass(frozen=True)
class Change:
    """How far a prediction moved."""

    distance: float | None  # total variation, 0 to 1; None for a similarity and a score, which are no distributions
    first: float  # of the probability, the cosine or the number that came first before the change


def change(before: Prediction, after: Prediction) -> Change:
    """Compare a prediction with the one under an edit, on the same input.

    Total variation is `sum |p - q| / 2`; what probability the answers leave to none counts as one more answer. Where
    the model answers at several positions, both numbers are means over them.
    Raises ValueError for predictions of two kinds, or of other positions.
    """
    if (before.kind, before.positions) != (after.kind, after.positions):
        raise ValueError(f"A {before.kind} and a {after.kind} at other places cannot be compared; run the same input.")
    if not before.is_distribution:
        largest = before.probabilities.argmax()
        return Change(None, (after.probabilities - before.probabilities)[largest].item())
    p, q = _rows(before), _rows(after)
    if p.shape != q.shape:
        raise ValueError(f"The predictions have {p.shape[-1]} and {q.shape[-1]} answers; run one model on one input.")
    best = p.argmax(-1, keepdim=True)
    first = (q - p).gather(-1, best).mean().item()
    if before.logits is None and before.kind == "class":  # several labels may hold at once: one coin each
        return Change((p - q).abs().mean().item(), first)
    rest = ((1 - p.sum(-1)).clamp(min=0) - (1 - q.sum(-1)).clamp(min=0)).abs()
    return Change((((p - q).abs().sum(-1) + rest) / 2).mean().item(), first)


def _rows(prediction: Prediction) -> Float[Tensor, "position label"]:
    """The distributions at every position, in float64."""
    if prediction.logits is None:
        return prediction.probabilities.double()[None]
    return prediction.logits.double().softmax(-1)


@dataclass(frozen=True, eq=False)
class Moved:
    """How far an output moved from what it was, token by token."""

    distance: Float[Tensor, " token"]  # |after - before| / |before|
    cosine: Float[Tensor, " token"]
    mean: float  # of the distance, over real tokens


def moved_by(
    before: Float[Tensor, "token d"], after: Float[Tensor, "token d"], real: Bool[Tensor, " token"] | None = None
) -> Moved:
    """Compare two outputs of one shape; padding tokens, which are not `real`, leave the mean."""
    distance = (after - before).norm(dim=-1) / before.norm(dim=-1)
    cosine = torch.cosine_similarity(after, before, dim=-1)
    return Moved(distance, cosine, (distance if real is None else distance[real]).mean().item())
