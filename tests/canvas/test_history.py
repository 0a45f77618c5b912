"""The history as a reader plays it: what is drawn, and what is spoken, are the numbers of the step where he stands."""

import base64
import csv
import dataclasses
import io
import re

import numpy as np
import pytest

from selfattn.analysis.all_heads.patterns import PATTERNS
from selfattn.canvas.rooms import addressed
from selfattn.canvas.training import ORDER, history_payload
from selfattn.figures.palette import DARK, LIGHT
from selfattn.places import SPECIMENS
from selfattn.training.run.history import History, read
from tests.tools.browser import HOME, numbers
from tests.tools.tolerance import assert_close

BROWSER = HOME / "selfattn" / "canvas" / "browser"
CHOSEN, CHOSEN_HEAD = (1, 2), "head 1.2"  # what is shown first
DECODE = """async (packed) => {
  const { unpack } = await import("/shared/payload.js");
  const { History } = await import("/training/numbers.js");
  const history = new History(unpack(Uint8Array.from(atob(packed), (each) => each.charCodeAt(0))));
  return {
    weights: history.weights.map((each) => [...each]),
    maps: history.tokens.map((_, text) => [...history.map({ text, layer: 1, head: 1 }, 2)]),
    curve: history.patterns.map((_, pattern) => history.curve(pattern, { layer: 1, head: 0 })),
  };
}"""
SHOW = """async (packed) => {
  const { default: show } = await import("/main.js");
  const data = Uint8Array.from(atob(packed), (each) => each.charCodeAt(0));
  window.told = [];
  show({ data, parentElement: document.body, setStateValue: (name, { step }) => told.push([name, step]) });
}"""
# Every pixel of the large map as one number, and whether all frames asked for are drawn.
MAP = """() => {
  const canvas = document.querySelector(".matrix > canvas:not(.names)");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Uint32Array(data.buffer).reduce((sum, word) => (Math.imul(sum, 31) + word) | 0, 7);
}"""
QUIET = """() => {
  const { scope: learning } = document.querySelector(".history");
  return learning.frame === null && !learning.playing;
}"""


def small() -> History:
    """Random numbers in the shape of a history: two texts, three steps, two layers of three heads."""
    generator = np.random.default_rng(0)
    return History(
        (0, 5, 40),
        ("the first", "the second"),
        (("a", "</script>", "🙂", "d", "e"), ("f", " ")),
        tuple(generator.random((3, 2, 3, n, n)).astype(np.float16) for n in (5, 2)),
        {name: generator.random((3, 2, 3), np.float32) for name in ("entropy", "previous")},
        {"entropy": 1.0, "previous": 0.25},
        causal=False,
    )


def mount(page, history: History, palette=LIGHT, step: int | None = None) -> None:
    style = "".join((BROWSER / f"{name}.css").read_text() for name in ("shared/slider", "training/history"))
    colours = "".join(f"--sa-{name}: {colour};" for name, colour in dataclasses.asdict(palette).items())
    page.set_viewport_size({"width": 1200, "height": 1000})
    page.emulate_media(reduced_motion="reduce")
    page.add_style_tag(content=f"body {{ margin: 0; background: {palette.paper}; {colours} }} {style}")
    page.evaluate("document.body.innerHTML = '<div class=canvas></div>'")
    send(page, history, step)


def send(page, history: History, step: int | None = None) -> None:
    page.evaluate(SHOW, base64.b64encode(addressed("training", history_payload(history, step), {})).decode())
    page.locator(".history[data-ready=true]").wait_for()
    still(page)


def still(page) -> None:
    page.wait_for_function(QUIET)


def arrive(page, history: History, at: int) -> None:
    """Wait until a recorded step is drawn: a key reaches the page some time after it was pressed."""
    page.locator(f".history[data-step='{history.steps[at]}']").wait_for()
    still(page)


def go(page, at: int) -> None:
    page.locator(".time input").fill(str(at))
    still(page)


