"""A lookup, the smallest task that needs attention: which digit is on the card with this letter?

    asked B    B2  F0  A3  C2    ->  2

Every letter, and every card of a letter and a digit, is one token. Letters and digits are drawn at random for each
sequence, so that nothing can be learned by heart: the token that asks has to look at the card with its letter.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Lookup:
    """How many letters and digits there are, and how many cards lie in a sequence, each of another letter."""

    letters: int = 16
    digits: int = 4
    cards: int = 8

    @property
    def vocabulary(self) -> int:
        """Padding, a token for each letter, and one for each card."""
        return 1 + self.letters + self.letters * self.digits

    def batches(self, size: int, generator: torch.Generator) -> Iterator[dict[str, Tensor]]:
        """Batches without end: the letter asked for in front of its cards, and as label the digit on its card."""
        rows = torch.arange(size)
        while True:
            letters = torch.rand(size, self.letters, generator=generator).argsort(-1)[:, : self.cards]
            digits = torch.randint(self.digits, (size, self.cards), generator=generator)
            asked = torch.randint(self.cards, (size,), generator=generator)
            question = 1 + letters[rows, asked]
            cards = 1 + self.letters + letters * self.digits + digits
            yield {"input_ids": torch.cat([question[:, None], cards], dim=1), "labels": digits[rows, asked]}
