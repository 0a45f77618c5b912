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
