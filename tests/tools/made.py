"""Tokenizers and model folders made on the spot, for tests of what is read from disk."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from tests.tools import tiny

SPECIAL = {
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
    "unk_token": "[UNK]",
}
WORDS = ["the", "a", "cat", "dog", "sat", "on", "mat", "was", "not", "good", "film", "=", "+", "1"]


def word_level() -> PreTrainedTokenizerFast:
    """A few lower-cased words, between [CLS] and [SEP]: fits the 101 entries of a tiny model."""
    vocabulary = {word: index for index, word in enumerate([*SPECIAL.values(), *WORDS, "=1+1"])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, **SPECIAL)


def byte_level() -> PreTrainedTokenizerFast:
    """Byte-level BPE as GPT-2 has it: no special tokens, and a character may be several tokens."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        ["the cat sat on the mat"] * 9,
        trainers.BpeTrainer(vocab_size=280, initial_alphabet=alphabet, show_progress=False),
    )
    return PreTrainedTokenizerFast(tokenizer_object=made)


def folder(place: Path, name: str, tokenizer: PreTrainedTokenizerFast | None = None) -> Path:
    """A tiny model of that architecture, saved."""
    tiny.network(name).save_pretrained(place)
    if tokenizer is not None:
        tokenizer.save_pretrained(place)
    return place


def of_sentences(place: Path, pooling: str = "mean", inside: str = "") -> Path:
    """A tiny BERT as Sentence Transformers saves it, in its own folder of old (0_Transformer) or beside the rest."""
    torch.manual_seed(13)
    BertModel(BertConfig(**tiny.SMALL)).save_pretrained(place / inside)
    word_level().save_pretrained(place / inside)
    kinds = [(inside, "Transformer"), ("1_Pooling", "Pooling")]
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (path, kind) in enumerate(kinds)
    ]
    (place / "modules.json").write_text(json.dumps(modules))
    (place / "1_Pooling").mkdir()
    modes = {f"pooling_mode_{mode}": mode.startswith(pooling) for mode in ("cls_token", "mean_tokens", "max_tokens")}
    (place / "1_Pooling" / "config.json").write_text(json.dumps(modes | {"word_embedding_dimension": 32}))
    return place
