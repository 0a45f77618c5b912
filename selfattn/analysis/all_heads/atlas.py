"""Every head of a model at once: a small picture of each, and what each looks at beside its uniform baseline.

    found = atlas(trace)
    found.table[layer, head], found.baselines[layer, head]        # one number a pattern of PATTERNS
    found.pictures[layer, head]                                   # 255 sqrt(largest weight of the pooled cell)

A layer is computed in blocks of query rows, so that no text makes it hold every weight of every head.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, UInt8
from torch import Tensor

from selfattn.analysis.all_heads.patterns import PATTERNS, Pattern, SeenWeights, uniform
from selfattn.recording.call import Call
from selfattn.tracing.trace import Trace

SIDE = 64
# Weights of a call that are in memory at once, in numbers.
MOST = 1 << 22

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Heads:
    """The heads of one layer."""

    pictures: UInt8[Array, "head row column"]
    table: Float32[Array, "head pattern"]
    baselines: Float32[Array, "head pattern"]


@dataclass(frozen=True)
class Badge:
    """A pattern that most of a head's weight goes by."""

    layer: int
    head: int
    pattern: str
    value: float


@dataclass(frozen=True, eq=False)
class Atlas:
    """The heads of some layers. A pattern that is nothing for this text is NaN.

    Rows are the layers that attend, in their order; `layers` are the numbers that the model has for them.
    """

    part: str
    kind: str
    queries: tuple[str, ...]
    keys: tuple[str, ...]
    pooled: tuple[int, int]  # queries and keys to a cell of a picture, which shows the largest of their weights
    pictures: UInt8[Array, "layer head row column"]
    table: Float32[Array, "layer head pattern"]
    baselines: Float32[Array, "layer head pattern"]
    patterns: tuple[Pattern, ...]
    layers: tuple[int, ...]

    def badges(self) -> list[Badge]:
        """What is worth a word: far enough from even attention to all of the weight; the largest first."""
        found = [
            Badge(self.layers[layer], head, pattern.name, float(value))
            for place, pattern in enumerate(self.patterns)
            for (layer, head), value in np.ndenumerate(self.table[..., place])
            if pattern.is_worth_a_badge(float(value), float(self.baselines[layer, head, place]))
        ]
        return sorted(found, key=lambda badge: -badge.value)


def atlas(
    trace: Trace, part: str | None = None, kind: str | None = None, progress: Callable[[int], None] | None = None
) -> Atlas:
    """All heads of one attention of the model (its first, unless named); `progress` hears of each layer done."""
    attention = trace.model.attention(part, kind)
    calls = [trace.call(layer, attention.part, attention.kind) for layer in attention.numbers]
    layers: dict[int, Heads] = {}
    for row, call in enumerate(calls):
        layers[row] = heads_of(trace, call)
        if progress is not None:
            progress(len(layers))
    return bound(trace, calls, layers)


def bound(trace: Trace, calls: Sequence[Call], layers: Mapping[int, Heads]) -> Atlas:
    """Layers that are computed, each by the place of its call among these, as one atlas in the order of the calls."""
    call, rows = calls[0], sorted(layers)
    return Atlas(
        call.part,
        call.kind,
        *trace.labels(call),
        pooling(call.shape),
        np.stack([layers[row].pictures for row in rows]),
        np.stack([layers[row].table for row in rows]),
        np.stack([layers[row].baselines for row in rows]),
        tuple(PATTERNS.values()),
        tuple(calls[row].layer for row in rows),
    )


def pooling(shape: tuple[int, int]) -> tuple[int, int]:
    """Queries and keys to a cell, so that a picture has at most 64 x 64."""
    return -(-shape[0] // SIDE), -(-shape[1] // SIDE)


@torch.no_grad()
def heads_of(trace: Trace, call: Call, most: int = MOST) -> Heads:
    """Pictures and patterns of one call's heads, with at most about `most` weights in memory at once."""
    queries, keys = call.shape
    pooled = pooling(call.shape)
    block = max(1, most // (call.heads * keys * pooled[0])) * pooled[0]
    real = call.real_keys()
    tokens = _tokens(trace, call)
    separators = _separators(trace, tokens)
    aligned = call.asks_itself
    pictures: list[Tensor] = []
    found: list[Tensor] = []
    even: list[Tensor] = []
    for start in range(0, queries, block):
        rows = torch.arange(start, min(start + block, queries), device=real.device)
        weights, keep = call.weights(rows), call.keep_of_heads(rows)
        text = real[rows] if aligned else torch.ones_like(rows, dtype=torch.bool)
        pictures.append(_picture(weights, pooled))
        for numbers, measured in ((found, weights), (even, uniform(keep).to(weights.dtype))):
            seen = SeenWeights(measured, keep, rows, real, tokens, separators, aligned)
            numbers.append(torch.stack([pattern.of(seen) for pattern in PATTERNS.values()])[..., text])
    baselines = _mean(even).expand(call.heads, -1)
    return Heads(torch.cat(pictures, 1).cpu().numpy(), _mean(found).cpu().numpy(), baselines.cpu().numpy())


def _mean(blocks: list[Float[Tensor, "pattern head _"]]) -> Float[Tensor, "head pattern"]:
    """The mean over the rows of all blocks that have a number."""
    return torch.cat(blocks, -1).nanmean(-1).T.float()


def _picture(weights: Float[Tensor, "head row key"], pooled: tuple[int, int]) -> UInt8[Tensor, "head cell_row column"]:
    """`255 sqrt(w)`: small weights are seen, and a cell of many shows its largest, so that a peak stays."""
    cells = _largest(_largest(weights, pooled[0]).mT, pooled[1]).mT
    return cells.clamp(0, 1).sqrt().mul(255).round().to(torch.uint8)


def _largest(weights: Float[Tensor, "head row key"], count: int) -> Float[Tensor, "head cell key"]:
    """The largest of every `count` rows; the last cell may have fewer. (Ten times as fast as a pooling layer.)"""
    cells = weights[:, ::count].clone()
    for first in range(1, count):
        rows = weights[:, first::count]
        cells[:, : rows.shape[1]] = torch.maximum(cells[:, : rows.shape[1]], rows)
    return cells


def _tokens(trace: Trace, call: Call) -> Int[Tensor, " key"] | None:
    """The ids of the keys' tokens; None for a model of pictures or sound."""
    decoder = trace.inputs.get("decoder_input_ids")
    own = call.part.startswith("decoder") and call.kind == "self" and decoder is not None
    ids = torch.as_tensor(decoder[0] if own and decoder is not None else trace.tokens.ids, dtype=torch.long)
    return ids.to(call.query.device) if len(ids) == call.shape[1] else None


def _separators(trace: Trace, tokens: Int[Tensor, " key"] | None) -> Bool[Tensor, " key"] | None:
    """Tokens that end a sentence or a text by the tokenizer's own word, such as [SEP]."""
    names = ("sep_token_id", "eos_token_id")
    ids = [number for name in names if (number := getattr(trace.model.tokenizer, name, None)) is not None]
    return None if tokens is None else torch.isin(tokens, torch.tensor(ids, dtype=torch.long, device=tokens.device))
