"""Where the pieces of a tokenizer stand in a text, where it does not say: found by their spelling, and proven by it.

A piece gets a place only where every way of reading the text as these pieces gives it the same one.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import regex

Span = tuple[int, int]
# Places where a piece may end: past so many, a text is read in too many ways to tell them apart.
MOST_WAYS = 256


def pieces_of(tokenizer: Any, text: str) -> tuple[list[str], list[Span | None]]:
    """The pieces of a text, and the (start, end) of each; None where that is not certain.

    Each word is read by itself where the pieces of the words are those of the text: an unknown one ends with its word.
    """
    pieces = tokenizer.tokenize(text)
    words = [match.span() for match in re.finditer(r"\S+", text)]
    each = [tokenizer.tokenize(text[start:end]) for start, end in words]
    if [piece for several in each for piece in several] != pieces:
        each, words = [pieces], [(0, len(text))]
    places: list[Span | None] = []
    for several, (start, end) in zip(each, words, strict=True):
        known = [None if piece == tokenizer.unk_token else piece for piece in several]
        places += [place and (place[0] + start, place[1] + start) for place in align(known, text[start:end])]
    return pieces, places


def align(pieces: Sequence[str | None], text: str) -> list[Span | None]:
    """The (start, end) of each piece in the text; None is a piece of unknown spelling, such as an unknown word.

    The piece's spelling is the text at its place, perhaps in another form (NFKC, lower case, without accents or
    punctuation). White space and characters that cannot be seen may stand between pieces. None for a piece whose place
    is not certain, and for all where the text is not spelled by the pieces.
    """
    tried = set()
    for of_text, of_pieces in FORMS:
        stream = _Stream(text, of_text)
        for spelling in SPELLINGS:
            spelled = [None if piece is None else spelling(piece, of_pieces) for piece in pieces]
            if (same := (stream.bytes, tuple(spelled))) in tried:
                continue
            tried.add(same)
            if (places := _read(spelled, stream)) is not None:
                return [None if place is None else stream.span(*place) for place in places]
    return [None] * len(pieces)


def _as_written(text: str) -> str:
    return text


def _compatible(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _lower(text: str) -> str:
    return _compatible(text).lower()


def _bare(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text).lower()
    return "".join(letter for letter in letters if unicodedata.category(letter) != "Mn")


def _letters(text: str) -> str:
    return "".join(letter for letter in _bare(text) if not unicodedata.category(letter).startswith("P"))


# As Moses, whose rules older models of translation were trained with, writes what has a meaning of its own there.
_ESCAPES = str.maketrans(
    {
        "&": "&amp;",
        "|": "&#124;",
        "<": "&lt;",
        ">": "&gt;",
        "'": "&apos;",
        '"': "&quot;",
        "[": "&#91;",
        "]": "&#93;",
    }
)


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


Form = Callable[[str], str]
# Of a text and of pieces, each where the one before does not fit.
FORMS: tuple[tuple[Form, Form], ...] = (
    *((form, form) for form in (_as_written, _compatible, _lower, _bare, _letters)),
    (_escaped, _as_written),
)


def _alphabet() -> dict[str, int]:
    """What GPT-2 spells each byte as: printable ones as themselves, the others from U+0100 on."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + place): byte for place, byte in enumerate(others)}


_BYTES = _alphabet()


def _marked(piece: str, form: Form) -> bytes:
    """Marks of vocabularies: ## or @@ where a word goes on, </w> where it ends, ▁ for a space."""
    return _trimmed(form(re.sub(r"^##|@@$|</w>$", "", piece).replace("▁", " ")).encode())


def _whole(piece: str, form: Form) -> bytes:
    return form(piece).encode()


def _byte_or_marked(piece: str, form: Form) -> bytes:
    """<0xE6> is a byte."""
    return bytes([byte]) if (byte := fallback(piece)) is not None else _marked(piece, form)


def _byte_level(piece: str, form: Form) -> bytes:
    """Each character is a byte, in the alphabet of GPT-2; a word of other characters stands for itself."""
    if all(letter in _BYTES for letter in piece):
        return _trimmed(bytes(_BYTES[letter] for letter in piece.removesuffix("</w>")))
    return _marked(piece, form)


