"""A corpus as a network reads it: token ids in one file, split, and the batches of an epoch."""

import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from selfattn.training.data.corpora import Corpus
from selfattn.training.data.splits import Split
from selfattn.training.run.settings import Settings
from selfattn.training.writing import atomically

# Texts are sorted by length among so many batches at a time: little padding, and the order is still by chance.
POOL = 32
AT_ONCE = 1000


@dataclass(frozen=True)
class Encoded:
    """Token ids of every text; `labels` is None for next-token prediction."""

    ids: Tensor  # of all texts, one after the other
    starts: Tensor  # where each begins, and the end of the last
    held_out: Tensor  # which are held out
    labels: Tensor | None
    pad: int
    cut: int = 0  # texts that were longer than the network reads

    @property
    def lengths(self) -> Tensor:
        """Tokens of each text."""
        return self.starts.diff()

    def rows(self, held_out: bool) -> Tensor:
        """The texts on one side of the split."""
        return (self.held_out == held_out).nonzero().flatten()

    def text(self, row: int) -> Tensor:
        """The ids of one text."""
        return self.ids[self.starts[row] : self.starts[row + 1]].long()

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        """What the network's forward takes for some texts, labels and all; padding is no label."""
        texts = [self.text(row) for row in rows.tolist()]
        ids = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=self.pad)
        mask = torch.arange(ids.shape[1]) < self.lengths[rows, None]
        labels = ids.masked_fill(~mask, -100) if self.labels is None else self.labels[rows]
        return {"input_ids": ids, "attention_mask": mask.long(), "labels": labels}

    def epoch(self, size: int, seed: int, epoch: int) -> list[Tensor]:
        """The batches of one epoch, as rows: the same for the same seed and epoch, whatever was drawn before."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        rows = self.rows(held_out=False)
        rows = rows[torch.randperm(len(rows), generator=generator)]
        batches: list[Tensor] = []
        for pool in rows.split(POOL * size):
            batches += pool[self.lengths[pool].argsort(stable=True)].split(size)
        return [batches[at] for at in torch.randperm(len(batches), generator=generator).tolist()]

    def occurrences(self, vocabulary: int) -> Tensor:
        """How often each token is in the texts that are trained on."""
        trained = ~self.held_out.repeat_interleave(self.lengths)
        return self.ids[trained].long().bincount(minlength=vocabulary)

    def steps(self, size: int) -> int:
        """Batches of an epoch."""
        return -(-len(self.rows(held_out=False)) // size)

    def in_order(self, size: int) -> Iterator[Tensor]:
        """The held-out texts in batches, short ones first."""
        rows = self.rows(held_out=True)
        yield from rows[self.lengths[rows].argsort(stable=True)].split(size)


def without_words(batch: dict[str, Tensor], chances: Tensor) -> dict[str, Tensor]:
    """A batch in which the mask hides each token by the chance of its id, and never a text's first: none is empty."""
    seen = batch["attention_mask"]
    hidden = torch.rand(seen.shape) < chances[batch["input_ids"]]
    hidden[:, 0] = False
    return batch | {"attention_mask": seen.masked_fill(hidden, 0)}


def encode(corpus: Corpus, split: Split, tokenizer: Any, settings: Settings) -> Encoded:
    """The texts of a corpus as ids: each cut to the longest, or for next-token prediction into blocks of it."""
    order = [*split.training, *split.held_out]
    held = set(split.held_out)
    # Flat arrays of numbers: a list of a million small tensors would take more than the texts.
    ids, starts, kept = array("i"), array("q", [0]), array("q")
    cut = 0
    for row, found in zip(order, _ids(corpus.texts, order, tokenizer, settings), strict=True):
        blocks = [found[: settings.longest]] if settings.task == "classification" else _blocks(found, settings.longest)
        cut += settings.task == "classification" and len(found) > settings.longest
        for block in filter(None, blocks):
            ids.extend(block)
            starts.append(len(ids))
            kept.append(row)
    held_out = torch.tensor([row in held for row in kept])
    if not len(kept) or held_out.all() or not held_out.any():
        raise ValueError("After encoding, the data hold no text of two tokens on each side of the split; add texts.")
    labels = None if corpus.labels is None else torch.tensor([corpus.labels[row] for row in kept])
    flat = torch.frombuffer(ids, dtype=torch.int32).clone()
    return Encoded(flat, torch.tensor(starts.tolist()), held_out, labels, tokenizer.pad_token_id, cut)


def _ids(texts: Sequence[str], order: Sequence[int], tokenizer: Any, settings: Settings) -> Iterator[list[int]]:
    framed = settings.task == "classification"
    remaining = iter(order)
    while rows := list(islice(remaining, AT_ONCE)):
        yield from tokenizer(
            [texts[row] for row in rows], add_special_tokens=framed, verbose=False, return_attention_mask=False
        )["input_ids"]


def _blocks(ids: list[int], longest: int) -> list[list[int]]:
    """Stretches of at most `longest` tokens; one token alone has no next one."""
    blocks = [ids[start : start + longest] for start in range(0, len(ids), longest)]
    return [block for block in blocks if len(block) > 1]


def write(file: Path, encoded: Encoded) -> None:
    """Write the ids as one safetensors file."""
    tensors = {"ids": encoded.ids, "starts": encoded.starts, "held_out": encoded.held_out}
    if encoded.labels is not None:
        tensors["labels"] = encoded.labels
    atomically(file, save(tensors, {"encoded": json.dumps({"pad": encoded.pad, "cut": encoded.cut})}))


def read(file: Path) -> Encoded:
    """The ids in a file."""
    with safe_open(file, "pt") as found:
        tensors = {name: found.get_tensor(name) for name in found.keys()}  # noqa: SIM118  # no dict
        known = json.loads(found.metadata()["encoded"])
    return Encoded(**{"labels": None, **tensors}, **known)
