"""Tiny random models of many architectures, built from configs: no download, seconds for all."""

from collections.abc import Callable

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

ARCHITECTURES: dict[str, Callable[[], hf.PreTrainedModel]] = {
    "bert": lambda: hf.BertForMaskedLM(hf.BertConfig(**SMALL)),
    "roberta": lambda: hf.RobertaForMaskedLM(hf.RobertaConfig(**SMALL)),
    "distilbert": lambda: hf.DistilBertForMaskedLM(
        hf.DistilBertConfig(dim=32, n_layers=2, n_heads=4, hidden_dim=37, vocab_size=101)
    ),
    "albert": lambda: hf.AlbertForMaskedLM(hf.AlbertConfig(**SMALL, embedding_size=16)),
    "gpt2": lambda: hf.GPT2LMHeadModel(
        hf.GPT2Config(n_embd=32, n_layer=2, n_head=4, vocab_size=101, n_positions=64, bos_token_id=1, eos_token_id=2)
    ),
    "opt": lambda: hf.OPTForCausalLM(
        hf.OPTConfig(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            ffn_dim=37,
            vocab_size=101,
            word_embed_proj_dim=32,
            max_position_embeddings=64,
        )
    ),
    "llama": lambda: hf.LlamaForCausalLM(hf.LlamaConfig(**GROUPED)),
    "mistral": lambda: hf.MistralForCausalLM(hf.MistralConfig(**GROUPED, sliding_window=5)),
    "gemma2": lambda: hf.Gemma2ForCausalLM(
        hf.Gemma2Config(**GROUPED, sliding_window=5, query_pre_attn_scalar=11, attn_logit_softcapping=3.0)
    ),
    "gpt_oss": lambda: hf.GptOssForCausalLM(
        hf.GptOssConfig(
            **GROUPED,
            sliding_window=5,
            num_local_experts=3,
            num_experts_per_tok=2,
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        )
    ),
    "t5": lambda: hf.T5ForConditionalGeneration(hf.T5Config(**T5)),
    "bart": lambda: hf.BartForConditionalGeneration(hf.BartConfig(**TWO_STACKS, max_position_embeddings=64)),
    "whisper": lambda: hf.WhisperForConditionalGeneration(
        hf.WhisperConfig(**TWO_STACKS, max_source_positions=13, max_target_positions=17, num_mel_bins=5)
    ),
    "vit": lambda: hf.ViTForImageClassification(
        hf.ViTConfig(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=37,
            image_size=12,
            patch_size=4,
        )
    ),
}


def network(name: str) -> hf.PreTrainedModel:
    """A fresh network with weights large enough that its attention is far from uniform."""
    torch.manual_seed(13)
    made = ARCHITECTURES[name]().eval()
    with torch.no_grad():
        for path, parameter in made.named_parameters():
            if parameter.dim() > 1 and "embed" not in path.lower():
                parameter.mul_(2.0 if name == "t5" else 20.0)  # T5 starts large, for it never scales
            if path.endswith("sinks"):
                parameter.copy_(torch.linspace(-1, 1, len(parameter)))
    return made


def inputs(made: hf.PreTrainedModel, padded: bool) -> dict[str, Tensor]:
    """Tensors for one forward pass of 11 tokens; with padding, the last three are masked."""
    generator = torch.Generator().manual_seed(17)
    config = made.config
    if made.main_input_name == "pixel_values":
        return {"pixel_values": torch.randn(1, 3, 12, 12, generator=generator)}
    if made.main_input_name == "input_features":
        given = {"input_features": torch.randn(1, 5, 26, generator=generator)}
    else:
        given = {"input_ids": torch.randint(4, 101, (1, 11), generator=generator)}
        given["attention_mask"] = torch.ones(1, 11, dtype=torch.long)
        if padded:
            given["attention_mask"][:, -3:] = 0
    if config.is_encoder_decoder:
        given["decoder_input_ids"] = torch.randint(4, 101, (1, 7), generator=generator)
    return given
