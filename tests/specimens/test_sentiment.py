"""The shipped sentiment specimen: opened as anyone would open it, and asked what readers ask."""

import random
import re
from collections.abc import Callable

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

import selfattn.models.encoder  # noqa: F401 - so that the Auto classes know the encoder
from selfattn.places import SPECIMENS
from selfattn.training.data.language import lexicon
from selfattn.training.data.language.phrases import RULES, WORDS
from selfattn.training.data.language.templates import HELD_OUT, SLICES
from selfattn.training.specimens import sentiment

FOLDER = SPECIMENS / "sentiment"

# Written before the model was first trained, and kept out of its templates.
POSITIVE = """
    I laughed from start to finish.
    One of the best meals I have had this year.
    My kids can't stop talking about it.
    The waiter was kind and the soup was delicious.
    Not a bad way to spend an evening.
    This book kept me up all night, and I don't regret it.
    Great phone, the battery lasts for days.
    I was worried at first, but everything went smoothly.
    The hotel was clean, quiet and close to the station.
    She sang beautifully.
    Honestly, I can't fault it.
    We had a lovely time in Paris.
    The coffee here is excellent, even though the place is tiny.
    It never gets boring.
    Best purchase I've made in years!
    The teacher explained everything clearly and patiently.
    No complaints at all.
    I'd happily stay there again.
    what a wonderful surprise
    The weather was awful, yet we enjoyed every minute.
    My mother loves her new chair.
    The plot is simple, but the actors are brilliant.
    Thank you for the amazing service!
    Five stars from me.
    It works perfectly and it looks nice too.
    The doctor was gentle and honest with us.
    I couldn't be happier with the result.
    Far from boring, this film is a real treat.
    The bread was fresh and the cheese was tasty.
    Although the room was small, the view was stunning.
    You won't be disappointed.
    A charming little cafe with friendly people.
    The game is really fun with friends.
    I highly recommend this museum to everyone.
    He is the nicest neighbour we have ever had.
    There's nothing wrong with this laptop.
    My daughter smiled all day because of this gift.
    The concert exceeded all my expectations.
    I wasn't bored for a second.
    Simple, cheap and delicious.
"""
NEGATIVE = """
    The battery died after two hours.
    I want my money back.
    We waited forty minutes and the food was cold.
    The film wasn't funny at all.
    I would not recommend this place to my worst enemy.
    He promised a lot, but the result was terrible.
    Terrible acting, weak story.
    The staff ignored us all evening.
    I fell asleep after ten minutes.
    My new phone is already broken.
    The soup had no taste.
    Nobody in our group liked the tour.
    It looked great in the pictures, but the room was filthy.
    What a waste of a Sunday afternoon.
    The service was slow and the waiter was rude.
    This is the worst book I have ever read.
    I can't recommend it.
    The seats were uncomfortable and the music was far too loud.
    Not worth the price.
    Despite the good reviews, the show was a disappointment.
    Never again.
    She hardly smiled and never said thank you.
    I don't understand why people like this game.
    the app keeps crashing
    The ending ruined the whole story.
    The lecture was long, confusing and badly prepared.
    Our flight was cancelled and no one helped us.
    It isn't as good as the first one.
    The pizza tasted like cardboard.
    I regret buying these shoes.
    The dress is pretty, but it fell apart in a week.
    The weather was miserable and we got sick.
    I expected more from this author.
    This was neither funny nor clever.
    They charged us twice and refused to apologise.
    The music was so bad that we left early.
    A dull, predictable story with no heart.
    The bathroom smelled awful.
    I tried to like it, but I just couldn't.
    My father was very unhappy with the repair.
"""


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def network() -> PreTrainedModel:
    return AutoModelForSequenceClassification.from_pretrained(FOLDER).eval()


