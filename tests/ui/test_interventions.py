"""What the page of interventions gives away: Python that prints the same numbers, and sentences with their control."""

import contextlib
import io
import re

import pytest

import selfattn
from selfattn import Ablate, Cut, Mask, Pair, Temperature
from selfattn.analysis.interventions import effects
from selfattn.analysis.interventions.edit_list import pairs_of
from selfattn.analysis.interventions.effects import Effect, Spread
from selfattn.exports import python
from selfattn.figures import interventions as figures
from selfattn.maths.masks import causal
from selfattn.models.loading.library import Choice
from selfattn.recording.edits import from_json, to_json
from selfattn.recording.means import Means
from selfattn.ui.shell.examples import EXAMPLES
from tests.tools.app import app
from tests.tools.tolerance import assert_close
from tests.ui.test_links import link, opened, shown

TEXT = "The film was not good."
EDITS = (Ablate(layers={1}, heads={0, 2}), Cut({(0, 4)}), Mask(causal), Temperature(2.0, layers={0}))


def printed(code: str) -> str:
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard):
        exec(code, {})
    return heard.getvalue()


def numbers(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"=(-?\d+\.?\d*(?:e-?\d+)?)", line)]


def test_the_python_prints_the_numbers_on_screen():
    model = selfattn.load("sentiment")
    attention = model.attention()
    code = python.experiment(Choice("sentiment"), TEXT, attention, EDITS, "zero", effects.THIS_TEXT)
    whole, silenced, control, *heads = printed(code).splitlines()
    measure = effects.on_text(lambda edits: selfattn.trace(model, TEXT, edits))
    assert whole.startswith(measure.name)
    expected = measure.effect(EDITS)
    assert_close(numbers(whole), [expected.before, expected.after, expected.moved, expected.logit], within=1e-6)
    assert abs(expected.change) > 0.01
    expected = measure.effect(effects.silence([(1, 0), (1, 2)], attention))
    assert_close(numbers(silenced), [expected.before, expected.after, expected.moved, expected.logit], within=1e-6)
    assert numbers(control)[2] == 15, "all pairs of the six other heads"
    assert len(heads) == 8
    expected = measure.effect((Ablate(layers={1}, heads={3}),))
    assert heads[-1].startswith("(1, 3)")
    assert_close(numbers(heads[-1]), [expected.before, expected.after, expected.moved, expected.logit], within=1e-6)


def test_the_python_on_random_tokens_runs():
    attention = selfattn.load("induction").attention()
    code = python.experiment(Choice("induction"), "one two", attention, (), "mean", effects.REPEATS)
    whole, *heads = printed(code).splitlines()
    before, after, moved = numbers(whole)  # and no logit
    assert before == after > 0.98
    assert moved == 0.0
    assert len(heads) == 8


def test_the_python_of_named_answers_and_means_over_texts_runs():
    model, over = selfattn.load("sentiment"), Means.named([TEXT, "A dull film."])
    code = python.experiment(
        Choice("sentiment"), TEXT, model.attention(), (), over, effects.THIS_TEXT, answers=("negative", "positive")
    )
    whole, *heads = printed(code).splitlines()
    assert whole.startswith("logit difference between 'negative' and 'positive'")
    measure = effects.on_text(lambda edits: selfattn.trace(model, TEXT, edits), ("negative", "positive"))
    expected = measure.effect((Ablate(selfattn.means(model, over.texts), layers={1}, heads={3}),))
    assert_close(numbers(heads[-1]), [expected.before, expected.after, expected.moved, expected.logit], within=1e-6)


def test_the_python_of_two_texts_runs():
    attention = selfattn.load("pairs").attention()
    pair = Pair("the cat's", "a dog")
    whole, *_ = printed(
        python.experiment(Choice("pairs"), pair, attention, EDITS, "zero", effects.THIS_TEXT)
    ).splitlines()
    measure = effects.on_text(lambda edits: selfattn.trace(selfattn.load("pairs"), pair, edits))
    assert_close(numbers(whole)[:2], [measure.effect(EDITS).before, measure.effect(EDITS).after], within=1e-6)


def test_the_python_of_patching_runs():
    attention = selfattn.load("sentiment").attention()
    texts = "The film was dull and short.", "The film was good and short."
    code = python.patching(Choice("sentiment"), *texts, attention, "probability")
    lines = printed(code).splitlines()
    assert len(lines) == 10
    assert lines[-1].startswith("(1, None)")
    code = python.patching(Choice("sentiment"), *texts, attention, "logit difference", answers=["negative", "positive"])
    assert "Recovery.of(clean, corrupt, 'logit difference', ['negative', 'positive'])" in code


