"""What edited heads give to the model, many at once: one call of PyTorch's kernel for all whose formula it can say.

A temperature or a scale is a factor on the queries, a mask a term of the layer, cosine a length of 1; grouped heads
stay grouped, and "no token sees the future" stays a flag where nothing else is hidden.
"""

from collections.abc import Hashable, Iterator, Sequence
from functools import reduce
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize, scaled_dot_product_attention

from selfattn.maths.masks import causal, to_bias
from selfattn.recording.edits import Setting
from selfattn.recording.received import Received, adds

# What the layers of one forward pass share, so that it is made once: terms to add, factors of heads.
Shared = dict[Any, Any]
# So many terms are kept: the layers of a model take turns with a few.
KEPT = 4
# Query x key numbers of a term that are made at once.
AT_ONCE = 2**20


def has_form(call: Received, head: int) -> bool:
    """Can the kernel say what the edits make of a head? It knows no cap, sink, distance, or cut after the softmax."""
    setting = call.settings[head]
    dots = setting.similarity in ("dot", "cosine") or (setting.similarity is None and call.similarity is None)
    return dots and not (call.softcap or call.sink is not None or setting.cut_after)


def alike(call: Received, heads: Sequence[int]) -> Iterator[list[int]]:
    """The heads that one call of the kernel serves, group by group."""
    forms = {id(setting): _form(call, setting) for setting in call.settings}
    groups: dict[Hashable, list[int]] = {}
    for head in heads:
        # A factor on queries of half precision would round them: there it goes to the kernel, which takes one.
        factor = _factor(call, head) if call.query.dtype.itemsize < 4 else None
        groups.setdefault((forms[id(call.settings[head])], factor), []).append(head)
    for group in groups.values():
        # As many of each key head, so that these are shared and not repeated.
        members: dict[int, list[int]] = {}
        for head in group:
            members.setdefault(call.key_head(head), []).append(head)
        for count in {len(each) for each in members.values()}:
            yield [head for each in members.values() if len(each) == count for head in each]


def _form(call: Received, setting: Setting) -> Hashable:
    biased = call.position_bias is not None or (setting.own_mask and adds(call.mask))
    heat = setting.temperature if biased else None
    return setting.masks, setting.own_mask, setting.similarity == "cosine", heat


def by_kernel(call: Received, heads: Sequence[int], shared: Shared) -> Float[Tensor, "batch head query d_v"]:
    """The contexts of some heads that are `alike`."""
    setting, shares = call.settings[heads[0]], sorted({call.key_head(head) for head in heads})
    query, key = picked(call.query, heads), picked(call.key, shares).to(call.query.dtype)
    value = picked(call.value, shares).to(call.query.dtype)  # some models hold it in another
    if setting.similarity == "cosine":
        query, key = _unit(query), _unit(key)
    query, scale = _scaled(query, [_factor(call, head) for head in heads], shared)
    term, later = _hidden(call, setting, heads, shared)
    if later:  # the kernel counts from the first key, and is quickest where there are as many as queries
        key, value = key[:, :, : call.shape[0]], value[:, :, : call.shape[0]]
    return _attended(query, key, value, term, is_causal=later, scale=scale).to(call.value.dtype)


