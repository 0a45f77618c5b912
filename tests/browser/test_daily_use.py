"""Daily use: the way back, a text of several lines, a narrow window, a telephone, small things, the first chart."""

from itertools import pairwise
from urllib.parse import quote

import pytest

import selfattn
from selfattn.ui.browser import charts_ahead
from tests.tools.browser import Reader
from tests.tools.looks import scrolls_down_alone

FIRST, SECOND = "The film was not good.", "The waiter was rude."
TEXT = ".st-key-text input"


def back(reader: Reader) -> Reader:
    reader.page.go_back()
    return reader.settle()


def test_back_undoes_one_thing_at_a_time(reader):
    reader.open(f"/?text={quote(FIRST)}").type(SECOND)
    reader.click(".head .controls .toggle")
    reader.page.get_by_role("link", name="All heads").click()
    reader.settle().page.get_by_role("link", name="Compare").click()
    reader.settle()
    assert "/all_heads" in back(reader).page.url
    assert "/all_heads" not in back(reader).page.url
    toggle = reader.page.locator(".head .controls .toggle input")
    assert not toggle.is_checked()
    back(reader)
    assert toggle.is_checked()
    assert reader.page.locator(TEXT).input_value() == SECOND
    back(reader)
    assert reader.page.locator(TEXT).input_value() == FIRST
    assert "film" in reader.text(".head .chips")
    reader.page.go_forward()
    assert reader.settle().page.locator(TEXT).input_value() == SECOND
    assert "waiter" in reader.text(".head .chips")


def test_what_is_typed_key_by_key_is_one_step_back(reader):
    reader.open(f"/?text={quote(FIRST)}")
    field = reader.page.locator(TEXT)
    field.click()
    field.press("End")
    for key in " Not":
        field.press(key if key != " " else "Space")
        reader.settle()
    # What is typed goes to the server once the hand rests.
    reader.page.locator(".head .chips", has_text="Not").wait_for()
    reader.settle()
    assert back(reader).page.locator(TEXT).input_value() == FIRST


def test_another_model_is_gone_back_from(reader):
    reader.open("/?model=sentiment")
    reader.page.locator(".st-key-model input").click()
    reader.page.get_by_role("option", name="induction").click()
    reader.settle()
    assert "model=induction" in reader.page.url
    back(reader)
    assert "model=induction" not in reader.page.url
    assert reader.page.locator(".st-key-model input").input_value().startswith("sentiment")


def test_what_is_pasted_keeps_its_lines(reader):
    text = "<|system|>\nBe brief.\n<|user|>\nWhy?\n"
    reader.open(f"/?text={quote(FIRST)}")
    field = reader.page.locator(TEXT)
    field.select_text()
    field.evaluate(
        """(field, text) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData("text/plain", text);
          const how = { bubbles: true, composed: true, cancelable: true };
          field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, ...how }));
        }""",
        text,
    )
    lines = reader.page.locator(".st-key-text textarea")
    lines.wait_for()
    reader.settle()
    assert lines.input_value() == text
    chips = reader.page.locator(".head .chips").first.locator("button")
    assert chips.count() == len(selfattn.trace("sentiment", text).tokens)
    reader.page.reload()
    assert reader.settle().page.locator(".st-key-text textarea").input_value() == text


@pytest.mark.parametrize("text", ["The plot was dull, but the acting was not bad at all."])
def test_a_narrow_window_shows_every_stage_and_every_name(reader, text):
    reader.page.set_viewport_size({"width": 1024, "height": 768})
    reader.open(f"/?text={quote(text)}")
    for stage in ("query", "key", "value", "context", "weights >> nth=3"):
        box = reader.page.locator(f".head .line .matrix.{stage}").first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 1024
    reader.open(f"/mistakes?text={quote(text)}")
    names = reader.page.locator(".st-key-exhibit [data-testid=stRadioOption] p")
    assert names.count() == 11
    assert all(names.nth(place).bounding_box()["width"] > 30 for place in range(11))
    scrolls_down_alone(reader)
    reader.open("/masks?masks_or_positions=Positions")
    widths = {round(each.bounding_box()["width"]) for each in reader.page.locator(".st-key-terms > *").all()}
    assert len(widths) == 1
    reader.open("/model")
    wider = "table => table.scrollWidth - table.clientWidth"
    assert all(each.evaluate(wider) <= 0 for each in reader.page.locator(".sa-table").all())


