"""The `sentiment` specimen: is an English sentence positive or negative? Generated data, a tokenizer, a model, a card."""

import itertools
import json
import math
import random
import re
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from selfattn.models.encoder import SelfAttentionConfig, SelfAttentionForSequenceClassification
from selfattn.training.fit import fit
from selfattn.training.phrases import HELD_OUT, RULES, SLICES, Rules

SEED = 2017
VOCABULARY = 4900
PIECES = 1200
STEPS = 3000
BATCH = 128
LABELS = ("negative", "positive")
SHARES = {"plain": 5, "negation": 3, "intensifier": 2, "contrast": 2}

# A sentiment word and what it is said of, or what turns it around: one pair in twenty is kept from training.
_SENTIMENT = {
    *("adjective", "trait", "feeling", "verdict", "quality", "opinion", "opinion_past", "opinion_third"),
    *("effect", "effect_past", "effect_third", "action", "action_past", "action_third", "adverb"),
}
_PARTNERS = {"noun", "nouns", "people", "is_not", "are_not", "i_was_not", "do_not", "does_not", "hardly", "never", "nobody"}


@dataclass(frozen=True)
class Sentence:
    """A generated sentence, its label, and whether it holds a pair of words kept from training."""

    text: str
    label: int
    held_out_pair: bool


def draw(randomness: random.Random, part: str, templates: dict[str, list[str]] = SLICES) -> Sentence:
    """A sentence around a template of one slice ("plain", "negation", ...), with what readers leave out left out."""
    sign = randomness.choice("-+")
    words: list[tuple[str, str]] = []
    text = _expand("{sentence}", sign, {**RULES, "core": templates[part]}, randomness, words)
    pairs = {(a, b) for kind, a in words if kind in _SENTIMENT for other, b in words if other in _PARTNERS}
    held_out = any(zlib.crc32(f"{a} {b}".encode()) % 20 == 0 for a, b in pairs)
    return Sentence(_worn(text, randomness), "-+".index(sign), held_out)


def _expand(template: str, sign: str, rules: Rules, randomness: random.Random, words: list[tuple[str, str]]) -> str:
    """The template with a choice for each of its names, all the way down; `words` gathers the choices."""

    def fill(match: re.Match[str]) -> str:
        turned, name = match.groups()
        own = {"+": "-", "-": "+"}[sign] if turned else sign
        choices = rules[name]
        choice = randomness.choice(choices[own] if isinstance(choices, dict) else choices)
        if name in ("noun", "name") and randomness.random() < 0.04:
            choice = _unheard_of(randomness)
        words.append((name, choice))
        return _expand(choice, own, rules, randomness, words) if "{" in choice else choice

    return re.sub(r"\{(-?)(\w+)\}", fill, template)


def _unheard_of(randomness: random.Random) -> str:
    """A word that is none, so that pieces of unknown words come to say nothing."""
    syllables = ("bcdfgklmnprstvwz", "aeiou", "nrstlkm") * randomness.randint(1, 3)
    return "".join(randomness.choice(letters) for letters in syllables)


def _worn(text: str, randomness: random.Random) -> str:
    """The sentence as it may be typed: with or without capitals, punctuation, apostrophes."""
    text = re.sub(r"\ba (?=[aeiou])", "an ", text)
    if randomness.random() < 0.7:
        text = text[:1].upper() + text[1:]
    if randomness.random() < 0.1:
        return re.sub(r"[^\w\s'-]", "", text)
    if randomness.random() < 0.1:
        text = text.replace("'", "")
    return text + randomness.choice(("", ".", ".", ".", "!", "!!", "..."))


def sentences(randomness: random.Random) -> Iterator[Sentence]:
    """Training sentences without end: no held-out template, no held-out pair."""
    parts, shares = list(SHARES), list(SHARES.values())
    while True:
        sentence = draw(randomness, randomness.choices(parts, shares)[0])
        if not sentence.held_out_pair:
            yield sentence


def make_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Whole words for the frequent and for those with sentiment, byte pairs for the rest, so that nothing is unknown.

    Each word starts with a space of its own, wherever it stands; offsets point at the word as the reader wrote it.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Replace("’", "'"), normalizers.Lowercase()])
    words = Regex(r"[\p{L}\p{M}]+n't|'\p{L}+|[\p{L}\p{M}]+|\p{N}|[^\s\p{L}\p{M}\p{N}]")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES,
        special_tokens=["[PAD]", "[CLS]", "[SEP]", "[MASK]"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    signed = [word for name in sorted(_SENTIMENT) for of_sign in RULES[name].values() for word in of_sign]
    counts = Counter(
        word
        for text in [*signed * 1000, *texts]
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text))
    )
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    vocabulary = tokenizer.get_vocab()
    whole = (word for word, _ in counts.most_common() if word not in vocabulary)
    for word in itertools.islice(whole, VOCABULARY - len(vocabulary)):
        vocabulary[word] = len(vocabulary)
    tokenizer.model = models.BPE(vocabulary, [tuple(pair) for pair in merges], ignore_merges=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=512,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def batches(tokenizer: PreTrainedTokenizerFast, randomness: random.Random) -> Iterator[dict[str, Tensor]]:
    """Batches without end, each of sentences of about one length, so that little of it is padding."""
    stream = sentences(randomness)
    while True:
        pool = sorted(itertools.islice(stream, 32 * BATCH), key=lambda sentence: len(sentence.text))
        for start in randomness.sample(range(0, len(pool), BATCH), 32):
            yield encode(tokenizer, pool[start : start + BATCH])


def encode(tokenizer: PreTrainedTokenizerFast, batch: list[Sentence]) -> dict[str, Tensor]:
    """What the model's forward takes, labels and all."""
    texts = [sentence.text for sentence in batch]
    encoding = tokenizer(texts, padding=True, return_tensors="pt", return_token_type_ids=False)
    return {**encoding, "labels": torch.tensor([sentence.label for sentence in batch])}
