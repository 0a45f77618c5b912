"""How far has a softmax gone towards picking one key? And how much gradient still passes through it?

With p one row of weights, the Jacobian of softmax is `J = diag(p) - p p^T`; its gradient with respect to the raw
scores is `J` times scale over temperature.
"""

import math

from jaxtyping import Bool, Float
from torch import Tensor

Weights = Float[Tensor, "*head query key"]
Rows = Float[Tensor, "*head query"]


def entropy(weights: Weights) -> Rows:
    """Shannon entropy of each row in nats, `H = -sum p log p`, with `0 log 0 = 0`."""
    return -weights.xlogy(weights).sum(-1)


def normalised_entropy(weights: Weights, keep: Bool[Tensor, "*#head query key"]) -> Rows:
    """Entropy over its largest value, `H / log n`, n the keys that the row may attend to: 1 is uniform, 0 is one key.

    NaN for a row with fewer than two allowed keys, which has no entropy to speak of: average with `nanmean`.
    """
    allowed = keep.sum(-1)
    most = allowed.clamp_min(1).to(weights.dtype).log()
    return (entropy(weights) / most).masked_fill((allowed < 2).expand(weights.shape[:-1]), math.nan)


def max_probability(weights: Weights) -> Rows:
    """The largest weight of each row."""
    return weights.amax(-1)


def jacobian_trace(weights: Weights) -> Rows:
    """`tr J = 1 - sum p^2` for rows that sum to 1: the gradient that survives the softmax, 0 when it has saturated."""
    return (weights * (1 - weights)).sum(-1)


def jacobian_norm(weights: Weights) -> Rows:
    """Frobenius norm, `|J|^2 = sum p^2 - 2 sum p^3 + (sum p^2)^2`. Not monotone in temperature: see tr J."""
    diagonal = (weights * (1 - weights)).square().sum(-1)
    # The largest weight apart from the rest: where it is near 1 the formula above would lose all its digits.
    squares = weights.square().sort(-1).values
    rest, top = squares[..., :-1], squares[..., -1]
    beside = 2 * top * rest.sum(-1) + rest.sum(-1).square() - rest.square().sum(-1)
    return (diagonal + beside).clamp_min(0).sqrt()


def score_variance(scores: Float[Tensor, "*head query key"], keep: Bool[Tensor, "*#head query key"]) -> float:
    """Measured variance of the scores that the mask lets through, NaN where it lets none.

    With independent q and k of unit variance it is d_k.
    """
    seen = scores[keep.expand(scores.shape)]
    return (seen - seen.mean()).square().mean().item()
