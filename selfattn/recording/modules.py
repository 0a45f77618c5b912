"""What the class and the path of an attention module say: its part of the model, its kind, its scale."""

from typing import Literal

from torch import nn

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
CROSS = ("encoder_attn", "EncDecAttention", "crossattention", "cross_attn", "head.attention", "visual_attention.att")


def scales(module: nn.Module, size: int, scaling: float) -> tuple[float, float | None]:
    """The model's whole scale, and the part of it that is on the query already (None where that is unknown)."""
    if type(module).__name__ in PRESCALED_BY_SIZE:
        return size**-0.5, size**-0.5
    own = getattr(module, "scaling", scaling)
    if scaling != 1.0 or own == 1.0:
        return scaling, 1.0
    return (own, own) if type(module).__name__ in PRESCALED else (scaling, None)


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
    return "decoder" if "decoder" in path or causal or known else "encoder"
