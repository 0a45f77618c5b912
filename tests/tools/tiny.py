"""Tiny random models of many architectures, built from configs: no download, seconds for all."""

import inspect
from typing import Any, Literal

import pytest
import torch
import transformers as hf
from torch import Tensor

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 40,
    "vocab_size": 101,
}
GROUPED = SMALL | {"num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64, "pad_token_id": 0}
WINDOWED = GROUPED | {"sliding_window": 5}
EXPERTS = GROUPED | {"num_experts": 3, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
LATENT = {
    "num_key_value_heads": 4,
    "q_lora_rank": 16,
    "kv_lora_rank": 8,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 6,
}
DISENTANGLED = SMALL | {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
XLM = {"emb_dim": 32, "n_layers": 2, "n_heads": 4, "vocab_size": 101, "max_position_embeddings": 64}
# The names that GPT-2 and its kin have for the same sizes.
GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 101, "n_positions": 64, "bos_token_id": 1}
T5 = {
    "d_model": 32,
    "d_kv": 8,
    "num_heads": 4,
    "num_layers": 2,
    "d_ff": 37,
    "vocab_size": 101,
    "decoder_start_token_id": 0,
}
TWO_STACKS = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 37,
    "decoder_ffn_dim": 37,
    "vocab_size": 101,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
}
STACKS_OF_TEXT = TWO_STACKS | {"max_position_embeddings": 64}
PICTURE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 37,
    "image_size": 12,
    "patch_size": 4,
}
WINDOWS = {"image_size": 12, "patch_size": 2, "embed_dim": 8, "depths": [2, 1], "num_heads": [2, 4], "window_size": 3}
SAMPLES = SMALL | {
    "conv_dim": (8, 8),
    "conv_stride": (3, 2),
    "conv_kernel": (4, 3),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}

ENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("BertForMaskedLM", SMALL),
    "roberta": ("RobertaForMaskedLM", SMALL),
    "distilbert": (
        "DistilBertForMaskedLM",
        {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 37, "vocab_size": 101},
    ),
    "albert": ("AlbertForMaskedLM", SMALL | {"embedding_size": 16}),
    "xlm_roberta": ("XLMRobertaForMaskedLM", SMALL),
    "xlm_roberta_xl": ("XLMRobertaXLForMaskedLM", SMALL),
    "camembert": ("CamembertForMaskedLM", SMALL),
    "electra": ("ElectraForMaskedLM", SMALL | {"embedding_size": 16}),
    "mobilebert": (
        "MobileBertForMaskedLM",
        SMALL | {"embedding_size": 16, "intra_bottleneck_size": 16, "normalization_type": "layer_norm"},
    ),
    "modernbert": (
        "ModernBertForMaskedLM",
        SMALL | {"num_hidden_layers": 3, "global_attn_every_n_layers": 2, "local_attention": 4, "pad_token_id": 0},
    ),
    "eurobert": ("EuroBertForMaskedLM", GROUPED),
    "nomic_bert": ("NomicBertForMaskedLM", SMALL),
    "ernie": ("ErnieForMaskedLM", SMALL),
    "layoutlm": ("LayoutLMForMaskedLM", SMALL),
    "splinter": ("SplinterModel", SMALL),
    "esm": ("EsmForMaskedLM", SMALL | {"pad_token_id": 0, "mask_token_id": 3, "position_embedding_type": "rotary"}),
    "data2vec_text": ("Data2VecTextForMaskedLM", SMALL),
    "mpnet": ("MPNetForMaskedLM", SMALL),
    "roformer": ("RoFormerForMaskedLM", SMALL),
    "megatron_bert": ("MegatronBertForMaskedLM", SMALL),
    "rembert": ("RemBertForMaskedLM", SMALL | {"input_embedding_size": 16, "output_embedding_size": 16}),
    "xlm": ("XLMWithLMHeadModel", XLM),
    "flaubert": ("FlaubertWithLMHeadModel", XLM),
    "deberta": ("DebertaForMaskedLM", DISENTANGLED | {"max_relative_positions": 16}),
    "deberta_v2": ("DebertaV2ForMaskedLM", DISENTANGLED | {"position_buckets": 8, "share_att_key": True}),
    "xlnet": (
        "XLNetLMHeadModel",
        {"vocab_size": 101, "d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 37, "initializer_range": 0.3},
    ),
    "funnel": (
        "FunnelForMaskedLM",
        {
            "vocab_size": 101,
            "block_sizes": [1, 1],
            "num_decoder_layers": 1,
            "d_model": 32,
            "n_head": 4,
            "d_head": 8,
            "d_inner": 37,
        },
    ),
    "clip_text": ("CLIPTextModel", SMALL | {"max_position_embeddings": 64}),
    "siglip_text": ("SiglipTextModel", SMALL | {"max_position_embeddings": 64}),
}
DECODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("GPT2LMHeadModel", GPT | {"eos_token_id": 2}),
    "opt": (
        "OPTForCausalLM",
        {
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "ffn_dim": 37,
            "vocab_size": 101,
            "word_embed_proj_dim": 32,
            "max_position_embeddings": 64,
        },
    ),
    "llama": ("LlamaForCausalLM", GROUPED),
    "mistral": ("MistralForCausalLM", WINDOWED),
    "gemma2": ("Gemma2ForCausalLM", WINDOWED | {"query_pre_attn_scalar": 11, "attn_logit_softcapping": 3.0}),
    "gpt_oss": (
        "GptOssForCausalLM",
        WINDOWED
        | {
            "num_local_experts": 3,
            "num_experts_per_tok": 2,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        },
    ),
    "gpt_neox": ("GPTNeoXForCausalLM", SMALL | {"max_position_embeddings": 64}),
    "gpt_bigcode": ("GPTBigCodeForCausalLM", GPT | {"eos_token_id": 2}),
    "biogpt": ("BioGptForCausalLM", SMALL | {"max_position_embeddings": 64, "pad_token_id": 0}),
    "ctrl": ("CTRLLMHeadModel", GPT | {"dff": 37}),
    "mixtral": ("MixtralForCausalLM", GROUPED | {"num_local_experts": 3}),
    "qwen2": ("Qwen2ForCausalLM", GROUPED),
    "qwen3": ("Qwen3ForCausalLM", GROUPED),
    "qwen3_moe": ("Qwen3MoeForCausalLM", EXPERTS),
    "gemma": ("GemmaForCausalLM", GROUPED),
    "gemma3": (
        "Gemma3ForCausalLM",
        WINDOWED | {"query_pre_attn_scalar": 11, "layer_types": ["sliding_attention", "full_attention"]},
    ),
    "phi": ("PhiForCausalLM", SMALL | {"max_position_embeddings": 64}),
    "phi3": ("Phi3ForCausalLM", WINDOWED | {"bos_token_id": 1, "eos_token_id": 2}),
    "stablelm": ("StableLmForCausalLM", GROUPED),
    "olmo": ("OlmoForCausalLM", GROUPED),
    "olmo2": ("Olmo2ForCausalLM", GROUPED),
    "olmo3": ("Olmo3ForCausalLM", WINDOWED),
    "cohere": ("CohereForCausalLM", GROUPED),
    "cohere2": ("Cohere2ForCausalLM", WINDOWED),
    "granite": ("GraniteForCausalLM", GROUPED | {"attention_multiplier": 0.2}),
    "smollm3": ("SmolLM3ForCausalLM", GROUPED | {"bos_token_id": 1, "eos_token_id": 2}),
    "starcoder2": ("Starcoder2ForCausalLM", GROUPED),
    "glm4": ("Glm4ForCausalLM", GROUPED),
    "nemotron": ("NemotronForCausalLM", GROUPED),
    "gpt_neo": (
        "GPTNeoForCausalLM",
        {
            "hidden_size": 32,
            "num_layers": 2,
            "num_heads": 4,
            "attention_types": [[["global", "local"], 1]],
            "window_size": 5,
            "intermediate_size": 37,
            "vocab_size": 101,
            "max_position_embeddings": 64,
        },
    ),
    "gptj": ("GPTJForCausalLM", GPT | {"rotary_dim": 4}),
    "codegen": ("CodeGenForCausalLM", GPT | {"rotary_dim": 4}),
    "openai_gpt": ("OpenAIGPTLMHeadModel", GPT | {"initializer_range": 0.3}),
    "gpt_neox_japanese": ("GPTNeoXJapaneseForCausalLM", SMALL | {"max_position_embeddings": 64}),
    "bloom": ("BloomForCausalLM", {"hidden_size": 32, "n_layer": 2, "n_head": 4, "vocab_size": 101}),
    "mpt": (
        "MptForCausalLM",
        {"d_model": 32, "n_layers": 2, "n_heads": 4, "vocab_size": 101, "max_seq_len": 64, "expansion_ratio": 2},
    ),
    "falcon": ("FalconForCausalLM", SMALL),
    "falcon_alibi": ("FalconForCausalLM", SMALL | {"alibi": True, "multi_query": False, "parallel_attn": False}),
    "xglm": (
        "XGLMForCausalLM",
        {
            "d_model": 32,
            "num_layers": 2,
            "attention_heads": 4,
            "ffn_dim": 37,
            "vocab_size": 101,
            "max_position_embeddings": 64,
        },
    ),
    "trocr": (
        "TrOCRForCausalLM",
        {
            "d_model": 32,
            "decoder_layers": 2,
            "decoder_attention_heads": 4,
            "decoder_ffn_dim": 37,
            "vocab_size": 101,
            "max_position_embeddings": 64,
        },
    ),
    "deepseek_v3": (
        "DeepseekV3ForCausalLM",
        SMALL
        | LATENT
        | {
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "n_group": 2,
            "topk_group": 1,
            "moe_intermediate_size": 16,
            "first_k_dense_replace": 1,
            "pad_token_id": 0,
        },
    ),
}
TEXT_TO_TEXT: dict[str, tuple[str, dict[str, Any]]] = {
    "t5": ("T5ForConditionalGeneration", T5),
    "mt5": ("MT5ForConditionalGeneration", T5),
    "umt5": ("UMT5ForConditionalGeneration", T5),
    "bart": ("BartForConditionalGeneration", STACKS_OF_TEXT),
    "mbart": ("MBartForConditionalGeneration", STACKS_OF_TEXT),
    "marian": ("MarianMTModel", STACKS_OF_TEXT | {"scale_embedding": True}),
    "pegasus": ("PegasusForConditionalGeneration", STACKS_OF_TEXT | {"scale_embedding": True}),
    "m2m_100": ("M2M100ForConditionalGeneration", STACKS_OF_TEXT),
    "blenderbot": ("BlenderbotForConditionalGeneration", STACKS_OF_TEXT),
    "plbart": ("PLBartForConditionalGeneration", STACKS_OF_TEXT),
}
PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "vit": ("ViTForImageClassification", PICTURE),
    "deit": ("DeiTForImageClassification", PICTURE),
    "beit": ("BeitForImageClassification", PICTURE | {"use_relative_position_bias": True}),
    "data2vec_vision": ("Data2VecVisionForImageClassification", PICTURE | {"use_relative_position_bias": True}),
    "dinov2": ("Dinov2ForImageClassification", PICTURE),
    "dinov3": ("DINOv3ViTModel", PICTURE),
    "swin": ("SwinForImageClassification", WINDOWS),
    "swinv2": ("Swinv2ForImageClassification", WINDOWS),
    "clip_vision": ("CLIPVisionModel", PICTURE),
    "siglip_vision": ("SiglipVisionModel", PICTURE),
}
SOUNDS: dict[str, tuple[str, dict[str, Any]]] = {
    "whisper": (
        "WhisperForConditionalGeneration",
        TWO_STACKS | {"max_source_positions": 13, "max_target_positions": 17, "num_mel_bins": 5},
    ),
    "speech_to_text": (
        "Speech2TextForConditionalGeneration",
        TWO_STACKS
        | {
            "max_source_positions": 64,
            "max_target_positions": 17,
            "num_conv_layers": 2,
            "conv_kernel_sizes": (3, 3),
            "conv_channels": 16,
            "input_feat_per_channel": 5,
        },
    ),
    "wav2vec2": ("Wav2Vec2ForCTC", SAMPLES),
    "hubert": ("HubertForCTC", SAMPLES),
    "wavlm": ("WavLMForCTC", SAMPLES),
    "ast": (
        "ASTForAudioClassification",
        {
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 37,
            "patch_size": 4,
            "frequency_stride": 4,
            "time_stride": 4,
            "max_length": 13,
            "num_mel_bins": 8,
        },
    ),
}
FAMILIES = ENCODERS | DECODERS | TEXT_TO_TEXT | PICTURES | SOUNDS
# One of each kind of attention, for the tests that need no more.
ARCHITECTURES = {
    name: FAMILIES[name]
    for name in (
        "bert",
        "roberta",
        "distilbert",
        "albert",
        "gpt2",
        "opt",
        "llama",
        "mistral",
        "gemma2",
        "gpt_oss",
        "t5",
        "bart",
        "whisper",
        "vit",
    )
}
# A padded text takes the way of a whole one, and more.
PADDINGS = pytest.mark.parametrize(
    "padded", [pytest.param(False, marks=pytest.mark.slow), True], ids=["whole", "padded"]
)
# Falcon's alibi is in the mask that it makes for the fused kernel. Its eager function adds it to that once more.
LOADED = {"falcon_alibi": "eager"}
# By how much the weights that a model starts with are enlarged, where it is not 20: some start large.
GAINS = {
    "t5": 2.0,
    "mt5": 2.0,
    "umt5": 2.0,
    "clip": 3.0,
    "siglip": 2.0,
    "layoutlm": 40.0,
    "swin": 40.0,
    "plbart": 15.0,
    "funnel": 3.0,
    "swinv2": 3.0,
    "gpt_neo": 10.0,
    "openai": 20.0,
    "xlnet": 2.0,
}
# What stays as it is: embeddings, but for layers that are named after them.
LEFT = ("embed",)
ENLARGED = ("embeddings_project", "embedding_hidden_mapping_in", "embedding_transformation", "rel_embeddings")


