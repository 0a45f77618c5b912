"""Text to tokens and back to what the reader wrote: each token keeps its place in the text."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from selfattn.models.inputs.alignment import pieces_of
from selfattn.models.inputs.chats import rendered
from selfattn.models.inputs.given import Chat, Illustrated, Pair, Text, Translation
from selfattn.models.inputs.languages import mark_of
from selfattn.models.inputs.parts import parts_of
from selfattn.models.inputs.words import words_of

MOST_PADDING = 100_000
NO_SPAN = (0, 0)


@dataclass(frozen=True)
class Tokens:
    """The tokens of one text, or of a pair, one entry a token in every field but the last three."""

    ids: tuple[int, ...]
    # As the reader wrote it; special, padding and written tokens as the tokenizer spells them; an unknown one as both,
    # "[UNK] 喜", for what the model reads is [UNK]; and one that is a part of a letter with which part, "我[2/3]".
    text: tuple[str, ...]
    offsets: tuple[tuple[int, int], ...]  # (start, end) in its own text; (0, 0) where the token stands for no text
    words: tuple[int | None, ...]  # which word of `words_of`, counted from the first text's start
    segments: tuple[int | None, ...]  # which text: 0, or 1 for the second of a pair; None where it stands for no text
    pieces: tuple[str, ...]  # as the vocabulary spells it
    texts: tuple[str, ...] = ()  # what the offsets point into
    note: str = ""  # a sentence on what the tokenizer left out, where it did
    patches: tuple[str, ...] = ()  # where an image token lies in its picture, in words; none where there is no picture

    def __len__(self) -> int:
        return len(self.ids)


NO_TOKENS = Tokens((), (), (), (), (), ())


def encode(tokenizer: Any, given: Text, pad: int = 0, written: Sequence[int] = ()) -> tuple[Tokens, dict[str, Tensor]]:
    """Tokens of a text, a pair, a chat or a text to translate, and the tensors that the model takes.

    The ids that a model has `written` so far follow the text; `pad` padding tokens stand on the tokenizer's own side,
    masked as such. A tokenizer that does not say where its tokens stand has them found by their spelling; a token
    that is not found shows its piece. A special token that a text begins or ends with is not added a second time.
    Raises ValueError where a text holds no token, or padding is asked of a tokenizer that has none.
    """
    texts = _texts(tokenizer, given)
    for text in (given.user,) if isinstance(given, Chat) else texts:
        if not text.strip():
            raise ValueError("The text is empty; type at least one word.")
        if re.search("[\ud800-\udfff]", text):
            raise ValueError("The text holds half of a surrogate pair, which is no character; copy it again.")
    if not 0 <= pad <= MOST_PADDING:
        raise ValueError(f"Padding is 0 to {MOST_PADDING:,} tokens; got {pad:,}.")
    placed = _placed if getattr(tokenizer, "is_fast", False) else _found
    try:
        tensors, segments, offsets = placed(tokenizer, texts, not isinstance(given, Chat))
    except Exception as error:  # whatever a tokenizer of a damaged or foreign folder raises
        kind, why = type(tokenizer).__name__, f"{type(error).__name__}: {error}"[:200]
        raise ValueError(f"The {kind} of this model could not read the text ({why}); copy its files again.") from error
    tensors, segments, offsets, note = _once(tokenizer, tensors, segments, offsets)
    if isinstance(given, Translation) and given.source:
        tensors["input_ids"] = _from(tokenizer, given.source, tensors["input_ids"], segments)
    for index, text in enumerate(texts):
        if index not in segments:
            raise ValueError(
                f"The text {text[:20]!r} holds no character that this model's tokenizer reads; type a word."
            )
    tokens = replace(_tokens(tokenizer, tensors["input_ids"][0], texts, segments, offsets), note=note)
    if written:
        tensors = extended(tensors, torch.tensor([list(written)]), attended=1)
        tokens = joined(tokens, of_ids(tensors["input_ids"][0, -len(written) :], tokenizer))
    if pad:
        if tokenizer.pad_token_id is None:
            raise ValueError("This model's tokenizer has no padding token, so nothing can be padded.")
        padding, left = torch.full((1, pad), tokenizer.pad_token_id), tokenizer.padding_side == "left"
        tensors = extended(tensors, padding, attended=0, left=left)
        filled = of_ids(padding[0], tokenizer)
        tokens = joined(filled, tokens) if left else joined(tokens, filled)
    return tokens, tensors


Spans = list[tuple[int, int]]
Encoded = tuple[dict[str, Tensor], list[int | None], Spans]


def _texts(tokenizer: Any, given: Text) -> tuple[str, ...]:
    """What the tokens' places point into."""
    match given:
        case Pair(first, second):
            return first, second
        case Chat():
            return (rendered(tokenizer, given),)
        case Translation(text) | Illustrated(text):
            return (text,)
    return (given,)


