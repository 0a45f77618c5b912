"""The words of a text, and which of them each token belongs to."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import regex

# Between white space; and where a script has none, a character or a run of Katakana, with what closes after it.
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}ー]"
_WORD = regex.compile(
    rf"[\p{{Ps}}\p{{Pi}}]*(?:[\p{{Katakana}}ー]+|[\p{{Han}}\p{{Hiragana}}])\p{{M}}*(?:(?!{_UNSPACED})[^\s\w\p{{Ps}}\p{{Pi}}])*"
    rf"|(?:(?!{_UNSPACED})\S)+"
)


def words_of(
    texts: Sequence[str], segments: Sequence[int | None], offsets: Sequence[tuple[int, int]]
) -> tuple[int | None, ...]:
    """The word of each token; those of the second text are counted on from the first's.

    A token belongs to the last word that it reaches into, and one of white space alone to the word after it.
    """
    spans = [[match.span() for match in _WORD.finditer(text)] for text in texts]
    starts, ends = ([[span[side] for span in each] for each in spans] for side in (0, 1))
    before = [0, len(starts[0])]

    def word(segment: int, start: int, end: int) -> int:
        if texts[segment][start:end].strip():
            return max(bisect_left(starts[segment], end) - 1, 0)
        return min(bisect_right(ends[segment], start), len(ends[segment]) - 1)

    return tuple(
        None if segment is None else before[segment] + word(segment, *span)
        for segment, span in zip(segments, offsets, strict=True)
    )
