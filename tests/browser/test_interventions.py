"""The page of interventions as a reader uses it: silence, cut, hide, change, patch, by mouse and by keyboard."""

import re
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import torch

import selfattn
from selfattn import Ablate, Cut, Temperature
from selfattn.analysis.interventions import effects
from selfattn.analysis.interventions.patching import Recovery, patching
from selfattn.recording.edits import from_json
from tests.tools.browser import Reader
from tests.tools.looks import findings, looks
from tests.tools.saved import saved
from tests.tools.tolerance import assert_close

TEXT = "The plot was dull, but the acting was not bad at all."
WORD = 10  # "not"
PATCH = "&experiment_of=Patch+from+another+text"


def opened(reader: Reader, model: str = "sentiment", text: str = TEXT, more: str = "") -> Reader:
    reader.open(f"/interventions?model={model}&text={quote(text)}{more}")
    if more != PATCH:
        reader.page.locator(".experiment[data-ready=true]").wait_for(timeout=60_000)
    return reader


def answered(reader: Reader) -> Reader:
    """Wait until nothing that the reader did is unanswered."""
    reader.page.locator(".experiment[data-pending='0']").wait_for(timeout=60_000)
    return reader.settle()


def edits(reader: Reader) -> tuple[object, ...]:
    return from_json(parse_qs(urlsplit(reader.page.url).query).get("edits", ["[]"])[0])


def shown(reader: Reader, label: str) -> float:
    return float(re.search(rf"{label}\s+([0-9.]+)", reader.text(".experiment .outcome"))[1])


def cell(layer: int, head: int) -> str:
    return f".experiment .heads button[aria-label^='Layer {layer}, head {head}']"


def click_line(reader: Reader, query: int, key: int) -> None:
    """A real click in the middle of a line."""
    place = reader.page.locator(f".experiment .hit[data-edge='{query}-{key}']").evaluate(
        """path => {
          const { x, y } = path.getPointAtLength(path.getTotalLength() * 0.12).matrixTransform(path.getScreenCTM());
          return [x, y];
        }"""
    )
    reader.page.mouse.click(*place)
    answered(reader)


@pytest.mark.parametrize("more", ["", PATCH])
def test_the_page_opens_without_a_fault(reader, more):
    for _ in looks(reader, f"/interventions?model=sentiment&text={quote(TEXT)}{more}"):
        if more != PATCH:
            reader.page.locator(".experiment[data-ready=true]").wait_for(timeout=60_000)
        assert reader.page.locator(".sa-notice").count() == 0
        assert findings(reader) == []


def test_a_word_is_hidden_and_the_model_says_something_else(reader):
    opened(reader)
    word = reader.page.locator(".experiment .chips >> nth=1 >> button").nth(WORD)
    assert f" · id {selfattn.trace('sentiment', TEXT).tokens.ids[WORD]}" in word.get_attribute("title")
    word.click()
    answered(reader)
    others = frozenset((query, WORD) for query in range(16) if query != WORD)
    assert edits(reader) == (Cut(others),)
    after = selfattn.trace("sentiment", TEXT, [Cut(others)]).prediction
    assert after.top(1)[0][0] == "negative"
    assert_close(shown(reader, "negative"), after.of("negative"), within=6e-4)
    assert "Hide “not” from 15 others in all heads" in reader.text(".experiment .changes")
    said = reader.text(".experiment .outcome")
    reader.page.reload()
    assert reader.settle().text(".experiment .outcome") == said
    reader.click(".experiment .changes li button")
    answered(reader)
    assert edits(reader) == ()


def test_a_line_is_cut_and_healed_by_a_click_on_it(reader):
    opened(reader, more="&layer=1&head=1&reach=in+this+head")
    weights = selfattn.trace("sentiment", TEXT).stages(1, 1).weights
    # The strongest line of the first word lies on top of all others there.
    query, key = 0, int(weights[0].argmax())
    reader.page.locator(".experiment .chips >> nth=0 >> button").first.click()
    click_line(reader, query, key)
    assert edits(reader) == (Cut({(query, key)}, layers={1}, heads={1}),)
    assert reader.page.locator(".experiment .cross").count() == 1
    assert reader.page.locator(".experiment .line.gone").count() == 1
    click_line(reader, query, key)
    assert edits(reader) == ()
    # By keyboard: the word above is still chosen; the one below cuts its line.
    reader.page.locator(".experiment .chips >> nth=1 >> button").first.focus()
    for _ in range(3):
        reader.page.keyboard.press("ArrowRight")
    reader.page.keyboard.press("Enter")
    answered(reader)
    assert edits(reader) == (Cut({(0, 3)}, layers={1}, heads={1}),)
    reader.page.keyboard.press("Escape")


