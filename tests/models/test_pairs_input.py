"""Two texts in one input: whose each token is, answers cut from a passage, and how alike two texts are."""

import copy
import itertools

import pytest
import torch
import transformers as hf

import selfattn
from selfattn import Ablate, Cut, Mask, Model, Scale, Similarity, Temperature
from selfattn.canvas.one_head.head import head_payload
from selfattn.maths.masks import causal, custom, global_tokens, window
from selfattn.models.answers.changes import change
from selfattn.models.answers.pooling import pooling_of
from selfattn.models.answers.spans import answer
from selfattn.models.inputs.given import Pair
from selfattn.models.inputs.tokens import encode
from tests.tools import made, slow, tiny
from tests.tools.tolerance import assert_close

PAIR = Pair("Who  sat?", "the cat sat on the mat, the dog was not good")


@pytest.fixture(scope="module")
def answers(minilm):
    torch.manual_seed(3)
    config = hf.BertConfig(**{**tiny.SMALL, "vocab_size": 30_522})
    network = hf.BertForQuestionAnswering(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(8 if parameter.dim() > 1 else 1)
    return Model.wrap(network, minilm.tokenizer, "answers")


def test_each_token_knows_its_text_and_its_place_in_it(minilm):
    tokens, tensors = encode(minilm.tokenizer, PAIR)
    assert tensors["input_ids"].tolist() == [minilm.tokenizer(PAIR.first, PAIR.second)["input_ids"]]
    assert tokens.text[:7] == ("[CLS]", "Who", "sat", "?", "[SEP]", "the", "cat")
    assert tokens.segments == (None, 0, 0, 0, None, *[1] * 12, None)
    assert tokens.words == (None, 0, 1, 1, None, 2, 3, 4, 5, 6, 7, 7, 8, 9, 10, 11, 12, None)
    texts = (PAIR.first, PAIR.second)
    for text, segment, (start, end) in zip(tokens.text, tokens.segments, tokens.offsets, strict=True):
        assert (start, end) == (0, 0) if segment is None else texts[segment][start:end] == text


def test_the_browser_gets_the_two_texts_as_two_sentences(answers):
    trace = selfattn.trace(answers, PAIR, pad=2)
    _, planes = head_payload(trace, trace.calls[0], 0)
    assert planes["key_segments"].tolist() == [0] * 5 + [1] * 15
    # Byte pairs have no separator that could tell the two apart.
    network = hf.GPT2ForSequenceClassification(hf.GPT2Config(**{**tiny.GPT, "vocab_size": 300, "pad_token_id": 0}))
    trace = selfattn.trace(Model.wrap(network, made.byte_level()), Pair("the cat", "the mat"))
    _, planes = head_payload(trace, trace.calls[0], 0)
    assert planes["key_segments"].tolist() == [segment or 0 for segment in trace.tokens.segments]
    assert 1 in planes["key_segments"]


def brute_force(trace, start, end):
    """Every span of the passage up to 30 tokens, and [CLS], one by one."""
    places = [0, *(i for i, segment in enumerate(trace.tokens.segments) if segment == 1)]
    total = [sum(side[i].exp().item() for i in places) for side in (start, end)]
    spans = {}
    for i, j in itertools.product(places, places):
        if i == j == 0 or (i and j and i <= j < i + 30):
            text = PAIR.second[trace.tokens.offsets[i][0] : trace.tokens.offsets[j][1]] if i else "(no answer)"
            spans[i, j] = (text, start[i].exp().item() / total[0] * end[j].exp().item() / total[1])
    return spans


def test_answers_are_every_span_of_the_passage(answers):
    trace = selfattn.trace(answers, PAIR)
    with torch.inference_mode():
        output = answers.network(**trace.inputs)
    spans = brute_force(trace, output.start_logits[0], output.end_logits[0])
    assert trace.prediction.kind == "answer"
    assert len(trace.prediction.probabilities) == len(spans) == 1 + 12 * 13 // 2
    best = sorted(spans.values(), key=lambda span: -span[1])
    for (name, probability), (text, expected) in zip(trace.prediction.top(9), best, strict=False):
        assert name == text
        assert_close(probability, expected)
    (i, j), (text, probability) = max(spans.items(), key=lambda item: item[1][1] if item[0] != (0, 0) else 0)
    if best[0][0] != "(no answer)":
        (said,) = trace.prediction.said
        assert (said.text, said.start, said.end) == (text, i, j + 1)
        assert_close(said.probability, probability)
    assert trace.prediction.of(text) == pytest.approx(probability, abs=1e-6)


def test_no_answer_is_longer_than_thirty_tokens(answers):
    trace = selfattn.trace(answers, Pair("Who?", "cat " * 40))
    assert len(trace.prediction.probabilities) == 1 + sum(min(30, 40 - i) for i in range(40))


def test_what_is_said_of_the_longest_answer_is_what_was_done(answers, monkeypatch):
    monkeypatch.setattr("selfattn.models.answers.spans.LONGEST", 2)
    prediction = selfattn.trace(answers, Pair("Who?", "cat " * 40)).prediction
    assert len(prediction.probabilities) == 1 + 40 + 39
    assert prediction.note.endswith("spans of up to 2 tokens")


def test_no_answer_is_one_of_the_answers(answers):
    trace = selfattn.trace(answers, PAIR)
    start = torch.full((len(trace.tokens),), -9.0)
    start[0] = 9.0
    prediction = answer(start, start, trace.tokens, PAIR.second, answers.tokenizer.cls_token_id)
    assert prediction.top(1)[0][0] == "(no answer)"
    assert prediction.said == ()
    without = answer(start, start, trace.tokens, PAIR.second, None)
    assert "(no answer)" not in dict(without.top(100))


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("gpt2", PAIR, "gpt2 reads one text; got a pair of texts"),
        ("t5", PAIR, "t5 reads one text; got a pair of texts"),
        ("bert", {"input_ids": torch.ones(2, 3)}, "got a batch of 2"),
        ("bert", Pair("the cat", " "), "The text is empty"),
        ("bert", Pair("", "the cat"), "The text is empty"),
        ("bert", "the cat " * 300, "has positions for 512; shorten it by"),
    ],
)
def test_what_a_model_does_not_read(name, given, said):
    with pytest.raises(ValueError, match=said):
        selfattn.trace(Model.wrap(tiny.network(name), made.word_level(), name), given)


