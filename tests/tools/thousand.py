"""A tiny language model of a thousand heads, on disk: 32 layers of 32 heads of four numbers each."""

from pathlib import Path

import torch
import transformers as hf

from selfattn.models.loading.names import names

LAYERS = HEADS = 32


def folder(home: Path) -> Path:
    """Its folder, with the tokenizer of a shipped model."""
    tokenizer = hf.AutoTokenizer.from_pretrained(names()["sentiment"])
    torch.manual_seed(0)
    config = hf.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=4 * HEADS,
        intermediate_size=64,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=2048,
        initializer_range=0.3,
    )
    hf.LlamaForCausalLM(config).save_pretrained(home)
    tokenizer.save_pretrained(home)
    return home
