"""Attention in linear time: where a weight is a product of features, `phi(q) . phi(k)`, the sums are shared by rows.

    weight_ij  = phi(q_i) . phi(k_j) / sum_l phi(q_i) . phi(k_l)
    context_i  = phi(q_i) (sum_j phi(k_j) v_j^T) / (phi(q_i) . sum_j phi(k_j))

Both are here: `kernel_weights` forms the query x key matrix, for looking, and `kernel_context` never does.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Features = Float[Tensor, "*head token feature"]


def elu_features(x: Float[Tensor, "*head token d"]) -> Float[Tensor, "*head token d"]:
    """`elu(x) + 1`, positive in every dimension (Katharopoulos et al. 2020). It estimates no softmax."""
    return torch.nn.functional.elu(x) + 1


def gaussian_directions(
    features: int, d: int, generator: torch.Generator, orthogonal: bool = True
) -> Float[Tensor, "feature d"]:
    """Random directions w ~ N(0, 1) for the Performer; `orthogonal` in blocks of d, with the lengths kept random.

    Orthogonal directions leave the estimate unbiased and lower its variance (Choromanski et al. 2021).
    """
    if not orthogonal:
        return torch.randn(features, d, generator=generator, dtype=torch.float64)
    blocks = math.ceil(features / d)
    q, r = torch.linalg.qr(torch.randn(blocks, d, d, generator=generator, dtype=torch.float64))
    square = q * r.diagonal(dim1=-2, dim2=-1).sign()[:, None, :]  # else the signs are not even (Mezzadri 2007)
    lengths = torch.randn(features, d, generator=generator, dtype=torch.float64).norm(dim=-1, keepdim=True)
    return square.mT.reshape(-1, d)[:features] * lengths


def log_features(
    x: Float[Tensor, "*head token d"], directions: Float[Tensor, "feature d"]
) -> Float[Tensor, "*head token feature"]:
    """Logarithm of the Performer's positive features, `phi_w(x) = exp(w . x - |x|^2 / 2) / sqrt(m)`.

    The mean of `phi(q) . phi(k)` over directions is `exp(q . k)`; its variance grows as `e^(|q + k|^2) / m`.
    """
    return x @ directions.mT - x.square().sum(-1, keepdim=True) / 2 - math.log(len(directions)) / 2


def performer_features(
    query: Float[Tensor, "*head query d"],
    key: Float[Tensor, "*head key d"],
    directions: Float[Tensor, "feature d"],
    scale: float,
) -> tuple[Float[Tensor, "*head query feature"], Float[Tensor, "*head key feature"]]:
    """FAVOR+: features whose products estimate `exp(scale q . k)`, each row times a factor that its sum takes out.

    The factors, one a query and one for all keys, keep the exponentials from overflowing.
    """
    root = math.sqrt(abs(scale))
    queries, keys = log_features(query * math.copysign(root, scale), directions), log_features(key * root, directions)
    return (queries - queries.amax(-1, keepdim=True)).exp(), (keys - keys.amax((-2, -1), keepdim=True)).exp()


def kernel_weights(
    query: Float[Tensor, "*head query feature"],
    key: Float[Tensor, "*head key feature"],
    keep: Bool[Tensor, "*#head query key"],
) -> Float[Tensor, "*head query key"]:
    """The weights that features of queries and keys stand for; a row with no key to attend to is zeros."""
    products = (query @ key.mT).masked_fill(~keep, 0.0)
    total = products.sum(-1, keepdim=True)
    return products / total.masked_fill(total == 0, 1.0)


def kernel_context(
    query: Float[Tensor, "*head query feature"],
    key: Float[Tensor, "*head key feature"],
    value: Float[Tensor, "*head key d_v"],
    *,
    causal: bool = False,
    real: Bool[Tensor, " key"] | None = None,
) -> Float[Tensor, "*head query d_v"]:
    """The same weights times the values, in time and memory that grow with the tokens: `phi(Q) (phi(K)^T V)`.

    `causal` lets token i read a running sum over keys 0 to i; keys that are not `real` (padding) add nothing.
    """
    if real is not None:
        key = key * real[:, None]
    ones = torch.ones_like(value[..., :1])
    each = torch.cat([value, ones], dim=-1)  # the last column sums the features
    if not causal:
        summed = query @ (key.mT @ each)
    else:
        state = torch.zeros(*key.shape[:-2], key.shape[-1], each.shape[-1], dtype=key.dtype, device=key.device)
        rows = []
        for i in range(query.shape[-2]):
            state = state + key[..., i, :, None] * each[..., i, None, :]
            rows.append(query[..., i, None, :] @ state)
        summed = torch.cat(rows, dim=-2)
    total = summed[..., -1:]
    return summed[..., :-1] / total.masked_fill(total == 0, 1.0)
