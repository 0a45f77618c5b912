"""The link is the view: what is shown is what a reload and a co-worker see."""

import pytest

from selfattn.ui.shell.examples import HEADS
from tests.tools.browser import Reader


def at(reader: Reader) -> list[str]:
    return [reader.page.get_by_label(name, exact=True).input_value() for name in ("Layer", "Head")]


def choose(reader: Reader, model: str) -> None:
    box = reader.page.locator(".st-key-model input")
    box.fill(model)
    box.press("Enter")
    reader.page.wait_for_function("model => location.search.includes(`model=${model}`)", arg=model)
    reader.settle()


@pytest.mark.parametrize("model", ["induction", "brackets", "minilm"])
def test_a_model_opens_on_its_own_head_and_the_link_says_so(reader, model):
    reader.open("/?layer=0&head=2")
    choose(reader, model)
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
    choose(reader, "tones")
    assert reader.page.get_by_role("button", name="Sound", exact=True).get_attribute("aria-pressed") == "true"
