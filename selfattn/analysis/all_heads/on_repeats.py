"""Induction where there is something to copy: on random tokens that are repeated once, whatever the text is.

    found = scores(model, torch.Generator().manual_seed(0))
    found[layer, head].value, found[layer, head].even

A text without repeats says nothing about induction, and one with few says little.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from selfattn.analysis.all_heads.atlas import Atlas
from selfattn.analysis.all_heads.patterns import Pattern, uniform
from selfattn.analysis.all_heads.patterns import induction as on_the_text
from selfattn.analysis.interventions.repeats import repeated
from selfattn.models.inputs.given import entrance, vocabulary
from selfattn.models.model import Model
from selfattn.recording.doors import Recorder, recording
from selfattn.recording.edits import Ablate, Edit
from selfattn.recording.means import Means

# Random tokens to a half, and sequences that a score is a mean over.
HALF, SEQUENCES = 32, 4
ON_REPEATS = Pattern(
    "on repeats",
    "induction on random tokens repeated once: weight on what followed the first time",
    on_the_text.rows,
    aligned=True,
    badge=on_the_text.badge,
)


@dataclass(frozen=True)
class Score:
    """A head's induction score on repeats, and that of even attention under the same mask."""

    value: float
    even: float


def applies(model: Model) -> bool:
    """Does the model read a text, and say which token comes next?"""
    return model.task.says == "next token" and model.task.reads == ("text",) and len(model.attentions) == 1


@torch.no_grad()
def scores(
    model: Model, generator: torch.Generator, half: int = HALF, edits: Iterable[Edit] = ()
) -> dict[tuple[int, int], Score]:
    """The weight of each head on the token after the earlier occurrence, `mean A[i, i - half + 1]`, on such repeats.

    Edits that name positions, or means over texts, say nothing of these tokens, and are left out.
    """
    half = half if model.limit is None else min(half, model.limit // 2)
    ids = repeated(SEQUENCES, half, generator, vocabulary=vocabulary(model.network)).to(entrance(model.network))
    recorder = Recorder(model.names, [edit for edit in edits if not _of_texts(edit)])
    with torch.inference_mode(), recording(recorder):
        model.network(input_ids=ids, use_cache=False)
    found: dict[tuple[int, int], Score] = {}
    for call in recorder.calls:
        weights = torch.stack([call.weights(batch=text) for text in range(SEQUENCES)])
        even = uniform(call.keep_of_heads()).expand(call.heads, -1, -1)[None]
        numbers = zip(_after_the_first(weights, half), _after_the_first(even, half), strict=True)
        found |= {(call.layer, head): Score(*both) for head, both in enumerate(numbers)}
    return found


def _of_texts(edit: Edit) -> bool:
    return edit.names_positions or (isinstance(edit, Ablate) and isinstance(edit.how, Means))


def _after_the_first(weights: Tensor, half: int) -> list[float]:
    """By head, the mean weight of the second half's queries on what followed their first occurrence."""
    return weights.diagonal(1 - half, -2, -1)[..., 1:].mean((0, 2)).tolist()


def beside(found: Atlas, scored: dict[tuple[int, int], Score]) -> Atlas:
    """An atlas with these scores as one more pattern."""
    heads = range(found.table.shape[1])
    columns = [
        np.array([[getattr(scored[layer, head], name) for head in heads] for layer in found.layers], np.float32)
        for name in ("value", "even")
    ]
    return replace(
        found,
        patterns=(*found.patterns, ON_REPEATS),
        table=np.concatenate([found.table, columns[0][..., None]], -1),
        baselines=np.concatenate([found.baselines, columns[1][..., None]], -1),
    )
