"""Text to tokens and back to what the reader wrote: each token keeps its place in the text."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

MOST_PADDING = 100_000


@dataclass(frozen=True)
class Tokens:
    """The tokens of one text, one entry a token in every field."""

    ids: tuple[int, ...]
    text: tuple[str, ...]  # as the reader wrote it; special and padding tokens by their name
    offsets: tuple[tuple[int, int], ...]  # (start, end) in the text; (0, 0) where the token stands for no text
    words: tuple[int | None, ...]  # which word, counted by white space

    def __len__(self) -> int:
        return len(self.ids)


def encode(tokenizer: Any, text: str, pad: int = 0) -> tuple[Tokens, dict[str, Tensor]]:
    """Tokens of `text`, and the tensors that the model takes; `pad` more padding tokens are added, masked as such.

    Raises ValueError where the text holds no token, or padding is asked of a tokenizer that has none.
    """
    if not text.strip():
        raise ValueError("The text is empty; type at least one word.")
    if not 0 <= pad <= MOST_PADDING:
        raise ValueError(f"Padding is 0 to {MOST_PADDING:,} tokens; got {pad:,}.")
    if not getattr(tokenizer, "is_fast", False):
        raise ValueError(f"{type(tokenizer).__name__} does not say where its tokens stand; use a fast tokenizer.")
    if re.search("[\ud800-\udfff]", text):
        raise ValueError("The text holds half of a surrogate pair, which is no character; copy it again.")
    encoded = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False)
    offsets = [tuple(pair) for pair in encoded.pop("offset_mapping")]
    special = [bool(flag) for flag in encoded.pop("special_tokens_mask")]
    if all(special):
        raise ValueError(f"The text {text[:20]!r} holds no character that this model's tokenizer reads; type a word.")
    tensors = {name: torch.tensor([values]) for name, values in encoded.items()}
    if pad:
        tensors = _padded(tokenizer, tensors, pad)
        offsets, special = offsets + [(0, 0)] * pad, special + [True] * pad
    ids = tensors["input_ids"][0].tolist()
    pieces = tokenizer.convert_ids_to_tokens(ids)
    written = [
        piece if flag or start == end else text[start:end]
        for piece, flag, (start, end) in zip(pieces, special, offsets, strict=True)
    ]
    word_starts = [match.start() for match in re.finditer(r"\S+", text)]
    words = [
        None if flag else max(bisect_left(word_starts, end) - 1, 0)
        for flag, (_, end) in zip(special, offsets, strict=True)
    ]
    return Tokens(tuple(ids), tuple(written), tuple(offsets), tuple(words)), tensors


def _padded(tokenizer: Any, tensors: Mapping[str, Tensor], pad: int) -> dict[str, Tensor]:
    if tokenizer.pad_token_id is None:
        raise ValueError("This model's tokenizer has no padding token, so nothing can be padded.")
    fill = {"input_ids": tokenizer.pad_token_id}
    padded = {name: torch.nn.functional.pad(t, (0, pad), value=fill.get(name, 0)) for name, t in tensors.items()}
    length = tensors["input_ids"].shape[1]
    padded.setdefault("attention_mask", (torch.arange(length + pad) < length).long()[None])
    return padded


def of_ids(ids: Tensor, tokenizer: Any | None) -> Tokens:
    """Tokens of ids that come with no text, such as a decoder's: named by the tokenizer, or by their number."""
    numbers = tuple(ids.tolist())
    # A network may have more entries than its tokenizer has tokens.
    pieces = tokenizer.convert_ids_to_tokens(list(numbers)) if tokenizer else [None] * len(numbers)
    text = tuple(piece or f"#{n}" for piece, n in zip(pieces, numbers, strict=True))
    return Tokens(numbers, text, ((0, 0),) * len(numbers), (None,) * len(numbers))


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
