"""Activation patching, against a hook that swaps what an output projection reads: no edit, no door."""

import pytest
import torch
import transformers as hf

import selfattn
from selfattn import Model
from selfattn.analysis.interventions.patching import Recovery, contexts, patching
from tests.tools import made, tiny
from tests.tools.tolerance import assert_close

CLEAN, CORRUPT = "The film was good and short.", "The film was dull and short."
OTHER = "The film was dull and long."


@pytest.fixture(scope="module")
def sentiment():
    return selfattn.load("sentiment")


@pytest.fixture(scope="module")
def headless():
    """A BERT that gives vectors, and says nothing."""
    return Model.wrap(tiny.network("bert").bert, made.word_level(), "headless")


@pytest.fixture(scope="module")
def clean(sentiment):
    return selfattn.trace(sentiment, CLEAN)


@pytest.fixture(scope="module")
def corrupt(sentiment):
    return selfattn.trace(sentiment, CORRUPT)


def patched(model, given):
    return selfattn.trace(model, CORRUPT, contexts=given)


def swapped_by_hand(model, layer, heads):
    """The logits of the corrupt text where the projection of a layer reads these heads from the clean one's run."""
    projection, width, kept = model.network.encoder.blocks[layer].attention.output, model.attention().d_head, []

    def keep(_, arguments):
        kept.append(arguments[0].clone())

    def swap(_, arguments):
        given = arguments[0].clone()
        for head in heads:
            columns = slice(head * width, (head + 1) * width)
            given[..., columns] = kept[0][..., columns]
        return (given, *arguments[1:])

    for text, act in ((CLEAN, keep), (CORRUPT, swap)):
        hook = projection.register_forward_pre_hook(act)
        with torch.no_grad():
            logits = model.network(**model.inputs(text)[1]).logits[0]
        hook.remove()
    return logits


def test_each_head_recovers_what_the_swap_by_hand_does(sentiment, clean, corrupt):
    attention = sentiment.attention()
    recovery = Recovery.of(clean, corrupt)
    with torch.no_grad():
        runs = [sentiment.network(**sentiment.inputs(text)[1]).logits[0] for text in (CLEAN, CORRUPT)]
    first, second = (int(run.argmax()) for run in runs)
    assert recovery.answers == ("positive", "negative")
    numbers = [(run[first] - run[second]).item() for run in runs]
    assert_close([recovery.clean, recovery.corrupt], numbers, within=1e-3)
    found = dict(patching(recovery, attention, clean, lambda given: patched(sentiment, given)))
    assert len(found) == 2 * (4 + 1)
    for (layer, head), share in found.items():
        logits = swapped_by_hand(sentiment, layer, range(4) if head is None else [head])
        number = (logits[first] - logits[second]).item()
        assert_close(share, (number - numbers[1]) / (numbers[0] - numbers[1]), within=1e-3)
    assert max(map(abs, found.values())) > 0.05


def test_a_text_patched_with_itself_is_itself(sentiment, corrupt):
    places = [(layer, head) for layer in range(2) for head in range(4)]
    own = contexts(corrupt, sentiment.attention(), places)
    again = patched(sentiment, own)
    assert_close(again.prediction.probabilities, corrupt.prediction.probabilities, within=1e-5)
    assert again.fidelity == 0.0, "no head was left to compare with its recomputation"


def test_the_ends_of_the_way_are_0_and_1(clean, corrupt):
    for name in ("logit difference", "probability"):
        recovery = Recovery.of(clean, corrupt, name)
        assert_close(recovery.share(clean), 1.0, within=1e-9)
        assert_close(recovery.share(corrupt), 0.0, within=1e-9)


def test_done_places_are_stepped_over(sentiment, clean, corrupt):
    asked = []
    recovery = Recovery.of(clean, corrupt)
    steps = patching(
        recovery, sentiment.attention(), clean, lambda given: asked.append(set(given)) or clean, done=[(0, 0)]
    )
    assert next(steps) == ((0, 1), 1.0)
    assert asked == [{(0, 1)}]
    assert [place for place, _ in steps][-1] == (1, None)
    assert asked[-1] == {(1, head) for head in range(4)}


def test_a_model_without_a_head_recovers_its_output(headless):
    texts = "the cat sat on the mat", "the dog sat on a mat"
    clean, corrupt = (selfattn.trace(headless, text) for text in texts)
    recovery = Recovery.of(clean, corrupt, "probability")
    assert (recovery.name, recovery.answers, recovery.clean) == ("distance of the output", None, 0.0)
    halfway = selfattn.trace(headless, texts[1], contexts=contexts(clean, headless.attention(), [(1, 0), (1, 1)]))
    distances = [
        ((run.output - clean.output).norm(dim=-1) / clean.output.norm(dim=-1)).mean() for run in (corrupt, halfway)
    ]
    assert_close(recovery.share(halfway), 1 - distances[1] / distances[0], within=1e-5)


def test_a_model_that_gives_a_number_recovers_it():
    torch.manual_seed(9)
    network = hf.BertForSequenceClassification(hf.BertConfig(**tiny.SMALL, num_labels=1, initializer_range=0.5))
    model = Model.wrap(network, made.word_level(), "scorer")
    clean, corrupt = (selfattn.trace(model, text) for text in ("the cat sat on the mat", "the dog sat on a mat"))
    recovery = Recovery.of(clean, corrupt)
    numbers = [model.network(**each.inputs).logits.item() for each in (clean, corrupt)]
    assert (recovery.name, recovery.answers) == ("score", None)
    assert_close([recovery.clean, recovery.corrupt], numbers, within=1e-6)
    assert_close([recovery.share(corrupt), recovery.share(clean)], [0.0, 1.0], within=1e-6)


def test_what_cannot_be_compared_is_refused_with_its_numbers(sentiment, clean, corrupt):
    longer = selfattn.trace(sentiment, CLEAN + " Really.")
    with pytest.raises(ValueError, match=r"have \d+ and \d+ tokens.*as many"):
        Recovery.of(longer, corrupt)
    same = selfattn.trace(sentiment, OTHER)
    with pytest.raises(ValueError, match=r"'negative', so no logits differ.*another answer"):
        Recovery.of(same, corrupt)
    with pytest.raises(ValueError, match=r"less than 0.02 apart.*tells apart"):
        Recovery.of(same, corrupt, "probability")
    with pytest.raises(ValueError, match="Both answers are 'negative'"):
        Recovery.of(clean, corrupt, answers=["negative"])


def test_the_answers_are_those_that_are_named(sentiment, clean, corrupt):
    named = Recovery.of(clean, corrupt, answers=["negative", "positive"])
    logits = [trace.prediction.logits[0] for trace in (clean, corrupt)]
    labels = sentiment.network.config.label2id
    expected = [float(each[labels["negative"]] - each[labels["positive"]]) for each in logits]
    assert named.answers == ("negative", "positive")
    assert_close([named.clean, named.corrupt], expected, within=1e-6)
    one = Recovery.of(clean, corrupt, "probability", ["negative"])
    assert_close(one.clean, clean.prediction.of("negative"), within=1e-6)
    assert one.answers[0] == "negative"
