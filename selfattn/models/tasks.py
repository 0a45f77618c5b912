"""What a model says: its prediction as probabilities, whatever its head."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from transformers.models.auto import modeling_auto as auto

from selfattn.models.tokens import of_ids

MASKED = set(auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES.values()) | {"SelfAttentionForMaskedLM"}
NEXT = set(auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()) | {"SelfAttentionForCausalLM"}
SEQUENCE = set(auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES.values()) | {"WhisperForConditionalGeneration"}


@dataclass(frozen=True, eq=False)
class Prediction:
    """A distribution over labels or over the vocabulary."""

    kind: str  # "class", "masked token" or "next token"
    probabilities: Float[Tensor, " label"]
    name: Callable[[int], str]

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """The `k` most probable labels or tokens with their probabilities, best first."""
        best = self.probabilities.topk(min(k, len(self.probabilities)))
        return [(self.name(i), p) for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)]

    def of(self, name: str) -> float:
        """The probability of the label or token of that name (the first, where names repeat)."""
        return next((p for i, p in enumerate(self.probabilities.tolist()) if self.name(i) == name), 0.0)


@torch.no_grad()
def predict(network: Any, tokenizer: Any | None, inputs: dict[str, Tensor], logits: Tensor | None) -> Prediction | None:
    """The prediction in a model's logits, or None for a model without a head, or with nothing to fill in."""
    if logits is None:
        return None
    kind = type(network).__name__
    problem = getattr(network.config, "problem_type", None)
    if logits.dim() == 2 and logits.shape[-1] > 1 and problem != "regression":
        several = problem == "multi_label_classification"
        probabilities = logits[0].float().sigmoid() if several else logits[0].float().softmax(-1)
        names = network.config.id2label
        return Prediction("class", probabilities.cpu(), lambda i: str(names.get(i, i)))
    if logits.dim() != 3:
        return None
    position = _position(kind, network, tokenizer, inputs)
    if position is None:
        return None
    label = "masked token" if kind in MASKED - SEQUENCE else "next token"
    return Prediction(label, logits[0, position].float().softmax(-1).cpu(), lambda i: _piece(tokenizer, i))


def _position(kind: str, network: Any, tokenizer: Any | None, inputs: dict[str, Tensor]) -> int | None:
    """Where in the sequence the model's answer stands."""
    if kind in SEQUENCE:
        return -1
    if kind in NEXT and kind not in MASKED:
        mask = inputs.get("attention_mask")
        return -1 if mask is None else int(mask[0].nonzero()[-1])
    mask_token = getattr(tokenizer, "mask_token_id", None)
    if kind in MASKED and mask_token is not None:
        masked = (inputs["input_ids"][0] == mask_token).nonzero()
        return int(masked[0]) if len(masked) else None
    return None


def _piece(tokenizer: Any | None, index: int) -> str:
    if tokenizer is None:
        return f"#{index}"
    text = tokenizer.decode([index])
    # A byte of a character decodes to nothing readable alone: its piece says more.
    return text if text and "\ufffd" not in text else of_ids(torch.tensor([index]), tokenizer).text[0]
