"""A whole head of a long text as one small picture: its weights, max-pooled, and what makes any one weight exact.

    weight[i, j] = exp(logit[i, j] - largest[i]) / total[i]

Queries pass through in blocks: no query x key matrix is ever whole.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from selfattn.models.budgets import OVERVIEW_SIDE
from selfattn.recording.call import Call
from selfattn.recording.edits import Setting

# Queries of one block: their logits stay in the processor's cache from the product to the sum.
BLOCK = 128


@dataclass(frozen=True, eq=False)
class Overview:
    """The largest weight in each square of `pool` x `pool` cells, and two numbers for each query."""

    weights: Float[Tensor, "row column"]
    keep: Bool[Tensor, "row column"]  # False where no query of the square may attend to any of its keys
    pool: int
    largest: Float[Tensor, " query"]  # max over the keys that the query may attend to; 0 without any
    total: Float[Tensor, " query"]  # sum of exp(logit - largest), the sink included; 0 marks an empty row


@torch.no_grad()
def overview(call: Call, head: int, side: int = OVERVIEW_SIDE) -> Overview:
    """Max-pool one head's weights to at most `side` x `side`, under the call's own mask and edits.

    Raises ValueError for a side below 1.
    """
    if side < 1:
        raise ValueError(f"An overview has at least 1 cell a side; got {side}.")
    queries, keys = call.shape
    pool = math.ceil(max(queries, keys) / side)
    height = pool * math.ceil(BLOCK / pool)
    of_rows = _DotProduct(call, head, pool, height) if _is_plain(call, call.settings[head]) else _Stages(call, head)
    blocks = []
    for start in range(0, queries, height):
        rows = slice(start, min(start + height, queries))
        cells, largest, total = of_rows(rows, pool)
        seen = cells > -math.inf
        cells = cells.sub_(largest).exp_().div_(total.masked_fill(total == 0, 1.0))
        blocks.append((pooled(cells.T, pool, 0.0).T, pooled(seen.T, pool, False).T, largest[:, 0], total[:, 0]))
    weights, keep, largest, total = (torch.cat(parts).cpu() for parts in zip(*blocks, strict=True))
    return Overview(weights.float(), keep, pool, largest, total)


def pooled(cells: Tensor, pool: int, least: float | bool) -> Tensor:
    """The largest of every `pool` neighbours along the last axis; `least` fills up the last group."""
    missing = -cells.shape[-1] % pool
    if missing:
        cells = torch.nn.functional.pad(cells, (0, missing), value=least)
    return cells.unflatten(-1, (-1, pool)).amax(-1)


def _is_plain(call: Call, setting: Setting) -> bool:
    """Are the logits the scaled dot product and a mask, with nothing else added?"""
    dot = setting.similarity == "dot" or (setting.similarity is None and call.similarity is None)
    added = call.softcap or call.sink is not None or call.position_bias is not None or setting.cut_after
    booleans = call.mask is None or call.mask.dtype == torch.bool or not setting.own_mask
    return dot and booleans and not added


class _DotProduct:
    """The fast way: every factor is on the queries, and each block is computed in one buffer, in place."""

    def __init__(self, call: Call, head: int, pool: int, height: int) -> None:
        self.call, self.head, setting = call, head, call.settings[head]
        self.masked = call.mask is not None or call.causal or bool(setting.masks)
        dtype = torch.promote_types(call.query.dtype, torch.float32)
        factor = call.effective_scale(head) / ((call.prescale or 1.0) * setting.temperature)
        self.query = call.query[0, head].to(dtype) * factor
        self.key = call.key[0, head * call.key_heads // call.heads].to(dtype).T.contiguous()
        keys = call.shape[1]
        # The last group of keys is filled up by what no maximum takes and no sum feels.
        self.buffer = self.query.new_full((height, keys + -keys % pool), -math.inf)

    def __call__(self, rows: slice, pool: int) -> tuple[Tensor, Tensor, Tensor]:
        buffer = self.buffer[: rows.stop - rows.start]
        logits = buffer[:, : self.call.shape[1]]
        torch.mm(self.query[rows], self.key, out=logits)
        if self.masked:
            logits.masked_fill_(~self.call.keep(self.head, rows), -math.inf)
        cells = buffer.unflatten(-1, (-1, pool)).amax(-1)
        largest = _finite(cells.amax(-1, keepdim=True))
        return cells, largest, logits.sub_(largest).exp_().sum(-1, keepdim=True)


class _Stages:
    """The general way: whatever the formula of `maths/attend.py` can say, a block of rows at a time."""

    def __init__(self, call: Call, head: int) -> None:
        # What an ablation does comes after the weights.
        settings = tuple(replace(setting, ablate=None) for setting in call.settings)
        self.call, self.head = replace(call, settings=settings), head

    def __call__(self, rows: slice, pool: int) -> tuple[Tensor, Tensor, Tensor]:
        stages = self.call.stages(self.head, rows)
        largest = _finite(stages.logits.amax(-1, keepdim=True))
        total = (stages.logits - largest).exp().sum(-1, keepdim=True)
        if self.call.sink is not None:
            total = total + (self.call.sink[self.head].to(total) - largest).exp()
        shown = stages.logits
        if self.call.settings[self.head].cut_after:
            # What is cut after the softmax weighs nothing, though its logit took part in the sum.
            shown = shown.masked_fill(stages.weights == 0, -math.inf)
        return pooled(shown, pool, -math.inf), largest, total.masked_fill(stages.empty[:, None], 0.0)


def _finite(largest: Tensor) -> Tensor:
    return largest.masked_fill(largest == -math.inf, 0.0)