def test_a_telephone_shows_four_heads_a_row_below_a_bar_that_hides_what_scrolls(reader):
    reader.page.set_viewport_size({"width": 390, "height": 844})
    reader.open(f"/?text={quote(FIRST)}")
    tops = {round(each.bounding_box()["y"]) for each in reader.page.locator(".st-key-heads img").all()}
    assert reader.page.locator(".st-key-heads img").count() == 4
    assert len(tops) == 1
    bar = reader.page.locator("header[data-testid=stHeader]").evaluate("bar => getComputedStyle(bar).backgroundColor")
    assert bar == "rgb(251, 250, 247)"
    scrolls_down_alone(reader)


def test_the_steps_named_along_a_training_have_room_in_every_width(reader):
    reader.open("/training")
    for width in (1440, 390):
        reader.look("light", width)
        boxes = [each.bounding_box() for each in reader.page.locator(".time .ticks span").all()]
        boxes.sort(key=lambda box: box["x"])
        assert len(boxes) > 2
        assert all(one["x"] + one["width"] < other["x"] for one, other in pairwise(boxes))


def test_a_masked_weight_and_a_tiny_one_are_told_apart(reader):
    reader.open(f"/?show=table&mask=causal&query=3&text={quote(FIRST)}")
    shown = reader.page.locator(".head table").first.locator("tbody tr").all_inner_texts()
    rows = [row.split("\t") for row in shown]
    masked = [row for row in rows if "masked" in row]
    assert masked
    assert all("0" in row and "0.0000" not in row for row in masked)
    assert all("0.0000" not in row for row in rows)


def test_the_parts_of_a_score_are_those_of_its_similarity(reader):
    reader.open(f"/?similarity=rbf&text={quote(FIRST)}")
    said = reader.page.locator(".head .cell").inner_text()
    assert "by dimension" in said
    assert "q·k by dimension" not in said
    head = selfattn.trace("sentiment", FIRST).stages(0, 0)
    query, key = reader.page.locator(".head").evaluate("({ scope }) => [scope.cell.query, scope.cell.key]")
    parts = -(head.query[query] - head.key[key]).square() / 2
    largest = int(parts.abs().argmax())
    assert f"{largest} (−{abs(float(parts[largest])):.2f})" in said


def test_interventions_open_where_something_is_at_stake(reader):
    reader.open("/interventions")
    changes = [float(cell.replace("−", "-")) for cell in reader.page.locator(".heads button").all_inner_texts()]
    assert len(changes) == 8
    assert max(map(abs, changes)) > 0.1


def test_maps_stay_where_they_are_from_one_attention_to_another(reader):
    reader.open(f"/variants?text={quote(FIRST)}")
    tops = set()
    for name in ("Linear", "Sigmoid", "Top-k", "Linformer", "Cosine"):
        reader.page.locator("[class*=st-key-chips_]").get_by_text(name, exact=True).click()
        reader.page.locator(".variants tr.chosen").get_by_role("button", name=name, exact=True).wait_for()
        reader.settle()
        tops.add(round(reader.page.locator(".variants .matrix").first.bounding_box()["y"]))
    assert len(tops) == 1


def test_what_is_set_is_seen_over_the_table_and_taken_back_there(reader):
    reader.open(f"/?show=table&temperature=5.0&scaled=false&text={quote(FIRST)}")
    controls = reader.page.locator(".head .controls")
    assert controls.locator(".slider output").first.inner_text() == "5.0"
    assert not controls.locator(".toggle input").is_checked()
    reader.page.get_by_role("button", name="Back to the model’s own").click()
    reader.settle()
    assert {"temperature", "scaled"}.isdisjoint(reader.link())
    weights = selfattn.trace("sentiment", FIRST).stages(0, 0).weights
    place = reader.page.locator(".head").evaluate("({ scope }) => [scope.cell.query, scope.cell.key]")
    assert reader.page.locator(".head .cell .w").inner_text() == f"weight = {weights[place[0], place[1]]:.4f}"
    assert not reader.page.get_by_role("button", name="Back to the model’s own").is_visible()


def test_the_script_of_charts_is_read_before_the_first_chart_is_asked_for(chromium, address):
    page = chromium.new_page()
    reader = Reader(page, address).open("/")
    try:
        assert charts_ahead.script()
        there = "name => performance.getEntriesByType('resource').some((each) => each.name.endsWith(name))"
        page.wait_for_function(there, arg=charts_ahead.script())
        assert page.locator(".js-plotly-plot").count() == 0
        reader.check()
    finally:
        page.close()
