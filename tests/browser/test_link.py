"""The link is the view: what is shown is what a reload and a co-worker see, and after walks by chance too.

`WALKS=20 pytest tests/browser/test_link.py` walks that often; the seed of each is in its test's name.
"""

import os
import random
from collections.abc import Callable

import pytest

from selfattn.ui.shell.examples import HEADS
from tests.tools.browser import Reader

WALKS, STEPS = int(os.environ.get("WALKS", "2")), 12
TEXTS = [
    "The waiter was rude.",
    "one two three one two",
    "14 July 1789",
    "( [ { } [MASK] < > )",
    "Ein <b>Wort</b> & 喜",
]
MODELS = ["sentiment", "induction", "dates", "digits", "brackets", "minilm"]
PAGES = ["One head", "All heads", "Compare", "Model", "Interventions", "Masks and positions", "Other attentions"]
ROOM = ".canvas[data-ready=true]"
SEEN = """root => {
  const { view, head, about } = root.scope;
  const numbers = [head?.weights, ...(head?.sides ?? []).map(({ weights }) => weights), about?.planes?.weights];
  const written = numbers.map((each) => (each?.length ? [...each].map((x) => x.toFixed(4)) : []));
  return JSON.stringify([view ?? null, written]);
}"""


def click(reader: Reader, chance: random.Random, selector: str) -> None:
    """One of what a selector finds and a reader can press, if there is one."""
    found = [each for each in reader.page.locator(selector).all() if each.is_visible() and each.is_enabled()]
    if found:
        chance.choice(found).click()
        reader.settle()


def choose(reader: Reader, chance: random.Random, selector: str) -> None:
    """Another option of one of the lists that a selector finds."""
    found = [each for each in reader.page.locator(selector).all() if each.is_visible() and each.is_enabled()]
    if found:
        of = chance.choice(found)
        of.select_option(chance.choice(of.locator("option").evaluate_all("all => all.map((one) => one.value)")))
        reader.settle()


def slide(reader: Reader, chance: random.Random) -> None:
    found = [each for each in reader.page.locator(f"{ROOM} input[type=range]").all() if each.is_visible()]
    if found:
        slider = chance.choice(found)
        for _ in range(chance.randrange(1, 4)):
            slider.press(chance.choice(["ArrowLeft", "ArrowRight"]))
        reader.settle()


def model(reader: Reader, chance: random.Random) -> None:
    box = reader.page.locator(".st-key-model input")
    box.fill(chance.choice(MODELS))
    box.press("Enter")
    reader.settle()


def text(reader: Reader, chance: random.Random) -> None:
    if reader.page.locator(".st-key-text input").count():
        reader.type(chance.choice(TEXTS))


def turn(reader: Reader, chance: random.Random) -> None:
    reader.page.get_by_role("link", name=chance.choice(PAGES), exact=True).click()
    reader.settle()


def back(reader: Reader, chance: random.Random) -> None:
    reader.page.go_back()
    if reader.page.url.startswith("about:"):
        reader.page.go_forward()
    reader.settle()


DEEDS: list[Callable[[Reader, random.Random], None]] = [
    turn,
    turn,
    model,
    text,
    slide,
    back,
    lambda reader, chance: click(reader, chance, f"{ROOM} .toolbar .segmented button"),
    lambda reader, chance: click(reader, chance, f"{ROOM} .masks button, {ROOM} .controls .toggle"),
    lambda reader, chance: click(reader, chance, f"{ROOM} .chips button"),
    lambda reader, chance: click(reader, chance, f"{ROOM} .apply button"),
    lambda reader, chance: click(reader, chance, "[class*=st-key-open_] button, [class*=st-key-take_out_] button"),
    lambda reader, chance: click(reader, chance, ".st-key-writing button, .st-key-writing [role=radio]"),
    lambda reader, chance: choose(reader, chance, f"{ROOM} select:not(.apply select)"),
]


def seen(reader: Reader) -> dict[str, object]:
    """All that a page shows of a reader's choices: path, model, text, head, step, view and numbers."""
    page = reader.page
    fields = [each.input_value() for each in page.locator("[data-testid=stMain] input:not([type=range])").all()]
    return {
        "page": page.url.split("?")[0],
        "model": page.locator(".st-key-model input").input_value().split(":")[0],
        "fields": fields,
        "steps": page.locator(".st-key-writing [aria-checked=true]").all_inner_texts(),
        "room": [room.evaluate(SEEN) for room in page.locator(ROOM).all()],
        "says": page.locator(".head .says").all_inner_texts(),
        "in the model": page.locator(".st-key-in_model").all_inner_texts(),
    }


@pytest.mark.parametrize("seed", range(WALKS))
def test_the_link_opens_what_stands(reader, another, seed):
    chance = random.Random(seed)
    reader.open("/")
    walked = []
    for _ in range(STEPS):
        at = chance.randrange(len(DEEDS))
        walked.append(at)
        DEEDS[at](reader, chance)
    here = seen(reader)
    another.open(reader.page.url.removeprefix(reader.address))
    for _ in range(20):
        if (there := seen(another)) == here:
            break
        another.page.wait_for_timeout(500)
    assert there == here, f"after {walked}, at {reader.page.url}"


def at(reader: Reader) -> list[str]:
    return [reader.page.get_by_label(name, exact=True).input_value() for name in ("Layer", "Head")]


def choose_model(reader: Reader, model: str) -> None:
    box = reader.page.locator(".st-key-model input")
    box.fill(model)
    box.press("Enter")
    reader.page.wait_for_function("model => location.search.includes(`model=${model}`)", arg=model)
    reader.settle()


@pytest.mark.parametrize("model", ["induction", "minilm"])
def test_a_model_opens_on_its_own_head_and_the_link_says_so(reader, model):
    reader.open("/?layer=0&head=2")
    choose_model(reader, model)
    _, layer, head = HEADS.get(model, ("", 0, 0))
    assert at(reader) == [str(layer), str(head)] == [reader.link()[name] for name in ("layer", "head")]
    reader.page.reload()
    assert at(reader.settle()) == [str(layer), str(head)]
    # A head that the reader chose stays, on every page and in the link.
    reader.click(".st-key-open_3 button")
    reader.page.get_by_role("link", name="Compare").click()
    assert at(reader.settle()) == [str(layer), "3"] == [reader.link()[name] for name in ("layer", "head")]
    reader.page.reload()
    assert at(reader.settle()) == [str(layer), "3"]


def test_a_model_opens_on_its_own_first_picture(reader):
    reader.open("/?model=digits")
    assert reader.page.get_by_role("button", name="Picture", exact=True).get_attribute("aria-pressed") == "true"
    choose_model(reader, "tones")
    assert reader.page.get_by_role("button", name="Sound", exact=True).get_attribute("aria-pressed") == "true"
