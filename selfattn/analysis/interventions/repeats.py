"""Random tokens that come again: what a model predicts there it can only have copied."""

import torch
from jaxtyping import Int
from torch import Tensor


def repeated(
    count: int,
    half: int,
    generator: torch.Generator,
    *,
    vocabulary: int,
    prefix: int = 0,
    gap: int = 0,
    choices: int | None = None,
) -> Int[Tensor, "{count} {prefix+2*half+gap}"]:
    """`count` sequences: `prefix` random tokens, `half` more, `gap` more, and the same `half` again.

    Each sequence draws its tokens from `choices` of the vocabulary, or from all of it; never token 0.
    """
    length = prefix + half + gap
    if choices is None:
        tokens = torch.randint(1, vocabulary, (count, length), generator=generator)
    else:
        pool = torch.randint(1, vocabulary, (count, choices), generator=generator)
        tokens = pool.gather(1, torch.randint(choices, (count, length), generator=generator))
    return torch.cat([tokens, tokens[:, prefix : prefix + half]], dim=1)