def network(name: str, attention: str | None = None) -> hf.PreTrainedModel:
    """A fresh network with weights large enough that its attention is far from uniform."""
    torch.manual_seed(13)
    kind = getattr(hf, FAMILIES[name][0])
    config = kind.config_class(**FAMILIES[name][1])
    config._attn_implementation = attention or LOADED.get(name)
    made = kind(config).eval()
    gain = GAINS.get(name, GAINS.get(name.split("_")[0], 20.0))
    with torch.no_grad():
        for path, parameter in made.named_parameters():
            if path.endswith("sinks"):
                parameter.copy_(torch.linspace(-1, 1, len(parameter)))
            elif path.endswith("logit_scale"):  # the logarithm of each head's scale, in Swin v2
                parameter.add_(torch.linspace(-0.5, 0.5, parameter.numel()).view_as(parameter))
            elif path.endswith("relative_position_bias_table"):
                parameter.normal_()
            elif path.endswith(("q_norm.weight", "k_norm.weight")):
                parameter.add_(1.0)
            elif parameter.dim() > 1 and (_has(path, ENLARGED) or not _has(path, LEFT)):
                parameter.mul_(gain)
    return made


def _has(path: str, names: tuple[str, ...]) -> bool:
    return any(name in path.lower() for name in names)


