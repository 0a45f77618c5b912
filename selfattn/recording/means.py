"""What heads give on average over a data set: what an ablation may put in the place of what they give on one text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor

Key = tuple[str, str, int]  # part, kind and layer of a call


@dataclass(frozen=True)
class Means:
    """The mean context of every head at each position, over some texts: `selfattn.means` computes it.

    Two are equal where their texts are. JSON holds the digest and the count of those, and no numbers: what was read
    from there is computed again before a model can run with it.
    """

    name: str  # a digest of the texts
    count: int  # of them
    texts: tuple[Any, ...] = field(default=(), compare=False, repr=False)
    values: Mapping[Key, Float[Tensor, "head position d_v"]] = field(default_factory=dict, compare=False, repr=False)
    counts: Mapping[Key, Int[Tensor, " position"]] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch("[0-9a-f]{12}", self.name):
            raise ValueError(f"The name of a data set is twelve hexadecimal digits; got {self.name!r}.")
        if not isinstance(self.count, int) or isinstance(self.count, bool) or self.count < 1:
            raise ValueError(f"A data set has at least one text; got {self.count!r}.")

    @classmethod
    def named(cls, texts: Sequence[Any]) -> "Means":
        """The name of what the means over these texts will be, without their numbers."""
        return cls(sha256(repr(list(texts)).encode()).hexdigest()[:12], len(texts), tuple(texts))

    def of(self, key: Key, heads: Sequence[int], places: Int[Tensor, " query"]) -> Float[Tensor, "head query d_v"]:
        """What heads give at these positions. Raises ValueError past the longest text, where no mean is known."""
        if not self.values:
            raise ValueError(
                f"An ablation names a data set of {self.count} texts without its numbers; compute them by "
                "selfattn.means(model, texts)."
            )
        count = len(self.values.get(key, ()))
        if unknown := [head for head in heads if head >= count]:
            raise ValueError(
                f"These means are of another model: it has no head {unknown[0]} in {' '.join(map(str, key))}."
            )
        known = self.values[key][[*heads]].to(places.device)
        if (asked := int(places.max()) + 1) > known.shape[1]:
            raise ValueError(
                f"The longest of the {self.count} texts has {known.shape[1]} tokens, and this one {asked}: past those "
                "no mean is known; bring a text as long, or silence with zeros or the text's own mean."
            )
        return known[:, places]

    def reaching(self, length: int) -> int:
        """How many of the texts have so many tokens: those that the mean at the last of them is over."""
        counts = next(iter(self.counts.values()))
        return int(counts[length - 1]) if length <= len(counts) else 0
