"""Generated corpora: in the hard one the words say nothing about the label, their order says all."""

import random
import re
import sys
from collections import Counter

import pytest

from selfattn.training.data import generated
from selfattn.training.data.generated import GENERATED, arranged, generate
from selfattn.training.run import baseline


@pytest.fixture(scope="module")
def corpus():
    return generate("hard", 6000, 0)


def bag(text: str) -> Counter[str]:
    return Counter(re.findall(r"[\w']+|[^\w\s]", text.lower()))


def test_both_labels_are_told_with_the_same_words():
    for seed in range(1000):
        bad, good = (arranged(random.Random(seed), label) for label in (0, 1))
        assert bag(bad) == bag(good)
        assert bad != good


@pytest.mark.parametrize(
    ("sentence", "label"),
    [
        ("The soup was great, but the waiter was rude.", 0),
        ("The soup was awful, yet the waiter was kind.", 1),
        ("Although the soup was great, the waiter was rude.", 0),
        ("The soup was great, although the waiter was rude.", 1),
        ("The film is bad, not good.", 0),
        ("Far from bad, the film is good.", 1),
        ("Anna was not in Rome, and the hotel was good.", 1),
        ("Anna was in Rome, and the hotel was not good.", 0),
    ],
)
def test_labels_are_those_of_a_reader(sentence, label, corpus):
    """A few shapes, labelled by hand: the corpus says the same of every sentence of that shape."""
    shapes = {
        r"^[^,]+ is (\w+), not (\w+)": 1,
        r"^far from \w+, .+ is (\w+)": 1,
        r"^[^,]+ (?:is|was) (\w+), (?:but|yet) [^,]+ (?:is|was) (\w+)$": 2,
        r"^although .+ (?:is|was) (\w+), .+ (?:is|was) (\w+)$": 2,
        r"^[^,]+ (?:is|was) (\w+), although .+ (?:is|was) (\w+)$": 1,
        r"^(?!although)\w+ was not [^,]+, and (?:the|this|my|our) \w+ was (\w+)$": 1,
        r"^(?!although)\w+ was in [^,]+, and (?:the|this|my|our) \w+ was not (\w+)$": -1,
    }
    shape, group = next((s, g) for s, g in shapes.items() if re.search(s, sentence.lower().rstrip(".")))
    assert said(shape, group, sentence) == label
    alike = [(said(shape, group, t), at) for t, at in zip(corpus.texts, corpus.labels, strict=True)]
    alike = [(found, at) for found, at in alike if found is not None]
    assert len(alike) > 5
    assert all(found == at for found, at in alike)


def said(shape: str, group: int, text: str) -> int | None:
    """The sign of the word that decides, by the shape; None for another shape or an unknown word."""
    found = re.search(shape, text.lower().rstrip(".!"))
    if found is None:
        return None
    for words in generated._SAID_OF.values():
        for sign, label in (("+", 1), ("-", 0)):
            if found[abs(group)] in words[sign]:
                return label if group > 0 else 1 - label
    return None


def test_a_bag_of_words_stays_at_chance(corpus):
    sides = [(corpus.texts[at], corpus.labels[at]) for at in (slice(0, 4000), slice(4000, None))]
    # Three standard deviations of 2,000 coins are 0.034.
    assert baseline.bag_of_words(*sides) == pytest.approx(0.5, abs=0.034)


def test_a_bag_of_words_reads_what_words_say():
    training = (["good 👍", "bad 👎", "so good", "so bad", "👍 !", "👎 !"], [1, 0, 1, 0, 1, 0])
    assert baseline.bag_of_words(training, (["👍", "👎", "a good one", "bad good bad"], [1, 0, 1, 0])) == 1.0


def test_without_scikit_learn_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(ValueError, match=r'needs scikit-learn: pip install "selfattn\[training\]"'):
        baseline.bag_of_words((["a", "b"], [0, 1]), (["a"], [0]))


@pytest.mark.parametrize("name", GENERATED)
def test_a_corpus_is_seeded_even_and_without_doubles(name):
    corpus = generate(name, 401, 7)
    assert corpus == generate(name, 401, 7)
    assert corpus.texts != generate(name, 401, 8).texts
    assert len(set(corpus.texts)) == len(corpus.texts) == 401
    if name == "repeats":
        assert corpus.labels is None
    else:
        assert sum(corpus.labels) in (200, 201)
        assert corpus.names == ("negative", "positive")


def test_words_come_again():
    for text in generate("repeats", 200, 0).texts:
        words = text.split()
        assert any(
            words[at : at + 4] == words[later : later + 4]
            for at in range(len(words))
            for later in range(at + 4, len(words) - 3)
        )


def test_one_sentence_for_what_cannot_be_generated():
    with pytest.raises(ValueError, match=r"are hard, sentiment, repeats; got 'easy'\."):
        generate("easy", 10, 0)
    with pytest.raises(ValueError, match=r"2 to 1,000,000 rows; got 1\."):
        generate("hard", 1, 0)
