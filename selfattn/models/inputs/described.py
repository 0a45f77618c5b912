"""Which token of the vocabulary each token of a text is, in words: what its text alone does not say."""

from typing import Any

from selfattn.models.inputs.alignment import is_byte
from selfattn.models.inputs.parts import Part, parts_of
from selfattn.models.inputs.tokens import Tokens, visible


def described(tokens: Tokens, tokenizer: Any | None) -> tuple[str, ...]:
    """A note on each token: `##ing · id 2075 · continues a word`, `ð · id 163 · byte 1 of 4 of 😀`."""
    parts = parts_of(tokens.texts, tokens.segments, tokens.offsets)
    special = set(getattr(tokenizer, "all_special_ids", ()))
    unknown = getattr(tokenizer, "unk_token_id", None)

    def marks(position: int) -> list[str]:
        segment, (start, end) = tokens.segments[position], tokens.offsets[position]
        if any(tokens.patches[position : position + 1]):
            return [tokens.patches[position]]
        if tokens.ids[position] == unknown:
            return ["unknown to the tokenizer"]
        if tokens.ids[position] in special:
            return ["special"]
        if position in parts:
            return [_part(each, tokens.pieces[position]) for each in parts[position]]
        if segment is None or start == end:
            return []
        return [_beginning(tokens.texts[segment], start, end, tokens.words, position)]

    return tuple(
        " · ".join(part for part in (visible(piece), f"id {index}", *marks(position)) if part)
        for position, (piece, index) in enumerate(zip(tokens.pieces, tokens.ids, strict=True))
    )


def word_names(tokens: Tokens, tokenizer: Any | None) -> tuple[str, ...]:
    """What each word reads as, where the tokens of one word are one: what was written, and [UNK] before each unknown.

    A token that belongs to no word stands alone.
    """
    unknown, names, before = getattr(tokenizer, "unk_token_id", None), [], None
    for position, word in enumerate(tokens.words):
        if word is None or word != before:
            names.append(_Word())
        segment, span = tokens.segments[position], tokens.offsets[position]
        if segment is None or tokens.ids[position] == unknown or span[0] == span[1]:
            names[-1].add(tokens.text[position], is_piece=segment is not None and tokens.ids[position] != unknown)
        else:
            names[-1].reach(tokens.texts[segment], *span)
        before = word
    return tuple(map(str, names))


class _Word:
    """The name of a word as its tokens come: runs of what was written, and names of unknown tokens."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.pieces: list[str] = []  # that stand for no text
        self.run: tuple[int, int] | None = None

    def add(self, name: str, is_piece: bool) -> None:
        if is_piece:
            self.pieces.append(name)
        else:
            self.parts.append(name)
            self.run = None

    def reach(self, text: str, start: int, end: int) -> None:
        if self.run is None:
            self.parts.append("")
            self.run = start, end
        self.run = self.run[0], max(self.run[1], end)
        self.parts[-1] = text[slice(*self.run)]

    def __str__(self) -> str:
        return " ".join(self.parts) if self.parts else "".join(self.pieces)


def _part(part: Part, piece: str) -> str:
    raw = part.letter.encode()
    kind = "byte" if part.count == len(raw) and is_byte(piece, raw[part.number - 1]) else "part"
    return f"{kind} {part.number} of {part.count} of {visible(part.letter)}"


def _beginning(text: str, start: int, end: int, words: tuple[int | None, ...], position: int) -> str:
    if not text[start:end].strip():
        return "white space"
    if text[start].isspace():
        return "with the space before it"
    in_word = start > 0 and position > 0 and words[position - 1] == words[position]
    return "continues a word" if in_word and text[start - 1 : start + 1].isalnum() else ""
