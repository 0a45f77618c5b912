"""A call: what one attention layer received in one forward pass, enough to compute any head's stages again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from selfattn import notebook
from selfattn.maths.attend import Stages, attend
from selfattn.maths.masks import MaskPattern, Rows, custom, to_bias
from selfattn.maths.similarity import NAMED, Similarity, dot
from selfattn.recording.edits import Edit, Setting
from selfattn.recording.means import Means

ALL = slice(None)


@dataclass(frozen=True, eq=False)
class Call:
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

    def __repr__(self) -> str:
        queries, keys = self.shape
        d = self.query.shape[-1]
        return f"Call({self.title}: {self.heads} heads, {queries} queries x {keys} keys, d = {d})"

    def _repr_html_(self) -> str:
        return notebook.page(
            notebook.line(self.title, repr(self).removeprefix(f"Call({self.title}: ").removesuffix(")")),
            notebook.hint("any head:", "call.stages(head)"),
        )

    @torch.no_grad()
    def stages(self, head: int, rows: Rows = ALL, batch: int = 0) -> Stages:
        """The stages of one head for some of its queries, in float32 at least: the one place of query x key numbers."""
        setting = self.settings[head]
        query, key, value = self._of_head(head, batch)
        stages = attend(
            query[rows] / (self.prescale or 1.0),
            key,
            value,
            scale=self.effective_scale(head),
            softcap=self.softcap,
            bias=self._bias(setting, head, rows, batch),
            temperature=setting.temperature,
            keep=self.keep(head, rows, batch),
            sink=None if self.sink is None else self.sink[head].to(query.dtype),
            similarity=self._similarity(head),
        )
        if setting.cut_after:
            cut = self._allowed(custom(setting.cut_after), rows, batch)
            weights = stages.weights.masked_fill(cut, 0.0)
            stages = replace(stages, weights=weights, context=weights @ value)
        if setting.ablate:
            stages = replace(stages, context=self.context(head, batch).to(value.dtype)[rows])
        return stages

    @torch.no_grad()
    def scores(self, head: int, rows: Rows = ALL, batch: int = 0) -> Float[Tensor, "row key"]:
        """The raw scores of one head alone, the first of its stages."""
        query, key, _ = self._of_head(head, batch)
        return self._similarity(head)(query[rows] / (self.prescale or 1.0), key)

    def with_edits(self, edits: Iterable[Edit]) -> "Call":
        """The same queries, keys and values under other edits: what these heads alone would do."""
        place = (self.part, self.kind)
        return replace(self, settings=tuple(Setting.of(edits, self.layer, head, *place) for head in range(self.heads)))

    def context(self, head: int, batch: int = 0) -> Float[Tensor, "query d_v"]:
        """What an edited head gives to the model. SDPA does the work wherever its one formula can say the edit."""
        setting = self.settings[head]
        if setting.ablate == "zero":
            return self.value.new_zeros(self.shape[0], self.value.shape[-1])
        if setting.ablate == "mean":
            own = replace(self, settings=(replace(setting, ablate=None),) * self.heads).context(head, batch)
            return self._mean(own, head, batch)
        if isinstance(setting.ablate, Means):
            means = setting.ablate.of((self.part, self.kind, self.layer), head, self._order(batch))
            return means[:, self.place[1]].to(self.value.dtype)
        if self.softcap or self.sink is not None or self._similarity(head) is not dot or setting.cut_after:
            return self.stages(head, ALL, batch).context.to(self.value.dtype)
        query, key, value = self._of_head(head, batch, self.query.dtype)
        keep, bias = self.keep(head, ALL, batch), self._bias(setting, head, ALL, batch)
        mask = keep if bias is None else (bias / setting.temperature + to_bias(keep, bias.dtype)).to(query.dtype)
        factor = self.effective_scale(head) / ((self.prescale or 1.0) * setting.temperature)
        query, key, value = query[None, None], key[None, None], value[None, None]
        return scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=factor)[0, 0]

    def _mean(self, own: Float[Tensor, "query d_v"], head: int, batch: int) -> Float[Tensor, "query d_v"]:
        """The mean of a head's context over the text; where no token sees the future, over what is up to each query."""
        # Padding tokens are queries too in self-attention: they leave the average.
        real = torch.ones_like(own[:, 0], dtype=torch.bool) if self.kind == "cross" else self.real_queries(batch)
        if not self.looks_back(head, batch):
            return own[real].mean(0, keepdim=True).expand_as(own)
        so_far = own.masked_fill(~real[:, None], 0.0).to(torch.promote_types(own.dtype, torch.float32)).cumsum(0)
        return (so_far / real.cumsum(0).clamp(min=1)[:, None]).to(own.dtype)

    def _order(self, batch: int) -> Int[Tensor, " query"]:
        """Which token of the text each query is, without the padding before it."""
        if not self.asks_itself:
            return self.positions
        return (self.real_keys(batch).cumsum(0) - 1).clamp(min=0)[self.positions - self.start] + self.start

    @property
    def asks_itself(self) -> bool:
        """Are the queries' own tokens among the keys?"""
        return self.kind == "self" and not self.pooled and self.shape[0] <= self.shape[1]

    def looks_back(self, head: int = 0, batch: int = 0) -> bool:
        """Does no query, by the model's own mask, know of a later one? A decoder's cross-attention asks in order."""
        if self.kind == "cross":
            return self.part.startswith("decoder")
        later = self.later & self._own_keep(head, ALL, batch)
        return not later[self.real_queries(batch)].any()

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
            allowed = self._allowed(pattern, rows, batch)
            keep = allowed if keep is None else keep & allowed
        if keep is None:
            raise ValueError("A mask that replaces the model's own needs a pattern.")
        return keep

    @property
    def positions(self) -> Int[Tensor, " query"]:
        """Where in the text each query stands: while a model generates, its queries are the last of the tokens."""
        queries, keys = self.shape
        ahead = max(keys - self.behind - queries, 0) if self.kind == "self" else 0
        return self.start + ahead + torch.arange(queries, device=self.query.device)

    def _allowed(self, pattern: MaskPattern, rows: Rows, batch: int) -> Bool[Tensor, "row key"]:
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
        if self.mask is None:
            return torch.ones(self.shape[1], dtype=torch.bool, device=self.query.device)
        return self._own_keep(0, ALL, batch).any(0)

    def _own_keep(self, head: int, rows: Rows, batch: int) -> Bool[Tensor, "row key"]:
        keys = self.shape[1]
        if self.mask is None:
            i = self.positions[rows, None]
            j = self.start + torch.arange(keys, device=self.query.device)[None, :]
            return j <= i if self.causal else torch.ones_like(j, dtype=torch.bool).expand(i.shape[0], keys)
        mask = self._plane(self.mask, head, batch)[rows]
        return mask if mask.dtype == torch.bool else mask > _hidden(mask)

    def biases(self, head: int, rows: Rows = ALL, batch: int = 0) -> tuple[Tensor | None, Tensor | None]:
        """What the model adds to the scaled scores: its position bias, and the finite part of an additive mask."""
        position, finite = self.position_bias, None
        if position is not None:
            position = self._plane(position, head, batch)[rows]
        if self.mask is not None and self.mask.dtype != torch.bool:
            mask = self._plane(self.mask, head, batch)[rows]
            finite = mask.masked_fill(mask <= _hidden(mask), 0.0)
        return position, finite if finite is not None and finite.any() else None

    def _bias(self, setting: Setting, head: int, rows: Rows, batch: int) -> Float[Tensor, "row key"] | None:
        """All that is added to the scaled scores of an edited head."""
        position, finite = self.biases(head, rows, batch)
        if finite is None or not setting.own_mask:
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

    def _similarity(self, head: int) -> Similarity:
        """What makes the raw scores of a head: the edit's similarity, or the model's own."""
        named, own = self.settings[head].similarity, self.similarity
        if named is not None:
            return NAMED[named]
        return dot if own is None else lambda q, k: own(q, k, head)

    def _plane(self, tensor: Tensor, head: int, batch: int) -> Tensor:
        """The (query, key) plane of one head of a (batch, head, query, key) tensor whose axes may be 1.

        Of a model that lies on several devices, layers share a mask that was made on the first: it comes to the query.
        """
        batches, heads = tensor.shape[:2]
        return tensor[batch % batches, head % heads].to(self.query.device).expand(self.shape)

    def _of_head(self, head: int, batch: int, dtype: torch.dtype | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value of one head; with grouped heads, head h reads key head `h // (H / H_kv)`."""
        shared = head * self.key_heads // self.heads
        dtype = dtype or torch.promote_types(self.query.dtype, torch.float32)
        return (
            self.query[batch, head].to(dtype),
            self.key[batch, shared].to(dtype),
            self.value[batch, shared].to(dtype),
        )

    @torch.no_grad()
    def weights(self, rows: Rows = ALL, batch: int = 0) -> Float[Tensor, "head row key"]:
        """The weights of every head, for some of the queries: what `stages` gives head by head, in one go."""
        setting = self.settings[0]
        # Formulas that differ from head to head, and weights that are cut after the softmax, go one by one.
        own = self.similarity is not None or self.head_scales is not None
        if own or setting.cut_after or any(each != setting for each in self.settings):
            return torch.stack([self.stages(head, rows, batch).weights for head in range(self.heads)])
        dtype = torch.promote_types(self.query.dtype, torch.float32)
        shared = torch.arange(self.heads, device=self.key.device) * self.key_heads // self.heads
        key = self.key[batch, shared].to(dtype)
        return attend(
            self.query[batch][:, rows].to(dtype) / (self.prescale or 1.0),
            key,
            key[..., :0],  # no value, no context
            scale=self.effective_scale(0),
            softcap=self.softcap,
            bias=self._bias_of_heads(setting, rows, batch),
            temperature=setting.temperature,
            keep=self.keep_of_heads(rows, batch),
            sink=None if self.sink is None else self.sink.to(dtype),
            similarity=self._similarity(0),
        ).weights

    def keep_of_heads(self, rows: Rows = ALL, batch: int = 0) -> Bool[Tensor, "#head row key"]:
        """Which keys each query of each head may attend to; a single plane where all heads share one."""
        one = all(each == self.settings[0] for each in self.settings) and (self.mask is None or self.mask.shape[1] == 1)
        return torch.stack([self.keep(head, rows, batch) for head in range(1 if one else self.heads)])

    def _bias_of_heads(self, setting: Setting, rows: Rows, batch: int) -> Float[Tensor, "#head row key"] | None:
        tensors = [each for each in (self.position_bias, self.mask) if each is not None]
        heads = range(max((each.shape[1] for each in tensors), default=1))
        planes = [self._bias(setting, head, rows, batch) for head in heads]
        # The finite part of an additive mask may be nothing in one head and something in another.
        shape = next((plane.shape for plane in planes if plane is not None), None)
        if shape is None:
            return None
        return torch.stack([self.query.new_zeros(shape) if plane is None else plane for plane in planes])


def _hidden(mask: Tensor) -> float:
    """At or below this, an additive mask means "may not attend": models add the lowest number there is, or nearly."""
    return torch.finfo(mask.dtype).min / 2
