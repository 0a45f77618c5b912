"""The largest logit of each group of keys, the largest of all and the sum, for each query, in one kernel on CUDA.

Triton comes with the CUDA builds of PyTorch; where it is not, the blocks of `overview.py` do the same. A program takes
some queries and walks over the keys, with the largest logit and the sum so far:

    largest' = max(largest, max_j logit[j])
    total'   = total exp(largest - largest') + sum_j exp(logit[j] - largest')

A product is three of TF32 (`tf32x3`), which together are as exact as one of float32, and faster.
"""

import math
from importlib.util import find_spec

import torch
from jaxtyping import Float
from torch import Tensor

# A wider head finds no room in a program's memory.
WIDEST = 256
# Queries and keys of a tile, by the width of a head: both lie in memory that a program shares.
TILES = {64: (128, 64), 128: (64, 32), WIDEST: (32, 16)}


def runs_on(query: Tensor) -> bool:
    """Can the kernel take such queries?"""
    return query.is_cuda and query.dtype != torch.float64 and query.shape[-1] <= WIDEST and bool(find_spec("triton"))


def groups(
    query: Float[Tensor, "query d"], key: Float[Tensor, "key d"], pool: int, own: int | None
) -> tuple[Float[Tensor, "query group"], Float[Tensor, " query"], Float[Tensor, " query"]]:
    """The largest logit of every `pool` neighbouring keys, the largest of all, and the sum of exp(logit - largest).

    Logits are the products of queries and keys, in float32. Where no query sees the future, `own` is the key that is
    the first query's own token; None hides nothing.
    """
    from selfattn.analysis.one_head.kernel import walk

    (queries, d), keys = query.shape, len(key)
    count, width = math.ceil(keys / pool), max(16, _power(d))
    found = query.new_full((queries, count), -math.inf)
    largest, total = query.new_empty(queries), query.new_empty(queries)
    rows, columns = next(tile for most, tile in TILES.items() if width <= most)
    given = (query.contiguous(), key.contiguous(), found, largest, total)
    with torch.cuda.device_of(query):
        walk[(math.ceil(queries / rows),)](
            *(*given, queries, keys, count, d, pool, own or 0),
            causal=own is not None,
            rows=rows,
            columns=min(columns, max(16, _power(pool))),
            width=width,
            num_warps=rows // 16,
        )
    return found, largest, total


def _power(number: int) -> int:
    """The least power of 2 that is not below a number."""
    return 1 << (number - 1).bit_length()