def check(page, history: History, at: int, layer: int = 1, head: int = 2, pattern: str = "induction") -> None:
    """The number on screen, the sentence, the scrubber's and the charts' words are those of a step and head."""
    value = history.patterns[pattern][at, layer, head]
    step, last = f"{history.steps[at]:,}", f"{history.steps[-1]:,}"
    said = page.locator(".said").inner_text()
    assert said.startswith(f"At step {step} of {last}, head {layer}.{head} ")
    numbers = [float(each) for each in re.findall(r"\d\.\d\d(?!\d)", said)]
    assert_close(numbers, [value, history.uniform[pattern]], within=0.0051)
    assert page.locator(".step span").inner_text() == step
    assert page.locator(".time input").get_attribute("aria-valuetext") == f"step {step} of {last}"
    names = [name for name in ORDER if name in history.patterns]
    for chart, name in zip(page.locator(".curve canvas").all(), names, strict=True):
        spoken = chart.get_attribute("aria-valuetext")
        found = re.fullmatch(rf"step {step} of {last}: head {layer}\.{head}: ([\d.]+), even attention ([\d.]+)", spoken)
        expected = [history.patterns[name][at, layer, head], history.uniform[name]]
        assert_close([float(found[1]), float(found[2])], expected, within=0.0051)


@pytest.fixture(scope="module")
def shipped() -> History:
    return read(SPECIMENS / "induction" / "history.safetensors")


def test_the_browser_reads_the_numbers_that_were_stored(module_page):
    history = small()
    special = history.weights[1].copy()
    special[0, 0, 0] = [[0, 2**-24], [65504, 6.1e-5]]  # the smallest, the largest, a subnormal
    history = dataclasses.replace(history, weights=(history.weights[0], special))
    found = numbers(module_page, DECODE, base64.b64encode(history_payload(history)).decode())
    for text, weights in enumerate(history.weights):
        assert found["weights"][text] == weights.astype(float).flatten().tolist()
        assert found["maps"][text] == weights[2, 1, 1].astype(float).flatten().tolist()
    for name, curve in zip(("entropy", "previous"), found["curve"], strict=True):
        assert_close(curve, history.patterns[name][:, 1, 0])


def test_the_shipped_history_is_a_small_message(shipped):
    assert len(history_payload(shipped)) < 2**20


def test_it_opens_at_the_end_with_the_head_that_learned_most(module_page, shipped):
    mount(module_page, shipped)
    check(module_page, shipped, len(shipped.steps) - 1)
    assert module_page.locator(".play").inner_text() == "▶ Play from random"
    induction = shipped.patterns["induction"][-1]
    assert np.unravel_index(induction.argmax(), induction.shape) == CHOSEN
    # The last token attends to what came after its first occurrence.
    assert "mat (12) → because (6): 0.99" in module_page.locator(".map + .note").inner_text()


def test_the_phase_change_on_the_page_is_where_the_numbers_rise(module_page, shipped):
    mount(module_page, shipped)
    said = module_page.locator(".curve").first.inner_text()
    found = re.search(r"Phase change, shaded: ([\d.]+) to ([\d.]+) between steps ([\d,]+) and ([\d,]+)\.", said)
    before, after = float(found[1]), float(found[2])
    start, end = (int(found[place].replace(",", "")) for place in (3, 4))
    curve = dict(zip(shipped.steps, shipped.patterns["induction"][:, 1, 2], strict=True))
    assert_close([before, after], [curve[start], curve[end]], within=0.0051)
    assert after - before > 0.7
    assert start < end <= 2 * start


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_scrubbing_draws_another_map_and_says_another_sentence(module_page, shipped, palette):
    mount(module_page, shipped, palette)
    seen = set()
    for at in (0, shipped.steps.index(800), len(shipped.steps) - 1):
        go(module_page, at)
        check(module_page, shipped, at)
        seen.add((module_page.evaluate(MAP), module_page.locator(".said").inner_text()))
    assert len(seen) == 3
    # The same step looks the same again.
    go(module_page, 0)
    assert (module_page.evaluate(MAP), module_page.locator(".said").inner_text()) in seen