def test_one_text_for_a_model_that_answers_from_another(answers):
    with pytest.raises(ValueError, match="answers reads a pair of texts; got one text"):
        selfattn.trace(answers, "who sat?")


def test_two_texts_are_compared_by_the_cosine_of_their_means(minilm):
    pair = Pair("A man is eating food.", "A man is eating a piece of bread.")
    trace = selfattn.trace(minilm, pair)
    vectors = []
    for text in (pair.first, pair.second):
        inputs = minilm.tokenizer([text, "word " * 30], padding=True, return_tensors="pt")
        with torch.inference_mode():
            output = minilm.network(**inputs).last_hidden_state[0]
        real = int(inputs["attention_mask"][0].sum())
        vectors.append(output[:real].sum(0) / real)
    dot = (vectors[0] * vectors[1]).sum() / (vectors[0].norm() * vectors[1].norm())
    prediction = trace.prediction
    assert (prediction.kind, prediction.unit) == ("similarity", "cosine")
    assert prediction.note == "cosine of the mean of each text's tokens in the last layer"
    ((name, cosine),) = prediction.top()
    assert name == "cosine"
    assert_close(cosine, dot, within=1e-5)
    assert cosine > 0.7
    assert trace.tokens.text == selfattn.trace(minilm, pair.first).tokens.text
    assert len(trace.calls) == 6


def test_padding_does_not_move_a_similarity(minilm):
    pair = Pair("the cat", "a dog")
    assert_close(
        selfattn.trace(minilm, pair, pad=4).prediction.probabilities,
        selfattn.trace(minilm, pair).prediction.probabilities,
        within=1e-5,
    )


def test_both_texts_run_under_the_edits(minilm):
    edits = [Ablate("zero", layers={1, 2, 3})]
    same = selfattn.trace(minilm, Pair("the cat sat", "the cat sat"), edits).prediction
    assert_close(same.probabilities, 1.0, within=1e-5)
    plain, edited = (selfattn.trace(minilm, Pair("the cat sat", "a good film"), e).prediction for e in ((), edits))
    found = change(plain, edited)
    assert found.distance is None
    assert_close(found.first, edited.top()[0][1] - plain.top()[0][1])
    assert abs(found.first) > 0.01


