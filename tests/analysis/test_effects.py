"""Effects of silencing heads, against a slow definition: the output projection with a head's columns set to zero."""

import itertools
import math

import pytest
import torch
import transformers as hf

import selfattn
from selfattn import Ablate, Cut, Mask, Model, Temperature
from selfattn.analysis.interventions import edit_list, effects
from selfattn.analysis.interventions.effects import Effect, Measure
from selfattn.analysis.interventions.repeats import repeated
from selfattn.maths.masks import causal, custom
from selfattn.recording.edits import from_json, to_json
from selfattn.recording.means import Means
from selfattn.training.specimens import induction
from tests.tools import made, tiny
from tests.tools.tolerance import assert_close

TEXT = "The plot was dull, but the acting was not bad at all."


@pytest.fixture(scope="module")
def sentiment():
    return selfattn.load("sentiment")


@pytest.fixture(scope="module")
def headless():
    """A BERT that gives vectors, and says nothing."""
    return Model.wrap(tiny.network("bert").bert, made.word_level(), "headless")


@pytest.fixture(scope="module")
def copier():
    return selfattn.load("induction")


def silenced_by_hand(model, text, layer, head):
    """The probabilities where the output projection reads nothing from one head: no edit, no door."""
    projection = model.network.encoder.blocks[layer].attention.output
    width = model.attention().d_head

    def zero(_, arguments):
        given = arguments[0].clone()
        given[..., head * width : (head + 1) * width] = 0
        return (given, *arguments[1:])

    hook = projection.register_forward_pre_hook(zero)
    try:
        return model.network(**model.inputs(text)[1]).logits[0].detach().softmax(-1)
    finally:
        hook.remove()


def test_silencing_each_head_is_what_its_projection_loses(sentiment):
    measure = effects.on_text(lambda edits: selfattn.trace(sentiment, TEXT, edits))
    before = sentiment.network(**sentiment.inputs(TEXT)[1]).logits[0].detach().softmax(-1)
    answer = sentiment.network.config.id2label[int(before.argmax())]
    assert measure.name == f"probability of {answer!r}"
    found = dict(effects.silencing(measure, sentiment.attention()))
    assert list(found) == list(itertools.product(range(2), range(4)))
    for (layer, head), effect in found.items():
        after = silenced_by_hand(sentiment, TEXT, layer, head)
        assert_close(effect.before, before.max(), within=1e-6)
        assert_close(effect.after, after[before.argmax()], within=1e-5)
        assert_close(effect.moved, (after - before).abs().sum() / 2, within=1e-5)
    assert max(effect.moved for effect in found.values()) > 1e-3


def test_an_answer_is_named_and_two_are_the_difference_of_their_logits(sentiment):
    def run(edits):
        return selfattn.trace(sentiment, TEXT, edits)

    logits = [
        sentiment.network(**sentiment.inputs(TEXT)[1]).logits[0].detach(),
        silenced_by_hand(sentiment, TEXT, 1, 2).log(),
    ]
    labels = sentiment.network.config.id2label
    last = min(labels, key=lambda index: logits[0][index])
    first = max(labels, key=lambda index: logits[0][index])
    edit = (Ablate(layers={1}, heads={2}),)
    one, two, none = (effects.on_text(run, names) for names in ([labels[last]], [labels[last], labels[first]], []))
    assert one.name == f"probability of {labels[last]!r}"
    assert two.name == f"logit difference between {labels[last]!r} and {labels[first]!r}"
    before, after = (each.softmax(-1)[last].item() for each in logits)
    assert_close([one.effect(edit).before, one.effect(edit).after], [before, after], within=1e-5)
    before, after = ((each[last] - each[first]).item() for each in logits)
    found = two.effect(edit)
    assert_close([found.before, found.after, found.logit], [before, after, after - before], within=1e-4)
    assert none.effect(edit).moved == one.effect(edit).moved == found.moved
    own, other = (run(edits).prediction.logits[0, first].item() for edits in ((), edit))
    assert_close(none.effect(edit).logit, other - own, within=1e-5)


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        (["splendid"], r"'splendid' is no class of this model; it says '\w+', '\w+'"),
        (["positive", "positive"], "was named twice"),
        (["positive", "negative", "neutral"], "One answer is named, or two"),
    ],
)
def test_what_is_no_answer_is_refused(sentiment, answers, sentence):
    with pytest.raises(ValueError, match=sentence):
        effects.on_text(lambda edits: selfattn.trace(sentiment, TEXT, edits), answers)


