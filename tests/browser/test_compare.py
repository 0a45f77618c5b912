"""The page that compares, as a reader uses it: type, point, click a head, reload, follow a link that asks too much."""

import re
from urllib.parse import quote

import torch

import selfattn
from selfattn import Temperature
from selfattn.analysis.compare.comparison import compare
from selfattn.recording.edits import to_json
from tests.tools.browser import Reader, numbers
from tests.tools.looks import findings, looks
from tests.tools.saved import saved, shade
from tests.tools.tolerance import assert_close

TEXT, OTHER = "The film was not good.", "The film was not very good."
ROOT = ".compare[data-ready=true]"
GRID = ".panel.heads .matrix canvas:not(.names)"


def opened(reader: Reader, **link: object) -> Reader:
    asked = {"model": "sentiment", "text": TEXT} | link
    reader.open("/compare?" + "&".join(f"{name}={quote(str(value))}" for name, value in asked.items()))
    reader.page.locator(ROOT).wait_for()
    return reader


def shown(reader: Reader, what: str) -> torch.Tensor:
    """A matrix as the browser has it."""
    values, shape = numbers(reader.page.locator(ROOT), f"({{ scope: {{ head, about }} }}) => [[...{what}], head.shape]")
    return torch.tensor(values).reshape(shape) if len(values) == shape[0] * shape[1] else torch.tensor(values)


def map_at(reader: Reader, place: int):
    return reader.page.locator(".maps .matrix canvas:not(.names)").nth(place)


def cell(reader: Reader) -> dict[str, int]:
    return reader.page.locator(ROOT).evaluate("root => root.scope.cell")


def test_the_page_is_interesting_before_anyone_touches_it(reader):
    for _ in looks(reader, "/compare?model=sentiment"):
        reader.page.locator(ROOT).wait_for()
        assert shown(reader, "head.weights").abs().max() > 0.1
        assert re.search(r"differ most in layer \d, head \d: 0\.[1-9]\d bits", reader.text(".stMainBlockContainer"))
        assert findings(reader) == []


def test_the_numbers_are_pythons_and_follow_what_is_typed(reader):
    opened(reader, layer=1, head=2)
    for text in (OTHER, "The film was good."):
        field = reader.page.locator(".st-key-text_b input")
        field.fill(text)
        field.press("Enter")
        reader.settle()
        first, second = selfattn.trace("sentiment", TEXT), selfattn.trace("sentiment", text)
        sides = reader.page.locator(ROOT).evaluate("root => root.scope.head.sides.map(({ queries }) => queries)")
        places = [[n for n, name in enumerate(names) if name is not None] for names in sides]
        for side, (trace, place) in enumerate(zip((first, second), places, strict=True)):
            weights = shown(reader, f"head.sides[{side}].weights")
            assert_close(weights[place][:, place], trace.stages(1, 2).weights, within=1e-6)
        both = sorted(set(places[0]) & set(places[1]))
        parts = [shown(reader, f"head.sides[{side}].weights")[both][:, both] for side in range(2)]
        assert_close(shown(reader, "head.weights")[both][:, both], parts[1] - parts[0], within=1e-6)
        assert_close(shown(reader, "about.planes.bits").reshape(2, 4), compare(first, second).bits, within=1e-6)
        assert quote(text).replace("%20", "+") in reader.page.url
    # The word that only A has is named, and hatched in both other pictures.
    gone = reader.page.locator(ROOT).evaluate("root => root.scope.head.queries.indexOf('−not')")
    assert gone == 4
    assert shown(reader, "head.keep")[gone].sum() == 0