def test_the_large_map_has_the_colours_of_its_weights(module_page, shipped):
    mount(module_page, shipped)
    at = shipped.steps.index(800)
    go(module_page, at)
    weights = shipped.weights[0][at, 1, 2].astype(float)
    n = len(weights)
    colours = module_page.evaluate(
        """(n) => {
          const canvas = document.querySelector(".matrix > canvas:not(.names)");
          const context = canvas.getContext("2d");
          const middle = (place, side) => Math.floor(((place + 0.5) * side) / n);
          return Array.from({ length: n * n }, (_, cell) => [...context.getImageData(
            middle(cell % n, canvas.width), middle(Math.floor(cell / n), canvas.height), 1, 1).data.slice(0, 3)]);
        }""",
        n,
    )
    low, high = (np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) for c in (LIGHT.panel, LIGHT.weights))
    for cell, colour in enumerate(colours):
        query, key = divmod(cell, n)
        if key <= query:
            # Depths come from a table of 4096 steps: below the first of them a root is still 1/64.
            assert_close(colour, low + (high - low) * weights[query, key] ** 0.5, within=3)


def test_it_opens_on_a_step_that_is_asked_for_and_tells_where_the_reader_stands(module_page, shipped):
    last, place = len(shipped.steps) - 1, shipped.steps.index(800)
    for asked, at in ((800, place), (shipped.steps[place + 1] - 1, place), (0, 0), (10**6, last), (None, last)):
        mount(module_page, shipped, step=asked)
        check(module_page, shipped, at)
    for at, step in ((3, shipped.steps[3]), (last, None)):
        go(module_page, at)
        module_page.wait_for_function("told.length")
        assert module_page.evaluate("told.splice(0)") == [["view", step]]


def test_arrow_keys_move_from_step_to_step_and_from_head_to_head(module_page, shipped):
    mount(module_page, shipped)
    last = len(shipped.steps) - 1
    module_page.locator(".time input").focus()
    for key, at in (("ArrowLeft", last - 1), ("ArrowLeft", last - 2), ("ArrowRight", last - 1), ("Home", 0)):
        module_page.keyboard.press(key)
        arrive(module_page, shipped, at)
        check(module_page, shipped, at)
    module_page.locator(".maps canvas").focus()
    module_page.keyboard.press("ArrowUp")
    module_page.keyboard.press("ArrowRight")
    module_page.locator("[aria-label*='head 0.3 is chosen']").wait_for()
    still(module_page)
    check(module_page, shipped, 0, 0, 3)
    # A chart moves the step too, and is then the pattern that is spoken of.
    module_page.locator(".curve canvas").nth(2).focus()
    module_page.keyboard.press("End")
    arrive(module_page, shipped, last)
    check(module_page, shipped, last, 0, 3, "previous")


def test_a_click_on_a_curve_goes_to_its_step_and_its_head(module_page, shipped):
    mount(module_page, shipped)
    chart = module_page.locator(".curve canvas").nth(2)
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    at = shipped.steps.index(1205)
    along = np.log1p(1205) / np.log1p(shipped.steps[-1])
    value = float(shipped.patterns["previous"][at, 0, 3])
    edge = {"left": 30, "right": 50, "top": 10, "bottom": 20}
    x = edge["left"] + along * (box["width"] - edge["left"] - edge["right"])
    y = edge["top"] + (1 - value) * (box["height"] - edge["top"] - edge["bottom"])
    chart.click(position={"x": x, "y": y})
    arrive(module_page, shipped, at)
    check(module_page, shipped, at, 0, 3, "previous")


