"""A thousand heads on a screen: pictures of forty pixels, what is in sight drawn alone, and every head reached."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
import torch

import selfattn
from selfattn import Temperature
from selfattn.analysis.all_heads.atlas import Atlas, atlas
from selfattn.analysis.all_heads.patterns import PATTERNS
from selfattn.recording.edits import to_json
from tests.browser.all_heads.test_all_heads import CORNER, card, titles
from tests.tools import thousand
from tests.tools.browser import Reader
from tests.tools.tolerance import assert_close

TEXT = "The film was not good, but the film was short."
EDITS = [Temperature(3.0)]
SIDES = ("clientWidth", "clientHeight")
# Where the canvas lies on the stage, how large it is, and what it says of its last drawing.
SEEN = """canvas => {
  const { drawn, strips, side } = canvas.dataset;
  const grid = canvas.closest(".grid");
  const { scrollLeft, scrollTop, clientWidth, clientHeight, scrollWidth, scrollHeight } = grid;
  return { drawn: +drawn, strips: +strips, side: +side, scrollLeft, scrollTop, clientWidth, clientHeight, scrollWidth,
    scrollHeight, pixels: canvas.width * canvas.height };
}"""
# The colours of the middle of the picture of the place at (row, column), as far as it is in sight.
INKED = """(canvas, [x, y, side]) => {
  const ratio = devicePixelRatio;
  const context = canvas.getContext("2d");
  const { data } = context.getImageData((x - side / 2) * ratio, (y - side / 2) * ratio, side * ratio, side * ratio);
  return new Set(new Uint32Array(data.buffer)).size;
}"""


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return thousand.folder(tmp_path_factory.mktemp("models") / "thousand")


@pytest.fixture(scope="module")
def model(home) -> selfattn.Model:
    return selfattn.load(home)


@pytest.fixture(scope="module")
def found(model) -> Atlas:
    return atlas(selfattn.trace(model, TEXT))


def opened(reader: Reader, home: Path, more: str = "") -> Reader:
    reader.open(f"/all_heads?model={quote(str(home), safe='')}&text={quote(TEXT)}{more}")
    reader.page.locator(".atlas[data-ready=true]").wait_for()
    reader.settle()
    reader.page.wait_for_function("() => " + HERE.format("=== 32"))
    return reader


HERE = (
    "[...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]"
    ".map((host) => host.shadowRoot?.querySelector('.atlas')).find(Boolean)?.scope.about.here.length {}"
)


def seen(reader: Reader) -> dict[str, float]:
    return reader.page.locator(".stage canvas").evaluate(SEEN)


def middle(reader: Reader, row: int, column: int) -> tuple[float, float]:
    """The middle of a place on the canvas, as it is scrolled."""
    size = reader.page.locator(".ring").evaluate("e => [parseFloat(e.style.width), parseFloat(e.style.height)]")
    now = seen(reader)
    return (
        CORNER[0] + (column + 0.5) * size[0] - now["scrollLeft"],
        CORNER[1] + (row + 0.5) * size[1] - now["scrollTop"],
    )


def go_to(reader: Reader, head: str) -> None:
    reader.page.get_by_label("Go to").fill(head)
    reader.page.keyboard.press("Enter")


def check_card(reader: Reader, found: Atlas, layer: int, head: int) -> None:
    reader.page.get_by_role("heading", name=f"Layer {layer}, head {head}", exact=True).wait_for()
    shown = card(reader)
    assert len(shown) >= 8
    for name, number in zip(PATTERNS, found.table[layer, head], strict=True):
        if name in shown:
            assert_close(shown[name], float(number), within=6e-4)


def check_ringed(reader: Reader) -> None:
    """The head that is pointed at is in sight, whole, and not behind the numbers."""
    ring, grid = (reader.page.locator(each).bounding_box() for each in (".ring", ".grid"))
    assert ring["x"] >= grid["x"] + CORNER[0] - 1
    assert ring["y"] >= grid["y"] + CORNER[1] - 1
    assert ring["x"] + ring["width"] <= grid["x"] + grid["width"] + 1
    assert ring["y"] + ring["height"] <= grid["y"] + grid["height"] + 1


def test_what_is_in_sight_is_drawn_and_no_more(reader, home, found):
    opened(reader, home)
    first = seen(reader)
    assert first["side"] >= 40
    assert first["scrollWidth"] > first["clientWidth"]
    assert first["scrollHeight"] > first["clientHeight"]
    size = reader.page.locator(".ring").evaluate("e => [parseFloat(e.style.width), parseFloat(e.style.height)]")
    fit = [2 + (first[side] - corner) // each for side, corner, each in zip(SIDES, CORNER, size, strict=True)]
    assert 50 < first["drawn"] <= fit[0] * fit[1], "of 1024"
    assert first["strips"] < 32, "pictures are made of layers in sight"
    ratio = reader.page.evaluate("devicePixelRatio")
    assert first["pixels"] <= first["clientWidth"] * first["clientHeight"] * ratio**2, "a canvas as large as the window"

    reader.page.locator(".grid").evaluate("e => e.scrollTo(e.scrollWidth, e.scrollHeight)")
    reader.page.wait_for_function("before => " + HERE.format("> 0") + " && before", arg=True)
    reader.page.wait_for_timeout(100)
    last = seen(reader)
    assert last["drawn"] <= fit[0] * fit[1]
    canvas, (x, y) = reader.page.locator(".stage canvas"), middle(reader, 31, 31)
    assert canvas.evaluate(INKED, [x, y - 8, 36]) > 3, "its picture is there"
    canvas.hover(position={"x": x, "y": y})
    check_card(reader, found, 31, 31)
    canvas.hover(position={"x": 10, "y": 10})  # the numbers of the layers are no head
    assert titles(reader) == "Layer 31, head 31"


def test_a_head_is_gone_to_by_its_name(reader, home, found):
    opened(reader, home)
    go_to(reader, "17.5")
    check_card(reader, found, 17, 5)
    check_ringed(reader)
    assert seen(reader)["scrollTop"] > 0
    assert reader.page.locator(".stage canvas").evaluate("e => e === e.getRootNode().activeElement")
    reader.page.keyboard.press("ArrowRight")
    check_card(reader, found, 17, 6)
    go_to(reader, "40.2")
    refused = reader.page.locator(".controls [role=alert]")
    assert "layers 0 to 31, heads 0 to 31" in refused.inner_text()
    go_to(reader, "<b>7</b>")
    assert "layer.head" in refused.inner_text()
    assert titles(reader) == "Layer 17, head 6"
    go_to(reader, "31, 31")
    check_card(reader, found, 31, 31)
    check_ringed(reader)
    assert refused.inner_text() == ""


def test_keys_scroll_to_what_they_reach(reader, home, found):
    opened(reader, home)
    go_to(reader, "0.0")
    for key, at in (("End", (0, 31)), ("PageDown", (31, 31)), ("Home", (31, 0)), ("ArrowUp", (30, 0))):
        reader.page.keyboard.press(key)
        check_card(reader, found, *at)
        check_ringed(reader)
    for _ in range(14):
        reader.page.keyboard.press("ArrowUp")
    check_card(reader, found, 16, 0)
    check_ringed(reader)
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_url(re.compile(r"layer=16"))


def test_heads_are_ranked_by_any_pattern(reader, home, found):
    opened(reader, home)
    for name in ("previous", "first", "entropy"):
        reader.page.get_by_label("Pattern").select_option(name)
        reader.page.get_by_label("Order").select_option("all")
        numbers = torch.tensor(found.table[..., list(PATTERNS).index(name)]).flatten()
        ranked = [divmod(place, 32) for place in numbers.argsort(descending=True, stable=True).tolist()]
        go_to(reader, ".".join(map(str, ranked[0])))
        reader.page.keyboard.press("PageUp")
        reader.page.keyboard.press("Home")
        for rank in (0, 1):
            check_card(reader, found, *ranked[rank])
            reader.page.keyboard.press("ArrowRight")
        reader.page.keyboard.press("PageDown")
        reader.page.keyboard.press("End")
        check_card(reader, found, *ranked[-1])
        check_ringed(reader)


def test_the_edited_model_and_the_model_as_it_is(reader, home, model, found):
    edited = atlas(selfattn.trace(model, TEXT, EDITS))
    assert abs(edited.table[17, 5] - found.table[17, 5])[~torch.tensor(found.table[17, 5]).isnan().numpy()].max() > 0.01
    opened(reader, home, f"&edits={quote(to_json(EDITS))}")
    go_to(reader, "17.5")
    check_card(reader, edited, 17, 5)
    reader.page.get_by_role("radio", name="As it is").or_(reader.page.get_by_text("As it is", exact=True)).first.click()
    reader.settle()
    reader.page.wait_for_function("() => " + HERE.format("=== 32"))
    check_card(reader, found, 17, 5)
    reader.page.get_by_text("With the edits", exact=True).first.click()
    reader.settle()
    check_card(reader, edited, 17, 5)


def test_without_edits_there_is_no_switch(reader, home):
    opened(reader, home)
    assert reader.page.get_by_text("As it is", exact=True).count() == 0