def _code_points(piece: str, form: Form) -> bytes:
    """Each character is the byte of its number."""
    return piece.encode("latin-1") if all(letter < "\u0100" for letter in piece) else _whole(piece, form)


SPELLINGS = (_whole, _byte_or_marked, _byte_level, _code_points)


def fallback(piece: str) -> int | None:
    """The byte that a piece such as <0xE6> is."""
    return int(piece[3:5], 16) if re.fullmatch(r"<0x[0-9A-F]{2}>", piece) else None


def is_byte(piece: str, byte: int) -> bool:
    """May a piece be this byte, in one of the ways in which vocabularies spell bytes?"""
    return fallback(piece) == byte or _BYTES.get(piece) == byte or piece == chr(byte)


def _trimmed(spelled: bytes) -> bytes:
    # The space of a piece stands between it and the one before, which is nobody's.
    return spelled.strip(b" ")


class _Stream:
    """A text in one form as bytes, each of which knows its characters."""

    def __init__(self, text: str, form: Form) -> None:
        self.text, parts = text, []
        self.starts: list[int] = []  # of each byte's characters
        self.ends: list[int] = []
        for start, end in _clusters(text, form):
            part = form(text[start:end]).encode()
            parts.append(part)
            self.starts += [start] * len(part)
            self.ends += [end] * len(part)
        self.bytes = b"".join(parts)
        size = len(self.bytes)
        self.after_blank = list(range(size + 1))  # the first byte from here that is no white space and can be seen
        self.end_of_run = [size] * (size + 1)  # and the first that is white space
        for place in range(size - 1, -1, -1):
            letters = text[self.starts[place] : self.ends[place]]
            if all(_is_blank(letter) for letter in letters):
                self.after_blank[place] = self.after_blank[place + 1]
            self.end_of_run[place] = place if letters.isspace() else self.end_of_run[place + 1]
        self.borders = [0, *(i for i in range(1, size) if self.starts[i] != self.starts[i - 1]), size]

    def places(self, spelled: bytes | None, after: int) -> list[Span]:
        """Where a piece may stand whose predecessor ends at a byte."""
        first = self.after_blank[after]
        if spelled is None:
            last = bisect_right(self.borders, self.end_of_run[first])
            return [(first, end) for end in self.borders[bisect_right(self.borders, first) : last]]
        if not spelled:
            return [(after, after)]
        size = len(spelled)
        starts = range(after, min(first, after + MOST_WAYS) + 1)
        return [(start, start + size) for start in (*starts, first) if self.bytes.startswith(spelled, start)]

    def span(self, start: int, end: int) -> Span:
        """The characters of these bytes; of no byte, the place where they would stand."""
        if start < end:
            return self.starts[start], self.ends[end - 1]
        place = self.starts[start] if start < len(self.bytes) else len(self.text)
        return place, place


def _is_blank(letter: str) -> bool:
    return letter.isspace() or unicodedata.category(letter) in ("Cc", "Cf")


def _clusters(text: str, form: Form) -> list[Span]:
    """The characters of a text, and together those whose form is not that of each."""
    found: list[Span] = []
    for start, end in (match.span() for match in regex.finditer(r"\X", text)):
        cluster = text[start:end]
        apart = form(cluster) == "".join(form(letter) for letter in cluster)
        found += list(pairwise(range(start, end + 1))) if apart else [(start, end)]
    return found


def _read(spelled: Sequence[bytes | None], stream: _Stream) -> list[Span | None] | None:
    """The bytes of each piece: None where ways of reading differ. None at all where there is no way, or too many."""
    reached = [{0}]
    for piece in spelled:
        ends = {end for after in reached[-1] for _, end in stream.places(piece, after)}
        if not 0 < len(ends) <= MOST_WAYS:
            return None
        reached.append(ends)
    leading = {end for end in reached[-1] if stream.after_blank[end] == len(stream.bytes)}
    if not leading:
        return None
    found: list[Span | None] = []
    for piece, before in zip(reversed(spelled), reversed(reached[:-1]), strict=True):
        ways = {(after, place) for after in before for place in stream.places(piece, after) if place[1] in leading}
        leading = {after for after, _ in ways}
        places = {place for _, place in ways}
        found.append(places.pop() if len(places) == 1 else None)
    return found[::-1]