SOFA = Pair("The dog is on the sofa.", "A small dog lies on a red couch.")
IS = {(query, 3) for query in range(9) if query != 3}


@pytest.mark.parametrize(
    ("edits", "of_the_second"),
    [
        ([Cut(IS)], []),
        ([Cut(IS, renormalise=False, layers={2})], []),
        ([Mask(~custom(IS))], []),
        ([Mask(causal & (window(3) | ~custom(IS)), replace=True)], []),
        ([Mask(window(2) | global_tokens([5]))], []),
        ([Cut({(1, 10)})], []),  # a position that the second text alone has
        ([Mask(causal & window(4)), Cut(IS), Temperature(2.0)], [Mask(causal & window(4)), Temperature(2.0)]),
        (
            [Similarity("cosine"), Scale(3.0), Ablate(layers={4})],
            [Similarity("cosine"), Scale(3.0), Ablate(layers={4})],
        ),
    ],
    ids=lambda edits: " ".join(type(edit).__name__ for edit in edits) or "nothing",
)
def test_positions_are_those_of_the_first_text(minilm, edits, of_the_second):
    """Against the vectors of two runs of one text each, by a slow loop in place of the model's attention."""
    vectors = [
        slow.run(copy.deepcopy(minilm.network), minilm.inputs(text)[1], under)[0].mean(0)
        for text, under in ((SOFA.first, edits), (SOFA.second, of_the_second))
    ]
    cosine = vectors[0] @ vectors[1] / (vectors[0].norm() * vectors[1].norm())
    trace = selfattn.trace(minilm, SOFA, edits)
    assert_close(trace.prediction.probabilities[0], cosine, within=1e-5)
    assert torch.equal(trace.output, selfattn.trace(minilm, SOFA.first, edits).output)


def test_hiding_a_word_of_the_first_text_alone_is_no_edit_of_the_second(minilm):
    edits = [Cut(IS)]
    hidden, plain = (selfattn.trace(minilm, SOFA.first, each).output.mean(0) for each in (edits, ()))
    other = selfattn.trace(minilm, SOFA.second).output.mean(0)
    cosines = [torch.cosine_similarity(each, other, dim=0) for each in (hidden, plain)]
    both = [selfattn.trace(minilm, SOFA, each).prediction.probabilities[0] for each in (edits, ())]
    assert_close(both[0] - both[1], cosines[0] - cosines[1], within=1e-6)
    assert abs(cosines[0] - cosines[1]) > 1e-3


@pytest.mark.parametrize(
    ("file", "pooling"),
    [
        ('{"pooling_mode_cls_token": true}', "cls"),
        ('{"pooling_mode": "cls"}', "cls"),
        ('{"pooling_mode_mean_tokens": true}', "mean"),
        ('{"pooling_mode_lasttoken": true, "pooling_mode_mean_tokens": false}', "lasttoken"),
        ('{"pooling_mode_mean_sqrt_len_tokens": true}', "mean_sqrt_len_tokens"),
        ('{"pooling_mode_max_tokens": true, "pooling_mode_cls_token": true}', "cls+max"),
        ('{"pooling_mode": ["weightedmean", "cls"]}', "weightedmean+cls"),
        ('{"pooling_mode": "of tomorrow"}', "mean"),
        ('{"pooling_mode": [["cls"]]}', "mean"),
        ("[1]", "mean"),
        ("{", "mean"),
        (None, "mean"),
    ],
)
def test_how_a_folder_says_its_texts_are_pooled(tmp_path, file, pooling):
    if file is not None:
        (tmp_path / "1_Pooling").mkdir()
        (tmp_path / "1_Pooling" / "config.json").write_text(file)
    assert pooling_of(tmp_path) == pooling


def test_a_model_pooled_by_its_first_token(tmp_path):
    folder = made.folder(tmp_path / "bert", "clip_text", made.word_level())
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    model = selfattn.load(folder)
    pair = Pair("the cat", "a dog sat")
    first, second = (selfattn.trace(model, text).output[0] for text in (pair.first, pair.second))
    trace = selfattn.trace(model, pair)
    assert_close(trace.prediction.probabilities[0], first @ second / (first.norm() * second.norm()), within=1e-5)
    assert "first token" in trace.prediction.note
