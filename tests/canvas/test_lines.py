"""The lines view in a browser: which lines are drawn, where, how strong, and how the keyboard reaches their tokens."""

import re

import numpy as np
import pytest

from tests.tools.browser import numbers
from tests.tools.fake_scope import HOSTILE, PALETTE, head, mount

ISOLATES = re.compile("[\u2068\u2069]")
INK = """() => {
  const canvas = document.querySelector(".lines canvas");
  const { width, height } = canvas;
  return [width, height, [...canvas.getContext("2d").getImageData(0, 0, width, height).data]];
}"""


def said(page, part):
    return ISOLATES.sub("", page.locator(f".lines-{part}").inner_text())


def token(page, side, place):
    return page.locator(f".lines-token[data-side={side}][data-place='{place}']")


def pixels(page):
    width, height, data = numbers(page, INK)
    return np.array(data, dtype=np.uint8).reshape(height, width, 4)


def with_weights(made, weights):
    made["planes"]["weights"] = np.array(weights, dtype=float).flatten().tolist()
    return made


def test_a_line_runs_from_its_query_to_its_key_with_the_opacity_of_its_weight(module_page):
    weights = np.zeros((4, 4))
    weights[0, 3], weights[2, 2] = 1.0, 0.5
    mount(module_page, "lines", with_weights(head(4), weights))
    drawn = pixels(module_page)
    scale = drawn.shape[0] / (4 * 24)
    rows = [int((place + 0.5) * 24 * scale) for place in range(4)]
    left, right = drawn[:, 2], drawn[:, -3]
    purple = [int(PALETTE["weights"][c : c + 2], 16) for c in (1, 3, 5)]
    assert left[rows[0]].tolist() == right[rows[3]].tolist() == [*purple, 255]
    for side in (left, right):
        assert 126 <= side[rows[2]][3] <= 129
    assert left[rows[3]][3] == left[rows[1]][3] == right[rows[0]][3] == 0
    # Half way down, the one is half way along: the curve is symmetric.
    assert drawn[int(48 * scale) - 2 : int(48 * scale) + 3, drawn.shape[1] // 2, 3].max() == 255


def test_the_canvas_is_as_fine_as_the_screen(chromium, modules_address):
    page = chromium.new_page(device_scale_factor=2)
    page.goto(f"{modules_address}/shared/payload.js")
    page.set_content("<!doctype html><body></body>")
    mount(page, "lines", head(4))
    assert (
        page.evaluate("() => (({ width, clientWidth }) => width / clientWidth)(document.querySelector('canvas'))") == 2
    )
    page.close()


@pytest.mark.parametrize("threshold", [0.05, 0.3])
def test_the_caption_counts_what_is_drawn(module_page, threshold):
    made = head(9, 7, causal=True)
    mount(module_page, "lines", made, threshold=threshold)
    allowed = [w for w, kept in zip(made["planes"]["weights"], made["keep"], strict=True) if kept]
    drawn = sum(np.float32(w) >= threshold for w in allowed)
    assert said(module_page, "caption").startswith(
        f"Lines below {threshold} are hidden: {drawn} of {len(allowed)} drawn. Opacity: the weight, full at 1;"
    )
    assert f"{drawn} of {len(allowed)} drawn" in module_page.locator("canvas").get_attribute("aria-label")


def test_only_the_strongest_of_very_many(module_page):
    made = head(90)
    mount(module_page, "lines", made, colour="sqrt", range="head")
    assert "only the strongest 4,000 are kept: 4,000 of 8,100 drawn" in said(module_page, "caption").lower()
    chosen = """async () => {
      const { chosenLines } = await import("/one_head/strands.js");
      const all = { query: new Uint8Array(90).fill(1), key: new Uint8Array(90).fill(1) };
      const found = chosenLines(scope.head, { threshold: 0, depth: "sqrt", most: 1, taking: all, focus: null });
      return [[...found.cells], [...found.levels]];
    }"""
    cells, levels = module_page.evaluate(chosen)
    weights = np.array(made["planes"]["weights"])
    assert len(set(cells)) == 4000
    assert levels == sorted(levels)
    left = np.delete(weights, cells)
    # One step of opacity: lines of one level count as equally strong.
    assert np.sqrt(weights[cells].min()) >= np.sqrt(left.max()) - 1 / 255
    # All alike: the lines kept are spread over all tokens, not the first ones.
    module_page.evaluate("() => { scope.head.weights.fill(1 / 90); }")
    cells, _ = module_page.evaluate(chosen)
    assert np.ptp(np.bincount(np.array(cells) // 90, minlength=90)) <= 1


@pytest.mark.parametrize("which", ["AA", "AB", "BA", "BB"])
def test_sentence_pairs(module_page, which):
    made = head(9, 7)
    mount(module_page, "lines", made, segments=which, range="head", colour="sqrt")
    takes_part = [
        [(letter == "B") == late for late in made["segments"][s]]
        for letter, s in zip(which, ("queries", "keys"), strict=True)
    ]
    lines = sum(takes_part[0]) * sum(takes_part[1])
    assert f"{lines} lines" in said(module_page, "caption") or f"of {lines} drawn" in said(module_page, "caption")
    for side, taking in zip(("query", "key"), takes_part, strict=True):
        for place, part in enumerate(taking):
            assert ("apart" in token(module_page, side, place).get_attribute("class").split()) is not part


def test_a_token_in_focus_shows_its_own_lines_and_the_strongest_five(module_page):
    made = head(9)
    mount(module_page, "lines", made, range="head")
    token(module_page, "query", 8).hover()
    assert module_page.evaluate("told.at(-1)") == ["point", {"query": 8, "key": None}]
    row = np.array(made["planes"]["weights"]).reshape(9, 9)[8]
    order = np.argsort(-row)[:5]
    names = [name if len(name) <= 50 else f"{name[:49]}…" for name in made["keys"]]
    expected = ", ".join(f"{names[k]} {row[k]:.3f}" for k in order)
    assert said(module_page, "said") == f"{made['queries'][8]} attends to {expected}."
    for place in range(9):
        shown = token(module_page, "key", place).locator(".lines-number").inner_text()
        assert shown == (f"{row[place]:.3f}" if place in order else "")
    assert "of 9 drawn" in said(module_page, "caption") or "All 9" in said(module_page, "caption")
    drawn = pixels(module_page)
    scale = drawn.shape[0] / (9 * 24)
    assert {int(y / scale // 24) for y in np.nonzero(drawn[:, 2, 3])[0]} == {8}
    token(module_page, "key", 3).hover()
    column = np.array(made["planes"]["weights"]).reshape(9, 9)[:, 3]
    best = int(column.argmax())
    assert said(module_page, "said").startswith(f"🙂 gets attention from {made['queries'][best]} {column[best]:.3f}")
    # Chromium's headless shell tells of no pointer that leaves.
    module_page.evaluate(
        "[...document.querySelectorAll('*')].find((each) => each.onpointerleave)"
        ".dispatchEvent(new PointerEvent('pointerleave'))"
    )
    assert module_page.evaluate("told.at(-1)") == ["point", None]


def test_the_keyboard_reaches_every_token(module_page):
    made = head(7, 5)
    mount(module_page, "lines", made)
    module_page.keyboard.press("Tab")
    while module_page.evaluate("document.activeElement.role") != "option":
        module_page.keyboard.press("Tab")
    place = "(({ side, place }) => [side, Number(place)])(document.activeElement.dataset)"
    assert module_page.evaluate(place) == ["query", 0]
    assert said(module_page, "live").startswith("[CLS] attends to")
    weights = np.array(made["planes"]["weights"]).reshape(7, 5)
    steps = {"ArrowDown": ["query", 1], "End": ["query", 6], "ArrowRight": ["key", 4], "ArrowUp": ["key", 3]}
    for press, expected in steps.items():
        module_page.keyboard.press(press)
        assert module_page.evaluate(place) == expected
    assert said(module_page, "live").startswith("🙂 gets attention from")
    assert module_page.locator("[role=option][tabindex='0']").count() == 1
    module_page.keyboard.press("Enter")
    assert module_page.evaluate("told.at(-1)") == ["pin", {"query": int(weights[:, 3].argmax()), "key": 3}]
    module_page.keyboard.press("Escape")
    assert module_page.evaluate("scope.view.query") is None


def test_whole_words(module_page):
    made = head(8)
    mount(module_page, "lines", made, words=True)
    names = [ISOLATES.sub("", text) for text in module_page.locator(".key .lines-text").all_inner_texts()]
    assert names == ["[CLS]", HOSTILE[1] + HOSTILE[2], "🙂中文", "مرحبا" + "x" * 200, HOSTILE[7]]
    assert "the weight to a word is summed, from a word averaged" in said(module_page, "caption")
    token(module_page, "query", 2).hover()
    assert module_page.evaluate("told.at(-1)") == ["point", {"query": 3, "key": None}]
    weights = np.array(made["planes"]["weights"]).reshape(8, 8)
    merged = weights[3:5, 1:3].sum(1).mean()
    assert f"{HOSTILE[1]}{HOSTILE[2]} {merged:.3f}" in said(module_page, "said")


def test_a_long_text_keeps_few_elements_and_the_keyboard_still_reaches_its_end(module_page):
    mount(module_page, "lines", head(400), threshold=0.5)
    assert module_page.locator(".lines-token").count() < 150
    token(module_page, "key", 0).focus()
    module_page.keyboard.press("End")
    last = module_page.locator(".lines-token:focus")
    assert last.get_attribute("aria-posinset") == last.get_attribute("aria-setsize") == "400"
    assert last.is_visible()
    module_page.wait_for_function("document.querySelectorAll('.lines-token').length < 150")
    places = module_page.locator(".key .lines-token").evaluate_all("all => all.map(one => Number(one.dataset.place))")
    assert places == sorted(places)
    assert module_page.evaluate("document.activeElement.dataset.place") == "399"


def test_hostile_tokens_are_only_text(module_page):
    mount(module_page, "lines", head(8))
    texts = module_page.locator(".query .lines-text").evaluate_all("all => all.map(one => one.textContent)")
    assert texts == HOSTILE
    assert token(module_page, "query", 6).locator(".lines-text").get_attribute("title") == f"{'x' * 200}\nq6 · id 6"
    for place in range(8):
        token(module_page, "query", place).hover()
    assert module_page.evaluate("window.broken ?? null") is None
    assert module_page.locator("img").count() == 0
    boxes = module_page.locator(".lines-token").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().height)"
    )
    assert set(boxes) == {24}
