"""What the class and the path of an attention module say, and what it is given: its part, kind, scale, positions."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import Cache, PreTrainedModel

# These put their scale on the query and hand 1.0 to the attention function.
PRESCALED = {
    "OPTAttention",
    "WhisperAttention",
    "Qwen2AudioAttention",
    "VoxtralAttention",
    "AudioFlamingo3Attention",
    "MossTranscribeDiarizeAttention",
}
# These put d^-0.5 on the query, and say 1.0.
PRESCALED_BY_SIZE = {"EsmSelfAttention", "EvollaSaProtSelfAttention"}
# These hide the future, and have no attribute that says so.
DECODERS = {
    "BloomAttention",
    "CodeGenAttention",
    "CpmAntAttention",
    "GPTNeoXJapaneseAttention",
    "GitSelfAttention",
    "MptAttention",
}
# The same by the file they are written in: their class has no name of its own.
DECODER_FILES = ("openai.modeling_openai",)
# Functions that a module which computes attention by itself calls, and the name of Transformers' interface.
OWN = {"softmax", "Softmax", "XSoftmax", "scaled_dot_product_attention", "multi_head_attention_forward"}
INTERFACE = "ALL_ATTENTION_FUNCTIONS"
# These attend to their own tokens and, behind those, to the other stream's.
MERGED = {"T5Gemma2MergedAttention"}
# Names of arguments that bring the tokens of another stream, to take keys and values from.
OTHERS = ("key_value_states", "encoder_hidden_states", "cross_attention_states", "context", "inputs", "memory")
# The last resort, for modules of which it cannot be seen what they are given.
CROSS = (
    "encoder_attn",
    "EncDecAttention",
    "crossattention",
    "cross_attention",
    "cross_attn",
    "head.attention",
    "visual_attention.att",
)


def scales(module: nn.Module, size: int, scaling: float) -> tuple[float, float | None]:
    """The model's whole scale, and the part of it that is on the query already (None where that is unknown)."""
    if type(module).__name__ in PRESCALED_BY_SIZE:
        return size**-0.5, size**-0.5
    own = getattr(module, "scaling", scaling)
    if isinstance(own, Tensor) and own.numel() > 1:  # one that was learnt for each of its numbers is on the query
        return scaling, None
    if scaling != 1.0 or own == 1.0:
        return scaling, 1.0
    return (own, own) if type(module).__name__ in PRESCALED else (scaling, None)


@dataclass(frozen=True)
class Given:
    """What an attention module is given for one run of it."""

    tokens: int | None  # those that ask
    others: int | None = None  # tokens of another stream, where there is one
    merged: bool = False  # keys are of both streams, the askers' own first
    cached: int | None = 0  # tokens that went into the cache before; None where that is not known

    @classmethod
    def to(cls, module: nn.Module, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> "Given":
        """What these arguments bring."""
        names = _parameters(type(module))  # type: ignore[arg-type]  # a class hashes
        named = {**dict(zip(names, arguments, strict=False)), **keywords} if arguments else keywords
        own = named.get("hidden_states", named.get("query", named.get(names[0])))
        brought = [each for name in OTHERS if (each := named.get(name)) is not None]
        others = next((each for each in brought if not _same(own, each)), None)
        if others is None and "query" in named and not _same(own, named.get("key")):
            others = named["key"]
        merged = others is not None and type(module).__name__ in MERGED
        caches = [each for each in named.values() if isinstance(each, Cache)]
        cached = caches[0] if caches else None
        place = getattr(module, "layer_idx", None) if cached is not None else None
        before = 0 if cached is None else None if place is None else int(cached.get_seq_length(place))
        return cls(_length(own), _length(others), merged, before)

    @property
    def crosses(self) -> bool:
        """Do keys come from another stream than the queries' own?"""
        return self.others is not None and not self.merged


@cache
def _parameters(kind: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(kind.forward).parameters)[1:]


def _length(tokens: Any) -> int | None:
    return tokens.shape[-2] if isinstance(tokens, Tensor) and tokens.dim() > 1 else None


def _same(query: Any, key: Any) -> bool:
    """Are keys made from the tokens that ask? Some models add their positions to each anew."""
    if query is key or not isinstance(key, Tensor):
        return True
    return isinstance(query, Tensor) and query.shape == key.shape and torch.equal(query, key)


@cache
def computes_itself(kind: Any) -> bool:
    """Does a module of that class compute attention with operations of its own?"""
    if "Attention" not in kind.__name__ and "Attn" not in kind.__name__:
        return False
    used = _used(kind)
    return bool(used & OWN) and INTERFACE not in used


@cache
def attends(kind: Any) -> bool:
    """Does a module of that class compute attention, through Transformers' interface or by itself?"""
    return not issubclass(kind, PreTrainedModel) and (INTERFACE in _used(kind) or computes_itself(kind))


@cache
def _used(kind: Any) -> frozenset[str]:
    """The names that the functions of a class use."""
    used: set[str] = set()
    for each in kind.__mro__[: kind.__mro__.index(nn.Module)]:
        for function in vars(each).values():
            if inspect.isfunction(function):
                used.update(inspect.unwrap(function).__code__.co_names)
    return frozenset(used)


def kind_of(name: str, module: nn.Module) -> Literal["self", "cross"]:
    """Does a module attend to the tokens that ask, or to others?"""
    kind = type(module).__name__
    cross = getattr(module, "is_cross_attention", False) or "Cross" in kind or "Pooling" in kind or name.endswith(CROSS)
    return "cross" if cross else "self"


def part_of(name: str, module: nn.Module) -> str:
    """Which stack of layers a module belongs to."""
    path = name.split(".")
    for word, part in (
        ("vision_model", "vision"),
        ("text_model", "text"),
        ("vit", "vision"),
        ("r_layers", "vision"),
        ("visn_self_att", "vision"),
    ):
        if word in path:
            return part
    # Some causal models keep their layers in a module named `encoder`: BERT as a decoder, and the local one.
    causal = getattr(module, "is_causal", False) or getattr(module, "is_decoder", False)
    known = type(module).__name__ in DECODERS or type(module).__module__.endswith(DECODER_FILES)
    # PaliGemma's hides no token of what it is given from another, and writes.
    decoder = any(word.endswith("decoder") or word == "language_model" for word in path)
    return "decoder" if decoder or causal or known else "encoder"
