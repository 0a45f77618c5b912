"""Which token can have heard from which after n layers, and what the attention that a mask allows costs."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

NEVER = -1


def first_layers(keep: Bool[Tensor, "token token"]) -> Int[Tensor, "token token"]:
    """The first layer after which row i can have heard from column j: 0 for itself, -1 for never.

    A layer hands a token what the tokens that it attends to held, and the residual connection what it held itself:
    `heard_n = (I or keep) heard_(n-1)`, the n-th boolean power of `I or keep`. A causal window of w tokens so reaches
    n (w - 1) tokens back (Beltagy et al. 2020, section 3.1; Jiang et al. 2023, section 2).
    """
    heard = torch.eye(len(keep), dtype=torch.bool, device=keep.device)
    step = (heard | keep).float()
    first = torch.full(keep.shape, NEVER, device=keep.device).masked_fill_(heard, 0)
    for layer in range(1, len(keep)):
        now = step @ heard.float() > 0
        if torch.equal(now, heard):
            break
        first[now & ~heard] = layer
        heard = now
    return first


def heard_after(first: Int[Tensor, "token token"], layers: int) -> Int[Tensor, " token"]:
    """How many tokens, itself among them, each token can have heard from after so many layers."""
    return ((first >= 0) & (first <= layers)).sum(1)


@dataclass(frozen=True)
class MaskCost:
    """Multiplications, each with its addition, in the two products of attention: `q . k`, and weights times values.

    `pairs (d_k + d_v)` in a head (Tay et al. 2022, section 2). A kernel that leaves out what is masked does no more;
    one that masks what it has computed does all `N^2` pairs. The projections, linear in N, are not counted.
    """

    pairs: int  # of a query and a key that the mask allows
    head: int  # multiply-adds of one head
    model: int  # of all heads of all layers


def cost(keep: Bool[Tensor, "query key"], d_k: int, d_v: int, heads: int, layers: int) -> MaskCost:
    """What attention under a mask costs, where every head of every layer has it."""
    pairs = int(keep.sum())
    head = pairs * (d_k + d_v)
    return MaskCost(pairs, head, head * heads * layers)
