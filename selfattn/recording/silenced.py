"""What heads give in place of what they computed, where they are silenced: zeros, or a mean."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from selfattn.recording.means import Means
from selfattn.recording.received import Received
from selfattn.recording.together import Shared


def over_texts(call: Received, means: Means, heads: Sequence[int]) -> Float[Tensor, "batch query head d_v"]:
    """The mean of each head over a data set, at the position of each query."""
    place = (call.part, call.kind, call.layer)
    given = [means.of(place, heads, order(call, text)) for text in range(len(call.query))]
    return torch.stack(given)[..., call.place[1]].transpose(1, 2).to(call.value.dtype)


def over_tokens(
    call: Received, own: Float[Tensor, "batch query head d_v"], heads: Sequence[int], shared: Shared
) -> Float[Tensor, "batch query head d_v"]:
    """The mean of each head over the text; where no token sees the future, over what is up to each query."""
    given = torch.empty_like(own)
    for text, contexts in enumerate(own):
        # Padding tokens are queries too in self-attention: they leave the average.
        real = call.real_queries(text) if call.kind == "self" else torch.ones_like(contexts[:, 0, 0], dtype=torch.bool)
        summed = contexts.masked_fill(~real[:, None, None], 0.0).to(torch.promote_types(own.dtype, torch.float32))
        back = [_looks_back(call, head, text, shared) for head in heads]
        counts = real.cumsum(0).clamp(min=1)[:, None, None]
        if any(back):
            given[text] = summed.cumsum(0) / counts
        for place in [place for place, looks in enumerate(back) if not looks]:
            given[text, :, place] = summed[:, place].sum(0) / counts[-1, 0]
    return given


def _looks_back(call: Received, head: int, text: int, shared: Shared) -> bool:
    """Asked of a mask once, for the layers that share it: the answer has to come from the device."""
    plane = head if call.mask is not None and call.mask.shape[1] > 1 else 0
    name = ("looks back", id(call.mask), call.causal, call.part, call.kind, call.start, call.shape, plane, text)
    if name not in shared:
        shared[name] = (call.looks_back(plane, text), call.mask)  # with the mask, whose `id` is no other's so long
    return shared[name][0]


def order(call: Received, text: int) -> Int[Tensor, " query"]:
    """Which token of the text each query is, without the padding before it."""
    if not call.asks_itself:
        return call.positions
    return (call.real_keys(text).cumsum(0) - 1).clamp(min=0)[call.positions - call.start] + call.start
