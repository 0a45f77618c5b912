"""A tiny random network of any model type that Transformers has, made from its own config by cutting it down."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import transformers as hf
from transformers.models.auto import configuration_auto, modeling_auto

Cuts = Mapping[str, int]
# What a number of a config is cut to, by its name; the first that fits, and never to more than it was.
DEPTHS = {
    r"num_(feat_extract|conv|adapter)_layers$": 99,
    r"(^|_)(num_)?(hidden_|encoder_|decoder_|attention_)?layers?$|^n_layers?$|^depth$": 2,
}
COUNTS = {
    r"(num_|n_)(local_|routed_|shared_)?experts$|^moe_num_experts$": 4,
    r"experts_per_tok(en)?$|moe_top_?k$|^moe_k$|^top_k$|^n_group$|topk_group$": 2,
    r"vocab_size$": 300,
    r"max_(position_embeddings|source_positions|target_positions|sequence_length|seq_len)$|^n_positions$": 128,
}
WIDTHS = {
    r"num_(key_value|kv)_heads$|^n_kv_heads$|multi_query_group_num$": 2,
    r"(num_|n_)(attention_|attn_)?heads?$|attention_heads$": 4,
    r"qk_head_dim$": 32,
    r"(head_dim|d_kv|qk_rope_head_dim|qk_nope_head_dim|v_head_dim)$": 16,
    r"(q_lora_rank|kv_lora_rank)$": 16,
    r"(hidden_size|d_model|n_embd|emb_dim|embed_dim|model_dim|projection_dim|hidden_dim|text_dim)$|^dim$": 64,
    r"(intermediate_size|ffn_dim|d_ff|d_inner|n_inner|mlp_dim|feed_forward_size|ffn_hidden_size|width)$": 64,
    r"^(num_)?queries$|num_query_tokens$": 8,
}
# The ways to cut a config, the smallest first: some have lists that fit the depth or widths that they were made for.
WAYS = (DEPTHS | COUNTS | WIDTHS, COUNTS | WIDTHS, DEPTHS | COUNTS)
# Parameters of the largest that is tried.
MOST = 600_000_000
# What a config has to be told, by its type, wherever it stands in another: its defaults make no network that runs, or
# the cuts make none that could be. Encoders of Nemotron have a value for every head, so that keys are as many.
EVERY_HEAD = {"num_key_value_heads": 4}
TOLD: dict[str, dict[str, Any]] = {
    "autoformer": {"prediction_length": 4},
    "bamba": {"attn_layer_indices": [1]},
    "blip-2": {"image_token_index": 299},
    "dbrx": {"attn_config": {"rope_theta": 10_000.0, "clip_qkv": 8.0}},
    "deepseek_v2": {"num_experts_per_tok": 2},
    "esm": {"pad_token_id": 1, "vocab_size": 33},
    "granitemoehybrid": {"num_hidden_layers": 2, "layer_types": ["linear_attention", "full_attention"]},
    "informer": {"prediction_length": 4},
    "nemotron3_5_transcribe_asr_audio": EVERY_HEAD,
    "nemotron3_5_transcribe_word_timestamp": EVERY_HEAD,
    "nemotron3_diarization_audio": EVERY_HEAD,
    "nemotron_h": {"layers_block_type": ["linear_attention", "full_attention"], "n_groups": 2},
    "time_series_transformer": {"prediction_length": 4},
    "timm_backbone": {"backbone": "vit_tiny_patch16_224"},
    "timm_wrapper": {"architecture": "vit_tiny_patch16_224"},
    "instructblip": {"image_token_index": 299},
    "instructblipvideo": {"video_token_index": 299},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "nemotron": {"num_attention_heads": 4, "num_key_value_heads": 2},
    "xmod": {"default_language": "en_XX"},
}
# Heads of networks, the more telling first.
HEADS = [
    "CAUSAL_LM",
    "SEQ_TO_SEQ_CAUSAL_LM",
    "SPEECH_SEQ_2_SEQ",
    "MULTIMODAL_LM",
    "MASKED_LM",
    "CTC",
    "TEXT_RECOGNITION",
    "TABLE_RECOGNITION",
    "IMAGE_CLASSIFICATION",
    "AUDIO_CLASSIFICATION",
    "OBJECT_DETECTION",
    "DEPTH_ESTIMATION",
    "SEMANTIC_SEGMENTATION",
    "UNIVERSAL_SEGMENTATION",
    "POSE_ESTIMATION",
    "KEYPOINT_DETECTION",
    "KEYPOINT_MATCHING",
    "IMAGE_MATTING",
    "DECISION",
    "SEQUENCE_CLASSIFICATION",
    "PRETRAINING",
]


def model_types() -> list[str]:
    """Every model type that has a class of networks."""
    return [name for name in configuration_auto.CONFIG_MAPPING_NAMES if kinds(name)]


def kinds(model_type: str) -> list[str]:
    """The names of its classes of networks: those with a head first, then the base, or what others stand on."""
    heads = [f"MODEL_FOR_{head}_MAPPING_NAMES" for head in HEADS]
    mappings = [*heads, "MODEL_MAPPING_NAMES", "MODEL_FOR_BACKBONE_MAPPING_NAMES"]
    found: list[str] = []
    for mapping in mappings:
        named = getattr(modeling_auto, mapping, {}).get(model_type, ())
        found += [named] if isinstance(named, str) else list(named)
    return list(dict.fromkeys(found))


def configs(model_type: str) -> Iterator[Any]:
    """Its default config cut down, in each of the `WAYS`."""
    kind = getattr(hf, configuration_auto.CONFIG_MAPPING_NAMES[model_type])
    for cuts in WAYS:
        for anew in (True, False):
            try:
                made = kind(**TOLD.get(model_type, {}))
                yield _anew(made, cuts) if anew else _changed(made, cuts)
            except Exception as error:  # whatever a config makes of numbers that do not fit each other
                yield f"{kind.__name__}: {type(error).__name__}: {' '.join(str(error).split())}"[:200]


def _anew(config: Any, cuts: Cuts) -> Any:
    """Made again with its numbers cut: what follows from them is worked out by its class."""
    parts = {name: part for name, part in vars(config).items() if isinstance(part, hf.PreTrainedConfig)}
    numbers = _cut(config, cuts) | _told(config)
    made = type(config)(**numbers, **{name: _anew(part, cuts) for name, part in parts.items()})
    _tokens(made)
    return made


def _changed(config: Any, cuts: Cuts) -> Any:
    """The config itself with its numbers cut, and its parts likewise."""
    for part in vars(config).values():
        if isinstance(part, hf.PreTrainedConfig):
            _changed(part, cuts)
    for name, value in (_cut(config, cuts) | _told(config)).items():
        _set(config, name, value)
    _tokens(config)
    return config


def _told(config: Any) -> dict[str, Any]:
    """What it has to be told, but for its parts, which are configs by now."""
    told = TOLD.get(config.model_type, {})
    return {name: value for name, value in told.items() if not isinstance(vars(config).get(name), hf.PreTrainedConfig)}


def _cut(config: Any, cuts: Cuts) -> dict[str, Any]:
    """The numbers that are cut by their names, and the lists that have one entry a layer."""
    layers, found, narrower = getattr(config, "num_hidden_layers", None), {}, WIDTHS.keys() <= cuts.keys()
    shallower = DEPTHS.keys() <= cuts.keys()
    for name, value in vars(config).items():
        if isinstance(value, int) and not isinstance(value, bool):
            most = next((most for pattern, most in cuts.items() if re.search(pattern, name)), None)
            if most is not None and value > most:
                found[name] = most
        elif value is None and (name == "vocab_size" or (narrower and name == "head_dim")):
            found[name] = 300 if name == "vocab_size" else 16
        elif isinstance(value, list) and name == "depths" and shallower:
            found[name] = [1] * len(value)
        elif isinstance(value, list) and isinstance(layers, int) and len(value) == layers > 2 and shallower:
            found[name] = _kinds_kept(value)
        elif isinstance(value, dict) and narrower and ("mrope_section" in value or "rope_theta" in value):
            found[name] = value | {"mrope_section": _sections(config, value)}
    if narrower and hasattr(config, "kv_lora_rank"):  # its heads share keys in another way
        found.pop("num_key_value_heads", None)
        if hasattr(config, "num_key_value_heads"):
            found["num_key_value_heads"] = found.get("num_attention_heads", config.num_attention_heads)
    return found


def _sections(config: Any, rope: dict[str, Any]) -> list[int]:
    """How the half of what turns in a head of 16 is shared between time, height and width."""
    turning = rope.get("partial_rotary_factor") or getattr(config, "partial_rotary_factor", None) or 1.0
    half = int(8 * turning)
    return [half - 2 * (half * 3 // 8), half * 3 // 8, half * 3 // 8]


def _kinds_kept(values: list[Any]) -> list[Any]:
    """Two of a list of what each layer is: of different kinds, where there are."""
    other = next((value for value in values if value != values[0]), values[0])
    return [values[0], other]


def _tokens(config: Any) -> None:
    """Ids of special tokens that the smaller vocabulary has: each its own."""
    vocabulary = getattr(config, "vocab_size", None)
    if not isinstance(vocabulary, int):
        vocabulary = getattr(config.get_text_config(), "vocab_size", None)
    if not isinstance(vocabulary, int):
        return
    free = iter(range(vocabulary - 1, 3, -1))
    for name, value in list(vars(config).items()):
        if name.endswith(("token_id", "token_index")) and isinstance(value, int) and value >= vocabulary:
            _set(config, name, next(free))
        elif name.endswith("token_id") and isinstance(value, list):
            _set(config, name, [2])


def _set(config: Any, name: str, value: Any) -> None:
    try:
        setattr(config, name, value)
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        return  # it follows from others


def networks(model_type: str) -> Iterator[hf.PreTrainedModel | str]:
    """Tiny networks of that type, with its telling head first; where none can be made of a class, why."""
    for name in kinds(model_type)[:4]:
        for config in configs(model_type):
            try:
                yield config if isinstance(config, str) else _network(getattr(hf, name), config)
            except Exception as error:  # whatever a config that was cut makes a class raise
                yield f"{name}: {type(error).__name__}: {' '.join(str(error).split())}"[:200]


def _network(kind: Any, config: Any) -> hf.PreTrainedModel:
    if not isinstance(config, kind.config_class):
        # Some types are of another's class, whose config theirs is like.
        config = next((part for part in vars(config).values() if isinstance(part, kind.config_class)), config)
    if hasattr(config, "validate"):
        config.validate()
    if _size(kind, config) > MOST:
        raise ValueError("it is too large even so")
    torch.manual_seed(0)
    return kind(config).float().eval()


def _size(kind: Any, config: Any) -> int:
    """How many parameters it has, as far as that can be told without making them."""
    try:
        with torch.device("meta"):
            return sum(each.numel() for each in kind(copy.deepcopy(config)).parameters())
    except Exception:  # a class that computes with its weights while it is made
        return 0
