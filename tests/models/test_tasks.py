"""Predictions, compared with the model's logits by hand."""

import itertools
import json
import math
import re

import pytest
import torch
import transformers as hf

import selfattn
from selfattn import Scale
from selfattn.models.answers.changes import change
from selfattn.models.answers.entities import token_classes
from selfattn.models.answers.predictions import Prediction
from selfattn.models.answers.tasks import Task, predict, task_of
from selfattn.models.answers.transcripts import transcript
from selfattn.models.inputs.tokens import encode
from selfattn.tracing.trace import moved
from tests.tools import made, tiny
from tests.tools.tolerance import assert_close


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
def test_a_number_is_a_score_and_no_distribution(config):
    model = classifier(**config)
    trace, edited = selfattn.trace(model, "the film"), selfattn.trace(model, "the film", [Scale(None)])
    said = trace.prediction
    assert (said.kind, said.is_distribution) == ("score", False)
    assert_close(said.probabilities, logits(model, trace))
    assert said.name(0) == ("score" if config["num_labels"] == 1 else "LABEL_0")
    first = said.probabilities.argmax()
    found = change(said, edited.prediction)
    assert found.distance is None
    assert_close(found.first, (logits(model, edited) - logits(model, trace))[first])


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
    assert predict(network, None, {}, {"logits": torch.eye(5)[None]}).top(1)[0][0] == "#4"
    beyond = predict(network, made.word_level(), {}, {"logits": torch.eye(99)[None]})
    assert beyond.top(1)[0][0] == "#98"


def test_part_of_a_character_shows_as_its_piece():
    tokenizer = made.byte_level()
    first_byte = tokenizer("👍")["input_ids"][0]
    prediction = predict(tiny.network("gpt2"), tokenizer, {}, {"logits": 9 * torch.eye(300)[None, : first_byte + 1]})
    assert prediction.top(1)[0][0] == "ð"


def random_logits(*shape: int) -> torch.Tensor:
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def test_every_masked_token_is_filled_in(bert):
    trace = selfattn.trace(bert, "the [MASK] sat on a [MASK]", pad=2)
    assert trace.prediction.positions == (2, 6)
    for position in (2, 6):
        there = trace.prediction.at(position)
        assert (there.positions, there.position) == ((position,), position)
        assert_close(there.probabilities, logits(bert, trace)[position].softmax(-1))
    with pytest.raises(ValueError, match=r"says nothing at position 3; it does at \[2, 6\]"):
        trace.prediction.at(3)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 7.0])
def test_a_temperature_divides_the_logits(bert, temperature):
    trace = selfattn.trace(bert, "the [MASK] sat on a [MASK]")
    warmed = trace.prediction.with_temperature(temperature)
    assert_close(warmed.probabilities, (logits(bert, trace)[2] / temperature).softmax(-1))
    assert_close(warmed.at(6).probabilities, (logits(bert, trace)[6] / temperature).softmax(-1))


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, math.nan])
def test_a_temperature_that_is_none(bert, temperature):
    with pytest.raises(ValueError, match="A temperature is a number above 0"):
        selfattn.trace(bert, "the [MASK]").prediction.with_temperature(temperature)


def test_several_labels_have_no_one_temperature():
    model = classifier(num_labels=3, problem_type="multi_label_classification")
    with pytest.raises(ValueError, match="a class is not read from one"):
        selfattn.trace(model, "the film").prediction.with_temperature(2.0)


def tagger(labels: list[str], tags: list[str | None], text: str, tokenizer) -> Prediction:
    """What is said where the model is sure of these tags, one a token."""
    tokens, _ = encode(tokenizer, text)
    given = torch.zeros(len(tokens), len(labels))
    for row, tag in enumerate(tags):
        given[row, labels.index(tag or "O")] = 4.0
    return token_classes(given, tokens, text, labels.__getitem__)


TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
SURE = math.exp(4) / (math.exp(4) + 4)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        # [CLS] Ann Lee met Bob in New York [SEP]
        ("B-PER I-PER O B-PER O B-LOC I-LOC", [("Ann Lee", "PER"), ("Bob", "PER"), ("New York", "LOC")]),
        ("B-PER B-PER O O O O O", [("Ann", "PER"), ("Lee", "PER")]),
        ("I-PER I-PER O O O I-LOC I-LOC", [("Ann Lee", "PER"), ("New York", "LOC")]),
        ("B-PER I-LOC O O O O O", [("Ann", "PER"), ("Lee", "LOC")]),
        ("O O O O O O O", []),
    ],
)
def test_spans_of_named_tokens(minilm, tags, said):
    text = "Ann Lee met Bob in New York"
    prediction = tagger(TAGS, [None, *tags.split(), None], text, minilm.tokenizer)
    assert [(each.text, each.label) for each in prediction.said] == said
    for each in prediction.said:
        assert_close(each.probability, SURE)
    assert prediction.positions == tuple(range(1, 8))
    assert prediction.at(3).top(1)[0][0] == tags.split()[2]