def test_sentences_have_their_control():
    effect = Effect(0.93, 0.41, 0.52)
    assert (
        figures.silenced(3, effect, "probability of 'positive'")
        == "Silencing these 3 heads moved the probability of 'positive' from 0.930 to 0.410 (−0.520)"
    )
    found = Spread(-0.02, 0.05, 20)
    assert figures.against(found, 3, every=False) == "20 random sets of 3 others: −0.020 ± 0.050"
    assert figures.against(Spread(-0.02, 0.05, 7), 1, every=True) == "all 7 other heads, one by one: −0.020 ± 0.050"


def test_a_hostile_token_is_text_in_the_pictures():
    assert "<img" not in figures.two_texts(["<img src=x onerror=alert(1)>"], ["b"])


@pytest.mark.parametrize("written", ["", "5-3", "5>3;8>0", "x>1", "5>3, 8"])
def test_pairs_that_are_none_are_refused(written):
    with pytest.raises(ValueError, match="such as 5>3, 8>0"):
        pairs_of(written)


@pytest.mark.slow
def test_the_page_measures_what_is_asked_for():
    edits = to_json([Ablate(Means.named(EXAMPLES["sentiment"]), layers={1}, heads={2})])
    text = EXAMPLES["sentiment"][0]
    page = opened(link("interventions", text=text, edits=edits, answer="negative", against="positive"))
    assert page["notices"] == []
    assert page["controls"]["how"] == "mean over texts"
    (picture,) = page["pictures"]
    assert "logit difference between 'negative' and 'positive'" in picture["legend"]
    model = selfattn.load("sentiment")
    over = selfattn.means(model, EXAMPLES["sentiment"])
    measure = effects.on_text(lambda edits: selfattn.trace(model, text, edits), ["negative", "positive"])
    effect = measure.effect((Ablate(over, layers={1}, heads={2}),))
    moved = f"from {effect.before:.3f} to {effect.after:.3f}".replace("-", "−")
    assert moved in picture["sentences"][0]
    lengths = [len(model.inputs(text)[0]) for text in EXAMPLES["sentiment"]]
    reaching = sum(length >= lengths[0] for length in lengths)
    assert f"over 4 texts; {reaching} of them has as many tokens as this one." in picture["sentences"][-1]


@pytest.mark.slow
def test_what_is_no_answer_and_a_data_set_that_is_not_here_are_one_sentence():
    edits = to_json([Ablate(Means("0123456789ab", 48), layers={1})])
    page = opened(link("interventions", text=TEXT, edits=edits, answer="<b>superb"))
    assert any("mean over 48 texts that are not here: bring the file again" in each for each in page["notices"])
    assert any("&#x27;&lt;b&gt;superb&#x27; is no class of this model" in each for each in page["notices"])
    # The answer is sure: its probability says 1.000 whatever is changed, and the logits still move.
    assert "logit difference between 'negative' and 'positive'" in page["pictures"][0]["legend"]


@pytest.mark.slow
def test_the_texts_of_a_file_take_the_place_of_the_examples():
    edits = to_json([Ablate(layers={1}, heads={2})])
    at = app("interventions", text=TEXT, edits=edits).run()
    at.segmented_control(key="how").set_value("mean over texts").run()
    assert from_json(at.query_params["edits"])[0].how == Means.named(EXAMPLES["sentiment"])
    lines = ["The film was good enough.", "  ", "A film was not quite bad."]
    at.file_uploader(key="texts_file").set_value([("mine.txt", "\n".join(lines).encode(), "text/plain")]).run()
    own = Means.named([lines[0], lines[2]])
    assert from_json(at.query_params["edits"])[0].how == own
    (picture,) = (shown(each.proto.bytes) for each in at.main if each.type == "bidi_component")
    model = selfattn.load("sentiment")
    measure = effects.on_text(lambda edits: selfattn.trace(model, TEXT, edits), ["negative", "positive"])
    effect = measure.effect((Ablate(selfattn.means(model, own.texts), layers={1}, heads={2}),))
    assert f"from {effect.before:.3f} to {effect.after:.3f}".replace("-", "−") in picture["sentences"][0]
    assert "over 2 texts" in picture["sentences"][-1]
    at.file_uploader(key="texts_file").set_value([("odd.txt", b"\xff\xfe", "text/plain")]).run()
    assert "odd.txt holds no text in UTF-8." in "".join(each.proto.body for each in at.main if each.type == "html")
    at.button(key="texts_examples").click().run()
    assert from_json(at.query_params["edits"])[0].how == Means.named(EXAMPLES["sentiment"])