def test_a_token_is_named_with_or_without_the_space_before_it(copier, headless):
    said = selfattn.trace(copier, "the cat sat on the mat because the cat sat on the").prediction
    for name in ("mat", "cat"):
        assert said.name(said.find(name)).strip() == name
    with pytest.raises(ValueError, match="no answer that could be named"):
        effects.on_text(lambda edits: selfattn.trace(headless, "the cat sat", edits), ["cat"])


def test_heads_that_are_done_are_stepped_over():
    asked = []
    measure = Measure("a number", "its change", lambda edits: asked.append(edits) or Effect(0.0, 1.0, 1.0))
    attention = selfattn.load("sentiment").attention()
    steps = effects.silencing(measure, attention, "mean", done=[(0, 0), (1, 2)])
    assert next(steps)[0] == (0, 1)
    assert len(asked) == 1, "one head at a time: a page shows each, and may stop"
    assert len(list(steps)) == 5
    assert asked[0] == (Ablate("mean", layers={0}, heads={1}, part="encoder", kind="self"),)


def test_a_model_without_a_head_is_measured_by_its_output(headless):
    text = "the cat sat on the mat"
    measure = effects.on_text(lambda edits: selfattn.trace(headless, text, edits))
    effect = measure.effect((Ablate(layers={1}),))
    with torch.no_grad():
        before = headless.network(**headless.inputs(text)[1]).last_hidden_state[0]
        hook = headless.network.encoder.layer[1].attention.output.dense.register_forward_pre_hook(
            lambda _, arguments: (torch.zeros_like(arguments[0]),)
        )
        after = headless.network(**headless.inputs(text)[1]).last_hidden_state[0]
        hook.remove()
    slow = sum(((a - b).norm() / b.norm()).item() for a, b in zip(after, before, strict=True)) / len(before)
    assert effect.before == 0.0
    assert_close(effect.after, slow, within=1e-5)
    assert effect.after > 0.01


def scorer():
    torch.manual_seed(4)
    network = hf.BertForSequenceClassification(hf.BertConfig(**tiny.SMALL, num_labels=1))
    return selfattn.Model.wrap(network, made.word_level(), "scorer")


def test_a_model_that_gives_a_number_is_measured_by_it():
    model, text, edit = scorer(), "the cat sat on the mat", Ablate(layers={1})
    measure = effects.on_text(lambda edits: selfattn.trace(model, text, edits))
    with torch.no_grad():
        before = model.network(**model.inputs(text)[1]).logits.item()
        hook = model.network.bert.encoder.layer[1].attention.output.dense.register_forward_pre_hook(
            lambda _, arguments: (torch.zeros_like(arguments[0]),)
        )
        after = model.network(**model.inputs(text)[1]).logits.item()
        hook.remove()
    effect = measure.effect((edit,))
    assert measure.name == "score"
    assert_close([effect.before, effect.after, effect.moved], [before, after, abs(after - before)], within=1e-6)
    with pytest.raises(ValueError, match="scorer gives no answer that could be named; it is measured by its score"):
        effects.on_text(lambda edits: selfattn.trace(model, text, edits), ["good"])