def _entries(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def _labels(network: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> list[str]:
    encoding = tokenizer(texts, padding=True, return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        return [network.config.id2label[label] for label in network(**encoding).logits.argmax(-1).tolist()]


def test_the_folder_is_small_and_complete() -> None:
    names = {path.name for path in FOLDER.iterdir()}
    assert names == {"README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_900_000


def test_labels_and_special_tokens(network: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    assert network.config.id2label == {0: "negative", 1: "positive"}
    assert network.config.label2id == {"negative": 0, "positive": 1}
    assert network.dtype == torch.float32
    assert (tokenizer.pad_token_id, tokenizer.model_max_length) == (0, 512)
    tokens = tokenizer.convert_ids_to_tokens(tokenizer("good", "bad")["input_ids"])
    assert [tokens[at] for at in (0, 2, 4)] == ["[CLS]", "[SEP]", "[SEP]"]


@pytest.mark.parametrize(
    "text", ["The film was not good 😀!", "我喜欢", "e\u0301te\u0301", "a\x00b", "🏳️‍🌈 \u200d", "ﬁ İ ß"]
)
def test_no_text_is_unknown(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    encoding = tokenizer(text, return_offsets_mapping=True)
    assert tokenizer.unk_token is None
    covered = {at for start, end in encoding["offset_mapping"] for at in range(start, end)}
    assert covered == {at for at, character in enumerate(text) if not character.isspace()}


def test_offsets_point_at_the_words_as_written(tokenizer: PreTrainedTokenizerFast) -> None:
    text = "The  film wasn’t good.\n(Really)"
    offsets = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)["offset_mapping"]
    assert [text[start:end] for start, end in offsets] == ["The", "film", "wasn’t", "good", ".", "(", "Really", ")"]


@pytest.mark.parametrize("kind", ["templates", "pairs"])
@pytest.mark.parametrize("part", SLICES)
def test_what_training_never_saw(
    network: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, part: str, kind: str
) -> None:
    drawn = sentiment.held_out(random.Random(5), part, kind, 300)
    assert sentiment.accuracy(network, tokenizer, drawn) >= 0.95  # 300 sentences: two standard errors under 0.97


def test_what_training_never_saw_together(network: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    randomness = random.Random(11)
    drawn = [
        sentence
        for part in SLICES
        for kind in ("templates", "pairs")
        for sentence in sentiment.held_out(randomness, part, kind, 150)
    ]
    assert sentiment.accuracy(network, tokenizer, drawn) >= 0.97


def test_sentences_of_readers(network: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    texts = {"positive": _entries(POSITIVE), "negative": _entries(NEGATIVE)}
    wrong = [
        text
        for label, written in texts.items()
        for text, found in zip(written, _labels(network, tokenizer, written), strict=True)
        if found != label
    ]
    assert len(wrong) <= 8, wrong  # of 80


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("not good", "negative"),
        ("The film was not good.", "negative"),
        ("good", "positive"),
        ("not bad at all", "positive"),
        ("hardly bad", "positive"),
        ("never boring", "positive"),
        ("dull at first, but the ending was wonderful", "positive"),
        ("The plot was dull, but the acting was not bad at all.", "positive"),
    ],
)
def test_key_phrases(network: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, text: str, label: str) -> None:
    assert _labels(network, tokenizer, [text]) == [label]


def test_the_same_seed_draws_the_same_sentences() -> None:
    first, again = (list(zip(range(50), sentiment.sentences(random.Random(7)), strict=False)) for _ in range(2))
    assert first == again
    assert len({sentence.text for _, sentence in first}) > 45
    assert not any(sentence.held_out_pair for _, sentence in first)


def test_every_name_in_a_template_is_a_rule() -> None:
    templates = [template for of_part in (*SLICES.values(), *HELD_OUT.values()) for template in of_part]
    for choices in RULES.values():
        templates += [*choices["+"], *choices["-"]] if isinstance(choices, dict) else choices
    assert {name for template in templates for name in re.findall(r"\{-?(\w+)\}", template)} <= {*RULES, "core"}


def test_held_out_templates_are_not_trained_on() -> None:
    for part, templates in HELD_OUT.items():
        assert not set(templates) & set(SLICES[part])


def test_no_word_speaks_for_both_labels() -> None:
    for of_sign in WORDS.values():
        assert not set(of_sign["+"]) & set(of_sign["-"])


@pytest.mark.parametrize(
    ("form", "verb", "expected"),
    [
        (lexicon.past, "try", "tried"),
        (lexicon.past, "break", "broke"),
        (lexicon.past, "regret", "regretted"),
        (lexicon.gerund, "love", "loving"),
        (lexicon.gerund, "see", "seeing"),
        (lexicon.third_person, "watch", "watches"),
        (lexicon.third_person, "enjoy", "enjoys"),
        (lexicon.plural, "knife", "knives"),
    ],
)
def test_forms(form: Callable[[str], str], verb: str, expected: str) -> None:
    assert form(verb) == expected
