"""A whole head of a long text as one small picture: its weights, max-pooled, and what makes any one weight exact.

    weight[i, j] = exp(logit[i, j] - largest[i]) / total[i]

Queries pass through in blocks, and so do keys where the logits are products alone: no query x key matrix is ever whole.
On CUDA one kernel does these, `fused.py`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from selfattn.analysis.one_head import fused
from selfattn.models.budgets import OVERVIEW_SIDE
from selfattn.recording.call import Call
from selfattn.recording.edits import Setting

# Queries of one block, where all its keys are computed at once.
BLOCK = 128
# Queries and keys of one tile of products: it stays in a processor's cache from the product to the sum.
TILE = 512, 1024
# The same on a GPU, which wants many at once; and numbers that a block of all keys may have there.
LARGE_TILE, LARGE = (4096, 16_384), 2**26
# What a way gives of some queries: the largest logit of each group of keys, (group, query); the largest of all, and
# the sum of exp(logit - largest), (query).
OfRows = Callable[[slice], tuple[Tensor, Tensor, Tensor]]


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
    height, of_rows = _way(call, head, pool)
    height = pool * math.ceil(height / pool)
    blocks = []
    for start in range(0, queries, height):
        cells, largest, total = of_rows(slice(start, min(start + height, queries)))
        seen = cells > -math.inf
        cells = cells.sub_(largest).exp_().div_(total.masked_fill(total == 0, 1.0))
        blocks.append((pooled(cells, pool, 0.0).T, pooled(seen, pool, False).T, largest, total))
    weights, keep, largest, total = (torch.cat(parts).cpu() for parts in zip(*blocks, strict=True))
    return Overview(weights.float(), keep, pool, largest, total)


def _way(call: Call, head: int, pool: int) -> tuple[int, OfRows]:
    """The fastest way to compute a head that is exact, and how many queries it takes at once."""
    setting, large = call.settings[head], call.query.device.type != "cpu"
    height = min(LARGE_TILE[0], max(BLOCK, LARGE // call.shape[1])) if large else BLOCK
    if not _is_plain(call, setting):
        return height, _Stages(call, head, pool)
    if call.mask is not None or setting.masks:
        return height, _Products(call, head, pool, (height, TILE[1]), masked=True)
    if fused.runs_on(call.query):
        return call.shape[0], _Fused(call, head, pool)
    tile = LARGE_TILE if large else TILE
    return tile[0], _Products(call, head, pool, tile, masked=False)


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


def _factors(call: Call, head: int) -> tuple[Tensor, Tensor]:
    """Queries and keys whose products are the logits: every factor is on the queries."""
    dtype = torch.promote_types(call.query.dtype, torch.float32)
    factor = call.effective_scale(head) / ((call.prescale or 1.0) * call.settings[head].temperature)
    return call.query[0, head].to(dtype) * factor, call.key[0, head * call.key_heads // call.heads].to(dtype)


class _Products:
    """The fast way: a tile of logits at a time, in one buffer, in place, with keys as rows.

    The largest logit and the sum so far are kept, as flash attention does (Dao et al. 2022).
    """

    def __init__(self, call: Call, head: int, pool: int, tile: tuple[int, int], masked: bool) -> None:
        self.call, self.head, self.pool, self.masked = call, head, pool, masked
        self.query, self.key = _factors(call, head)
        self.width = pool * math.ceil(tile[1] / pool)
        self.buffer = self.query.new_empty(self.width * pool * math.ceil(tile[0] / pool))

    def __call__(self, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        query, keys = self.query[rows].T, self.call.shape[1]
        count = query.shape[1]
        cells = query.new_full((math.ceil(keys / self.pool), count), -math.inf)
        largest, total = query.new_full((count,), -math.inf), query.new_zeros(count)
        hidden = (~self.call.keep(self.head, rows)).T if self.masked else None
        for start in range(0, self._end(rows), self.width):
            some = slice(start, min(start + self.width, keys))
            logits = self.buffer[: (some.stop - start) * count].view(-1, count)
            torch.mm(self.key[some], query, out=logits)
            if hidden is not None:
                logits.masked_fill_(hidden[some], -math.inf)
            elif self.call.causal:
                self._hide_later(logits, rows, some)
            first = start // self.pool
            groups = torch.amax(logits, 0, keepdim=True) if self.pool >= len(logits) else self._groups(logits)
            cells[first : first + len(groups)] = groups
            before, largest = largest, torch.maximum(largest, groups.amax(0))
            finite = _finite(largest)
            total = total * (before - finite).exp() + logits.sub_(finite).exp_().sum(0)
        return cells, _finite(largest), total

    def _groups(self, logits: Tensor) -> Tensor:
        whole = len(logits) // self.pool * self.pool
        groups = logits[:whole].unflatten(0, (-1, self.pool)).amax(1)
        return groups if whole == len(logits) else torch.cat([groups, logits[whole:].amax(0, keepdim=True)])

    def _end(self, rows: slice) -> int:
        """Past the last key that one of these queries may attend to."""
        keys = self.call.shape[1]
        return min(keys, _own_place(self.call) + rows.stop) if self.call.causal and not self.masked else keys

    def _hide_later(self, logits: Tensor, rows: slice, keys: slice) -> None:
        """No token sees the future."""
        own = _own_place(self.call) + rows.start
        if keys.stop - 1 <= own:
            return
        query = torch.arange(own, own + logits.shape[1], device=logits.device)
        logits.masked_fill_(torch.arange(keys.start, keys.stop, device=logits.device)[:, None] > query, -math.inf)


def _own_place(call: Call) -> int:
    """Which key is the first query's own token."""
    return int(call.positions[0]) - call.start


class _Fused:
    """The same in one kernel, all queries at once."""

    def __init__(self, call: Call, head: int, pool: int) -> None:
        self.query, self.key = _factors(call, head)
        self.pool, self.own = pool, _own_place(call) if call.causal else None

    def __call__(self, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        cells, largest, total = fused.groups(self.query[rows], self.key, self.pool, self.own)
        return cells.T, _finite(largest), total


class _Stages:
    """The general way: whatever the formula of `maths/attend.py` can say, a block of rows at a time."""

    def __init__(self, call: Call, head: int, pool: int) -> None:
        self.pool = pool
        # What an ablation does comes after the weights.
        settings = tuple(replace(setting, ablate=None) for setting in call.settings)
        self.call, self.head = replace(call, settings=settings), head

    def __call__(self, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        stages = self.call.stages(self.head, rows)
        largest = _finite(stages.logits.amax(-1, keepdim=True))
        total = (stages.logits - largest).exp().sum(-1, keepdim=True)
        if self.call.sink is not None:
            total = total + (self.call.sink[self.head].to(total) - largest).exp()
        shown = stages.logits
        if self.call.settings[self.head].cut_after:
            # What is cut after the softmax weighs nothing, though its logit took part in the sum.
            shown = shown.masked_fill(stages.weights == 0, -math.inf)
        total = total.masked_fill(stages.empty[:, None], 0.0)
        return pooled(shown, self.pool, -math.inf).T.contiguous(), largest[:, 0], total[:, 0]


def _finite(largest: Tensor) -> Tensor:
    return largest.masked_fill(largest == -math.inf, 0.0)
