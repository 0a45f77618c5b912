"""From logits to weights. Masked logits are minus infinity; a row with nothing left to attend to gives zeros."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Logits = Float[Tensor, "*head query key"]
Normaliser = Callable[[Logits], Logits]


def softmax(logits: Logits, sink: Float[Tensor, "*#head"] | None = None) -> Logits:
    """`e^x / sum e^x` along the keys, shifted by the row's maximum so that it never overflows.

    `sink` is a learned logit, one a head, that takes part in the sum and is then dropped: rows sum to less than 1.
    A row that is masked everywhere gives zeros (PyTorch's own gives NaN).
    """
    top = logits.amax(-1, keepdim=True)
    if sink is not None:
        sink = sink[..., None, None].to(logits.dtype)
        top = torch.maximum(top, sink)
    top = top.masked_fill(top == -math.inf, 0.0)
    exponentials = torch.exp(logits - top)
    total = exponentials.sum(-1, keepdim=True)
    if sink is not None:
        total = total + torch.exp(sink - top)
    return exponentials / total.masked_fill(total == 0, 1.0)


def sigmoid(logits: Logits, bias: float | None = None) -> Logits:
    """`1 / (1 + e^-(x + b))`: each weight by itself, so rows need not sum to 1.

    `b = -log n` by default, with `n` the number of keys that the row may attend to (Ramapuram et al. 2024).
    """
    allowed = (logits > -math.inf).sum(-1, keepdim=True).clamp_min(1)
    return torch.sigmoid(logits + (-allowed.to(logits.dtype).log() if bias is None else bias))


def top_k(logits: Logits, k: int) -> Logits:
    """Softmax over the `k` largest logits of each row. Of equal logits the earlier stays; `k` may exceed the keys."""
    if k < 1:
        raise ValueError(f"top_k keeps at least one key; got k = {k}.")
    order = logits.argsort(dim=-1, descending=True, stable=True)[..., :k]
    kept = torch.full_like(logits, -math.inf).scatter(-1, order, logits.gather(-1, order))
    return softmax(kept)


def sparsemax(logits: Logits) -> Logits:
    """The point of the simplex nearest to the logits, `max(x - tau, 0)`: small weights are exactly 0.

    `tau` is such that the row sums to 1, found by sorting (Martins & Astudillo 2016).
    """
    x, top_down = _sorted(logits, alpha=2.0)
    count = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device)
    tau = (top_down.cumsum(-1) - 1) / count
    return _without_masked((x - _at_support(tau, top_down)).clamp_min(0), logits)


def entmax15(logits: Logits) -> Logits:
    """Entmax with alpha = 1.5, `max(x / 2 - tau, 0)^2`: between softmax and sparsemax.

    `tau` is exact: the k largest halves have a mean m and squared deviations S, and `tau = m - sqrt((1 - S) / k)`, for
    the k with which it lies below these alone (Peters, Niculae & Martins 2019).
    """
    x, top_down = _sorted(logits, alpha=1.5)
    count = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device)
    mean = top_down.cumsum(-1) / count
    deviations = (top_down.square().cumsum(-1) - count * mean.square()).clamp_min(0)
    tau = mean - ((1 - deviations) / count).clamp_min(0).sqrt()
    return _without_masked((x - _at_support(tau, top_down)).clamp_min(0).square(), logits)


def entmax(logits: Logits, alpha: float = 1.5) -> Logits:
    """`max((alpha - 1) x - tau, 0)^(1 / (alpha - 1))`, a family: alpha = 1 is softmax, 2 is sparsemax (Peters 2019).

    Exact by sorting for 1.5 and 2; for any other alpha `tau` is found by bisection, which has no gradient.
    Raises ValueError for an alpha below 1.
    """
    if not 1 <= alpha < math.inf:
        raise ValueError(f"The alpha of entmax is a number from 1 (softmax) up, such as 1.5; got {alpha}.")
    match alpha:
        case 1:
            return softmax(logits)
        case 1.5:
            return entmax15(logits)
        case 2:
            return sparsemax(logits)
    with torch.no_grad():
        x, top_down = _sorted(logits, alpha)
        # The row's largest number is 0 here. With tau = -1 its weight alone is 1, and with tau = 0 all weights are 0.
        low = torch.full_like(top_down[..., :1], -1.0)
        high = torch.zeros_like(low)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            above = (x - middle).clamp_min(0).pow(1 / (alpha - 1)).sum(-1, keepdim=True) >= 1
            low, high = torch.where(above, middle, low), torch.where(above, high, middle)
        weights = (x - low).clamp_min(0).pow(1 / (alpha - 1))
        return _without_masked(weights / weights.sum(-1, keepdim=True), logits)


# After so many halvings of an interval of length 1 its ends are neighbours among the numbers of 64 bits.
_HALVINGS = 53


def _sorted(logits: Logits, alpha: float) -> tuple[Logits, Logits]:
    """`(alpha - 1) x`, shifted so that each row's largest is 0, as it stands and from the largest down.

    No weight reaches below -1, which is therefore where masked logits go: no infinity is left.
    """
    top = logits.amax(-1, keepdim=True)
    shifted = (logits - top.masked_fill(top == -math.inf, 0.0)) * (alpha - 1)
    shifted = shifted.clamp_min(-1)
    return shifted, shifted.sort(-1, descending=True).values


def _at_support(tau: Logits, top_down: Logits) -> Float[Tensor, "*head query 1"]:
    """The tau of the row's support: of as many of its largest numbers as lie above the tau that they have."""
    size = (top_down > tau).sum(-1, keepdim=True)
    return tau.gather(-1, size.clamp_min(1) - 1)


def _without_masked(weights: Logits, logits: Logits) -> Logits:
    return weights.masked_fill(logits == -math.inf, 0.0)
