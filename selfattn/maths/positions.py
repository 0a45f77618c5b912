"""How a model knows where a word stands: vectors added to it, rotations of its query and key, or a bias on scores."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor


def sinusoidal(length: int, d: int, base: float = 10_000.0) -> Float[Tensor, "{length} {d}"]:
    """Sines and cosines of falling frequency (Vaswani et al. 2017).

    `P[i, 2m] = sin(i / base^(2m/d))`, `P[i, 2m+1] = cos(i / base^(2m/d))`; add it to the embeddings. `d` is even.
    """
    angle = torch.arange(length)[:, None] * _frequencies(d, base)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(-2)


def rope(x: Float[Tensor, "*head token d"], positions: Int[Tensor, " token"], base: float = 10_000.0) -> Tensor:
    """Rotate query or key by an angle that grows with its position (Su et al. 2021): `q . k` then depends on `i - j`.

    Dimension m is paired with m + d/2 (the half-split layout of Llama; GPT-J interleaves). `d` is even.
    """
    angle = positions[:, None] * _frequencies(x.shape[-1], base).to(x.device)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def _frequencies(d: int, base: float) -> Float[Tensor, " half"]:
    if d % 2:
        raise ValueError(f"Pairs of dimensions are needed: d must be even; got {d}.")
    return base ** (-torch.arange(0, d, 2, dtype=torch.float32) / d)


def alibi_slopes(heads: int) -> Float[Tensor, "{heads}"]:
    """One slope a head, `m_h = 2^(-8h/H)` for h = 1..H (Press et al. 2022).

    Where H is no power of two: the slopes of the power below, then every other slope of the power above.
    """
    below = 2 ** math.floor(math.log2(heads))
    slopes = 2.0 ** (-8.0 / below * torch.arange(1, below + 1))
    between = 2.0 ** (-4.0 / below * torch.arange(1, 2 * below + 1, 2))
    return torch.cat([slopes, between])[:heads]


def alibi(heads: int, length: int) -> Float[Tensor, "{heads} {length} {length}"]:
    """The bias `-m_h |i - j|`: each head prefers near tokens, at its own rate. Add it to the scaled scores."""
    i = torch.arange(length)
    return -alibi_slopes(heads)[:, None, None] * (i[:, None] - i[None, :]).abs()


def t5_buckets(
    queries: int, keys: int, *, bidirectional: bool = True, buckets: int = 32, furthest: int = 128
) -> Int[Tensor, "{queries} {keys}"]:
    """The bucket of each offset `j - i` (Raffel et al. 2020): one a step when near, growing as the logarithm when far.

    Bidirectional: half the buckets for keys behind, half for keys ahead. Else keys ahead share bucket 0.
    """
    offset = torch.arange(keys)[None, :] - torch.arange(queries)[:, None]
    ahead = torch.zeros_like(offset)
    if bidirectional:
        buckets //= 2
        ahead = (offset > 0) * buckets
        distance = offset.abs()
    else:
        distance = (-offset).clamp_min(0)
    exact = buckets // 2
    # As in T5's own code the logarithm is taken in float32 and cut, not rounded.
    growth = torch.log(distance.clamp_min(1).float() / exact) / math.log(furthest / exact) * (buckets - exact)
    far = (exact + growth.long()).clamp_max(buckets - 1)
    return ahead + torch.where(distance < exact, distance, far)