def test_a_word_of_several_tokens_is_labelled_by_its_first(minilm):
    text = "unbelievably good"  # un bel ie va bly, good
    prediction = tagger(TAGS, [None, "B-LOC", "O", "O", "O", "B-PER", "O", None], text, minilm.tokenizer)
    assert [(each.text, each.label, each.start, each.end) for each in prediction.said] == [
        ("unbelievably", "LOC", 1, 6)
    ]
    assert prediction.top(1)[0][0] == "B-LOC"


def test_punctuation_is_no_part_of_a_word(minilm):
    text = "Ann Lee, met Bob."
    tags = [None, "B-PER", "I-PER", "O", "O", "B-PER", "O", None]
    assert [each.text for each in tagger(TAGS, tags, text, minilm.tokenizer).said] == ["Ann Lee", "Bob"]


def test_every_token_has_a_label():
    torch.manual_seed(3)
    network = hf.BertForTokenClassification(hf.BertConfig(**tiny.SMALL, num_labels=3))
    model = selfattn.Model.wrap(network, made.word_level(), "tagger")
    trace = selfattn.trace(model, "the cat sat", pad=2)
    assert trace.prediction.positions == (1, 2, 3)
    for position in (1, 2, 3):
        assert_close(trace.prediction.at(position).probabilities, logits(model, trace)[position].softmax(-1))
    tensors = selfattn.trace(model, dict(trace.inputs))
    assert (tensors.prediction, tensors.why_no_prediction[:7]) == (None, "Tensors")


def listener(tmp_path) -> hf.Wav2Vec2CTCTokenizer:
    (tmp_path / "vocab.json").write_text(json.dumps({letter: i for i, letter in enumerate(["_", "|", "A", "B", "C"])}))
    return hf.Wav2Vec2CTCTokenizer(
        str(tmp_path / "vocab.json"), pad_token="_", unk_token="C", bos_token=None, eos_token=None
    )


def collapsed(path: list[int], blank: int) -> list[int]:
    """Slowly: a label counts where it differs from the one before it, and is no blank."""
    return [label for i, label in enumerate(path) if label != blank and (i == 0 or path[i - 1] != label)]


def test_a_transcript_is_what_the_tokenizer_reads_in_the_best_path(tmp_path):
    tokenizer = listener(tmp_path)
    for seed in range(20):
        given = 3 * torch.randn(23, 5, generator=torch.Generator().manual_seed(seed))
        prediction = transcript(given, tokenizer, 0)
        path = given.argmax(-1).tolist()
        assert prediction.text == tokenizer.decode(path)
        letters = "".join("_ ABC"[label] for label in collapsed(path, 0))
        assert "".join(piece.text for piece in prediction.said) == letters
        for piece in prediction.said:
            own = set(path[piece.start : piece.end])
            assert len(own) == 1
            assert_close(piece.probability, given.softmax(-1)[piece.start : piece.end, own.pop()].mean())


def test_the_probability_of_a_transcript_is_of_all_its_paths(tmp_path):
    tokenizer, given = listener(tmp_path), random_logits(5, 5)
    rows = given.softmax(-1)
    totals: dict[str, float] = {}
    for path in itertools.product(range(5), repeat=5):
        name = "".join("_|ABC"[label] for label in collapsed(list(path), 0))
        totals[name] = totals.get(name, 0.0) + math.prod(rows[i, label].item() for i, label in enumerate(path))
    prediction = transcript(given, tokenizer, 0)
    ((name, probability),) = prediction.top()
    assert name == prediction.text
    heard = "".join("_|ABC"[label] for label in collapsed(given.argmax(-1).tolist(), 0))
    assert_close(probability, totals[heard])
    for other in ("AB", "A", "ABBA", "CAB"):
        assert_close(prediction.of(other), totals[other])
    assert_close(prediction.of("(nothing)"), totals[""])


def test_a_frame_has_its_own_labels(tmp_path):
    given = random_logits(7, 5)
    prediction = transcript(given, listener(tmp_path), 0)
    frame = prediction.at(4)
    assert frame.kind == "frame"
    assert_close(frame.probabilities, given[4].softmax(-1))
    assert {name for name, _ in frame.top()} == {"(blank)", "A", "B", "C", frame.name(1)}
    with pytest.raises(ValueError, match="a transcript is not read from one"):
        prediction.with_temperature(2.0)


def test_silence_is_a_transcript(tmp_path):
    given = torch.zeros(4, 5)
    given[:, 0] = 9.0
    prediction = transcript(given, listener(tmp_path), 0)
    assert (prediction.text, prediction.top()[0][0], prediction.said) == ("", "(nothing)", ())
    assert_close(prediction.top()[0][1], (math.exp(9) / (math.exp(9) + 4)) ** 4)