def _placed(tokenizer: Any, texts: Sequence[str], special: bool) -> Encoded:
    """The tensors, and the text and the place of each token, as the tokenizer says them; `special`: with its own."""
    asked = {"return_offsets_mapping": True, "return_special_tokens_mask": True, "verbose": False}
    encoded = tokenizer(*texts, add_special_tokens=special, **asked)
    offsets = [tuple(pair) for pair in encoded.pop("offset_mapping")]
    added = [bool(flag) for flag in encoded.pop("special_tokens_mask")]
    segments = [None if flag else text for flag, text in zip(added, encoded.sequence_ids(0), strict=True)]
    return _tensors(encoded), segments, offsets


class _Own(int):
    """An id of a text's own token, which stays so among those that a tokenizer adds."""

    text: int


def _found(tokenizer: Any, texts: Sequence[str], special: bool) -> Encoded:
    """The same of a tokenizer that keeps no places: what it adds is told from the text's own, and these are aligned."""
    tensors = _tensors(tokenizer(*texts, add_special_tokens=special, verbose=False))
    own, places = [], []
    for index, text in enumerate(texts):
        pieces, spans = pieces_of(tokenizer, text)
        ids = [_Own(each) for each in tokenizer.convert_tokens_to_ids(pieces)]
        for each in ids:
            each.text = index
        own.append(ids)
        places += spans
    ids = tensors["input_ids"][0].tolist()
    built = tokenizer.build_inputs_with_special_tokens(*own) if special else [*chain(*own)]
    if built != ids:  # it writes its input in a way of its own: its pieces are shown
        marks = set(tokenizer.all_special_ids)
        return tensors, [None if index in marks else 0 for index in ids], [NO_SPAN] * len(ids)
    segments = [getattr(index, "text", None) for index in built]
    rest = iter(places)
    return tensors, segments, [NO_SPAN if segment is None else next(rest) or NO_SPAN for segment in segments]


def _once(
    tokenizer: Any, tensors: dict[str, Tensor], segments: list[int | None], offsets: Spans
) -> tuple[dict[str, Tensor], list[int | None], Spans, str]:
    """The same without special tokens that the tokenizer adds to a text that has them, and a sentence that says so.

    A prompt that was made by a chat template begins with its own; the model was never trained to read two.
    """
    ids, last = tensors["input_ids"][0].tolist(), len(segments)
    first = next((place for place, segment in enumerate(segments) if segment is not None), 0)
    end = last - next((place for place, segment in enumerate(segments[::-1]) if segment is not None), 0)
    start = first if first > 0 and ids[:first] == ids[first : 2 * first] else 0
    stop = end if end < last and ids[end:] == ids[end - (last - end) : end] else last
    if (start, stop) == (0, last):
        return tensors, segments, offsets, ""
    again = tokenizer.convert_ids_to_tokens(ids[:start] + ids[stop:])
    note = f"The text has {' '.join(again)} of its own, so the tokenizer's is not added a second time."
    kept = {name: tensor[:, start:stop] for name, tensor in tensors.items()}
    return kept, segments[start:stop], offsets[start:stop], note


def _from(tokenizer: Any, language: str, ids: Tensor, segments: Sequence[int | None]) -> Tensor:
    """The ids with the mark of another source language. The tokenizer, which others use too, stays as it is."""
    mark, own = mark_of(tokenizer, language), mark_of(tokenizer, tokenizer.src_lang or "")
    added = torch.tensor([[segment is None for segment in segments]])
    return torch.where(added & (ids == own), mark, ids)


def _tensors(encoded: Mapping[str, Any]) -> dict[str, Tensor]:
    return {name: torch.tensor([values]) for name, values in encoded.items()}