def inputs(made: hf.PreTrainedModel, padded: bool) -> dict[str, Tensor]:
    """Tensors for one forward pass of 11 tokens; with padding, the last three are masked."""
    given = _inputs(made, 1)
    if padded and "attention_mask" in given:
        given["attention_mask"][:, -_padding(given) :] = 0
    return given


def batch(made: hf.PreTrainedModel, side: Literal["left", "right"]) -> dict[str, Tensor]:
    """Two texts, of 11 tokens and of 8, the second padded to 11 on one side; two pictures, or two sounds."""
    given = _inputs(made, 2)
    if "attention_mask" not in given:
        return given
    mask, padding = given["attention_mask"], _padding(given)
    if side == "right":
        mask[1, -padding:] = 0
        return given
    mask[1, :padding] = 0
    # Positions are counted from the first real token; models without this argument count by the mask themselves.
    if "position_ids" in inspect.signature(made.forward).parameters:
        given["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0)
    return given


def _padding(given: dict[str, Tensor]) -> int:
    """Three tokens of eleven, or as large a share of a sound."""
    return 3 * given["attention_mask"].shape[1] // 11


def _inputs(made: hf.PreTrainedModel, texts: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(17)
    config = made.config
    match made.main_input_name:
        case "pixel_values":
            return {"pixel_values": torch.randn(texts, 3, 12, 12, generator=generator).to(made.dtype)}
        case "input_features":
            # Speech2Text has frames first.
            shape = (26, 5) if config.model_type == "speech_to_text" else (5, 26)
            given = {"input_features": torch.randn(texts, *shape, generator=generator).to(made.dtype)}
            if config.model_type == "speech_to_text":
                given["attention_mask"] = torch.ones(texts, 26, dtype=torch.long)
        case "input_values":
            picture = config.model_type.startswith("audio-")
            shape = (config.max_length, config.num_mel_bins) if picture else (77,)
            given = {"input_values": torch.randn(texts, *shape, generator=generator).to(made.dtype)}
            if not picture:
                given["attention_mask"] = torch.ones(texts, 77, dtype=torch.long)
        case _:
            given = {"input_ids": torch.randint(4, 101, (texts, 11), generator=generator)}
            given["attention_mask"] = torch.ones(texts, 11, dtype=torch.long)
    if config.is_encoder_decoder:
        given["decoder_input_ids"] = torch.randint(4, 101, (texts, 7), generator=generator)
    return given