def test_play_goes_from_random_to_trained_and_stops_there(module_page, shipped):
    mount(module_page, shipped)
    start = module_page.evaluate(MAP)
    module_page.locator(".play").click()
    module_page.locator(".history[data-step='0']").wait_for()
    assert module_page.locator(".play").inner_text() == "❚❚ Pause"
    assert module_page.locator(".said").get_attribute("aria-live") == "off"
    module_page.wait_for_function("Number(document.querySelector('.history').dataset.step) > 5")
    module_page.locator(".play").click()
    still(module_page)
    at = shipped.steps.index(int(module_page.locator(".history").get_attribute("data-step")))
    assert 0 < at < len(shipped.steps) - 1
    check(module_page, shipped, at)
    assert module_page.locator(".said").get_attribute("aria-live") == "polite"
    go(module_page, len(shipped.steps) - 3)
    module_page.locator(".play").click()
    arrive(module_page, shipped, len(shipped.steps) - 1)
    check(module_page, shipped, len(shipped.steps) - 1)
    assert module_page.evaluate(MAP) == start


def test_a_longer_history_keeps_the_reader_where_he_stands(module_page, shipped):
    def first(count: int) -> History:
        return dataclasses.replace(
            shipped,
            steps=shipped.steps[:count],
            weights=tuple(each[:count] for each in shipped.weights),
            patterns={name: each[:count] for name, each in shipped.patterns.items()},
        )

    mount(module_page, first(20))
    assert CHOSEN_HEAD not in module_page.locator(".said").inner_text()
    send(module_page, shipped)
    assert CHOSEN_HEAD in module_page.locator(".said").inner_text()  # nobody chose another
    send(module_page, first(20))
    module_page.locator(".maps canvas").focus()
    module_page.keyboard.press("Home")
    module_page.locator("[aria-label*='head 1.0 is chosen']").wait_for()
    send(module_page, first(21))
    assert module_page.locator(".step span").inner_text() == f"{shipped.steps[20]:,}"  # he stood at the end
    go(module_page, 4)
    said = module_page.locator(".said").inner_text()
    send(module_page, first(22))
    assert module_page.locator(".step span").inner_text() == f"{shipped.steps[4]:,}"
    now = module_page.locator(".said").inner_text()
    assert now == said.replace(f"of {shipped.steps[20]:,}", f"of {shipped.steps[21]:,}")


def test_another_sentence_is_drawn_with_its_own_tokens(module_page):
    history = small()
    mount(module_page, history)
    assert module_page.locator(".matrix figcaption small").inner_text() == "5 × 5"
    module_page.locator(".looks select").select_option(label="the second")
    still(module_page)
    assert module_page.locator(".matrix figcaption small").inner_text() == "2 × 2"
    said = module_page.locator(".map + .note").inner_text()
    assert said.startswith("␣ (1) → ")
    assert said.endswith("even attention 0.500.")


def test_the_numbers_are_there_as_a_table_and_as_a_file(module_page, shipped):
    mount(module_page, shipped)
    module_page.locator("summary").click()
    rows = module_page.locator(".numbers tbody tr")
    module_page.wait_for_function("document.querySelectorAll('.numbers tbody tr').length > 1")
    assert rows.count() == len(shipped.steps) + 1
    shown = rows.last.inner_text().split()
    assert_close([float(each) for each in shown[1:]], [shipped.patterns[n][-1][CHOSEN] for n in ORDER], within=6e-4)
    with module_page.expect_download() as download:
        module_page.locator(".files").click()
    lines = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert len(lines) == len(shipped.steps) * 8
    for line in lines[:: len(lines) // 11]:
        place = shipped.steps.index(int(line["step"])), int(line["layer"]), int(line["head"])
        for name in ORDER:
            assert_close(float(line[name]), shipped.patterns[name][place], within=1e-6)


def test_a_frame_is_drawn_within_a_frame(module_page, shipped):
    mount(module_page, shipped)
    for at in range(20, 40):
        go(module_page, at)
    times = module_page.evaluate("performance.getEntriesByName('history').map((each) => each.duration)")[-20:]
    assert np.median(times) < 16.7


def test_every_pattern_has_its_words():
    assert set(ORDER) <= set(PATTERNS)
    for file in ("training/words.js", "training/curves.js"):
        written = (BROWSER / file).read_text()
        assert all(f"{name}:" in written for name in ORDER)
