"""Tiny random models whose layers do not all attend, and models of several towers."""

from typing import Any

import torch
import transformers as hf

from tests.tools import tiny

SMALL = tiny.SMALL | {"num_hidden_layers": 4, "num_key_value_heads": 2, "max_position_embeddings": 64}
SMALL |= {"pad_token_id": 0}
MAMBA = {"mamba_d_state": 4, "mamba_d_conv": 2, "mamba_expand": 2}
MAMBA_2 = MAMBA | {"mamba_n_heads": 4, "mamba_d_head": 16, "mamba_n_groups": 1, "mamba_chunk_size": 8}
EXPERTS = {"num_experts": 2, "num_experts_per_tok": 1}
LINEAR = {"linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8}
# Layers 1 and 3 attend.
HYBRIDS: dict[str, tuple[str, dict[str, Any]]] = {
    "jamba": (
        "JambaForCausalLM",
        SMALL | MAMBA | EXPERTS | {"attn_layer_period": 2, "attn_layer_offset": 1, "use_mamba_kernels": False},
    ),
    "qwen3_next": (
        "Qwen3NextForCausalLM",
        SMALL
        | LINEAR
        | EXPERTS
        | {
            "head_dim": 8,
            "moe_intermediate_size": 16,
            "shared_expert_intermediate_size": 16,
            "layer_types": ["linear_attention", "full_attention"] * 2,
        },
    ),
    "lfm2": ("Lfm2ForCausalLM", SMALL | {"layer_types": ["conv", "full_attention"] * 2}),
    "bamba": ("BambaForCausalLM", SMALL | MAMBA_2 | {"attn_layer_indices": [1, 3]}),
    "granite_hybrid": (
        "GraniteMoeHybridForCausalLM",
        SMALL
        | MAMBA_2
        | {
            "layer_types": ["mamba", "attention"] * 2,
            "shared_intermediate_size": 40,
            "num_local_experts": 2,
            "num_experts_per_tok": 1,
        },
    ),
    "zamba": (
        "ZambaForCausalLM",
        SMALL
        | MAMBA
        | {
            "attention_head_dim": 16,
            "attention_hidden_size": 64,
            "n_mamba_heads": 2,
            "use_mamba_kernels": False,
            "layers_block_type": ["mamba", "hybrid"] * 2,
        },
    ),
    "recurrent_gemma": (
        "RecurrentGemmaForCausalLM",
        SMALL | {"lru_width": 32, "attention_window_size": 8, "head_dim": 8, "block_types": ["recurrent", "attention"]},
    ),
}
PICTURE = tiny.PICTURE | {"image_size": 8}
TEXT = tiny.GROUPED


def network(name: str) -> hf.PreTrainedModel:
    """A fresh hybrid."""
    kind = getattr(hf, HYBRIDS[name][0])
    return fresh(kind(kind.config_class(**HYBRIDS[name][1])))


def fresh(made: hf.PreTrainedModel) -> hf.PreTrainedModel:
    """The same with weights so large that its attention is far from uniform."""
    torch.manual_seed(13)
    with torch.no_grad():
        for path, parameter in made.named_parameters():
            if parameter.dim() == 2 and "embed" not in path and "A_log" not in path:
                parameter.normal_(std=0.25)
    return made.eval()


def paligemma() -> tuple[hf.PreTrainedModel, dict[str, torch.Tensor]]:
    """A language model beside a tower of pictures, and what it reads with a picture."""
    vision = PICTURE | {"model_type": "siglip_vision_model", "vision_use_head": False, "projection_dim": 32}
    config = hf.PaliGemmaConfig(
        text_config={"model_type": "gemma", **TEXT}, vision_config=vision, image_token_id=100, projection_dim=32
    )
    ids = torch.tensor([[100] * 4 + [5, 6, 7]])
    return fresh(hf.PaliGemmaForConditionalGeneration(config)), {"input_ids": ids, "pixel_values": _picture()}


def gemma_3() -> tuple[hf.PreTrainedModel, dict[str, torch.Tensor]]:
    """A causal model in which the tokens of a picture see each other."""
    layers = ["sliding_attention", "full_attention"]
    text = TEXT | {"sliding_window": 5, "layer_types": layers}
    config = hf.Gemma3Config(text_config=text, vision_config=PICTURE, mm_tokens_per_image=4, image_token_id=100)
    ids = torch.tensor([[5] + [100] * 4 + [6, 7]])
    given = {"input_ids": ids, "pixel_values": _picture(), "token_type_ids": (ids == 100).long()}
    return fresh(hf.Gemma3ForConditionalGeneration(config)), given


def qwen_vl() -> tuple[hf.PreTrainedModel, dict[str, torch.Tensor]]:
    """The first layer of its tower attends within windows of 4 x 4 patches; the picture has 6 x 6."""
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "num_heads": 4,
        "intermediate_size": 37,
        "out_hidden_size": 32,
        "patch_size": 4,
        "spatial_merge_size": 2,
        "window_size": 16,
        "fullatt_block_indexes": [1],
        "temporal_patch_size": 2,
    }
    text = TEXT | {"rope_parameters": {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 1e4}}
    tokens = {"image_token_id": 100, "vision_start_token_id": 99, "vision_end_token_id": 98, "video_token_id": 97}
    config = hf.Qwen2_5_VLConfig(text_config=text, vision_config=vision, **tokens)
    ids = torch.tensor([[99] + [100] * 9 + [98, 5, 6]])
    pixels = torch.randn(36, 96, generator=torch.Generator().manual_seed(3))
    grid = {"image_grid_thw": torch.tensor([[1, 6, 6]]), "mm_token_type_ids": (ids == 100).int()}
    inputs = {"input_ids": ids, "pixel_values": pixels, **grid}
    return fresh(hf.Qwen2_5_VLForConditionalGeneration(config)), inputs


