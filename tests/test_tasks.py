"""Predictions, compared with the model's logits by hand."""

import math

import pytest
import torch
import transformers as hf

import selfattn
from selfattn.models.tasks import Prediction, predict
from tests import made, tiny
from tests.tolerance import assert_close


def classifier(**config: object) -> selfattn.Model:
    torch.manual_seed(3)
    network = hf.BertForSequenceClassification(hf.BertConfig(**tiny.SMALL, **config))
    return selfattn.Model.wrap(network, made.word_level())


def logits(model: selfattn.Model, trace: selfattn.Trace) -> torch.Tensor:
    with torch.inference_mode():
        return model.network(**trace.inputs).logits[0]


def test_one_class_is_softmax():
    model = classifier(num_labels=3, id2label={0: "bad", 1: "fair", 2: "good"})
    trace = selfattn.trace(model, "the film was not good")
    terms = [math.exp(x) for x in logits(model, trace).tolist()]
    expected = dict(zip(("bad", "fair", "good"), (x / sum(terms) for x in terms), strict=True))
    assert trace.prediction.kind == "class"
    for name, probability in expected.items():
        assert_close(trace.prediction.of(name), probability)
    best = sorted(expected, key=lambda name: -expected[name])
    assert [name for name, _ in trace.prediction.top()] == best


def test_several_labels_are_sigmoids():
    model = classifier(num_labels=3, problem_type="multi_label_classification")
    trace = selfattn.trace(model, "the film")
    assert_close(trace.prediction.probabilities, [1 / (1 + math.exp(-x)) for x in logits(model, trace).tolist()])


@pytest.mark.parametrize("config", [{"num_labels": 1}, {"num_labels": 3, "problem_type": "regression"}])
def test_a_number_is_no_distribution(config):
    assert selfattn.trace(classifier(**config), "the film").prediction is None


def test_the_first_masked_token_is_filled_in(bert):
    trace = selfattn.trace(bert, "the [MASK] sat on a [MASK]")
    position = trace.tokens.text.index("[MASK]")
    assert position == 2
    assert trace.prediction.kind == "masked token"
    assert_close(trace.prediction.probabilities, logits(bert, trace)[position].softmax(-1))


def test_nothing_masked_nothing_predicted(bert):
    assert selfattn.trace(bert, "the cat sat").prediction is None


def test_a_model_without_a_head_predicts_nothing(minilm):
    assert selfattn.trace(minilm, "the cat sat").prediction is None


@pytest.mark.parametrize("pad", [0, 3])
def test_the_next_token_follows_the_last_real_one(pad):
    model = selfattn.Model.wrap(tiny.network("gpt2"), made.word_level())
    trace = selfattn.trace(model, "the cat sat", pad=pad)
    assert len(trace.tokens) == 5 + pad
    alone = selfattn.trace(model, "the cat sat")
    assert trace.prediction.kind == "next token"
    assert_close(trace.prediction.probabilities, logits(model, alone)[-1].softmax(-1))


@pytest.mark.parametrize("name", ["t5", "bart"])
def test_a_translation_starts_with_its_next_token(name):
    model = selfattn.Model.wrap(tiny.network(name), made.word_level())
    trace = selfattn.trace(model, "the cat sat")
    assert trace.prediction.kind == "next token"
    assert_close(trace.prediction.probabilities, logits(model, trace)[-1].softmax(-1))


def test_labels_of_an_image():
    model = selfattn.Model.wrap(tiny.network("vit"))
    trace = selfattn.trace(model, tiny.inputs(model.network, padded=False))
    assert_close(trace.prediction.probabilities, logits(model, trace).softmax(-1))
    assert {name for name, _ in trace.prediction.top()} == {"LABEL_0", "LABEL_1"}


def test_top_is_in_order_and_asks_for_no_more_than_there_is():
    prediction = Prediction("class", torch.tensor([0.2, 0.5, 0.3]), "abc".__getitem__)
    assert [name for name, _ in prediction.top(2)] == ["b", "c"]
    assert [name for name, _ in prediction.top(9)] == ["b", "c", "a"]
    assert (prediction.of("c"), prediction.of("d")) == (pytest.approx(0.3), 0.0)


def test_tokens_without_a_tokenizer_are_numbers():
    network = tiny.network("gpt2")
    assert predict(network, None, {}, torch.eye(5)[None]).top(1)[0][0] == "#4"
    beyond = predict(network, made.word_level(), {}, torch.eye(99)[None])
    assert beyond.top(1)[0][0] == "#98"


def test_part_of_a_character_shows_as_its_piece():
    tokenizer = made.byte_level()
    first_byte = tokenizer("👍")["input_ids"][0]
    prediction = predict(tiny.network("gpt2"), tokenizer, {}, 9 * torch.eye(300)[None, : first_byte + 1])
    assert prediction.top(1)[0][0] == "ð"
