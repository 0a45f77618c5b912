"""Connectionist temporal classification: what a model hears, from a label a frame.

The transcript is greedy: the best label of each frame, repeats joined, blanks left out (Graves et al., 2006). Its
probability is the sum over every path of labels that collapses to it, and that of any other transcript is too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import ctc_loss

from selfattn.models.answers.predictions import Prediction, Said
from selfattn.models.inputs.tokens import spelt

NOTHING, BLANK = "(nothing)", "(blank)"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Transcript(Prediction):
    """A transcript, and how probable it or another one is."""

    score: Callable[[str], float]

    def of(self, name: str) -> float:
        """The probability that the model gives to a transcript."""
        return self.score(name)


def transcript(logits: Float[Tensor, "frame label"], tokenizer: Any | None, blank: int) -> Transcript:
    """The greedy transcript of frames; `blank` is the label that stands for nothing."""
    best = logits.argmax(-1).tolist()
    frames, said = logits.softmax(-1), []
    delimiter = getattr(tokenizer, "word_delimiter_token_id", None)
    at = 0
    for label, run in groupby(best):
        end = at + len(list(run))
        if label != blank:
            text = " " if label == delimiter else spelt(label, tokenizer)
            said.append((label, Said(text, text, frames[at:end, label].mean().item(), at, end)))
        at = end
    heard = [label for label, _ in said]
    text = "".join(piece.text for _, piece in said) if tokenizer is None else tokenizer.decode(best)

    def score(name: str) -> float:
        if name in (text, NOTHING) and (text or name == NOTHING):
            return probability(logits, heard if name == text else [], blank)
        return probability(logits, tokenizer(name)["input_ids"] if tokenizer else [], blank)

    return Transcript(
        "transcript",
        torch.tensor([probability(logits, heard, blank)]),
        lambda _: text or NOTHING,
        note="the best label of each frame; its probability is summed over all paths that read so",
        logits=logits,
        positions=tuple(range(len(logits))),
        label=lambda label: BLANK if label == blank else spelt(label, tokenizer),
        said=tuple(piece for _, piece in said),
        text=text,
        score=score,
    )


def probability(logits: Float[Tensor, "frame label"], labels: list[int], blank: int) -> float:
    """The sum of the probabilities of every path of frames that collapses to `labels`."""
    logs = logits.double().log_softmax(-1)[:, None]
    targets = torch.tensor([labels], dtype=torch.long)
    lengths = torch.tensor([[len(logits)], [len(labels)]])
    loss = ctc_loss(logs, targets, lengths[0], lengths[1], blank, reduction="none")
    return (-loss).exp().item()