@pytest.mark.parametrize(
    ("name", "says", "reads", "writes"),
    [
        ("bert", "masked token", ("text", "pair"), False),
        ("gpt2", "next token", ("text",), True),
        ("t5", "next token", ("text",), True),
        ("whisper", "next token", ("sound",), True),
        ("xlnet", "token in any order", ("text",), False),
        ("vit", "class", ("picture",), False),
        ("wav2vec2", "transcript", ("sound",), False),
        ("ast", "class", ("sound",), False),
        ("clip_vision", None, ("picture",), False),
        ("clip_text", None, ("text", "pair"), False),
    ],
)
def test_a_class_says_what_it_is_for(name, says, reads, writes):
    assert task_of(tiny.network(name)) == Task(says, reads, writes, headless=says is None)


def test_a_classifier_of_pairs_is_known_by_its_labels():
    reads = [
        classifier(num_labels=2, id2label=dict(enumerate(names))).task.reads
        for names in (("bad", "good"), ("entailment", "neutral"))
    ]
    assert reads == [("text", "pair"), ("pair", "text")]


@pytest.mark.parametrize(
    ("make", "text", "said"),
    [
        (lambda: selfattn.Model.wrap(tiny.network("bert"), made.word_level()), "the cat", r"write \[MASK\] where"),
        (
            lambda: selfattn.Model.wrap(hf.BertModel(hf.BertConfig(**tiny.SMALL)), made.word_level()),
            "a cat",
            "has no head",
        ),
        (
            lambda: selfattn.Model.wrap(tiny.network("xlnet"), made.word_level()),
            "a cat",
            "XLNetLMHeadModel is no causal model",
        ),
    ],
)
def test_why_there_is_no_prediction(make, text, said):
    trace = selfattn.trace(make(), text)
    assert trace.prediction is None
    assert re.search(said, trace.why_no_prediction)


def test_a_tokenizer_without_a_mask():
    tokenizer = made.byte_level()
    model = selfattn.Model.wrap(hf.BertForMaskedLM(hf.BertConfig(**{**tiny.SMALL, "vocab_size": 300})), tokenizer)
    assert "no token for a mask" in selfattn.trace(model, "the cat").why_no_prediction


def test_the_output_of_a_model_without_a_head(minilm, bert):
    plain, edited = (selfattn.trace(minilm, "the cat sat", edits, pad=2) for edits in ((), [selfattn.Scale(None)]))
    with torch.inference_mode():
        assert_close(plain.output, minilm.network(**plain.inputs).last_hidden_state[0])
    found = moved(plain, edited)
    rows = [(a, b) for a, b in zip(plain.output.double(), edited.output.double(), strict=True)]
    assert_close(found.distance, [((b - a).norm() / a.norm()).item() for a, b in rows], within=1e-5)
    assert_close(found.cosine, [(a @ b / (a.norm() * b.norm())).item() for a, b in rows], within=1e-5)
    assert_close(found.mean, found.distance[:5].mean())
    assert found.mean > 0.1
    assert selfattn.trace(bert, "the cat").output is None
    with pytest.raises(ValueError, match="one model without a head, on the same input"):
        moved(plain, selfattn.trace(minilm, "the cat"))


def test_a_change_is_half_the_sum_of_what_moved():
    name = "abc".__getitem__
    before = Prediction("class", torch.tensor([0.5, 0.3, 0.2]), name, logits=torch.tensor([[0.5, 0.3, 0.2]]).log())
    after = Prediction("class", torch.tensor([0.1, 0.3, 0.6]), name, logits=torch.tensor([[0.1, 0.3, 0.6]]).log())
    assert_close([change(before, after).distance, change(before, after).first], [0.4, -0.4])
    assert_close([change(before, before).distance, change(before, before).first], 0.0)


def test_a_change_at_several_positions_is_their_mean(bert):
    text = "the [MASK] sat on a [MASK]"
    before, after = (selfattn.trace(bert, text, edits).prediction for edits in ((), [selfattn.Scale(None)]))
    alone = [change(before.at(position), after.at(position)) for position in (2, 6)]
    for position, found in zip((2, 6), alone, strict=True):
        p, q = before.at(position).probabilities, after.at(position).probabilities
        assert_close(found.distance, (p - q).abs().sum() / 2)
        assert_close(found.first, q[p.argmax()] - p.max())
    both = change(before, after)
    assert_close(both.distance, sum(each.distance for each in alone) / 2)
    assert_close(both.first, sum(each.first for each in alone) / 2)


def test_what_no_answer_has_is_one_more_answer():
    before, after = (Prediction("answer", torch.tensor(p), str) for p in ([0.5, 0.1], [0.2, 0.1]))
    assert_close(change(before, after).distance, 0.3)


def test_predictions_of_two_kinds_are_not_compared(bert):
    with pytest.raises(ValueError, match="cannot be compared"):
        change(Prediction("class", torch.ones(1), str), Prediction("answer", torch.ones(1), str))
