"""Tokenizers and model folders made on the spot, for tests of what is read from disk."""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

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