def test_silence_and_silenced_are_each_others_inverse(sentiment):
    attention = sentiment.attention()
    heads = {(0, 2), (1, 0), (1, 3)}
    edits = effects.silence(heads, attention, "mean")
    assert len(edits) == 2
    assert effects.silenced(edits, attention) == heads
    assert effects.silenced((*edits, Temperature(2.0)), attention) == heads
    assert effects.silenced((Ablate(heads={1}),), attention) == {(0, 1), (1, 1)}
    assert effects.silenced((Ablate(part="decoder"),), attention) == set()


def test_random_sets_are_all_there_are_or_as_many_different_ones():
    heads = list(itertools.product(range(5), range(7)))
    generator = torch.Generator().manual_seed(3)
    sets = effects.random_sets(heads, 3, 20, generator)
    assert len(set(sets)) == 20
    assert all(len(each) == 3 and each <= set(heads) for each in sets)
    assert sets == effects.random_sets(heads, 3, 20, torch.Generator().manual_seed(3))
    assert sets != effects.random_sets(heads, 3, 20, torch.Generator().manual_seed(4))
    assert set(effects.random_sets(heads[:7], 1, 20, generator)) == {frozenset([head]) for head in heads[:7]}
    assert len(effects.random_sets(heads[:6], 3, 20, generator)) == math.comb(6, 3)


def test_the_control_leaves_out_what_is_chosen_and_refuses_what_is_too_much(sentiment):
    attention, generator = sentiment.attention(), torch.Generator().manual_seed(0)
    chosen = {(0, 1), (1, 1), (1, 2)}
    sets = effects.control_sets(attention, chosen, generator, draws=7)
    assert len(sets) == 7
    assert not any(each & chosen for each in sets)
    with pytest.raises(ValueError, match="5 of 8 heads"):
        effects.control_sets(attention, list(effects.places(attention))[:5], generator)


def test_a_spread_by_hand():
    found = effects.spread(Effect(1.0, after, 0.0) for after in (0.9, 0.7, 0.2))
    assert found.draws == 3
    assert_close(found.mean, -0.4, within=1e-12)
    assert_close(found.deviation, math.sqrt((0.3**2 + 0.1**2 + 0.4**2) / 2), within=1e-12)
    assert effects.spread([Effect(1.0, 0.5, 0.5)]).deviation == 0.0


def test_repeats_come_again():
    ids = repeated(3, 7, torch.Generator().manual_seed(1), vocabulary=11, prefix=2, gap=5)
    assert ids.shape == (3, 21)
    assert torch.equal(ids[:, 2:9], ids[:, 14:])
    assert ids.min() >= 1
    assert ids.max() < 11


def test_what_silencing_does_to_copying(copier):
    """Without the head that looks most like induction, or the one that marks the previous token, copying is gone.

    Three others look nearly as much like it, and the model does not need them: a score says what a head looks at,
    only silencing it tells whether that is used.
    """
    attention = copier.attention()
    scores = induction.measure(copier.network, 32, torch.Generator().manual_seed(1), 8)
    measure = effects.on_repeats(copier, torch.Generator().manual_seed(0))
    found = dict(effects.silencing(measure, attention))
    assert_close(found[0, 0].before, 1.0, within=0.01)

    best = divmod(int(scores.induction.argmax()), attention.heads)
    control = effects.spread(effects.control(measure, attention, [best], torch.Generator().manual_seed(0)))
    assert control.draws == 7
    assert_close(control.mean, sum(e.change for at, e in found.items() if at != best) / 7, within=1e-9)
    assert found[best].change < -0.9
    assert found[best].change < control.mean - 1.5 * control.deviation

    previous = divmod(int(scores.previous_token.argmax()), attention.heads)
    others = [found[place].change for place in found if place not in (best, previous)]
    assert found[previous].change < -0.9
    assert found[best].change < 1.5 * min(others)
    alike = [place for place in effects.places(attention) if scores.induction[place] > 0.6 and place != best]
    assert len(alike) == 3
    assert measure.effect(effects.silence(alike, attention)).change == 0.0


