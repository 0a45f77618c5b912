"""Attention through fewer rows: landmarks that stand for the tokens (Nystrom), and projected keys (Linformer)."""

import torch
from jaxtyping import Float
from torch import Tensor

from selfattn.maths.normalise import softmax


def segment_means(x: Float[Tensor, "*head token d"], count: int) -> Float[Tensor, "*head landmark d"]:
    """The means of `count` neighbouring segments, as even as they can be: one landmark for each."""
    tokens = x.shape[-2]
    if not 1 <= count <= tokens:
        raise ValueError(f"There is a landmark for each segment: of {tokens} tokens 1 to {tokens}; got {count}.")
    return torch.stack([segment.mean(-2) for segment in x.tensor_split(count, dim=-2)], dim=-2)


def nystrom(
    query: Float[Tensor, "*head query d"],
    key: Float[Tensor, "*head key d"],
    landmarks: int,
    scale: float,
    steps: int | None = None,
) -> tuple[
    Float[Tensor, "*head query landmark"],
    Float[Tensor, "*head landmark landmark"],
    Float[Tensor, "*head landmark key"],
]:
    """The three factors of `softmax(s Q K~^T) softmax(s Q~ K~^T)^+ softmax(s Q~ K^T)` (Xiong et al. 2021).

    Q~ and K~ are segment means. The product has the shape of the weights, but may be negative, and its rows need not
    sum to 1. With as many landmarks as tokens it is exact, where the pseudo-inverse is: `steps` iterates towards that
    instead. The paper takes 6 steps, which also tame a matrix that hardly has an inverse. There is no causal form:
    each landmark averages over the future too.
    """
    queries, keys = segment_means(query, landmarks), segment_means(key, landmarks)
    middle = softmax(scale * queries @ keys.mT)
    inverse = torch.linalg.pinv(middle) if steps is None else iterated_inverse(middle, steps)
    return softmax(scale * query @ keys.mT), inverse, softmax(scale * queries @ key.mT)


def iterated_inverse(
    matrix: Float[Tensor, "*head landmark landmark"], steps: int
) -> Float[Tensor, "*head landmark landmark"]:
    """Towards the pseudo-inverse by products alone, `Z <- Z (13 - AZ (15 - AZ (7 - AZ))) / 4` (Xiong et al. 2021).

    It starts from `A^T / (|A|_1 |A|_inf)`; the smaller a singular value, the later it is inverted.
    """
    columns, rows = (matrix.abs().sum(axis).amax(-1)[..., None, None] for axis in (-2, -1))
    one, inverse = torch.eye(matrix.shape[-1]).to(matrix), matrix.mT / (columns * rows)
    for _ in range(steps):
        near = matrix @ inverse
        inverse = inverse @ (13 * one - near @ (15 * one - near @ (7 * one - near))) / 4
    return inverse


def linformer(
    query: Float[Tensor, "*head query d"],
    key: Float[Tensor, "*head key d"],
    value: Float[Tensor, "*head key d_v"],
    key_projection: Float[Tensor, "projected key"],
    value_projection: Float[Tensor, "projected key"],
    scale: float,
) -> tuple[Float[Tensor, "*head query projected"], Float[Tensor, "*head query d_v"]]:
    """Weights over mixtures of the keys and the context, `softmax(s Q (E K)^T) (F V)` (Wang et al. 2020).

    The columns are no tokens, so nothing can hide one token from another: it has no causal form.
    """
    weights = softmax(scale * query @ (key_projection @ key).mT)
    return weights, weights @ (value_projection @ value)
