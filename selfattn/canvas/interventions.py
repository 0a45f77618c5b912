"""An experiment for the browser: the lines of one head or of a layer, the grid of heads, what the model says, and the
changes that made it say so."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from selfattn.analysis.interventions.effects import Effect, Place
from selfattn.canvas.payload import pack
from selfattn.models.inputs.tokens import visible
from selfattn.recording.call import Call
from selfattn.recording.edits import Pairs

# Of a token's text as much as there is room to draw.
LONGEST = 40
# Tokens of a text whose lines are drawn.
LONGEST_TEXT = 160


def experiment_payload(
    before: Call,
    after: Call,
    head: int | None,
    names: tuple[Sequence[str], Sequence[str]],
    cut: Pairs,
    effects: Mapping[Place, Effect],
    silenced: Collection[Place],
    heads: tuple[Sequence[int], int],
    about: Mapping[str, Any],
) -> bytes:
    """The weights of `head` (None: the mean of the layer) without and with the changes, and what `about` says.

    cut: the pairs that are cut there; heads: (numbers of the layers, heads) of the attention that both calls
    belong to; effects: of silencing one head, where known. A text longer than is drawn goes without its lines.
    """
    layers, count = heads
    rows, shape = {layer: row for row, layer in enumerate(layers)}, (len(layers), count)
    changes, crossed = np.full(shape, np.nan, np.float32), np.zeros(shape, np.uint8)
    for (layer, each), effect in effects.items():
        changes[rows[layer], each] = effect.change
    for layer, each in silenced:
        crossed[rows[layer], each] = 1
    drawn = max(after.shape) <= LONGEST_TEXT
    queries, keys = ([visible(name)[:LONGEST] for name in side] if drawn else [] for side in names)
    lines = _lines(before, after, range(after.heads) if head is None else [head], cut) if drawn else {}
    shown = {
        "layers": list(layers),
        "layer": after.layer,
        "head": head,
        "kind": after.kind,
        "queries": queries,
        "keys": keys,
    }
    return pack({**about, **shown}, {**lines, "changes": changes, "silenced": crossed})


def _lines(before: Call, after: Call, chosen: Sequence[int], cut: Pairs) -> dict[str, np.ndarray[Any, Any]]:
    inside = torch.zeros(after.shape, dtype=torch.uint8)
    for query, key in cut:
        if query < after.shape[0] and key < after.shape[1]:
            inside[query, key] = 1
    return {
        "weights": _mean(after, chosen),
        "before": _mean(before, chosen),
        "keep": before.keep_of_heads().any(0).to(torch.uint8).cpu().numpy(),
        "cut": inside.numpy(),
    }


def _mean(call: Call, chosen: Sequence[int]) -> np.ndarray[Any, Any]:
    return torch.stack([call.stages(head).weights for head in chosen]).mean(0).float().cpu().numpy()
