"""Which texts are held out: a share of each label, drawn by chance, equal texts always on one side."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch

MOST_HELD_OUT = 5000


@dataclass(frozen=True)
class Split:
    """Rows to train on and rows held out, each in the order of the data, and what is to be said of them."""

    training: tuple[int, ...]
    held_out: tuple[int, ...]
    notes: tuple[str, ...] = ()


def split(texts: Sequence[str], labels: Sequence[int] | None, names: Sequence[str], share: float, seed: int) -> Split:
    """Hold out `share` of the rows of each label, at least one and at most 5,000 in all.

    Rows of one text stay together, or the model would be measured on what it was trained on; such a group counts
    under the label of its first row. Raises ValueError where nothing can be held out.
    """
    share = min(share, MOST_HELD_OUT / max(len(texts), 1))
    generator = torch.Generator().manual_seed(seed)
    training, held_out, alone = [], [], []
    for label, groups in sorted(_groups(texts, labels).items()):
        wanted = max(1, round(share * sum(map(len, groups))))
        taken = 0
        order = torch.randperm(len(groups), generator=generator).tolist()
        for place, at in enumerate(order):
            # The last group is left to train on, whatever was wanted.
            if taken < wanted and place < len(order) - 1:
                held_out += groups[at]
                taken += len(groups[at])
            else:
                training += groups[at]
        if not taken and labels is not None:
            alone.append(names[label])
    if not held_out:
        raise ValueError(f"All {len(texts):,} texts are the same, so none can be held out to measure on; add others.")
    notes = _notes(texts, labels, alone)
    return Split(tuple(sorted(training)), tuple(sorted(held_out)), notes)


def _groups(texts: Sequence[str], labels: Sequence[int] | None) -> dict[int, list[list[int]]]:
    """The rows of each text, by the label of the first of them."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(texts):
        rows[text.strip()].append(row)
    found: dict[int, list[list[int]]] = defaultdict(list)
    for group in rows.values():
        found[0 if labels is None else labels[group[0]]].append(group)
    return found


def _notes(texts: Sequence[str], labels: Sequence[int] | None, alone: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if alone:
        listed = ", ".join(map(repr, alone[:5]))
        notes.append(f"Every row of {listed} has the same text, so this label has no text to be measured on.")
    if labels is not None:
        by_text: dict[Hashable, set[int]] = defaultdict(set)
        for text, label in zip(texts, labels, strict=True):
            by_text[text.strip()].add(label)
        if torn := sum(len(found) > 1 for found in by_text.values()):
            said = "1 text has" if torn == 1 else f"{torn:,} texts have"
            notes.append(f"{said} more than one label; on these no model can always be right.")
    return tuple(notes)
