"""One head of a long text for the browser: what its exact weights are made of, and the overview that comes first.

No query x key plane goes along, but for a mask or a position bias that fits no rule: `browser/one_head/long_head.js`
computes the weights of the tiles that the reader looks at from queries, keys and two numbers a row.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from selfattn.analysis.one_head.overview import BLOCK, Overview
from selfattn.canvas.one_head.head import formula
from selfattn.canvas.payload import Planes
from selfattn.maths.masks import custom
from selfattn.models.inputs.tokens import visible
from selfattn.recording.call import Call

# Bytes of a mask that is sent bit by bit.
LARGEST_MASK = 32 * 2**20
# Tokens of a text whose position bias is sent pair by pair.
LONGEST_BIAS = 2048


def long_payload(
    call: Call, head: int, queries: Sequence[str], keys: Sequence[str], overview: Overview
) -> tuple[dict[str, Any], Planes]:
    """The words and planes that `LongHead` needs, under the call's edits; `queries` and `keys` are the tokens' texts.

    Raises ValueError for a similarity that is no dot product, and for a mask or a bias too large to send.
    """
    query, key = _factors(call, head)
    band, mask = _mask(call, head)
    about = {
        "long": True,
        "head": formula(call, head),
        "queries": [visible(name) for name in queries],
        "keys": None
        if tuple(keys) == tuple(queries)
        else [visible(name) for name in keys],  # the same text: it is sent once
        "kind": call.kind,
        "shape": call.shape,
        "scale": call.effective_scale(head),
        "softcap": call.softcap or None,
        "temperature": call.settings[head].temperature,
        "pool": overview.pool,
        "band": band,
    }
    codes, tops = _codes(overview)
    rows = {"largest": _array(overview.largest), "total": _array(overview.total)}
    first = {"query": _array(query), "key": _array(key), **rows, "overview": codes, "overview_largest": tops}
    biased = call.position_bias is not None or (call.mask is not None and call.mask.is_floating_point())
    return about, first | mask | (_bias(call, head) if biased else {})


def _array(tensor: Tensor) -> np.ndarray[Any, Any]:
    return tensor.float().cpu().numpy()


def _factors(call: Call, head: int) -> tuple[Tensor, Tensor]:
    """Vectors whose dot products are the raw scores of a head."""
    query = call.query[0, head].double().cpu() / (call.prescale or 1.0)
    key = call.key[0, head * call.key_heads // call.heads].double().cpu()
    match call.settings[head].similarity:
        case "cosine":
            return torch.nn.functional.normalize(query, dim=-1), torch.nn.functional.normalize(key, dim=-1)
        case "rbf":
            # -|q - k|^2 / 2 = q . k - |q|^2 / 2 - |k|^2 / 2: four more dimensions, for each half square takes two
            # numbers of 32 bits.
            one = torch.ones(len(query), 2), torch.ones(len(key), 2)
            query_squares, key_squares = _in_two(query), _in_two(key)
            return torch.cat([query, query_squares, one[0]], -1), torch.cat([key, one[1], key_squares], -1)
        case None if call.similarity is not None:
            raise ValueError(
                f"Exact tiles are made of dot products, and {call.title} has a similarity of its own; "
                f"shorten the text to {LONGEST_BIAS:,} tokens, or choose another similarity for this head."
            )
    return query, key


def _in_two(vectors: Tensor) -> Tensor:
    """`-|x|^2 / 2` of each row, as two numbers of 32 bits that add up to it."""
    half = vectors.square().sum(-1, keepdim=True) / -2
    first = half.float().double()
    return torch.cat([first, half - first], -1)


def _codes(overview: Overview) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The overview in bytes: 0 where nothing may be attended to, else 1 + 254 sqrt(weight / largest of its row)."""
    tops = overview.weights.amax(-1)
    share = overview.weights / tops.clamp_min(torch.finfo(torch.float32).tiny)[:, None]
    codes = (1 + 254 * share.sqrt()).round().to(torch.uint8) * overview.keep
    return codes.numpy(), tops.numpy()


def _mask(call: Call, head: int) -> tuple[dict[str, int] | None, Planes]:
    """The mask as a rule, `i - behind <= j <= i + ahead` and `real[j]`, where it is one exactly; else bit by bit."""
    queries, keys = call.shape
    setting = call.settings[head]
    if call.mask is None and not setting.masks and not setting.cut_after:
        return {"behind": queries, "ahead": 0 if call.causal else keys}, {}
    real = torch.zeros(keys, dtype=torch.bool)
    behind, ahead = -keys, -queries
    for rows in _blocks(queries):
        keep, distance = _keep(call, head, rows), _distance(rows, keys)
        real |= keep.any(0)
        behind = max(behind, -int(distance.where(keep, keys).min()))
        ahead = max(ahead, int(distance.where(keep, -queries).max()))

    def follows(rows: slice) -> bool:
        distance = _distance(rows, keys)
        return torch.equal(_keep(call, head, rows), real & (distance >= -behind) & (distance <= ahead))

    if all(follows(rows) for rows in _blocks(queries)):
        return {"behind": behind, "ahead": ahead}, {} if real.all() else {"real": real.numpy().astype(np.uint8)}
    size = queries * math.ceil(keys / 8)
    if size > LARGEST_MASK:
        raise ValueError(
            f"The mask of {queries:,} x {keys:,} pairs follows no simple rule and is too large to send, at "
            f"{size / 1e6:.0f} MB; use causal, padding or a window, or shorten the text."
        )
    bits = [np.packbits(_keep(call, head, rows).numpy(), axis=1, bitorder="little") for rows in _blocks(queries)]
    return None, {"keep": np.concatenate(bits)}


def _keep(call: Call, head: int, rows: slice) -> Tensor:
    """Which weights can be more than zero: the mask, less what is cut after the softmax."""
    keep = call.keep(head, rows).cpu()
    cut = call.settings[head].cut_after
    return keep & ~custom(cut).keep(*call.shape, None, rows) if cut else keep


def _bias(call: Call, head: int) -> Planes:
    """What the model adds to the scaled scores: nothing, a number for each distance j - i, or a whole plane."""
    queries, keys = call.shape

    def bias(rows: slice) -> Tensor:
        found = call.bias(head, rows, 0)
        return torch.zeros(rows.stop - rows.start, keys) if found is None else found.float().cpu()

    # From the distance of the last query to the first key, to that of the first query to the last key.
    column = torch.cat([bias(rows)[:, 0] for rows in _blocks(queries)])
    by_distance = torch.cat([column.flip(0), bias(slice(0, 1))[0, 1:]])
    windows = by_distance.unfold(0, keys, 1)
    if all(torch.equal(bias(rows), windows[-1 - torch.arange(queries)[rows]]) for rows in _blocks(queries)):
        return {"distance_bias": by_distance.numpy()} if by_distance.any() else {}
    if max(queries, keys) > LONGEST_BIAS:
        raise ValueError(
            f"The position bias of {call.title} depends on more than the distance of {queries:,} x {keys:,} pairs, "
            f"and is too large to send; shorten the text to {LONGEST_BIAS:,} tokens."
        )
    return {"bias": torch.cat([bias(rows) for rows in _blocks(queries)]).numpy()}


def _distance(rows: slice, keys: int) -> Tensor:
    return torch.arange(keys) - torch.arange(rows.start, rows.stop)[:, None]


def _blocks(queries: int) -> list[slice]:
    return [slice(start, min(start + BLOCK, queries)) for start in range(0, queries, BLOCK)]
