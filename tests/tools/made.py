"""Tokenizers and model folders made on the spot, for tests of what is read from disk."""

import json
import warnings
from pathlib import Path
from typing import Any

import torch
import transformers as hf
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


PIECES = {
    "##": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "play", "##ing", "e", "##l", "a", "."],
    "@@": ["the", "cat", "th@@", "a", "c@@", "l@@", "e@@", "s"],
    "</w>": ["<s>", "<pad>", "</s>", "<unk>", "the</w>", "cat</w>", "th", "c", "a", "a</w>", "e", "l", "s</w>", "t"],
}
# Tokenizers that Transformers has in Python alone, by what their files are made of here.
SLOW = ("byt5", "canine", "esm", "prophetnet", "phobert", "ctrl", "marian", "m2m100")


def slow(name: str, place: Path) -> Any:
    """A tokenizer that does not say where its tokens stand."""

    def file(name: str, text: str) -> str:
        (place / name).write_text(text, encoding="utf-8")
        return str(place / name)

    def merges() -> str:
        pairs = ["t h", "c a", "th e</w>", "ca t</w>"]
        return file("merges.txt", "\n".join(["#version: 0.2", *pairs, ""]))

    match name:
        case "byt5":
            return hf.ByT5Tokenizer()
        case "canine":
            return hf.CanineTokenizer()
        case "esm":
            letters = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWC", "<mask>"]
            return hf.EsmTokenizer(file("vocab.txt", "\n".join(letters)))
        case "prophetnet":
            return hf.ProphetNetTokenizer(file("vocab.txt", "\n".join(PIECES["##"])))
        case "bert":
            words = [*SPECIAL.values(), *WORDS]
            return hf.BertJapaneseTokenizer(file("vocab.txt", "\n".join(words)), word_tokenizer_type="basic")
        case "phobert":
            counted = "\n".join(f"{piece} 1" for piece in PIECES["@@"])
            return hf.PhobertTokenizer(file("vocab.txt", counted), merges())
        case "ctrl":
            numbers = {piece: index for index, piece in enumerate(["<unk>", *PIECES["@@"]])}
            return hf.CTRLTokenizer(file("vocab.json", json.dumps(numbers)), merges())
    model, vocabulary = sentence_pieces(place)
    if name == "marian":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it recommends a package
            return hf.MarianTokenizer(model, model, vocabulary, source_lang="en", target_lang="fr")
    return hf.M2M100Tokenizer(vocabulary, model, src_lang="en", tgt_lang="fr")


def sentence_pieces(place: Path) -> tuple[str, str]:
    """The files of a model of sentence pieces, and of its vocabulary as fairseq has it."""
    import sentencepiece

    (place / "corpus.txt").write_text("the cat sat on the mat\nthe dog was not a good film\nplaying élève\n" * 30)
    sentencepiece.SentencePieceTrainer.train(
        input=str(place / "corpus.txt"),
        model_prefix=str(place / "pieces"),
        vocab_size=50,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    read = sentencepiece.SentencePieceProcessor(model_file=str(place / "pieces.model"))
    pieces = [read.id_to_piece(index) for index in range(read.get_piece_size())]
    numbers = {piece: i for i, piece in enumerate(dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", *pieces]))}
    (place / "vocab.json").write_text(json.dumps(numbers))
    return str(place / "pieces.model"), str(place / "vocab.json")


def of_sentences(place: Path, pooling: str | tuple[str, ...] = "mean", inside: str = "") -> Path:
    """A tiny BERT as Sentence Transformers saves it, in its own folder of old (0_Transformer) or beside the rest."""
    torch.manual_seed(13)
    hf.BertModel(hf.BertConfig(**tiny.SMALL)).save_pretrained(place / inside)
    word_level().save_pretrained(place / inside)
    kinds = [(inside, "Transformer"), ("1_Pooling", "Pooling")]
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (path, kind) in enumerate(kinds)
    ]
    (place / "modules.json").write_text(json.dumps(modules))
    (place / "1_Pooling").mkdir()
    said = {"pooling_mode": pooling, "embedding_dimension": 32}
    (place / "1_Pooling" / "config.json").write_text(json.dumps(said))
    return place