def test_rows_that_a_cut_leaves_empty_are_named(sentiment):
    tokens = len(sentiment.inputs(TEXT)[0])
    row = frozenset((3, key) for key in range(tokens))
    before = selfattn.trace(sentiment, TEXT)
    for renormalise in (True, False):
        after = selfattn.trace(sentiment, TEXT, [Cut(row, renormalise, layers={1}, heads={2})])
        ((call, head, query),) = effects.emptied(before, after)
        assert (call.layer, head, query) == (1, 2, 3)
        assert not after.stages(1, 2).context[3].any()
    some = selfattn.trace(sentiment, TEXT, [Cut(row - {(3, 5)})])
    assert effects.emptied(before, some) == []
    diagonal = selfattn.trace(sentiment, TEXT, [Mask(causal & ~custom([(0, 0)]), layers={0})])
    assert [(head, query) for _, head, query in effects.emptied(before, diagonal)] == [(head, 0) for head in range(4)]


def test_a_list_of_edits_click_by_click(sentiment):
    attention, attentions = sentiment.attention(), sentiment.attentions
    edits = edit_list.with_silenced((Temperature(2.0),), attentions, attention, {(0, 1), (1, 3)}, "zero")
    assert edits[0] == Temperature(2.0)
    assert effects.silenced(edits, attention) == {(0, 1), (1, 3)}
    assert edit_list.with_silenced(edits, attentions, attention, (), "zero") == (Temperature(2.0),)

    shown, everywhere = [(0, 1)], Cut(frozenset())
    one = edit_list.toggled((), frozenset({(2, 3)}), shown, attention, everywhere)
    two = edit_list.toggled(one, frozenset({(4, 3)}), shown, attention, everywhere)
    assert two == (Cut({(2, 3), (4, 3)}),)
    assert edit_list.toggled(two, frozenset({(2, 3)}), shown, attention, everywhere) == (Cut({(4, 3)}),)
    assert edit_list.toggled(one, frozenset({(2, 3)}), shown, attention, everywhere) == ()
    # What reaches what is shown is healed, wherever it was cut; what does not stays.
    both = (Cut({(2, 3)}, layers={0}), Cut({(2, 3)}, layers={1}))
    assert edit_list.toggled(both, frozenset({(2, 3)}), shown, attention, everywhere) == both[1:]
    assert edit_list.cut_pairs(both, [(1, 0)], attention) == {(2, 3)}
    assert from_json(to_json(two)) == two


WORDS = [
    (Temperature(2.0, layers={1}), "Temperature 2 in layer 1"),
    (Temperature(0.5, heads={1, 0}), "Temperature 0.5 in heads 0, 1 of every layer"),
    (selfattn.Scale(None), "No scaling in all heads"),
    (selfattn.Scale(0.25), "Scale 0.25 in all heads"),
    (selfattn.Similarity("cosine", layers={0, 1}), "Similarity cosine in layers 0, 1"),
    (Mask(causal, replace=True), "Mask causal in place of the model’s own in all heads"),
    (Ablate(layers={0}, heads={2, 3}), "Silence heads 2, 3 of layer 0 (zeros)"),
    (Ablate("mean"), "Silence all heads (its mean)"),
    (Ablate(Means("0123456789ab", 48), layers={1}), "Silence layer 1 (the mean over 48 texts)"),
    (Cut({(0, 1)}, layers={1}, heads={2}), "Cut “a” → “b” in head 2 of layer 1"),
    (Cut({(0, 1)}, renormalise=False), "Cut “a” → “b” after the softmax in all heads"),
    (Cut({(q, 1) for q in (0, 2, 3, 4)}), "Hide “b” from 4 others in all heads"),
    (Cut({(9, 1)}), "Cut token 9 → “b” in all heads"),
]


@pytest.mark.parametrize(("edit", "sentence"), WORDS)
def test_every_edit_is_said_in_words(edit, sentence):
    assert edit_list.in_words(edit, "abcde", "abcde") == sentence
