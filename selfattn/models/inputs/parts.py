"""Tokens that are parts of one letter, such as its bytes: which part each is, and of what."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Part:
    """The place of a token among those that share a letter: `number` of `count`, counted from 1."""

    number: int
    count: int
    letter: str

    def __str__(self) -> str:
        return f"[{self.number}/{self.count}]"


def parts_of(
    texts: Sequence[str], segments: Sequence[int | None], offsets: Sequence[tuple[int, int]]
) -> dict[int, list[Part]]:
    """What each token is a part of, by its position; a token of whole letters is not there."""
    sharing: dict[tuple[int, int, int], set[int]] = defaultdict(set)
    places = [(segment, *span) for segment, span in zip(segments, offsets, strict=True)]
    for position, ((text, start, end), (other, begin, finish)) in enumerate(pairwise(places)):
        if text is not None and text == other and max(start, begin) < min(end, finish):
            sharing[text, max(start, begin), min(end, finish)] |= {position, position + 1}
    found: dict[int, list[Part]] = defaultdict(list)
    for (text, start, end), positions in sharing.items():
        for number, position in enumerate(sorted(positions), 1):
            found[position].append(Part(number, len(positions), texts[text][start:end]))
    return found
