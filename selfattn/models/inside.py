"""The network inside what people hold: compiled, spread over devices, under an adapter, in a pipeline."""

from dataclasses import dataclass, replace
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from selfattn.models.answers.pooling import MEAN, Pooling, joined
from selfattn.recording import doors

# Which package a class is of, and where what it holds lies. By name: most are not installed, and none need be imported.
HOLDS = {
    ("torch", "OptimizedModule"): "_orig_mod",
    ("torch", "DataParallel"): "module",
    ("torch", "DistributedDataParallel"): "module",
}


@dataclass(frozen=True)
class Inside:
    """A network, and what came with it."""

    network: PreTrainedModel
    tokenizer: Any | None = None
    processor: Any | None = None
    pooling: Pooling = MEAN


def inside(given: object) -> Inside:
    """The network of Transformers inside `given`, with the tokenizer and the processor that come along.

    Raises ValueError where there is none, or where what is around it computes more than the network does.
    """
    if isinstance(given, PreTrainedModel):
        return Inside(given)
    kinds = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(given).__mro__}
    if ("transformers", "Pipeline") in kinds:
        processor = getattr(given, "image_processor", None) or getattr(given, "feature_extractor", None)
        return replace(inside(getattr(given, "model", None)), tokenizer=_tokenizer(given), processor=processor)
    if ("sentence_transformers", "BaseModel") in kinds or ("sentence_transformers", "SentenceTransformer") in kinds:
        return _of_sentences(given)
    if ("peft", "PeftModel") in kinds or ("peft", "PeftMixedModel") in kinds:
        return inside(_under_adapter(given))
    if place := next((HOLDS[kind] for kind in kinds & HOLDS.keys()), None):
        return inside(getattr(given, place, None))
    raise ValueError(_none_in(given))


def release(given: object) -> None:
    """Take off a network all that recording it put on: hooks, and its attention functions are again what they were.

    `given` is a network, a Model made of it, or what `Model.wrap` takes. Its Models record no more: wrap it again for
    that. Raises ValueError where there is no network in it.
    """
    doors.release(inside(getattr(given, "network", given)).network)


def _under_adapter(given: Any) -> object:
    config = given.active_peft_config
    if getattr(config, "is_prompt_learning", False):
        raise ValueError(
            f"{type(config).__name__} puts vectors of its own before the text, which the network inside does not have; "
            "only adapters that change its weights are shown."
        )
    return given.get_base_model() if hasattr(given, "get_base_model") else given.base_model.model


def _of_sentences(given: Any) -> Inside:
    network = next((module for module in given.modules() if isinstance(module, PreTrainedModel)), None)
    modes = [mode for module in given.children() if (mode := getattr(module, "pooling_mode", None)) is not None]
    return replace(inside(network), tokenizer=_tokenizer(given), pooling=joined(next(iter(modes), MEAN)))


def _tokenizer(given: Any) -> Any | None:
    return getattr(given, "tokenizer", None)


def _none_in(given: object) -> str:
    kind = type(given).__name__
    if not isinstance(given, nn.Module):
        return f"A network of Transformers is shown, or a name, a folder or a hub id; got a {kind}."
    for path, module in given.named_modules():
        if isinstance(module, PreTrainedModel):
            inner = type(module).__name__
            return f"A {kind} is no network of Transformers; give the one inside it, its .{path} (a {inner})."
    return f"A {kind} is no network of Transformers, whose attention alone can be recorded."
