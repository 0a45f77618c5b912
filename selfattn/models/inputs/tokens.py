"""Text to tokens and back to what the reader wrote: each token keeps its place in the text."""

import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from selfattn.models.inputs.given import Pair

MOST_PADDING = 100_000


@dataclass(frozen=True)
class Tokens:
    """The tokens of one text, or of a pair, one entry a token in every field."""

    ids: tuple[int, ...]
    # As the reader wrote it; special, padding and written tokens as the tokenizer spells them; and an unknown one as
    # both, "[UNK] 喜", for what the model reads is [UNK].
    text: tuple[str, ...]
    offsets: tuple[tuple[int, int], ...]  # (start, end) in its own text; (0, 0) where the token stands for no text
    words: tuple[int | None, ...]  # which word, counted by white space from the first text's start
    segments: tuple[int | None, ...]  # which text: 0, or 1 for the second of a pair; None where it stands for no text

    def __len__(self) -> int:
        return len(self.ids)


NO_TOKENS = Tokens((), (), (), (), ())


def encode(
    tokenizer: Any, given: str | Pair, pad: int = 0, written: Sequence[int] = ()
) -> tuple[Tokens, dict[str, Tensor]]:
    """Tokens of a text or a pair, and the tensors that the model takes.

    The ids that a model has `written` so far follow the text; then come `pad` padding tokens, masked as such.
    Raises ValueError where a text holds no token, or padding is asked of a tokenizer that has none.
    """
    texts = (given.first, given.second) if isinstance(given, Pair) else (given,)
    for text in texts:
        if not text.strip():
            raise ValueError("The text is empty; type at least one word.")
        if re.search("[\ud800-\udfff]", text):
            raise ValueError("The text holds half of a surrogate pair, which is no character; copy it again.")
    if not 0 <= pad <= MOST_PADDING:
        raise ValueError(f"Padding is 0 to {MOST_PADDING:,} tokens; got {pad:,}.")
    if not getattr(tokenizer, "is_fast", False):
        raise ValueError(f"{type(tokenizer).__name__} does not say where its tokens stand; use a fast tokenizer.")
    encoded = tokenizer(*texts, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False)
    offsets = [tuple(pair) for pair in encoded.pop("offset_mapping")]
    special = [bool(flag) for flag in encoded.pop("special_tokens_mask")]
    segments = [None if flag else text for flag, text in zip(special, encoded.sequence_ids(0), strict=True)]
    for index, text in enumerate(texts):
        if index not in segments:
            raise ValueError(
                f"The text {text[:20]!r} holds no character that this model's tokenizer reads; type a word."
            )
    tensors = {name: torch.tensor([values]) for name, values in encoded.items()}
    pieces = tokenizer.convert_ids_to_tokens(tensors["input_ids"][0].tolist())
    unknown = tokenizer.unk_token
    shown = [
        piece if segment is None or start == end else _shown(texts[segment][start:end], piece, unknown)
        for piece, segment, (start, end) in zip(pieces, segments, offsets, strict=True)
    ]
    words = _words(texts, segments, offsets)
    if written:
        tensors = _extended(tensors, torch.tensor([list(written)]), 1)
        shown += of_ids(tensors["input_ids"][0, -len(written) :], tokenizer).text
    if pad:
        if tokenizer.pad_token_id is None:
            raise ValueError("This model's tokenizer has no padding token, so nothing can be padded.")
        tensors = _extended(tensors, torch.full((1, pad), tokenizer.pad_token_id), 0)
        shown += [tokenizer.pad_token] * pad
    ids = tuple(tensors["input_ids"][0].tolist())
    more = len(ids) - len(offsets)
    nothing = (None,) * more
    tokens = Tokens(ids, tuple(shown), (*offsets, *((0, 0),) * more), (*words, *nothing), (*segments, *nothing))
    return tokens, tensors


def _shown(written: str, piece: str, unknown: str | None) -> str:
    """What the reader wrote for a token; where the tokenizer does not know it, after what the model reads instead."""
    if piece != unknown or written.strip() in ("", piece):
        return written
    return f"{piece} {written.strip()}"


def _words(
    texts: Sequence[str], segments: Sequence[int | None], offsets: Sequence[tuple[int, int]]
) -> tuple[int | None, ...]:
    """The word of each token; those of the second text are counted on from the first's."""
    starts = [[match.start() for match in re.finditer(r"\S+", text)] for text in texts]
    before = [0, len(starts[0])]
    return tuple(
        None if segment is None else before[segment] + max(bisect_left(starts[segment], end) - 1, 0)
        for segment, (_, end) in zip(segments, offsets, strict=True)
    )


def _extended(tensors: Mapping[str, Tensor], ids: Tensor, attended: int) -> dict[str, Tensor]:
    """The tensors with more ids at their end, which are attended to (1) or not (0)."""
    length = tensors["input_ids"].shape[1]
    tensors = {"attention_mask": torch.ones(1, length, dtype=torch.long), **tensors}
    more = {"input_ids": ids, "attention_mask": torch.full_like(ids, attended)}
    return {name: torch.cat([t, more.get(name, torch.zeros_like(ids))], dim=1) for name, t in tensors.items()}


# A smaller vocabulary holds bytes or characters alone: its model learnt to read them so.
FEWEST_PIECES = 1000


def unlearnt(tokens: Tokens, given: str | Pair, tokenizer: Any) -> str:
    """A sentence where most letters of a text are bytes or unknown to the tokenizer; empty where they are not."""
    texts = (given.first, given.second) if isinstance(given, Pair) else (given,)
    if len(tokenizer) < FEWEST_PIECES:
        return ""
    spans = [
        (index, (segment, *span))
        for index, segment, span in zip(tokens.ids, tokens.segments, tokens.offsets, strict=True)
        if segment is not None and any(letter.isalpha() for letter in texts[segment][slice(*span)])
    ]
    pieces = Counter(span for _, span in spans)
    unknown = {span for index, span in spans if index == tokenizer.unk_token_id}
    cut = {span for span, count in pieces.items() if count > 1 and span[2] - span[1] == 1}
    if 2 * len(unknown | cut) <= len(pieces):
        return ""
    if len(unknown) > len(cut):
        return f"Most of this text is {tokenizer.unk_token}, unknown, to this model: its answer means little here."
    return (
        f"This model has no tokens for this script: {sum(pieces[span] for span in cut)} tokens are the bytes of "
        f"{len(cut)} letters, and its answer means little here."
    )


def of_ids(ids: Tensor, tokenizer: Any | None) -> Tokens:
    """Tokens of ids that come with no text, such as those that a model wrote."""
    numbers = tuple(ids.tolist())
    nothing = (None,) * len(numbers)
    return Tokens(numbers, tuple(spelt(n, tokenizer) for n in numbers), ((0, 0),) * len(numbers), nothing, nothing)


def spelt(index: int, tokenizer: Any | None) -> str:
    """What a token reads as, alone; its number where nothing says more."""
    if tokenizer is None:
        return f"#{index}"
    text = tokenizer.decode([index])
    # A byte of a character decodes to nothing readable alone: its piece says more. A network may have more entries
    # than its tokenizer has tokens.
    return text if text and "\ufffd" not in text else tokenizer.convert_ids_to_tokens([index])[0] or f"#{index}"


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
