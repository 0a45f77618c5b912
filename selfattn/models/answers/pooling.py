"""One vector for a text from those of its tokens, as Sentence Transformers makes it and says it beside a model."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

# The names that Sentence Transformers has for them, several joined by "+"; their vectors stand one after the other.
Pooling = str
MEAN = "mean"


def _weighted(real: Float[Tensor, "token d"]) -> Float[Tensor, " d"]:
    weights = torch.arange(1, len(real) + 1, dtype=real.dtype)
    return weights @ real / weights.sum()


# What each makes of a text's real tokens, and its name in words.
MODES: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "cls": (lambda real: real[0], "first token of each text"),
    "max": (lambda real: real.amax(0), "largest value of each text's tokens, dimension by dimension,"),
    MEAN: (lambda real: real.mean(0), "mean of each text's tokens"),
    "mean_sqrt_len_tokens": (lambda real: real.sum(0) / len(real) ** 0.5, "sum of each text's n tokens over √n"),
    "weightedmean": (_weighted, "mean of each text's tokens, weighted by their place,"),
    "lasttoken": (lambda real: real[-1], "last token of each text"),
}
# The key of an older file that says yes to each of them.
FLAGS = {name: f"pooling_mode_{name}{'' if name.endswith('tokens') else '_tokens'}" for name in MODES} | {
    "cls": "pooling_mode_cls_token",
    "lasttoken": "pooling_mode_lasttoken",
}


def pooling_of(folder: Path) -> Pooling:
    """What Sentence Transformers wrote beside a model; the mean where it wrote nothing that is known here."""
    # In its old folders the network lies in one of its own, 0_Transformer.
    around = folder.parent if folder.name.startswith("0_") else folder
    try:
        read = json.loads((around / "1_Pooling" / "config.json").read_text(encoding="utf-8"))
        return joined(read.get("pooling_mode") or [name for name, flag in FLAGS.items() if read.get(flag) is True])
    except (OSError, ValueError, AttributeError, RecursionError):
        return MEAN


def joined(modes: object) -> Pooling:
    """One name, or several of them, as one; the mean for what is not known here."""
    names = [modes] if isinstance(modes, str) else modes if isinstance(modes, list | tuple) else []
    known = names and all(isinstance(name, str) and name in MODES for name in names)
    return "+".join(names) if known else MEAN


def pooled(
    output: Float[Tensor, "token d"], mask: Int[Tensor, "1 token"] | None, pooling: Pooling
) -> Float[Tensor, " n_d"]:
    """One vector for a text, from those of its real tokens."""
    real = output if mask is None else output[mask[0].bool().cpu()]
    return torch.cat([MODES[name][0](real) for name in pooling.split("+")])


def in_words(pooling: Pooling) -> str:
    """Of what the vector is made."""
    return " and the ".join(MODES[name][1] for name in pooling.split("+")) + " in the last layer"
