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