def _attended(query: Tensor, key: Tensor, value: Tensor, term: Tensor | None, **how: Any) -> Tensor:
    """The kernel, with as many heads of queries for each of the keys: (batch, head, query, d_v)."""
    heads, shares = query.shape[1], key.shape[1]
    if heads == shares:
        return scaled_dot_product_attention(query, key, value, term, **how)
    if term is None and key.shape[-1] == value.shape[-1]:
        return scaled_dot_product_attention(query, key, value, enable_gqa=True, **how)
    # Elsewhere PyTorch would repeat the keys. Here each group of heads is a text to it, and its heads see one key.
    group = (shares, heads // shares)
    contexts = []
    for text in range(len(query)):
        mine = term if term is None else term[text % len(term)]
        mine = mine.unflatten(0, group) if mine is not None and len(mine) > 1 else mine
        k, v = (each[text].unsqueeze(1).expand(-1, group[1], -1, -1) for each in (key, value))
        contexts.append(scaled_dot_product_attention(query[text].unflatten(0, group), k, v, mine, **how).flatten(0, 1))
    return contexts[0][None] if len(contexts) == 1 else torch.stack(contexts)


def picked(tensor: Tensor, heads: Sequence[int]) -> Tensor:
    """Some of the heads of a (batch, head, ...) tensor: a view where they follow one another."""
    runs = [tensor[:, run] for _, run in runs_of(heads)]
    return runs[0] if len(runs) == 1 else torch.cat(runs, 1)


def write(output: Tensor, heads: Sequence[int], contexts: Float[Tensor, "batch query head d_v"]) -> None:
    """Write what some heads give into (batch, query, head, d_v)."""
    for places, run in runs_of(heads):
        output[:, :, run] = contexts[:, :, places]


def runs_of(heads: Sequence[int]) -> Iterator[tuple[slice, slice]]:
    """Heads as runs of neighbours: (their places in `heads`, the heads). No list of indices goes to a device."""
    start = 0
    for place in range(1, len(heads) + 1):
        if place == len(heads) or heads[place] != heads[place - 1] + 1:
            yield slice(start, place), slice(heads[start], heads[place - 1] + 1)
            start = place


def _unit(tensor: Tensor) -> Tensor:
    """Of length 1, or 0; in float32 at least, whose smallest numbers are smaller."""
    wide = tensor.to(torch.promote_types(tensor.dtype, torch.float32))
    return normalize(wide, dim=-1).to(tensor.dtype)


def _factor(call: Received, head: int) -> float:
    """By which the products of a head's queries and keys are multiplied."""
    setting = call.settings[head]
    # A query of length 1 has lost what was on it.
    on_query = 1.0 if setting.similarity == "cosine" else call.prescale or 1.0
    return call.effective_scale(head) / (on_query * setting.temperature)


def _scaled(query: Tensor, factors: list[float], shared: Shared) -> tuple[Tensor, float]:
    """The factors as far as they go onto the query, and the one for the kernel, which takes a positive one for all."""
    if factors.count(factors[0]) < len(factors):
        name = ("factors", *factors, query.dtype, query.device)
        if name not in shared:
            shared[name] = torch.tensor(factors, dtype=query.dtype, device=query.device)[:, None, None]
        return query * shared[name], 1.0
    (factor,) = {*factors}
    if factor > 0:
        return query, factor
    return query * (-1.0 if factor else 0.0), -factor or 1.0


def _hidden(call: Received, setting: Setting, heads: Sequence[int], shared: Shared) -> tuple[Tensor | None, bool]:
    """What is added to the scores, (batch or 1, head or 1, query, key), and is the future hidden by a flag alone?"""
    patterns = [pattern for pattern in setting.masks if pattern != causal]
    own = call.mask if setting.own_mask else None
    later = (setting.own_mask and own is None and call.causal) or len(patterns) < len(setting.masks)
    if own is None and call.position_bias is None and not patterns and (not later or call.ahead == 0):
        return None, later
    bare = own is not None and own.dtype == torch.bool and call.position_bias is None and not setting.masks
    if bare:
        return _of_heads(call, own, heads), False
    if call.position_bias is not None or (adds(own) and own.shape[1] > 1):
        return _term(call, setting, heads), False  # as large as the layer's scores, and of this layer alone
    geometry = (call.shape, call.start, call.behind, call.kind, call.causal)
    heat = setting.temperature if adds(own) else None
    of_heads = tuple(heads) if own is not None and own.shape[1] > 1 else None
    name = ("term", setting.masks, setting.own_mask, heat, id(call.mask), geometry, of_heads)
    if name not in shared:
        terms = [each for each in shared if each[0] == "term"]
        for each in terms[: len(terms) - KEPT + 1]:
            del shared[each]
        shared[name] = (_term(call, setting, heads), call.mask)  # with the mask, whose `id` is no other's so long
    return shared[name][0], False


def _term(call: Received, setting: Setting, heads: Sequence[int]) -> Tensor:
    """What is added to the scaled scores of these heads: the bias over the temperature, -inf where keys are hidden."""
    mask, bias = (_of_heads(call, each, heads) for each in (call.mask, call.position_bias))
    texts = range(1 if mask is None else len(mask))
    step = max(AT_ONCE // max(call.shape[1], 1), 1)
    blocks = []
    for start in range(0, call.shape[0], step):
        rows = slice(start, start + step)
        visible = call.visible(mask, rows)
        allowed = [torch.stack([call.allowed(each, rows, text) for text in texts])[:, None] for each in setting.masks]
        keep = reduce(torch.logical_and, [visible, *allowed] if setting.own_mask else allowed)
        added = None if bias is None else bias[..., rows, :]
        if setting.own_mask and adds(mask):
            finite = mask[..., rows, :].masked_fill(~visible, 0.0)
            added = finite if added is None else added + finite
        dtype = call.query.dtype if added is None else added.dtype
        term = to_bias(keep, dtype)
        blocks.append((term if added is None else added / setting.temperature + term).to(call.query.dtype))
    return blocks[0] if len(blocks) == 1 else torch.cat(blocks, -2)


def _of_heads(call: Received, tensor: Tensor | None, heads: Sequence[int]) -> Tensor | None:
    """What of a mask or a bias meets these heads, (batch or 1, head or 1, query, key), where the query lies."""
    if tensor is None:
        return None
    tensor = tensor.to(call.query.device).expand(-1, -1, *call.shape)
    if tensor.shape[1] > 1:
        tensor = picked(tensor, [head % tensor.shape[1] for head in heads])
    return tensor if len(tensor) in (1, len(call.query)) else tensor.repeat(len(call.query) // len(tensor), 1, 1, 1)
