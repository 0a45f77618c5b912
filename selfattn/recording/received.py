"""What one attention layer received in one forward pass, and which keys its queries may see."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeGuard

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from selfattn.maths.masks import MaskPattern, Rows
from selfattn.recording.edits import Setting

ALL = slice(None)


@dataclass(frozen=True, eq=False)
class Received:
    """Queries, keys, values and mask of one attention layer; no query x key matrix that the model did not make."""

    layer: int
    part: str  # "encoder", "decoder", "vision", "text"
    kind: Literal["self", "cross"]
    name: str  # the module's path in the model
    query: Float[Tensor, "batch head query d"]
    key: Float[Tensor, "batch key_head key d"]  # fewer heads where groups of query heads share one
    value: Float[Tensor, "batch key_head key d_v"]
    mask: Tensor | None  # as the model gave it, (batch, 1 or head, query, key): booleans, or a term to add
    causal: bool  # what no mask means: "no token sees the future", or "everything is visible"
    scale: float  # by which the model multiplies q . k
    prescale: float | None  # the part of `scale` that is on `query` already; None where that cannot be told
    settings: tuple[Setting, ...]  # what the edits do to each head
    softcap: float | None = None
    sink: Float[Tensor, " head"] | None = None
    position_bias: Float[Tensor, "plane #head #query #key"] | None = None  # windows of a picture take turns in a batch
    similarity: Callable[[Tensor, Tensor, int | slice], Tensor] | None = None  # None is the dot product
    head_scales: tuple[float, ...] | None = None  # where each head has a scale of its own; `scale` is their mean
    behind: int = 0  # keys behind those of the queries' own tokens: of an encoder, compressed ones, a cache's room
    start: int = 0  # where its first key stands: after the windows before it, or what a cache has let go
    pooled: bool = False  # its queries are made of several tokens each, and stand at none
    window: int | None = None  # keys a query may look back over, as the module says to the function that computes
    beside: int = 0  # numbers a token of the values that met the same weights before these
    goes_on: bool = False  # it is the next window of the call before, or its next values; in the end they are one

    @property
    def heads(self) -> int:
        return self.query.shape[1]

    @property
    def title(self) -> str:
        """Which call this is, in words."""
        return f"{self.part} layer {self.layer}" + (", cross" if self.kind == "cross" else "")

    @property
    def key_heads(self) -> int:
        return self.key.shape[1]

    @property
    def shape(self) -> tuple[int, int]:
        """Queries and keys."""
        return self.query.shape[2], self.key.shape[2]

    @property
    def place(self) -> tuple[slice, slice]:
        """Where its context stands in that of the call which it goes on with."""
        first = self.start if self.goes_on else 0
        return slice(first, first + self.shape[0]), slice(self.beside, self.beside + self.value.shape[-1])

    def key_head(self, head: int) -> int:
        """With grouped heads, head h reads key head `h // (H / H_kv)`."""
        return head * self.key_heads // self.heads

    @property
    def asks_itself(self) -> bool:
        """Are the queries' own tokens among the keys?"""
        return self.kind == "self" and not self.pooled and self.shape[0] <= self.shape[1]

    @property
    def later(self) -> Bool[Tensor, "query key"]:
        """The pairs of a query and a token after it; keys behind the last query are no tokens of the same text."""
        key = self.start + torch.arange(self.shape[1], device=self.query.device)
        return (key > self.positions[:, None]) & (key <= self.positions[-1])

    def keep(self, head: int = 0, rows: Rows = ALL, batch: int = 0) -> Bool[Tensor, "row key"]:
        """Which keys each query may attend to, by the model's own mask and the edits."""
        setting = self.settings[head]
        keep = self._own_keep(head, rows, batch) if setting.own_mask else None
        for pattern in setting.masks:
            allowed = self.allowed(pattern, rows, batch)
            keep = allowed if keep is None else keep & allowed
        if keep is None:
            raise ValueError("A mask that replaces the model's own needs a pattern.")
        return keep

    @property
    def ahead(self) -> int:
        """Tokens before its queries: while a model generates, these are the last of them."""
        queries, keys = self.shape
        return max(keys - self.behind - queries, 0) if self.kind == "self" else 0

    @property
    def positions(self) -> Int[Tensor, " query"]:
        """Where in the text each query stands."""
        return self.start + self.ahead + torch.arange(self.shape[0], device=self.query.device)

    def allowed(self, pattern: MaskPattern, rows: Rows, batch: int) -> Bool[Tensor, "row key"]:
        """What a pattern allows to some of the queries."""
        real = self.real_keys(batch)
        real = torch.cat([real.new_ones(self.start), real])
        return pattern.keep(self.start + max(self.shape), len(real), real, self.positions[rows])[:, self.start :]

    def real_queries(self, batch: int = 0) -> Bool[Tensor, " query"]:
        """Queries that are no padding, in self-attention; all where keys are not the tokens that ask."""
        if not self.asks_itself:
            return torch.ones(self.shape[0], dtype=torch.bool, device=self.query.device)
        return self.real_keys(batch)[self.positions - self.start]

    def real_keys(self, batch: int = 0) -> Bool[Tensor, " key"]:
        """Keys that some query may attend to in the model's own mask: the others are padding."""
        if batch not in self._real:
            everything = torch.ones(self.shape[1], dtype=torch.bool, device=self.query.device)
            self._real[batch] = everything if self.mask is None else self._own_keep(0, ALL, batch).any(0)
        return self._real[batch]

    @cached_property
    def _real(self) -> dict[int, Tensor]:
        return {}

    def looks_back(self, head: int = 0, batch: int = 0) -> bool:
        """Does no query, by the model's own mask, know of a later one? A decoder's cross-attention asks in order."""
        if self.kind == "cross":
            return self.part.startswith("decoder")
        if self.mask is None and self.asks_itself:
            return self.causal or self.shape[0] < 2
        later = self.later & self._own_keep(head, ALL, batch)
        return not later[self.real_queries(batch)].any()

    def _own_keep(self, head: int, rows: Rows, batch: int) -> Bool[Tensor, "row key"]:
        return self.visible(None if self.mask is None else self._plane(self.mask, head, batch), rows)

    def visible(self, mask: Tensor | None, rows: Rows) -> Bool[Tensor, "*plane row key"]:
        """The keys that some of the queries may attend to, by a mask, of one plane or of many, or by none."""
        if mask is None:
            i = self.positions[rows, None]
            j = self.start + torch.arange(self.shape[1], device=self.query.device)[None, :]
            return j <= i if self.causal else torch.ones_like(j, dtype=torch.bool).expand(len(i), -1)
        mask = mask[..., rows, :]
        return mask if mask.dtype == torch.bool else mask > _hidden(mask)

    def biases(self, head: int, rows: Rows = ALL, batch: int = 0) -> tuple[Tensor | None, Tensor | None]:
        """What the model adds to the scaled scores: its position bias, and the finite part of an additive mask."""
        position, finite = self._added(head, rows, batch)
        return position, finite if finite is not None and finite.any() else None

    def _added(self, head: int, rows: Rows, batch: int) -> tuple[Tensor | None, Tensor | None]:
        position, finite = self.position_bias, None
        if position is not None:
            position = self._plane(position, head, batch)[rows]
        if adds(self.mask):
            mask = self._plane(self.mask, head, batch)[rows]
            finite = mask.masked_fill(mask <= _hidden(mask), 0.0)
        return position, finite

    def bias(self, head: int, rows: Rows, batch: int) -> Float[Tensor, "row key"] | None:
        """All that is added to the scaled scores of an edited head."""
        position, finite = self._added(head, rows, batch)
        if finite is None or not self.settings[head].own_mask:
            return position
        return finite if position is None else position + finite

    def own_scale(self, head: int) -> float:
        """The factor on the raw scores of a head by which the model itself multiplies them."""
        return self.scale if self.head_scales is None else self.head_scales[head]

    def effective_scale(self, head: int) -> float:
        """The factor on the raw scores of a head: the model's own, or the edit's."""
        setting = self.settings[head]
        if setting.rescale is None:
            return self.own_scale(head)
        (value,) = setting.rescale
        return 1.0 if value is None else value

    def _plane(self, tensor: Tensor, head: int, batch: int) -> Tensor:
        """The (query, key) plane of one head of a (batch, head, query, key) tensor whose axes may be 1.

        Of a model that lies on several devices, layers share a mask that was made on the first: it comes to the query.
        """
        batches, heads = tensor.shape[:2]
        return tensor[batch % batches, head % heads].to(self.query.device).expand(self.shape)


def adds(mask: Tensor | None) -> TypeGuard[Tensor]:
    """Is it a term to add to the scores? Else it is of booleans, or none."""
    return mask is not None and mask.dtype != torch.bool


def _hidden(mask: Tensor) -> float:
    """At or below this, an additive mask means "may not attend": models add the lowest number there is, or nearly."""
    return torch.finfo(mask.dtype).min / 2
