"""Edited attention again, slowly: one head and one query at a time, written from the definitions alone."""

import math
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import eager_mask

from selfattn import Ablate, Cut, Mask, Scale, Similarity, Temperature


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


def run(network: PreTrainedModel, inputs: dict[str, Tensor], edits: Sequence[object]) -> Tensor:
    """The logits of `network` with `edits`, by a function of its own in place of the model's attention."""
    names = {module: path for path, module in network.named_modules()}
    counter: Counter[str] = Counter()

    def attention(
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None,
        scaling=None,
        **rest,
    ) -> tuple[Tensor, None]:
        place = "cross" if "encoder_attn" in names[module] or "EncDec" in names[module] else "self"
        stack = place + ("encoder" if "encoder" in names[module].split(".") else "decoder")
        layer, counter[stack] = counter[stack], counter[stack] + 1
        heads = query.shape[1]
        contexts = []
        for head in range(heads):
            shared = head // (heads // key.shape[1])
            mine = [
                e
                for e in edits
                if e.layers in (None, frozenset([layer]))
                and (e.heads is None or head in e.heads)
                and e.kind in (None, place)
            ]
            on_query = module.scaling if type(module).__name__ in ("OPTAttention", "WhisperAttention") else 1.0
            scale = query.shape[-1] ** -0.5 if scaling is None else scaling * on_query
            how = "dot"
            for edit in mine:
                if isinstance(edit, Scale):
                    scale = 1.0 if edit.value is None else edit.value
                if isinstance(edit, Similarity):
                    how = edit.how
            unscaled, keys = (query[0, head] / on_query).tolist(), key[0, shared].tolist()
            scores = torch.tensor([[alike(how, q, k) * scale for k in keys] for q in unscaled])
            if rest.get("softcap"):
                scores = rest["softcap"] * torch.tanh(scores / rest["softcap"])
            if rest.get("position_bias") is not None:
                scores = scores + rest["position_bias"][0, head]
            allowed = torch.ones(scores.shape, dtype=torch.bool)
            if attention_mask is not None:
                allowed = (attention_mask[0, 0] == 0).expand(scores.shape)
            elif rest.get("is_causal", getattr(module, "is_causal", False)):
                allowed = torch.tril(allowed)
            real = allowed.any(0)
            zeroed = set()
            for edit in mine:
                if isinstance(edit, Mask):
                    pattern = edit.pattern.keep(*scores.shape, real)
                    allowed = pattern if edit.replace else allowed & pattern
                if isinstance(edit, Cut) and edit.renormalise:
                    allowed = allowed.clone()
                    for q, k in edit.pairs:
                        if q < scores.shape[0] and k < scores.shape[1]:
                            allowed[q, k] = False
                if isinstance(edit, Cut) and not edit.renormalise:
                    zeroed |= edit.pairs
            temperature = next((e.value for e in reversed(mine) if isinstance(e, Temperature)), 1.0)
            weights = []
            for i, (row, visible) in enumerate(zip(scores.tolist(), allowed.tolist(), strict=True)):
                logits = {j: row[j] / temperature for j in range(len(row)) if visible[j]}
                sink = [float(rest["s_aux"][head])] if rest.get("s_aux") is not None else []
                most = max([*logits.values(), *sink], default=0.0)
                total = sum(math.exp(x - most) for x in [*logits.values(), *sink])
                weights.append(
                    [
                        math.exp(logits[j] - most) / total if j in logits and (i, j) not in zeroed else 0.0
                        for j in range(len(row))
                    ]
                )
            context = torch.tensor(weights) @ value[0, shared]
            for edit in mine:
                if isinstance(edit, Ablate):
                    rows = real if place == "self" else torch.ones(len(context), dtype=torch.bool)
                    context = torch.zeros_like(context) + (context[rows].mean(0) if edit.how == "mean" else 0.0)
            contexts.append(context)
        return torch.stack(contexts, dim=1)[None], None

    AttentionInterface.register("slow", attention)
    AttentionMaskInterface.register("slow", eager_mask)
    network.set_attn_implementation("slow")
    with torch.inference_mode():
        return network(**inputs, use_cache=False).logits
