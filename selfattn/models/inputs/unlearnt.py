"""Texts that a model never learnt to read, told by their tokens."""

from collections import Counter
from dataclasses import replace
from typing import Any

from selfattn.models.inputs.tokens import Tokens

# A smaller vocabulary holds bytes or characters alone: its model learnt to read them so.
FEWEST_PIECES = 1000


def beyond(tokens: Tokens, name: str, limit: int, turns: bool) -> Tokens:
    """Tokens past the last position, with a note where positions only `turn` queries and keys: then there are more.

    Raises ValueError where a table of positions ends there.
    """
    if not turns:
        raise ValueError(
            f"The text has {len(tokens):,} tokens, and {name} has positions for {limit:,}; "
            f"shorten it by {len(tokens) - limit:,} tokens. Nothing was cut."
        )
    said = f"The text has {len(tokens):,} tokens, and {name} learnt to read {limit:,}: past them it may be wrong."
    return replace(tokens, note=f"{tokens.note} {said}".strip())


def unlearnt(tokens: Tokens, tokenizer: Any) -> str:
    """A sentence where most letters of a text are bytes or unknown to the tokenizer; empty where they are not."""
    if len(tokenizer) < FEWEST_PIECES:
        return ""
    spans = [
        (index, (segment, *span))
        for index, segment, span in zip(tokens.ids, tokens.segments, tokens.offsets, strict=True)
        if segment is not None and any(letter.isalpha() for letter in tokens.texts[segment][slice(*span)])
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