def test_pointing_at_one_map_lights_the_cell_in_all_and_says_both_numbers(reader):
    opened(reader, text_b="The film was not bad.", layer=1)
    box = map_at(reader, 0).bounding_box()
    count = len(selfattn.trace("sentiment", TEXT).tokens)
    x, y = ((place + 0.5) * box["width"] / count for place in (4, 5))
    before = [map_at(reader, place).evaluate("canvas => canvas.toDataURL()") for place in range(3)]
    map_at(reader, 0).hover(position={"x": x, "y": y})
    reader.page.wait_for_timeout(200)
    assert cell(reader) == {"query": 5, "key": 4}
    for place in range(3):
        assert map_at(reader, place).evaluate("canvas => canvas.toDataURL()") != before[place]
    a, b = (selfattn.trace("sentiment", t).stages(1, 0).weights[5, 4].item() for t in (TEXT, "The film was not bad."))
    said = reader.page.locator(".compare > .heard").inner_text().replace("−", "-")
    found = re.fullmatch(r"good/bad attends to not: A (\S+), B (\S+); difference (\S+)\.", said)
    assert_close([float(number) for number in found.groups()], [a, b, b - a], within=6e-5)
    assert float(found[2]) > 0, "tiny, and not masked"
    written = reader.text(".panel.cell").replace("−", "-")
    for number in (f"{a:.3f}", f"{b:.3f}", f"B - A = {b - a:.4f}"):
        assert number in written
    ids = [selfattn.trace("sentiment", t).tokens.ids for t in (TEXT, "The film was not bad.")]
    title = {side: reader.page.locator(f".panel.cell .{side}").get_attribute("title") for side in "qk"}
    assert f"id {ids[0][4]}" in title["k"]
    assert [f"id {ids[side][5]}" in line for side, line in enumerate(title["q"].splitlines())] == [True, True]
    reader.page.mouse.move(0, 0)
    picture = saved(reader)
    assert picture.name == "sentiment_L1H0_compare_The-film-was-not-good"
    titles = "A: … film was not good. · B: … film was not bad."
    assert picture.caption == f"sentiment · layer 1, head 0 · {titles} · “{TEXT}”"
    assert {"good", "bad", "good/bad", "B − A"} <= set(picture.words)
    most = max(
        selfattn.trace("sentiment", t).stages(1, 0).weights.max().item() for t in (TEXT, "The film was not bad.")
    )
    for image, weight in enumerate((a, b)):
        assert_close(picture.colour(image, (5, 4), (count, count)), shade(weight, most), within=3)


