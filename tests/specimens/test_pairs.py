"""The shipped pairs specimen, measured again: it compares sentences it never read, and a head matches their words."""

import itertools
import random
import re

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from selfattn.models.encoder import SelfAttentionForSequenceClassification
from selfattn.places import SPECIMENS
from selfattn.recording.doors import Recorder, install, recording
from selfattn.training.specimens import pairs
from tests.tools.tolerance import assert_close

pytestmark = pytest.mark.slow

FOLDER = SPECIMENS / "pairs"
CARD = (FOLDER / "README.md").read_text(encoding="utf-8")
# Written by hand.
WRITTEN = [
    ("the food was not good", "the food was bad", "same"),
    ("the food was good", "the food was bad", "opposite"),
    ("the soup was not bad", "the soup was great", "same"),
    ("The hotel was awful.", "We hated the hotel.", "same"),
    ("I loved the film", "the film was wonderful", "same"),
    ("nobody liked the film", "everyone loved the film", "opposite"),
    ("the waiter was never rude", "the waiter was kind", "same"),
    ("the book was never boring", "I did not enjoy the book", "opposite"),
    ("the room was not dirty", "the room wasn't ugly", "same"),
    ("The pizza was hardly delicious.", "I hated the pizza.", "same"),
]


@pytest.fixture(scope="module")
def network():
    network = AutoModelForSequenceClassification.from_pretrained(FOLDER).eval()
    install(network)
    return network


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER)


def drawn(kind, count, seed):
    randomness = random.Random(seed)
    return [pairs.draw(randomness, kind, unseen=True) for _ in range(count)]


@pytest.fixture(scope="module")
def measured(network, tokenizer):
    return [pairs.measure(network, tokenizer, drawn(kind, 10, 3)) for kind in pairs.KINDS]


def in_card(name):
    """The numbers of the card's row of that name."""
    row = re.search(rf"^\| {re.escape(name)} \| (.*) \|$", CARD, re.MULTILINE)[1]
    return [float(number) for number in row.split(" | ")]


