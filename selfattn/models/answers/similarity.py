"""How alike two texts are to a model without a head, or a text and a picture: the cosine of one vector for each."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from selfattn.models.answers.pooling import Pooling, in_words
from selfattn.models.answers.predictions import Prediction


def similarity(first: Float[Tensor, " d"], second: Float[Tensor, " d"], pooling: Pooling) -> Prediction:
    """The cosine of two vectors, as what the model says of a pair."""
    cosine = torch.cosine_similarity(first, second, dim=0).clamp(-1, 1)
    note = f"cosine of the {in_words(pooling)}"
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
