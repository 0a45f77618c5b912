"""Attention in a window, for as much work as the window holds: the query x key matrix is never formed."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention


def windowed(
    query: Float[Tensor, "*head token d"],
    key: Float[Tensor, "*head token d"],
    value: Float[Tensor, "*head token d_v"],
    width: int,
) -> Float[Tensor, "*head token d_v"]:
    """Exact attention under `window(width)`, `|i - j| < width`, in time and memory O(token x width).

    The queries of a block of `width` tokens meet the keys of their own block and of the two beside it (the blockwise
    form of Beltagy et al. 2020): 3 width keys a query, of which the mask keeps 2 width - 1. Heads are flattened into
    one axis, for the fused kernel: (head, block, token of the block, d). Raises ValueError for a width below 1.
    """
    if width < 1:
        raise ValueError(f"The width of a window is a whole number from 1; got {width}.")
    *heads, tokens, d = query.shape
    blocks = -(-tokens // width)
    beyond = blocks * width - tokens

    def near(x: Tensor) -> Tensor:
        flat = pad(x.reshape(-1, tokens, x.shape[-1]), (0, 0, width, width + beyond))
        return flat.unfold(1, 3 * width, width).mT

    i = torch.arange(blocks * width, device=query.device).view(blocks, width, 1)
    j = (torch.arange(blocks, device=query.device) - 1).view(blocks, 1, 1) * width
    j = j + torch.arange(3 * width, device=query.device)
    # A query beyond the text attends to itself, lest its empty row put NaN into the gradients.
    keep = ((i - j).abs() < width) & ((j >= 0) & (j < tokens) | (i == j))
    own = pad(query.reshape(-1, tokens, d), (0, 0, 0, beyond)).unflatten(1, (blocks, width))
    context = scaled_dot_product_attention(own, near(key), near(value), attn_mask=keep[None])
    return context.flatten(1, 2)[:, :tokens].reshape(*heads, tokens, -1)
