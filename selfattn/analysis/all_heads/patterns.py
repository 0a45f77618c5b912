"""What a head looks at, one number a head: how it shares its weight among the keys, averaged over the queries.

A pattern is a function of some rows of weights to one number a row, and its decorator enters it in `PATTERNS`: with
that it is on the page of all heads. Read each beside its baseline, the same pattern of a head that spreads its weight
evenly over what the mask allows: `pattern(uniform(keep))`.

    patterns.previous_token(weights)               # one matrix, or any number of heads
    patterns.induction(weights, tokens)

The functions below give one number a row: NaN for a row that has none, which leaves the average. So does every row that
may attend to nothing. Padding tokens attend too: leave their rows out, or name what is text by `real`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from selfattn.maths import saturation

Weights = Float[Tensor, "*head row key"]


@dataclass(frozen=True)
class SeenWeights:
    """Some rows of a head's weights, or of many heads', and what is known about their queries and keys."""

    weights: Weights
    keep: Bool[Tensor, "*#head row key"]
    rows: Int[Tensor, " row"]  # where these queries stand
    real: Bool[Tensor, " key"]  # keys that are text, not padding
    tokens: Int[Tensor, " key"] | None = None  # their ids, where they have some
    separators: Bool[Tensor, " key"] | None = None
    aligned: bool = True  # query i and key i are the same token, as in self-attention

    @classmethod
    def whole(
        cls,
        weights: Weights,
        keep: Bool[Tensor, "*#head row key"] | None = None,
        tokens: Int[Tensor, " key"] | None = None,
        separators: Bool[Tensor, " key"] | None = None,
    ) -> "SeenWeights":
        """Every row of self-attention over a text without padding; everything is visible unless `keep` says other."""
        rows, keys = weights.shape[-2:]
        here = weights.device
        keep = torch.ones(rows, keys, dtype=torch.bool, device=here) if keep is None else keep
        real = torch.ones(keys, dtype=torch.bool, device=here)
        return cls(weights, keep, torch.arange(rows, device=here), real, tokens, separators)

    @cached_property
    def empty(self) -> Bool[Tensor, "*#head row"]:
        """Rows that may attend to nothing."""
        return ~self.keep.any(-1)

    @cached_property
    def away(self) -> Int[Tensor, "row key"]:
        """How far each key stands after the query: `j - i`."""
        return torch.arange(len(self.real), device=self.rows.device)[None, :] - self.rows[:, None]

    @cached_property
    def first(self) -> Int[Tensor, ""]:
        """Where the text begins: padding may stand before it."""
        return self.real.long().argmax()

    def mass(self, targets: Bool[Tensor, "#row key"]) -> Float[Tensor, "*head row"]:
        """The weight on the targets, summed in each row; NaN in a row that has none."""
        targets = targets & self.real
        found = (self.weights * targets.to(self.weights.dtype)).sum(-1)
        return found.masked_fill(~targets.any(-1), math.nan)

    @cached_property
    def earlier(self) -> Bool[Tensor, "row key"]:
        """True where key j is an earlier occurrence of the token of query i."""
        if self.tokens is None:
            return torch.zeros_like(self.away, dtype=torch.bool)
        return (self.tokens[self.rows, None] == self.tokens[None, :]) & (self.away < 0)


Rows = Callable[[SeenWeights], Float[Tensor, "*head row"]]


@dataclass(frozen=True)
class Pattern:
    """One number about a head: called with weights, its mean over the rows."""

    name: str
    meaning: str
    rows: Rows = field(repr=False)
    aligned: bool = False  # is nothing where query i and key i are two tokens, as in cross-attention
    share: bool = True  # between 0 and 1; else a distance in tokens
    badge: float | None = None  # the least share of the way from even attention to all of the weight for a badge

    def __call__(
        self,
        weights: Weights,
        tokens: Int[Tensor, " key"] | None = None,
        *,
        keep: Bool[Tensor, "*#head row key"] | None = None,
        separators: Bool[Tensor, " key"] | None = None,
    ) -> Float[Tensor, "*head"]:
        seen = SeenWeights.whole(weights, keep, tokens, separators)
        return self.of(seen).nanmean(-1)

    def is_worth_a_badge(self, value: float, even: float) -> bool:
        """`(value - even) / (1 - even) >= badge`, which a head can reach however short the text; NaN is worth none."""
        return self.badge is not None and even < 1 and value - even >= self.badge * (1 - even)

    def of(self, seen: SeenWeights) -> Float[Tensor, "*head row"]:
        """One number a row, NaN where there is none."""
        if self.aligned and not seen.aligned:
            return seen.weights.new_full(seen.weights.shape[:-1], math.nan)
        return self.rows(seen).masked_fill(seen.empty, math.nan)


PATTERNS: dict[str, Pattern] = {}


def pattern(
    name: str, meaning: str, *, aligned: bool = False, share: bool = True, badge: float | None = None
) -> Callable[[Rows], Pattern]:
    """Enter a function in `PATTERNS`, under its short name."""

    def enter(rows: Rows) -> Pattern:
        PATTERNS[name] = Pattern(name, meaning, rows, aligned, share, badge)
        return PATTERNS[name]

    return enter


def uniform(keep: Bool[Tensor, "*head query key"]) -> Float[Tensor, "*head query key"]:
    """Equal weight on every key that may be attended to: `keep_ij / sum_k keep_ik`, and 0 in a row without any."""
    return keep.float() / keep.sum(-1, keepdim=True).clamp(min=1)


@pattern("previous", "weight on the token just before", aligned=True, badge=0.5)
def previous_token(seen: SeenWeights) -> Float[Tensor, "*head row"]:
    """The weight on the token just before: `mean_{i >= 1} A[i, i - 1]`."""
    return seen.mass(seen.away == -1)


@pattern("next", "weight on the token just after", aligned=True, badge=0.5)
def next_token(seen: SeenWeights) -> Float[Tensor, "*head row"]:
    """The weight on the token just after: `mean_{i < n - 1} A[i, i + 1]`."""
    return seen.mass(seen.away == 1)


@pattern("self", "weight of a token on itself", aligned=True, badge=0.5)
def self_token(seen: SeenWeights) -> Float[Tensor, "*head row"]:
    """The weight of a token on itself: `mean_i A[i, i]`."""
    return seen.mass(seen.away == 0)


@pattern("first", "weight on the first token, where heads often rest", badge=0.5)
def first_token(seen: SeenWeights) -> Float[Tensor, "*head row"]:
    """The weight on the first token, where heads with nothing to look for often rest: `mean_i A[i, 0]`."""
    return seen.mass((torch.arange(len(seen.real), device=seen.real.device) == seen.first)[None])


@pattern("separator", "weight on separators such as [SEP]", badge=0.5)
def separator(seen: SeenWeights) -> Float[Tensor, "*head row"]:
    """The weight on separator tokens (Clark et al. 2019): `mean_i sum_{j separates} A[i, j]`. NaN without any."""
    none = torch.zeros_like(seen.real)
    return seen.mass((none if seen.separators is None else seen.separators)[None])


@pattern("duplicate", "weight on earlier occurrences of the same token", aligned=True, badge=0.5)
def duplicate_token(seen: SeenWeights) -> Float[Tensor, "*head row"]:
    """The weight on earlier occurrences of the query's token: `mean_i sum_{j < i, t_j = t_i} A[i, j]`.

    The mean is over the queries that have an earlier occurrence; the diagonal is left out. NaN without a repeat.
    """
    return seen.mass(seen.earlier)


@pattern("induction", "weight on what followed earlier occurrences of the token", aligned=True, badge=0.5)
def induction(seen: SeenWeights) -> Float[Tensor, "*head row"]:
    """The weight on the tokens that followed earlier occurrences of the query's token (Olsson et al. 2022).

    `mean_i sum_{j < i - 1, t_j = t_i} A[i, j + 1]` over the queries i with such a j: several earlier occurrences are
    summed. An immediate repeat, j = i - 1, is left out, for its next token is the query itself. NaN without a repeat.
    """
    return seen.mass(seen.earlier.roll(1, dims=1) & (seen.away < 0))


@pattern("entropy", "H / log n: 1 is spread evenly, 0 is a single key")
def entropy(seen: SeenWeights) -> Float[Tensor, "*head row"]:
    """How evenly a row is spread, `H / log n` over the n keys that it may attend to; NaN where n < 2."""
    return saturation.normalised_entropy(seen.weights, seen.keep)


@pattern("confidence", "the largest weight of a row")
def confidence(seen: SeenWeights) -> Float[Tensor, "*head row"]:
    """The largest weight of a row, `mean_i max_j A[i, j]`: high where a head rests on one token, such as the first."""
    return saturation.max_probability(seen.weights)


@pattern("without sink", "the largest weight of a row on keys other than the first token and separators")
def confidence_without_sink(seen: SeenWeights) -> Float[Tensor, "*head row"]:
    """The same without what heads rest on: `mean_i max_{j > 0, j does not separate} A[i, j]`.

    Voita et al. 2019 leave out the token that ends the text. NaN in a row that may attend to nothing else.
    """
    others = seen.real.clone()
    others[seen.first] = False
    if seen.separators is not None:
        others &= ~seen.separators
    allowed = (seen.keep & others).any(-1)
    return saturation.max_probability(seen.weights.masked_fill(~others, 0.0)).masked_fill(~allowed, math.nan)


@pattern("distance", "how many tokens away the weight goes", aligned=True, share=False)
def mean_distance(seen: SeenWeights) -> Float[Tensor, "*head row"]:
    """How far away the weight goes, in tokens: `mean_i sum_j A[i, j] |i - j|`."""
    return (seen.weights * seen.away.abs().to(seen.weights.dtype)).sum(-1)
