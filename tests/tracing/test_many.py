"""Many texts: each trace is that of the text alone, in order, however the texts are run."""

from itertools import count, islice

import pytest
import torch

import selfattn
from selfattn import Ablate, Chat, Cut, Mask, Model, Pair, Scale, Similarity, Temperature
from selfattn.maths.masks import causal, window
from selfattn.tracing import many
from tests.tools import made, tiny
from tests.tools.tolerance import assert_close

TEXTS = [
    "the cat sat",
    "the dog was not good on the mat = a film",
    "a",
    "the cat sat on the mat",
    "film film film film film film film film not not not not not",
    "a dog",
    "the [MASK] sat on a dog",
]
# One of each way to attend, to place and to hide.
WAYS = [
    *("bert", "roberta", "albert", "modernbert", "mpnet", "deberta_v2", "xlnet", "t5", "bart", "marian", "gpt2", "opt"),
    *("llama", "mistral", "gemma2", "gpt_oss", "mixtral", "bloom", "mpt", "falcon", "gpt_neo", "deepseek_v3"),
]
EDITS = {
    "temperature": [Temperature(2.5), Scale(None, layers={1}, heads={2})],
    "mask": [Mask(causal & window(4))],
    "cut": [Cut({(2, 1)}), Cut({(1, 0)}, renormalise=False)],
    "zero": [Ablate("zero", heads={1})],
    "mean": [Ablate("mean", layers={0})],
    "cosine": [Similarity("cosine")],
}


def wrapped(name: str) -> Model:
    return Model.wrap(tiny.network(name), made.word_level(), name)


def passes(model: Model) -> list[int]:
    """How many texts there were in each forward pass, from now on."""
    sizes: list[int] = []
    model.network.register_forward_pre_hook(
        lambda module, given, named: sizes.append(len(named["input_ids"])), with_kwargs=True
    )
    return sizes


def assert_same(found: selfattn.Trace, alone: selfattn.Trace) -> None:
    assert (found.given, found.tokens, found.edits) == (alone.given, alone.tokens, alone.edits)
    assert [(call.title, call.shape) for call in found.calls] == [(call.title, call.shape) for call in alone.calls]
    for call, own in zip(found.calls, alone.calls, strict=True):
        for head in range(call.heads):
            stages, other = call.stages(head), own.stages(head)
            assert torch.equal(stages.keep, other.keep)
            assert_close(stages.weights, other.weights, within=1e-5)
            assert_close(stages.context, other.context, within=1e-5 * max(1.0, other.context.abs().max().item()))
    assert found.exact
    assert [rows.tolist() for rows, _ in found.recorder.samples] == [
        rows.tolist() for rows, _ in alone.recorder.samples
    ]
    assert found.why_no_prediction == alone.why_no_prediction
    assert (found.prediction is None) is (alone.prediction is None)
    if alone.prediction is not None:
        assert_close(found.prediction.probabilities, alone.prediction.probabilities, within=1e-5)
        assert found.prediction.positions == alone.prediction.positions
    assert (found.output is None) is (alone.output is None)
    if alone.output is not None:
        assert_close(found.output, alone.output, within=1e-5 * max(1.0, alone.output.abs().max().item()))


@pytest.mark.parametrize("name", WAYS)
def test_padding_is_not_seen(name):
    model = wrapped(name)
    sizes = passes(model)
    found = list(selfattn.traces(model, TEXTS))
    # All together, and the shortest once more, alone.
    assert sizes == [len(TEXTS), 1]
    for trace, text in zip(found, TEXTS, strict=True):
        assert_same(trace, selfattn.trace(model, text))


@pytest.mark.parametrize("name", ["bert", "llama", "t5"])
@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS)
def test_edits_reach_each_text_as_they_reach_it_alone(name, edits):
    model = wrapped(name)
    texts = [text for text in TEXTS if len(text.split()) > 1]  # a cut names tokens that each of them has
    sizes = passes(model)
    found = list(selfattn.traces(model, texts, edits))
    assert sizes == [len(texts), 1]
    for trace, text in zip(found, texts, strict=True):
        assert_same(trace, selfattn.trace(model, text, edits))


def test_a_tokenizer_that_pads_on_the_left_makes_no_difference():
    model = wrapped("gpt2")
    model.tokenizer.padding_side = "left"
    for trace, text in zip(selfattn.traces(model, TEXTS), TEXTS, strict=True):
        assert_same(trace, selfattn.trace(model, text))