def test_the_keyboard_moves_pins_and_lets_go(reader):
    opened(reader)
    map_at(reader, 2).focus()
    for key in ("PageUp", "Home", "ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
        reader.page.keyboard.press(key)
    assert cell(reader) == {"query": 2, "key": 1}
    reader.page.wait_for_function("decodeURIComponent(location.search).includes('cell=2>1')")
    reader.page.reload()
    reader.settle().page.locator(ROOT).wait_for()
    assert cell(reader) == {"query": 2, "key": 1}
    reader.page.keyboard.press("Tab")
    for _ in range(60):
        if map_at(reader, 0).evaluate("canvas => canvas === canvas.getRootNode().activeElement"):
            break
        reader.page.keyboard.press("Tab")
    stops = []
    for place in (1, 2):
        reader.page.keyboard.press("Tab")
        stops.append(map_at(reader, place).evaluate("canvas => canvas === canvas.getRootNode().activeElement"))
    assert stops == [True, True], "one stop each"
    reader.page.keyboard.press("Escape")
    reader.page.wait_for_function("!location.search.includes('cell')")


def test_a_head_in_the_grid_and_in_the_list_opens_above(reader):
    opened(reader, text_b=OTHER)
    box = reader.page.locator(GRID).bounding_box()
    reader.page.locator(GRID).click(position={"x": box["width"] * 3.5 / 4, "y": box["height"] * 1.5 / 2})
    reader.page.wait_for_function("location.search.includes('head=3') && location.search.includes('layer=1')")
    reader.settle()
    expected = selfattn.trace("sentiment", TEXT).stages(1, 3).weights
    kept = [place for place in range(9) if place != 5]
    assert_close(shown(reader, "head.sides[0].weights")[kept][:, kept], expected, within=1e-6)
    bits = compare(selfattn.trace("sentiment", TEXT), selfattn.trace("sentiment", OTHER))
    rows = reader.page.locator(".panel.heads tbody tr").all_inner_texts()
    assert [tuple(map(int, re.findall(r"\d+", row)[1:3])) for row in rows] == bits.ranked()
    layer, head = bits.ranked()[1]
    reader.page.locator(".panel.heads tbody button").nth(1).click()
    reader.settle()
    assert [reader.page.get_by_label(name, exact=True).input_value() for name in ("Layer", "Head")] == [
        str(layer),
        str(head),
    ]


def test_one_head_with_the_others(reader):
    opened(reader, **{"with": "head", "layer": 1, "head": 1, "layer_b": 0, "head_b": 2})
    trace = selfattn.trace("sentiment", TEXT)
    assert_close(shown(reader, "head.sides[1].weights"), trace.stages(0, 2).weights, within=1e-6)
    assert_close(shown(reader, "about.planes.bits").reshape(2, 4), compare(trace, trace, head=(1, 1)).bits, within=1e-6)
    reader.page.locator(".panel.heads tbody button").first.click()
    reader.settle()
    nearest = compare(trace, trace, head=(1, 1)).ranked()[-2]
    place = [reader.page.get_by_label(f"B's {name}").input_value() for name in ("layer", "head")]
    assert place == [str(number) for number in nearest]


def test_two_models_and_the_edits(reader):
    edits = to_json([Temperature(3.0)])
    opened(reader, **{"with": "model,edits", "model_b": "minilm", "edits": edits})
    first, second = selfattn.trace("sentiment", TEXT), selfattn.trace("minilm", TEXT, [Temperature(3.0)])
    assert_close(shown(reader, "about.planes.bits").reshape(2, 4), compare(first, second).bits, within=1e-5)
    assert "both models have" in reader.text(".panel.heads").lower()
    assert reader.text(".maps").count("minilm · temperature") == 1


def test_every_state_survives_a_reload_and_another_page(reader):
    opened(reader, **{"with": "text,head", "text_b": OTHER, "layer_b": 1, "head_b": 3, "layer": 1})
    numbers, link = shown(reader, "head.sides[1].weights"), sorted(re.split("[?&]", reader.page.url))
    for _ in range(2):
        reader.page.reload()
        reader.settle().page.locator(ROOT).wait_for()
        assert_close(shown(reader, "head.sides[1].weights"), numbers, within=0)
        assert sorted(re.split("[?&]", reader.page.url)) == link
        reader.page.get_by_role("link", name="All heads").click()
        reader.settle()
        reader.page.get_by_role("link", name="Compare").click()
        reader.settle().page.locator(ROOT).wait_for()
        assert_close(shown(reader, "head.sides[1].weights"), numbers, within=0)
        assert sorted(re.split("[?&]", reader.page.url)) == link


def test_a_text_beside_one_that_is_written_on_is_written_as_far(reader):
    opened(reader, model="dates", text="14 July 1789", step=6)
    sides = reader.page.locator(ROOT).evaluate("root => root.scope.head.sides.map(({ queries }) => queries)")
    # The start, and six tokens of 1789-07 and of 1789-04: as far, and none without a counterpart.
    assert [len(side) for side in sides] == [7, 7]
    assert None not in sides[0] + sides[1]
    model = selfattn.load("dates")
    written = model.tokenizer("1789-0", add_special_tokens=False)["input_ids"]
    other = reader.page.locator(".st-key-text_b input").input_value()
    assert other == "14 August 1789"
    expected = selfattn.trace(model, other, written=written).stages(1, 3, part="decoder", kind="cross").weights
    assert_close(shown(reader, "head.sides[1].weights")[:, : expected.shape[1]], expected, within=1e-6)


def test_an_edit_to_begin_with(reader):
    reader.open(f"/compare?model=sentiment&with=edits&text={quote(TEXT)}")
    reader.page.get_by_role("button", name="No scaling").click()
    reader.settle().page.locator(ROOT).wait_for()
    assert "edits=" in reader.page.url
    assert shown(reader, "head.weights").abs().max() > 0.1


def test_hostile_text_is_shown_and_not_run(reader):
    opened(reader, text_b="<img src=x onerror=window.broken=1> good ‮ مرحبا")
    assert reader.page.evaluate("window.broken") is None
    assert reader.page.locator(".compare img").count() == 0
