"""The weights of all heads of a call at once, in blocks of rows: nothing larger than they themselves is ever whole."""

import torch
from jaxtyping import Float
from torch import Tensor

from selfattn.models.budgets import PLANES, check_numbers
from selfattn.models.model import Model
from selfattn.recording.call import ALL, Call

# Bytes that the stages of a block of rows take, of all heads together: a processor's cache has about as many.
BLOCK = 2**25


def weights_of(model: Model, call: Call, rows: slice = ALL) -> Float[Tensor, "head row key"]:
    """The weights of every head for the chosen queries, in float32 at least: what `call.stages` gives of each.

    Raises NoRoomError where they would not fit in memory.
    """
    queries, keys = call.shape
    chosen = torch.arange(queries, device=call.query.device)[rows]
    dtype = torch.promote_types(call.query.dtype, torch.float32)
    check_numbers(model, call.heads * len(chosen) * keys, dtype.itemsize, "The weights of all heads of a layer")
    whole = torch.empty(call.heads, len(chosen), keys, dtype=dtype, device=call.query.device)
    most = max(1, BLOCK // (PLANES * call.heads * keys * dtype.itemsize))
    for start in range(0, len(chosen), most):
        whole[:, start : start + most] = call.weights(chosen[start : start + most])
    return whole