def test_a_tokenizer_that_gives_no_mask():
    model = wrapped("bert")
    model.tokenizer.model_input_names = ["input_ids"]
    sizes = passes(model)
    found = list(selfattn.traces(model, TEXTS))
    assert sizes == [len(TEXTS), 1]
    for trace, text in zip(found, TEXTS, strict=True):
        assert {*trace.inputs} == {"input_ids"}
        assert_same(trace, selfattn.trace(model, text))


@pytest.mark.parametrize("name", ["siglip_text", "funnel"])
def test_a_model_that_sees_the_padding_gets_one_text_at_a_time(name):
    model = wrapped(name)
    sizes = passes(model)
    found = list(selfattn.traces(model, TEXTS))
    assert sizes[0] == len(TEXTS)  # it was tried
    assert set(sizes[1:]) == {1}
    for trace, text in zip(found, TEXTS, strict=True):
        assert_same(trace, selfattn.trace(model, text))


def test_a_model_whose_texts_see_each_other_gets_one_at_a_time():
    model = wrapped("bert")
    norm = model.network.bert.embeddings.LayerNorm
    norm.register_forward_hook(lambda module, given, output: output - output.mean(0, keepdim=True) / 2)
    sizes = passes(model)
    for trace, text in zip(selfattn.traces(model, TEXTS), TEXTS, strict=True):
        assert_same(trace, selfattn.trace(model, text))
    assert sizes.count(1) > len(TEXTS)


def test_texts_of_another_kind_run_beside(bert):
    given = ["the cat sat", Pair("the cat", "a dog sat"), "a dog", {"input_ids": torch.tensor([[1, 5, 7, 2]])}, "the"]
    sizes = passes(bert)
    found = list(selfattn.traces(bert, given, Temperature(2.0)))
    assert max(sizes) == 4
    for trace, text in zip(found, given, strict=True):
        assert trace.given is text
        assert_same(trace, selfattn.trace(bert, text, Temperature(2.0)))


def test_pairs_that_are_compared_run_alone(minilm):
    given = [Pair("the cat", "a dog sat"), Pair("a film was good", "not a film")]
    for trace, pair in zip(selfattn.traces(minilm, given), given, strict=True):
        assert trace.prediction.kind == "similarity"
        assert_same(trace, selfattn.trace(minilm, pair))


def test_a_network_without_a_head_gives_its_output(minilm):
    for trace, text in zip(selfattn.traces(minilm, TEXTS[:4]), TEXTS, strict=False):
        assert_same(trace, selfattn.trace(minilm, text))


def test_texts_are_read_when_they_are_needed(bert, monkeypatch):
    monkeypatch.setattr(many, "AHEAD", 5)
    read = count()
    found = selfattn.traces(bert, (TEXTS[next(read) % len(TEXTS)] for _ in iter(int, 1)))
    assert [trace.text for trace in islice(found, 7)] == TEXTS
    assert next(read) == 10


def test_records_that_would_take_too_much_are_not_read_ahead(bert, monkeypatch):
    monkeypatch.setattr(many, "ROOM", 1)
    sizes = passes(bert)
    assert [trace.text for trace in selfattn.traces(bert, TEXTS)] == TEXTS
    assert set(sizes) == {1}


def test_a_trace_holds_nothing_of_the_others(bert):
    *_, trace = selfattn.traces(bert, TEXTS)
    mine = [each for call in trace.calls for each in (call.query, call.key, call.value, call.mask) if each is not None]
    mine += [used for _, used in trace.recorder.samples]
    assert all(each.untyped_storage().nbytes() == each.numel() * each.element_size() for each in mine)


def test_what_cannot_be_read_is_said_when_it_is_its_turn(bert):
    found = selfattn.traces(bert, ["the cat", " ", "a dog"])
    assert next(found).text == "the cat"
    with pytest.raises(ValueError, match="The text is empty"):
        next(found)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("the cat sat", "Traces are of a list of texts; got one, 'the cat sat': selfattn.trace is for one."),
        ([["the", "cat"]], "A trace follows one text; got a list of texts: `selfattn.traces` takes them"),
    ],
)
def test_what_is_no_list_of_texts(bert, given, said):
    with pytest.raises(ValueError, match=said):
        list(selfattn.traces(bert, given))


def test_an_edit_of_a_layer_that_is_not_there(bert):
    with pytest.raises(ValueError, match="Temperature names layer 9"):
        list(selfattn.traces(bert, TEXTS, Temperature(2.0, layers={9})))


def test_chats_and_nothing_at_all(bert):
    assert list(selfattn.traces(bert, [])) == []
    with pytest.raises(ValueError, match="chat template"):
        list(selfattn.traces(bert, [Chat("the cat")]))
