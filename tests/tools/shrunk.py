"""A tiny random network of any model type that Transformers has, made from its own config by cutting it down."""

import re
from collections.abc import Iterator
from typing import Any

import torch
import transformers as hf
from transformers.models.auto import configuration_auto, modeling_auto

# What a number of a config is cut to, by its name; the first that fits, and never to more than it was.
DEPTHS = {
    r"num_(feat_extract|conv|adapter)_layers$": 99,
    r"(^|_)(num_)?(hidden_|encoder_|decoder_|attention_)?layers?$|^n_layers?$|^depth$": 2,
    r"(num_|n_)(local_|routed_|shared_)?experts$|^moe_num_experts$": 4,
    r"experts_per_tok(en)?$|moe_top_?k$|^top_k$|^n_group$|topk_group$": 2,
    r"vocab_size$": 300,
    r"max_(position_embeddings|source_positions|target_positions|sequence_length|seq_len)$|^n_positions$": 96,
}
WIDTHS = {
    r"num_(key_value|kv)_heads$|^n_kv_heads$|multi_query_group_num$": 2,
    r"(num_|n_)(attention_|attn_)?heads?$|attention_heads$": 4,
    r"(head_dim|d_kv|qk_rope_head_dim|qk_nope_head_dim|v_head_dim|qk_head_dim)$": 16,
    r"(q_lora_rank|kv_lora_rank)$": 16,
    r"(hidden_size|d_model|n_embd|emb_dim|embed_dim|model_dim|projection_dim|hidden_dim|text_dim)$|^dim$": 64,
    r"(intermediate_size|ffn_dim|d_ff|d_inner|n_inner|mlp_dim|feed_forward_size|ffn_hidden_size|width)$": 64,
    r"^(num_)?queries$|num_query_tokens$": 8,
}
# Parameters of the largest that is tried.
MOST = 600_000_000
# Heads of networks, the more telling first.
HEADS = [
    "CAUSAL_LM",
    "SEQ_TO_SEQ_CAUSAL_LM",
    "SPEECH_SEQ_2_SEQ",
    "MULTIMODAL_LM",
    "MASKED_LM",
    "CTC",
    "IMAGE_CLASSIFICATION",
    "AUDIO_CLASSIFICATION",
    "OBJECT_DETECTION",
    "DEPTH_ESTIMATION",
    "SEMANTIC_SEGMENTATION",
    "SEQUENCE_CLASSIFICATION",
    "PRETRAINING",
]


def model_types() -> list[str]:
    """Every model type that has a class of networks."""
    return [name for name in configuration_auto.CONFIG_MAPPING_NAMES if kinds(name)]


def kinds(model_type: str) -> list[str]:
    """The names of its classes of networks: those with a head first, the base last."""
    mappings = [f"MODEL_FOR_{head}_MAPPING_NAMES" for head in HEADS] + ["MODEL_MAPPING_NAMES"]
    found: list[str] = []
    for mapping in mappings:
        named = getattr(modeling_auto, mapping, {}).get(model_type, ())
        found += [named] if isinstance(named, str) else list(named)
    return list(dict.fromkeys(found))


def configs(model_type: str) -> Iterator[Any]:
    """Its default config cut down: to fewer layers and tokens, and narrower or as wide as it is."""
    kind = getattr(hf, configuration_auto.CONFIG_MAPPING_NAMES[model_type])
    for widths in (True, False):
        for anew in (True, False):
            try:
                made = kind()
                yield _anew(made, widths) if anew else _changed(made, widths)
            except Exception as error:  # whatever a config makes of numbers that do not fit each other
                yield f"{kind.__name__}: {type(error).__name__}: {error}".strip().splitlines()[0][:200]


def _anew(config: Any, widths: bool) -> Any:
    """Made again with its numbers cut: what follows from them is worked out by its class."""
    parts = {name: part for name, part in vars(config).items() if isinstance(part, hf.PreTrainedConfig)}
    made = type(config)(**_cuts(config, widths), **{name: _anew(part, widths) for name, part in parts.items()})
    _tokens(made)
    return made


def _changed(config: Any, widths: bool) -> Any:
    """The config itself with its numbers cut, and its parts likewise."""
    for part in vars(config).values():
        if isinstance(part, hf.PreTrainedConfig):
            _changed(part, widths)
    for name, value in _cuts(config, widths).items():
        _set(config, name, value)
    _tokens(config)
    return config


def _cuts(config: Any, widths: bool) -> dict[str, Any]:
    """The numbers that are cut by their names, and the lists that have one entry a layer."""
    layers, found = getattr(config, "num_hidden_layers", None), {}
    for name, value in vars(config).items():
        if isinstance(value, int) and not isinstance(value, bool):
            cuts = DEPTHS | (WIDTHS if widths else {})
            most = next((most for pattern, most in cuts.items() if re.search(pattern, name)), None)
            if most is not None and value > most:
                found[name] = most
        elif value is None and (name == "vocab_size" or (widths and name == "head_dim")):
            found[name] = 300 if name == "vocab_size" else 16
        elif isinstance(value, list) and name == "depths":
            found[name] = [1] * len(value)
        elif isinstance(value, list) and isinstance(layers, int) and len(value) == layers > 2:
            found[name] = _kinds_kept(value)
        elif isinstance(value, dict) and widths and "mrope_section" in value:
            found[name] = value | {"mrope_section": [2, 3, 3]}
    return found


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
    for name in kinds(model_type)[:2]:
        for config in configs(model_type):
            try:
                yield config if isinstance(config, str) else _network(getattr(hf, name), config)
            except Exception as error:  # whatever a config that was cut makes a class raise
                yield f"{name}: {type(error).__name__}: {error}".strip().splitlines()[0][:200]


def _network(kind: Any, config: Any) -> hf.PreTrainedModel:
    if not isinstance(config, kind.config_class):
        parts = [part for part in vars(config).values() if isinstance(part, kind.config_class)]
        if not parts:
            raise ValueError(f"{kind.__name__} is made from no part of a {type(config).__name__}")
        config = parts[0]
    if hasattr(config, "validate"):
        config.validate()
    torch.manual_seed(0)
    made = kind(config).float().eval()
    if sum(each.numel() for each in made.parameters()) > MOST:
        raise ValueError("it is too large even so")
    return made