def t5gemma_2() -> tuple[hf.PreTrainedModel, dict[str, torch.Tensor]]:
    """Its decoder attends to its own tokens and to the encoder's in one softmax."""
    layers = {"sliding_window": 5, "layer_types": ["sliding_attention", "full_attention"]}
    encoder = {"model_type": "t5gemma2_encoder", "text_config": TEXT | layers, "vision_config": PICTURE}
    encoder |= {"mm_tokens_per_image": 4, "image_token_index": 100}
    config = hf.T5Gemma2Config(encoder=encoder, decoder=TEXT | layers, image_token_index=100)
    made = hf.T5Gemma2ForConditionalGeneration(config)
    return fresh(made), {"input_ids": torch.arange(4, 11)[None], "decoder_input_ids": torch.arange(3)[None]}


def deepseek_v4() -> tuple[hf.PreTrainedModel, dict[str, torch.Tensor]]:
    """Behind its own tokens, the second layer attends to compressed ones."""
    compressed = {"o_groups": 2, "o_lora_rank": 8, "index_n_heads": 2, "index_head_dim": 8, "index_topk": 2}
    kinds = ["sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention"]
    sizes = SMALL | {"num_hidden_layers": 3, "num_key_value_heads": 1, "head_dim": 16, "q_lora_rank": 16}
    experts = {"n_routed_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 16}
    experts |= {"n_group": 1, "topk_group": 1, "num_hash_layers": 0}
    config = hf.DeepseekV4Config(**sizes, **compressed, **experts, sliding_window=4, layer_types=kinds)
    return fresh(hf.DeepseekV4ForCausalLM(config)), {"input_ids": torch.arange(4, 27)[None]}


def hiera() -> tuple[hf.PreTrainedModel, dict[str, torch.Tensor]]:
    """Its second layer pools its queries: 16 of them ask 64 keys."""
    sizes = {"embed_dim": 8, "image_size": (32, 32), "depths": [1, 2], "num_heads": [1, 2], "num_query_pool": 1}
    steps = {"query_stride": (2, 2), "masked_unit_size": (4, 4), "masked_unit_attention": [False, False]}
    made = hf.HieraForImageClassification(hf.HieraConfig(**sizes, **steps))
    return fresh(made), {"pixel_values": torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(3))}


def nllb_moe() -> tuple[hf.PreTrainedModel, dict[str, torch.Tensor]]:
    """Its cross-attention is called `cross_attention`."""
    config = hf.NllbMoeConfig(**tiny.STACKS_OF_TEXT, num_experts=2, expert_capacity=8)
    return fresh(hf.NllbMoeForConditionalGeneration(config)), _pair()


def seamless() -> tuple[hf.PreTrainedModel, dict[str, torch.Tensor]]:
    """The same, of a model with towers for text and for speech."""
    speech = {"speech_encoder_layers": 1, "speech_encoder_attention_heads": 4}
    config = hf.SeamlessM4TConfig(**(tiny.STACKS_OF_TEXT | {"hidden_size": 32}), **speech)
    return fresh(hf.SeamlessM4TForTextToText(config)), _pair()


def _pair() -> dict[str, torch.Tensor]:
    return {"input_ids": torch.arange(4, 11)[None], "decoder_input_ids": torch.arange(4, 11)[None]}


def _picture() -> torch.Tensor:
    return torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(3))
