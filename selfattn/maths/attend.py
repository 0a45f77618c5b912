"""Attention, stage by stage: the one formula that the app, the recordings and the local encoder share."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from selfattn import notebook
from selfattn.maths.masks import to_bias
from selfattn.maths.normalise import Normaliser, softmax
from selfattn.maths.similarity import Similarity, dot


@dataclass(frozen=True)
class Stages:
    """What one head computed, in order. Queries are rows and keys are columns, everywhere."""

    query: Float[Tensor, "*head query d"]
    key: Float[Tensor, "*head key d"]
    value: Float[Tensor, "*head key d_v"]
    scores: Float[Tensor, "*head query key"]  # raw similarity, q . k
    scaled: Float[Tensor, "*head query key"]  # scores x scale
    logits: Float[Tensor, "*head query key"]  # what the softmax sees: capped, biased, tempered; -inf where masked
    weights: Float[Tensor, "*head query key"]
    context: Float[Tensor, "*head query d_v"]
    keep: Bool[Tensor, "*#head query key"]  # True where the query may attend to the key

    def __repr__(self) -> str:
        return f"Stages({self._shape})"

    def _repr_html_(self) -> str:
        rows, columns = ([str(place) for place in range(count)] for count in self.scores.shape[-2:])
        weights = notebook.matrix("weights", self.weights, self.keep, rows, columns) if self.weights.dim() == 2 else ""
        return notebook.page(notebook.line("Stages", self._shape), weights)

    @property
    def _shape(self) -> str:
        *heads, queries, keys = self.scores.shape
        before = f"{' x '.join(map(str, heads))} heads, " if heads else ""
        return f"{before}{queries} queries x {keys} keys, d = {self.query.shape[-1]}"

    @property
    def empty(self) -> Bool[Tensor, "*#head query"]:
        """Rows that may attend to nothing: their weights and context are zeros by convention."""
        return ~self.keep.any(-1)


def attend(
    query: Float[Tensor, "*head query d"],
    key: Float[Tensor, "*head key d"],
    value: Float[Tensor, "*head key d_v"],
    *,
    scale: float | None = None,
    softcap: float | None = None,
    bias: Float[Tensor, "*#head #query #key"] | None = None,
    temperature: float = 1.0,
    keep: Bool[Tensor, "*#head query key"] | None = None,
    sink: Float[Tensor, "*#head"] | None = None,
    similarity: Similarity = dot,
    normaliser: Normaliser = softmax,
) -> Stages:
    """Attention with every stage kept (Vaswani et al. 2017, with the additions of later models).

        scores  = similarity(q, k)
        scaled  = scale scores                        scale = 1/sqrt(d) unless given
        logits  = (cap(scaled) + bias) / temperature  cap(x) = c tanh(x / c), where there is a softcap c
        weights = softmax(logits), over the keys where `keep` holds, and the sink
        context = weights V

    Raises ValueError for a temperature that is not a positive, finite number, and for a sink without a softmax.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"A temperature is a finite number above 0; got {temperature}.")
    if sink is not None and normaliser is not softmax:
        raise ValueError("A sink is a term of the softmax's sum: leave out the sink, or the other normaliser.")
    scores = similarity(query, key)
    scaled = scores * (query.shape[-1] ** -0.5 if scale is None else scale)
    logits = scaled if softcap is None else softcap * torch.tanh(scaled / softcap)
    logits = (logits if bias is None else logits + bias) / temperature
    keep = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device) if keep is None else keep
    logits = logits + to_bias(keep, logits.dtype)
    weights = normaliser(logits) if sink is None else softmax(logits, sink)
    return Stages(query, key, value, scores, scaled, logits, weights, weights @ value, keep)
