"""How alike two texts are to a model without a head, or a text and a picture: the cosine of one vector for each."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from selfattn.models.answers.predictions import Prediction

Pooling = Literal["mean", "cls"]
POOLED = {
    "mean": "mean of each text's tokens in the last layer",
    "cls": "first token of each text in the last layer",
}


def pooling_of(folder: Path) -> Pooling:
    """What Sentence Transformers wrote beside a model; the mean where it wrote nothing."""
    # In its old folders the network lies in one of its own, 0_Transformer.
    around = folder.parent if folder.name.startswith("0_") else folder
    try:
        read = json.loads((around / "1_Pooling" / "config.json").read_text(encoding="utf-8"))
        first = read.get("pooling_mode") == "cls" or read.get("pooling_mode_cls_token") is True
    except (OSError, ValueError, AttributeError, RecursionError):
        return "mean"
    return "cls" if first else "mean"


def pooled(
    output: Float[Tensor, "token d"], mask: Int[Tensor, "1 token"] | None, pooling: Pooling
) -> Float[Tensor, " d"]:
    """One vector for a text: the mean over its real tokens, or the first one's."""
    real = output if mask is None else output[mask[0].bool().cpu()]
    return real[0] if pooling == "cls" else real.mean(0)


def similarity(first: Float[Tensor, " d"], second: Float[Tensor, " d"], pooling: Pooling) -> Prediction:
    """The cosine of two vectors, as what the model says of a pair."""
    cosine = torch.cosine_similarity(first, second, dim=0).clamp(-1, 1)
    note = f"cosine of the {POOLED[pooling]}"
    return Prediction("similarity", cosine[None], lambda _: "cosine", unit="cosine", note=note)


def alike(network: Any, output: Mapping[str, Any]) -> Prediction:
    """How alike a picture and a text are to a model with a tower for each.

    That is the probability that they belong together, of a model that learnt to say so pair by pair (SigLIP,
    https://arxiv.org/abs/2303.15343), and else the cosine: what others learnt is which of many texts fits best (CLIP,
    https://arxiv.org/abs/2103.00020), so that the logit of one alone is no probability.
    """
    logit = output["logits_per_image"].flatten()[:1].float().cpu()
    if getattr(network, "logit_bias", None) is not None:
        note = f"the sigmoid of the model's own logit, {logit.item():.3g}"
        return Prediction("similarity", logit.sigmoid(), lambda _: "belong together", note=note)
    text, picture = (output[f"{name}_embeds"].flatten().float().cpu() for name in ("text", "image"))
    cosine = torch.cosine_similarity(text, picture, dim=0).clamp(-1, 1)
    note = f"cosine of the text's vector and the picture's, of which the model makes a logit of {logit.item():.3g}"
    return Prediction("similarity", cosine[None], lambda _: "cosine", unit="cosine", note=note)
