"""Every page is seen dark and light, wide and narrow, whole and for all; the keyboard is on every control and cell."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

import selfattn
from tests.tools.browser import Reader
from tests.tools.looks import findings, scrolls_down_alone
from tests.tools.tolerance import assert_close

# A page by its path, and what is pressed there, one after the other.
PAGES = [
    ("/", *(f".head .segmented button[value={view}]" for view in ("map", "lines", "table"))),
    ("/?model=minilm&mask=own,causal&words=true&show=lines",),
    ("/?model=digits",),
    ("/?model=tones",),
    ("/?model=dates",),
    ("/all_heads", ".st-key-shown button:has-text('Table')"),
    ("/model",),
    ("/scaling", '.st-key-data button:has-text("the model\'s own")'),
    ("/masks?masks_or_positions=Positions",),
    ("/training",),
    ("/cost", ".st-key-costs button:has-text('Measured here')"),
]


@pytest.mark.parametrize(("path", "presses"), [(path, presses) for path, *presses in PAGES])
def test_a_page_is_whole_in_every_look(reader, path, presses):
    reader.page.emulate_media(color_scheme="dark")
    reader.open(path)
    for press in ("", *presses):
        if press:
            reader.click(press)
        # The same elements in the other colours: only their contrast is new.
        for scheme, width, rules in (("dark", 900, []), ("light", 1440, ["color-contrast"])):
            reader.look(scheme, width)
            assert reader.page.locator(".sa-notice").count() == 0
            scrolls_down_alone(reader)
            assert findings(reader, *rules) == []


TEXT = "The plot was dull, but the acting was not bad at all."


def focused(reader: Reader) -> str:
    return reader.page.evaluate(
        """() => {
          let element = document.activeElement;
          while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
          return element ? `${element.tagName} ${element.className} ${element.value ?? ""}`.trim() : "";
        }"""
    )


def test_tab_reaches_every_control(reader):
    reader.open(f"/?text={quote(TEXT)}&mask=own,window")
    seen = []
    for _ in range(90):
        reader.page.keyboard.press("Tab")
        seen.append(focused(reader))
    reached = " | ".join(seen)
    for control in ("stages", "map", "lines", "table", "own", "causal", "padding", "window", "head", "sqrt"):
        assert f"BUTTON  {control}" in reached or f"SELECT  {control}" in reached, control
    assert sum(each.startswith("CANVAS") for each in seen) >= 8
    assert sum(each.startswith("INPUT") for each in seen) >= 3
    assert "BUTTON from" in reached


def test_arrow_keys_reach_every_cell_and_each_is_said(reader):
    text = "The film was not good."
    reader.open(f"/?text={quote(text)}&layer=1&head=2")
    trace = selfattn.trace("sentiment", text)
    stages = trace.stages(1, 2)
    canvas = reader.page.locator(".head .matrix.weights canvas:not(.names)").nth(3)
    canvas.focus()
    reader.page.keyboard.press("PageUp")
    reader.page.keyboard.press("Home")
    said = reader.page.locator(".head .heard")
    tokens = trace.tokens.text
    for query in range(len(tokens)):
        for key in range(len(tokens)):
            if (query * 7 + key) % 3 == 0:
                reader.page.wait_for_function(
                    "([root, query, key]) => root.scope.cell.query === query && root.scope.cell.key === key",
                    arg=[reader.page.locator(".head").element_handle(), query, key],
                )
                expect(said).to_have_text(re.compile(re.escape(f"{tokens[query]} attends to {tokens[key]}: score ")))
                sentence = said.inner_text()
                weight = float(sentence.split("weight ")[1].split(",")[0].replace("−", "-"))
                assert_close(weight, stages.weights[query, key].item(), within=6e-5)
            reader.page.keyboard.press("ArrowRight")
        reader.page.keyboard.press("Home")
        reader.page.keyboard.press("ArrowDown")
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_function("location.search.includes('from=7')")
    reader.page.keyboard.press("Escape")
    reader.page.wait_for_function("!location.search.includes('from=7')")


def test_the_sums_of_a_cell_by_dimension_are_its_score(reader):
    reader.open(f"/?text={quote(TEXT)}&from=3&to=10")
    canvas = reader.page.locator(".head .matrix.query canvas")
    canvas.focus()
    stages = selfattn.trace("sentiment", TEXT).stages(0, 0)
    reader.page.keyboard.press("ArrowRight")
    product = (stages.query[3, 1] * stages.key[10, 1]).item()
    note = reader.page.locator(".head .cell .note >> nth=-1")
    expect(note).to_have_text(re.compile("^dimension 1:"))
    said = note.inner_text().replace("−", "-")
    assert_close(float(said.split("= ")[1]), product, within=6e-4)
