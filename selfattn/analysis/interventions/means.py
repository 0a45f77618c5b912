"""The mean of what every head gives over a data set, position by position: the mean ablation of the literature.

    over = means(model, texts)
    trace(model, text, Ablate(over, layers={9}, heads={6}))

The positions of a text are counted from its first token, as the model reads it: texts of one template are averaged
word by word, and others are not.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from selfattn.models.inputs.given import Input
from selfattn.models.model import Model
from selfattn.recording.means import Key, Means
from selfattn.tracing.trace import trace


@torch.no_grad()
def means(model: Model, texts: Sequence[Input]) -> Means:
    """`mean_t context_t[position]` of each head (Wang et al. 2022), over the texts t that have a token there.

    Raises ValueError for no texts, and for one that the model does not read.
    """
    if not texts or isinstance(texts, str):
        raise ValueError(f"Means are over a list of texts, of one at least; got {texts!r}.")
    sums: dict[Key, Tensor] = {}
    counts: dict[Key, Tensor] = {}
    for text in texts:
        for call in trace(model, text).calls:
            key = call.part, call.kind, call.layer
            given = torch.stack([call.context(head) for head in range(call.heads)]).double()
            sums[key] = _longer(sums.get(key), given.transpose(0, 1))
            counts[key] = _longer(counts.get(key), torch.ones(given.shape[1], dtype=torch.long))
    values = {key: (total.cpu() / counts[key][:, None, None]).transpose(0, 1).float() for key, total in sums.items()}
    name = Means.named(texts)
    return Means(name.name, name.count, name.texts, values, counts)


def _longer(sums: Tensor | None, more: Tensor) -> Tensor:
    """Two sums over positions, of which each may know more."""
    if sums is None:
        return more
    long, short = (sums, more) if len(sums) >= len(more) else (more, sums)
    long = long.clone()
    long[: len(short)] += short
    return long