def test_the_folder_is_small_and_complete():
    names = {path.name for path in FOLDER.iterdir()}
    assert names == {"README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000


def test_labels_and_tokens(network, tokenizer):
    assert type(network) is SelfAttentionForSequenceClassification
    assert network.config.id2label == {0: "opposite", 1: "same"}
    encoding = tokenizer("the soup", "my tea")
    tokens = tokenizer.convert_ids_to_tokens(encoding["input_ids"])
    assert tokens == ["[CLS]", "Ġthe", "Ġsoup", "[SEP]", "Ġmy", "Ġtea", "[SEP]"]
    assert set(encoding) == {"input_ids", "attention_mask"}  # the encoder has no segment embeddings


@pytest.mark.parametrize("kind", pairs.KINDS)
def test_what_training_never_read(network, tokenizer, kind):
    accuracy = pairs.accuracy(network, tokenizer, drawn(kind, 400, 5))
    assert accuracy >= 0.95
    assert_close(accuracy, in_card(kind)[0], 0.04)


def test_pairs_written_by_hand(network, tokenizer):
    for first, second, label in WRITTEN:
        for a, b in ((first, second), (second, first)):
            with torch.no_grad():
                found = int(network(**tokenizer(a, b, return_tensors="pt")).logits.argmax())
            assert network.config.id2label[found] == label, (a, b)


@pytest.mark.parametrize("kind", pairs.KINDS)
def test_the_words_alone_say_nothing(tokenizer, kind):
    randomness = random.Random(8)
    seen = [pairs.draw(randomness, kind) for _ in range(1500)]
    assert_close(pairs.words_alone(tokenizer, seen, drawn(kind, 300, 6)), 0.5, 0.1)
    assert_close(in_card(kind)[2], 0.5, 0.1)


def test_the_words_alone_learn_what_they_can(tokenizer):
    """In easy pairs blame means the opposite."""
    randomness = random.Random(8)
    easy = [pairs.draw(randomness, "plain", easy=True) for _ in range(3300)]
    assert pairs.words_alone(tokenizer, easy[300:], easy[:300]) > 0.75


def test_sentences_that_cannot_see_one_another_are_not_compared(measured):
    together, apart = (sum(getattr(each, name) for each in measured) / 3 for name in ("accuracy", "accuracy_apart"))
    assert together >= 0.95
    assert apart < 0.75  # 30 pairs: nearly three standard errors above one half
    assert_close(apart, sum(in_card(kind)[1] for kind in pairs.KINDS) / 3, 0.25)


def test_a_head_matches_the_words(measured):
    uniform = sum(each.uniform for each in measured) / 3
    for name, column in (("nouns", 0), ("words", 1)):
        found = sum(getattr(each, name) for each in measured) / 3
        best = int(found.argmax())
        assert found.max() > 2 * uniform
        assert_close(found.max(), in_card(f"{best // 4}.{best % 4}")[column], 0.1)  # 30 pairs


def test_what_is_matched_by_hand(network, tokenizer):
    first, second = "the soup was tasty", "we did not praise the soup"
    pair = pairs.SentencePair(pairs.Statement(first, (4, 13)), pairs.Statement(second, (22, 11)), 0)
    inputs = tokenizer(first, second, return_tensors="pt")
    tokens = ["", "the", "soup", "was", "tasty", "", "we", "did", "not", "praise", "the", "soup", ""]
    assert [tokenizer.decode(token).strip() for token in inputs["input_ids"][0, 1:-1] if token > 3] == [
        token for token in tokens if token
    ]
    here, there = pairs.counterparts(inputs, pair)
    assert [tokens[at] for at in here] == ["soup", "tasty"]
    assert [tokens[at] for at in there] == ["soup", "praise"]
    with torch.no_grad(), recording(Recorder(names={})) as recorder:
        network(**inputs)
    weights = recorder.calls[1].stages(2).weights
    found = pairs.measure(network, tokenizer, [pair])
    assert_close(found.nouns[1, 2], weights[2, 11])
    assert_close(found.words[1, 2], weights[4, 9])
    assert_close(found.uniform, 1 / 13)


def test_the_recording_is_exact(network, tokenizer):
    inputs = tokenizer("the soup was good", "the soup was bad", return_tensors="pt")
    with torch.no_grad(), recording(Recorder(names={})) as recorder:
        network(**inputs)
    assert (len(recorder.calls), recorder.calls[0].heads) == (3, 4)
    assert max(recorder.differences()) < 1e-5


def test_nothing_held_out_is_in_training():
    randomness = random.Random(7)
    seen = [pairs.draw(randomness, kind) for kind in pairs.KINDS for _ in range(2000)]
    seen += itertools.islice(pairs.pairs(randomness), 2000)
    sentences = {sentence.text for pair in seen for sentence in (pair.first, pair.second)}
    apart = [pair for kind in pairs.KINDS for pair in drawn(kind, 500, 9)]
    assert not sentences & {sentence.text for pair in apart for sentence in (pair.first, pair.second)}


@pytest.mark.parametrize("kind", pairs.KINDS)
def test_labels_mean_what_they_say(kind):
    praise = {word for of in (pairs.ADJECTIVES, pairs.TRAITS) for word in of["+"]}
    blame = {word for of in (pairs.ADJECTIVES, pairs.TRAITS) for word in of["-"]}
    turned = re.compile(r"\b(not|wasn't|isn't|never|hardly|nobody|didn't)\b")
    compared = 0
    for pair in drawn(kind, 300, 1):
        both = pair.first, pair.second
        nouns, words = ([re.match(r"\w+", each.text[each.starts[at] :])[0] for each in both] for at in (0, 1))
        denied = [bool(turned.search(each.text)) for each in both]
        assert nouns[0] == nouns[1]
        assert sum(denied) == {"plain": 0, "one negated": 1, "both negated": 2}[kind]
        if set(words) <= praise | blame:
            signs = [(word in praise) != no for word, no in zip(words, denied, strict=True)]
            assert (signs[0] == signs[1]) == bool(pair.label)
            compared += 1
    assert compared > 100


def test_no_word_speaks_for_both_labels():
    words = {sign: {w for of in (pairs.ADJECTIVES, pairs.TRAITS, pairs.OPINIONS) for w in of[sign]} for sign in "+-"}
    assert not words["+"] & words["-"]
    assert not set(pairs.NOUNS) & (words["+"] | words["-"])


def test_the_same_seed_draws_the_same_pairs():
    first, again = (list(zip(range(50), pairs.pairs(random.Random(7)), strict=False)) for _ in range(2))
    assert first == again
    assert len({pair.first.text for _, pair in first}) > 45
