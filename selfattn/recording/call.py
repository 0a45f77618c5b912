"""A call: what one attention layer received in one forward pass, enough to compute any head's stages again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from selfattn import notebook
from selfattn.maths.attend import Stages, attend
from selfattn.maths.masks import Rows, custom
from selfattn.maths.similarity import NAMED, Similarity, dot
from selfattn.recording.edits import Edit, Setting
from selfattn.recording.means import Means
from selfattn.recording.received import ALL as ALL
from selfattn.recording.received import Received
from selfattn.recording.silenced import over_texts, over_tokens
from selfattn.recording.together import AT_ONCE, Shared, alike, by_kernel, has_form, write


@dataclass(frozen=True, eq=False)
class Call(Received):
    """What one layer received, and what its heads make of it; no matrix of queries and keys is kept."""

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
            bias=self.bias(head, rows, batch),
            temperature=setting.temperature,
            keep=self.keep(head, rows, batch),
            sink=None if self.sink is None else self.sink[head].to(query.dtype),
            similarity=self._similarity(head),
        )
        if setting.cut_after:
            cut = self.allowed(custom(setting.cut_after), rows, batch)
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
        return replace(self, settings=Setting.of_heads(tuple(edits), self.layer, self.heads, self.part, self.kind))

    def context(self, head: int, batch: int = 0) -> Float[Tensor, "query d_v"]:
        """What an edited head gives to the model."""
        return self.contexts([head], {})[batch, :, 0]

    def contexts(self, heads: Sequence[int], shared: Shared) -> Float[Tensor, "batch query head d_v"]:
        """What edited heads give to the model; `shared` holds what the layers of one forward pass share."""
        given = None
        for group, made in self._in_groups(heads, shared):
            if len(group) == len(heads):
                return made
            if given is None:
                given = made.new_empty(*made.shape[:2], len(heads), made.shape[-1])
            write(given, [heads.index(head) for head in group], made)
        assert given is not None  # heads are some
        return given

    def _in_groups(self, heads: Sequence[int], shared: Shared) -> Iterator[tuple[Sequence[int], Tensor]]:
        """Heads that are computed together, and what they give, (batch, query, head, d_v)."""
        by_how: dict[str | Means | None, list[int]] = {}
        for head in heads:
            by_how.setdefault(self.settings[head].ablate, []).append(head)
        for how, some in by_how.items():
            if how is None:
                formed = [head for head in some if has_form(self, head)]
                for group in alike(self, formed):
                    yield group, by_kernel(self, group, shared).transpose(1, 2)
                for head in [head for head in some if head not in formed]:
                    yield [head], self._by_rows(head)
            elif how == "mean":
                loud = replace(self, settings=tuple(replace(setting, ablate=None) for setting in self.settings))
                yield some, over_tokens(self, loud.contexts(some, shared), some, shared)
            elif isinstance(how, Means):
                yield some, over_texts(self, how, some)
            else:
                yield some, self.value.new_zeros(len(self.query), self.shape[0], len(some), self.value.shape[-1])

    def _by_rows(self, head: int) -> Float[Tensor, "batch query 1 d_v"]:
        """What a head gives whose formula the kernel cannot say: from its stages, some rows at a time."""
        step = max(AT_ONCE // max(self.shape[1], 1), 1)
        blocks = [slice(start, start + step) for start in range(0, self.shape[0], step)]
        texts = range(len(self.query))
        contexts = [torch.cat([self.stages(head, rows, text).context for rows in blocks]) for text in texts]
        return torch.stack(contexts)[:, :, None].to(self.value.dtype)

    def _similarity(self, head: int) -> Similarity:
        """What makes the raw scores of a head: the edit's similarity, or the model's own."""
        named, own = self.settings[head].similarity, self.similarity
        if named is not None:
            return NAMED[named]
        return dot if own is None else lambda q, k: own(q, k, head)

    def _of_head(self, head: int, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value of one head."""
        shared, dtype = self.key_head(head), torch.promote_types(self.query.dtype, torch.float32)
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
            bias=self._bias_of_heads(rows, batch),
            temperature=setting.temperature,
            keep=self.keep_of_heads(rows, batch),
            sink=None if self.sink is None else self.sink.to(dtype),
            similarity=self._similarity(0),
        ).weights

    def keep_of_heads(self, rows: Rows = ALL, batch: int = 0) -> Bool[Tensor, "#head row key"]:
        """Which keys each query of each head may attend to; a single plane where all heads share one."""
        one = all(each == self.settings[0] for each in self.settings) and (self.mask is None or self.mask.shape[1] == 1)
        return torch.stack([self.keep(head, rows, batch) for head in range(1 if one else self.heads)])

    def _bias_of_heads(self, rows: Rows, batch: int) -> Float[Tensor, "#head row key"] | None:
        heads = max(1 if each is None else each.shape[1] for each in (self.position_bias, self.mask))
        planes = [plane for head in range(heads) if (plane := self.bias(head, rows, batch)) is not None]
        return torch.stack(planes) if planes else None
