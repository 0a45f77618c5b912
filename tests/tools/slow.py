"""Edited attention again, slowly: one head and one query at a time, written from the definitions alone."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import eager_mask

from selfattn import Ablate, Cut, Mask, Scale, Similarity, Temperature
from tests.tools import slow_classes

# These put their scale on the query before they hand it over.
SCALED_QUERY = ("OPTAttention", "WhisperAttention", "EsmSelfAttention")


def alike(how: str, q: Sequence[float], k: Sequence[float]) -> float:
    """The raw score of one query and one key."""
    product = sum(a * b for a, b in zip(q, k, strict=True))
    match how:
        case "dot":
            return product
        case "cosine":
            return product / lengths if (lengths := math.hypot(*q) * math.hypot(*k)) else 0.0
        case "rbf":
            return -sum((a - b) ** 2 for a, b in zip(q, k, strict=True)) / 2
    raise ValueError(how)


def context(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    allowed: Tensor,
    edits: Sequence[object],
    *,
    scale: float,
    bias: Tensor | None = None,
    added: Tensor | None = None,
    cap: float | None = None,
    sink: float | None = None,
    crosses: bool = False,
    asks_in_order: bool = False,
) -> Tensor:
    """What one head gives.

    `query` is free of any scale; `allowed` says which keys each query may attend to, and `added` is what the model's
    mask adds to the scores of those: it goes where a mask takes the place of the model's. `asks_in_order`: the queries
    of a cross-attention are tokens of which none knows a later one.
    """
    sees = [(q, k) for q in range(allowed.shape[0]) for k in range(allowed.shape[1]) if allowed[q, k]]
    how, temperature, zeroed, real = "dot", 1.0, set(), allowed.any(0)
    for edit in edits:
        match edit:
            case Scale(value=factor):
                scale = 1.0 if factor is None else factor
            case Similarity(how=name):
                how = name
            case Temperature(value=heat):
                temperature = heat
            case Mask(pattern=pattern, replace=replace):
                kept = pattern.keep(*allowed.shape, real)
                allowed, added = (kept, None) if replace else (allowed & kept, added)
            case Cut(pairs=pairs, renormalise=True):
                allowed = allowed.clone()
                for q, k in pairs:
                    if q < allowed.shape[0] and k < allowed.shape[1]:
                        allowed[q, k] = False
            case Cut(pairs=pairs):
                zeroed |= pairs
    scores = [[alike(how, q, k) * scale for k in key.tolist()] for q in query.tolist()]
    scores = torch.tensor(scores, dtype=query.dtype)
    if cap:
        scores = cap * torch.tanh(scores / cap)
    for term in (bias, added):
        scores = scores if term is None else scores + term
    weights = []
    for i, (row, visible) in enumerate(zip(scores.tolist(), allowed.tolist(), strict=True)):
        logits = {j: row[j] / temperature for j in range(len(row)) if visible[j]}
        sunk = [] if sink is None else [sink]
        most = max([*logits.values(), *sunk], default=0.0)
        total = sum(math.exp(x - most) for x in [*logits.values(), *sunk])
        weights.append(
            [
                math.exp(logits[j] - most) / total if j in logits and (i, j) not in zeroed else 0.0
                for j in range(len(row))
            ]
        )
    made = torch.tensor(weights, dtype=value.dtype) @ value
    for edit in edits:
        if isinstance(edit, Ablate):
            rows = [row for row in range(len(made)) if crosses or real[row]]
            in_order = asks_in_order if crosses else not any(k > q for q, k in sees if q in rows)
            known = [[row for row in rows if row <= q or not in_order] for q in range(len(made))]
            given = [made[of].mean(0) if of and edit.how == "mean" else torch.zeros_like(made[0]) for of in known]
            made = torch.stack(given)
    return made


class Layers:
    """The edits of one forward pass, and how many layers of each stack it has passed."""

    def __init__(self, network: PreTrainedModel, edits: Sequence[Any]) -> None:
        self.names = {module: path for path, module in network.named_modules()}
        self.edits = edits
        self.passed: Counter[tuple[str, bool]] = Counter()

    def attend(
        self,
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        allowed: Tensor,
        scale: float | Tensor,
        bias: Tensor | None = None,
        added: Tensor | None = None,
        cap: float | None = None,
        sinks: Tensor | None = None,
    ) -> Tensor:
        """The context of every head of the next layer, (batch, head, query, d): axes that are 1 stand for all.

        `scale` is one number, or one for each head.
        """
        path = self.names[module]
        place = "cross" if "encoder_attn" in path or "EncDec" in path else "self"
        stack = place, "encoder" in path.split(".")
        layer, self.passed[stack] = self.passed[stack], self.passed[stack] + 1
        batches, heads, queries, _ = query.shape
        shape = batches, heads, queries, key.shape[2]
        allowed = allowed.expand(shape)
        bias, added = (None if each is None else each.expand(shape) for each in (bias, added))
        made = value.new_empty(batches, heads, queries, value.shape[-1])
        for batch in range(batches):
            for head in range(heads):
                shared = head // (heads // key.shape[1])
                made[batch, head] = context(
                    query[batch, head],
                    key[batch, shared],
                    value[batch, shared],
                    allowed[batch, head],
                    [
                        edit
                        for edit in self.edits
                        if edit.layers in (None, frozenset([layer]))
                        and (edit.heads is None or head in edit.heads)
                        and edit.kind in (None, place)
                    ],
                    scale=float(scale[head]) if isinstance(scale, Tensor) else scale,
                    bias=None if bias is None else bias[batch, head],
                    added=None if added is None else added[batch, head],
                    cap=cap,
                    sink=None if sinks is None else float(sinks[head]),
                    crosses=place == "cross",
                    asks_in_order="decoder" in path.split("."),
                )
        return made


def knows(network: PreTrainedModel) -> bool:
    """Can `run` run it?"""
    return network._can_set_attn_implementation() or slow_classes.knows(network)


def run(network: PreTrainedModel, inputs: dict[str, Tensor], edits: Sequence[Any]) -> Tensor:
    """The output of `network` with `edits`, by a function of its own in place of the model's attention."""
    layers = Layers(network, edits)

    def attention(
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None,
        scaling=None,
        **rest,
    ) -> tuple[Tensor, None]:
        scale, bias = query.shape[-1] ** -0.5 if scaling is None else scaling, rest.get("position_bias")
        if type(module).__name__ in SCALED_QUERY:
            scale = query.shape[-1] ** -0.5
            query = query / scale
        allowed, added = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool), None
        if attention_mask is not None:
            # What hides a key is the lowest number there is; anything else is a term to add.
            allowed = attention_mask > torch.finfo(attention_mask.dtype).min
            added = attention_mask.masked_fill(~allowed, 0.0)
        terms = bias, added, rest.get("softcap"), rest.get("s_aux")
        return layers.attend(module, query, key, value, allowed, scale, *terms).transpose(1, 2).contiguous(), None

    AttentionInterface.register("slow", attention)
    AttentionMaskInterface.register("slow", eager_mask)
    if slow_classes.knows(network):
        slow_classes.install(network, layers.attend)
    else:
        network.set_attn_implementation("slow")
    with torch.inference_mode():
        output = network(**inputs, use_cache=False)
    return output["logits"] if "logits" in output else output["last_hidden_state"]