def _tokens(
    tokenizer: Any, ids: Tensor, texts: tuple[str, ...], segments: Sequence[int | None], offsets: Spans
) -> Tokens:
    numbers = tuple(ids.tolist())
    pieces = tuple(tokenizer.convert_ids_to_tokens(list(numbers)))
    spans = tuple(
        span if segment is None else _without_space(piece, span, texts[segment])
        for piece, segment, span in zip(pieces, segments, offsets, strict=True)
    )
    shown = tuple(
        piece if segment is None else _shown(texts[segment][start:end], piece, tokenizer.unk_token)
        for piece, segment, (start, end) in zip(pieces, segments, spans, strict=True)
    )
    parts = parts_of(texts, segments, spans)
    marked = tuple(text + "".join(map(str, parts.get(position, ()))) for position, text in enumerate(shown))
    # A mark that the text itself holds, as a chat does, is part of no word; [MASK] stands for one.
    marks = {*tokenizer.all_special_ids} - {tokenizer.unk_token_id, tokenizer.mask_token_id}
    found = zip(numbers, words_of(texts, segments, spans), strict=True)
    words = tuple(None if index in marks else word for index, word in found)
    return Tokens(numbers, marked, spans, words, tuple(segments), pieces, texts)


def _without_space(piece: str, span: tuple[int, int], text: str) -> tuple[int, int]:
    """A piece that is a space alone stands for no letter, though some tokenizers point at the one after it."""
    start, end = span
    return (start, start) if not piece.strip("▁Ġ") and text[start:end].strip() else span


def _shown(written: str, piece: str, unknown: str | None) -> str:
    """What the reader wrote for a token; where the tokenizer does not know it, after what the model reads instead.

    What stands for nothing that was written is a space, or shows its piece.
    """
    if not written:
        return piece if piece.strip("▁Ġ") else " " * len(piece)
    if piece != unknown or written.strip() in ("", piece):
        return written
    return f"{piece} {written.strip()}"


def extended(tensors: Mapping[str, Tensor], ids: Tensor, attended: int, left: bool = False) -> dict[str, Tensor]:
    """The tensors with more ids at an end, which are attended to (1) or not (0)."""
    length = tensors["input_ids"].shape[1]
    tensors = {"attention_mask": torch.ones(1, length, dtype=torch.long), **tensors}
    more = {"input_ids": ids, "attention_mask": torch.full_like(ids, attended)}
    both = {name: [tensor, more.get(name, torch.zeros_like(ids))] for name, tensor in tensors.items()}
    return {name: torch.cat(pair[::-1] if left else pair, dim=1) for name, pair in both.items()}


def joined(first: Tokens, second: Tokens) -> Tokens:
    """The tokens of one after those of the other."""
    return Tokens(*(getattr(first, each.name) + getattr(second, each.name) for each in fields(Tokens)))


def of_ids(ids: Tensor, tokenizer: Any | None) -> Tokens:
    """Tokens of ids that come with no text, such as those that a model wrote."""
    numbers = tuple(ids.tolist())
    nothing = (None,) * len(numbers)
    text, pieces = (tuple(name(n, tokenizer) for n in numbers) for name in (spelt, piece_of))
    return Tokens(numbers, text, (NO_SPAN,) * len(numbers), nothing, nothing, pieces)


def spelt(index: int, tokenizer: Any | None) -> str:
    """What a token reads as, alone; its number where nothing says more."""
    if tokenizer is None:
        return f"#{index}"
    text = tokenizer.decode([index])
    # A byte of a character decodes to nothing readable alone: its piece says more. A network may have more entries
    # than its tokenizer has tokens.
    return text if text and "\ufffd" not in text else piece_of(index, tokenizer)


def piece_of(index: int, tokenizer: Any | None) -> str:
    """A token as the vocabulary spells it; its number where there is none."""
    return (tokenizer and tokenizer.convert_ids_to_tokens([index])[0]) or f"#{index}"


def visible(text: str) -> str:
    """The text with what cannot be seen drawn: a space as ␣ where it stands alone, control characters as pictures."""
    if not text.strip() and text:
        return "".join({" ": "␣", "\n": "⏎", "\t": "⇥"}.get(c, "␣") for c in text)
    return "".join(_picture(c) for c in text)


def _picture(character: str) -> str:
    code = ord(character)
    if code < 32:
        return chr(0x2400 + code)
    # Marks that turn or hide their neighbours (bidirectional controls, zero width) are named, not obeyed.
    return f"⟨{code:04X}⟩" if unicodedata.category(character) in ("Cc", "Cf", "Cs") and code != 0x200D else character
