"""How alike are a query and a key? Each function returns one raw score a (query, key) pair, before any scaling."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

Similarity = Callable[[Float[Tensor, "*head query d"], Float[Tensor, "*head key d"]], Float[Tensor, "*head query key"]]

# Query rows that are in float64 at once: a long text never holds a whole query x key plane of them.
ROWS = 512


def dot(query: Float[Tensor, "*head query d"], key: Float[Tensor, "*head key d"]) -> Float[Tensor, "*head query key"]:
    """Dot product, `q . k`: the similarity of Vaswani et al. 2017 before its scaling."""
    return query @ key.mT


def cosine(
    query: Float[Tensor, "*head query d"], key: Float[Tensor, "*head key d"]
) -> Float[Tensor, "*head query key"]:
    """Cosine of the angle, `q . k / (|q| |k|)`, between -1 and 1.

    Scale it by some tau > 1 before the softmax: without one, any two weights differ by a factor of e^2 at most.
    """
    return torch.nn.functional.normalize(query, dim=-1) @ torch.nn.functional.normalize(key, dim=-1).mT


def additive(
    query: Float[Tensor, "*head query d"],
    key: Float[Tensor, "*head key d"],
    query_weight: Float[Tensor, "*#head d hidden"],
    key_weight: Float[Tensor, "*#head d hidden"],
    vector: Float[Tensor, "*#head hidden"],
) -> Float[Tensor, "*head query key"]:
    """Additive similarity, `v . tanh(q W_q + k W_k)` (Bahdanau et al. 2015). Needs `query x key x hidden` numbers."""
    hidden = torch.tanh((query @ query_weight)[..., :, None, :] + (key @ key_weight)[..., None, :, :])
    return (hidden * vector[..., None, None, :]).sum(-1)


def bilinear(
    query: Float[Tensor, "*head query d"],
    key: Float[Tensor, "*head key d"],
    weight: Float[Tensor, "*#head d d"],
) -> Float[Tensor, "*head query key"]:
    """Bilinear similarity, `q W k` (Luong et al. 2015); with `W = 1` it is the dot product."""
    return query @ weight @ key.mT


def rbf(
    query: Float[Tensor, "*head query d"], key: Float[Tensor, "*head key d"], variance: float
) -> Float[Tensor, "*head query key"]:
    """Radial basis function, `-|q - k|^2 / (2 variance)`.

    After softmax it equals the scaled dot product where all keys have one length and `variance = sqrt(d)`:
    the term in |q| is the same along a row and cancels. `variance` has the unit of |q|^2.
    """
    squared = query.square().sum(-1)[..., :, None] + key.square().sum(-1)[..., None, :] - 2 * query @ key.mT
    return squared.clamp_min(0) / (-2 * variance)


def in_double(similarity: Similarity) -> Similarity:
    """The same similarity in float64, rounded once to the query's dtype: any other float64 code finds these numbers.

    The radial basis function needs it most: in float32, |q|^2 + |k|^2 - 2 q . k loses what little q and k differ by.
    """

    def rounded(
        query: Float[Tensor, "*head query d"], key: Float[Tensor, "*head key d"]
    ) -> Float[Tensor, "*head query key"]:
        place = torch.device("cpu") if query.device.type == "mps" else query.device  # mps has no float64
        key = key.to(place).double()
        blocks = query.to(place).split(ROWS, dim=-2)
        scores = [similarity(rows.double(), key).to(query.dtype) for rows in blocks]
        return torch.cat(scores, dim=-2).to(query.device)

    return rounded


# What a similarity edit may name. The rbf has variance 1, so that the scale plays the part of 1 / variance.
NAMED: dict[str, Similarity] = {"dot": dot, "cosine": in_double(cosine), "rbf": in_double(partial(rbf, variance=1.0))}