def test_heads_are_silenced_by_keyboard_beside_their_control(reader):
    opened(reader)
    model = selfattn.load("sentiment")
    attention = model.attention()
    measure = effects.on_text(lambda edits: selfattn.trace(model, TEXT, edits), ["positive", "negative"])
    reader.page.locator(cell(0, 0)).focus()
    for key in ("ArrowRight", "ArrowRight", "Enter", "ArrowRight", "Space"):
        reader.page.keyboard.press(key)
    answered(reader)
    assert effects.silenced(edits(reader), attention) == {(0, 2), (0, 3)}
    assert reader.page.locator(cell(0, 2)).get_attribute("aria-pressed") == "true"
    effect = measure.effect((Ablate(layers={0}, heads={2, 3}),))
    generator = torch.Generator().manual_seed(effects.SEED)
    control = effects.spread(effects.control(measure, attention, {(0, 2), (0, 3)}, generator))
    said = reader.text(".experiment .outcome").replace("−", "-")
    assert f"moved the logit difference between 'positive' and 'negative' from {effect.before:.3f}" in said
    picture = saved(reader)
    assert picture.name == "sentiment_L0H0_interventions_The-plot-was-dull-but"
    assert "in the model: Silence heads 2, 3 of layer 0 (zeros)" in picture.caption
    # Every token above and below, and no word for the hand.
    tokens = selfattn.trace(model, TEXT).tokens.text
    assert sorted(word for word in picture.words if word in tokens) == sorted(2 * tokens)
    assert not {"✕", "Take all out"} & set(picture.words)
    found = re.search(r"all 15 sets of 2 others: ([+-][0-9.]+) ± ([0-9]+[.][0-9]+)", said)
    assert_close([float(number) for number in found.groups()], [control.mean, control.deviation], within=6e-4)
    reader.page.get_by_role("radio", name="its mean").click()
    reader.settle()
    assert {edit.how for edit in edits(reader)} == {"mean"}


def test_a_change_is_added_shared_with_the_page_of_one_head_and_taken_out(reader):
    opened(reader)
    reader.page.get_by_role("button", name="Add a change").click()
    reader.page.get_by_role("button", name="Add", exact=True).click()
    answered(reader)
    assert edits(reader) == (Temperature(2.0),)
    said = shown(reader, "positive")
    assert_close(said, selfattn.trace("sentiment", TEXT, [Temperature(2.0)]).prediction.of("positive"), within=6e-4)
    reader.page.keyboard.press("Escape")
    reader.page.get_by_role("link", name="One head").click()
    reader.settle()
    assert "before the change" in reader.text(".head .says")
    reader.page.get_by_role("link", name="Interventions").click()
    reader.settle()
    assert edits(reader) == (Temperature(2.0),)
    reader.click(".experiment .changes button.quiet")
    answered(reader)
    assert edits(reader) == ()


def test_what_copying_needs_is_measured_on_random_tokens(reader):
    opened(reader, "induction", "one two three one two")
    measure = effects.on_repeats(selfattn.load("induction"), torch.Generator().manual_seed(effects.SEED))
    for place in ((0, 3), (0, 0)):
        effect = measure.effect((Ablate(layers={place[0]}, heads={place[1]}),))
        alone = reader.page.locator(cell(*place)).get_attribute("aria-label").replace("−", "-")
        assert_close(float(alone.split("alone ")[1]), effect.change, within=6e-4)
    said = reader.text("[data-testid=stMain]")
    assert re.search(
        r"Highest induction score: head 1\.2 .* −0\.99\d; each of the 7 others alone: −0\.[12]\d\d ±", said
    )


def test_patching_shows_the_share_of_each_head(reader):
    text, other = "The film was dull and short.", "The film was good and short."
    reader.open(f"/interventions?text={quote(text)}&another={quote(other)}{PATCH}")
    model = selfattn.load("sentiment")
    clean, corrupt = selfattn.trace(model, other), selfattn.trace(model, text)
    recovery = Recovery.of(clean, corrupt)
    found = patching(
        recovery, model.attention(), clean, lambda contexts: selfattn.trace(model, text, contexts=contexts)
    )
    shares = reader.page.locator(".sa-heads td").all_inner_texts()
    for (layer, head), share in found:
        number = shares[5 * layer + (4 if head is None else head)].replace("−", "-")
        assert_close(float(number), share, within=6e-3)
    reader.page.locator(".st-key-another input").fill("Short.")
    reader.page.locator(".st-key-another input").press("Enter")
    assert re.search(r"have \d+ and 9 tokens", reader.settle().text(".sa-notice"))


def test_a_long_ranking_is_stopped_and_goes_on(reader):
    opened(reader, "minilm", "a cat sat on the mat and " * 30)  # long enough to be stopped on a fast machine
    reader.page.locator(".st-key-ranked label").click()
    reader.page.get_by_role("button", name="Stop here").click(timeout=30_000)
    reader.settle()
    assert "heads are done" in reader.text(".sa-notice")
    reader.page.get_by_role("button", name="Go on").click()
    reader.page.locator(".sa-notice").wait_for(state="detached", timeout=60_000)
    reader.settle()
    assert "all 72:" in reader.text("[data-testid=stMain]")


HOSTILE = "<img src=x onerror=window.broken=1> good"


def test_hostile_text_and_links_are_shown_and_not_run(reader):
    opened(reader, text=HOSTILE)
    reader.page.locator(".experiment .chips >> nth=1 >> button").nth(1).click()
    answered(reader)
    assert reader.page.evaluate("window.broken") is None
    assert "Hide “<”" in reader.text(".experiment .changes")
    assert reader.page.locator(".experiment :is(img, a)").count() == 0
    reader.open("/interventions?edits=%5B%7B%22edit%22%3A%22pickle%22%7D%5D")
    assert "An edit is an object" in reader.text(".sa-notice")
