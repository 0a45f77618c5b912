"""How alike two texts are to a model without a head: the cosine of one vector for each."""

import json
from pathlib import Path
from typing import Literal

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
