"""The page of famous mistakes as a reader uses it: eleven exhibits, one switch each, by mouse, keyboard and link."""

import re
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import torch
from playwright.sync_api import expect

import selfattn
from selfattn.analysis.mistakes import axes
from selfattn.analysis.mistakes.exhibits import EXHIBITS, Way
from selfattn.analysis.mistakes.subject import Subject
from selfattn.figures.mistakes import written
from selfattn.recording.edits import Scale
from tests.tools.browser import Reader
from tests.tools.looks import findings, looks

TEXT = "The plot was dull, but the acting was not bad at all."
LAYER, HEAD = 1, 2


def linked(more: str = "") -> str:
    return f"/mistakes?model=sentiment&text={quote(TEXT)}&layer={LAYER}&head={HEAD}{more}"


def opened(reader: Reader, more: str = "") -> Reader:
    return reader.open(linked(more))


def subject() -> Subject:
    trace = selfattn.trace("sentiment", TEXT)
    return Subject(trace, trace.call(LAYER), HEAD)


def numbers(reader: Reader) -> list[list[str]]:
    """The rows of the table: name, wrong, right."""
    rows = reader.page.locator(".st-key-panel_words tbody tr").all()
    return [row.locator("th, td").all_inner_texts() for row in rows]


def expected(way: Way) -> list[list[str]]:
    found = way.make(subject(), torch.Generator().manual_seed(1))
    return [
        [each.name, *(f"{x:,}" if isinstance(x, int) else written(x) for x in (each.wrong, each.right))]
        for each in found.numbers
    ]


def same_numbers(shown: list[list[str]], of_python: list[list[str]]) -> None:
    """Equal as written; what rounding leaves near zero may differ from run to run."""
    assert [row[0] for row in shown] == [row[0] for row in of_python]
    for row, other in zip(shown, of_python, strict=True):
        for a, b in zip(row[1:], other[1:], strict=True):
            assert a == b or ("e−" in a and "e−" in b), (row, other)


def asked(reader: Reader, name: str) -> str | None:
    return parse_qs(urlsplit(reader.page.url).query).get(name, [None])[0]


def title(reader: Reader):
    return reader.page.locator(".st-key-board h2")


def test_it_opens_on_a_mistake_that_is_made(reader):
    opened(reader)
    expect(title(reader)).to_have_text(EXHIBITS[1].question)
    rows = axes.over_queries(subject()).wrong.values.sum(1)
    assert f"{rows.min():.3f} to {rows.max():.3f}" in reader.text(".st-key-panel_words")
    assert "Weights, wrong" in reader.text(".st-key-panel_figure")
    box = reader.page.locator(".st-key-panel_figure .js-plotly-plot").bounding_box()
    assert box["y"] > 0
    assert box["y"] + box["height"] < 900, "the figure is not on the first screen"


def test_every_exhibit_opens_by_a_click_and_shows_pythons_numbers(reader):
    opened(reader)
    for exhibit in EXHIBITS:
        reader.page.locator(".st-key-exhibit label", has_text=exhibit.title).last.click()
        expect(title(reader)).to_have_text(exhibit.question, timeout=60_000)
        reader.settle()
        same_numbers(numbers(reader), expected(exhibit.ways[0]))
        assert reader.page.locator(".st-key-board .sa-notice").count() == 0
        assert reader.page.locator("pre.sa-code").all_inner_texts() == [exhibit.ways[0].wrong, exhibit.ways[0].right]
        assert reader.page.locator("pre.sa-code .sa-differs").count() > 0


def drawn(reader: Reader) -> list[list[float]]:
    """The matrix that Plotly draws."""
    return reader.page.locator(".js-plotly-plot").first.evaluate(
        "plot => [...plot._fullData[0]._z ?? plot.calcdata[0][0].z].map(row => [...row])"
    )


def test_the_switch_changes_the_figure_and_the_link_brings_it_back(reader):
    opened(reader)
    found = axes.over_queries(subject())
    assert torch.allclose(torch.tensor(drawn(reader)), found.wrong.values, atol=1e-5)
    reader.page.get_by_role("radio", name="right", exact=True).click()
    expect(reader.page.locator(".st-key-panel_figure")).to_contain_text("Weights, right", timeout=60_000)
    reader.settle()
    assert torch.allclose(torch.tensor(drawn(reader)), found.right.values, atol=1e-5)
    assert asked(reader, "way") == "right"
    reader.page.reload()
    reader.settle()
    assert "Weights, right" in reader.text(".st-key-panel_figure")


def test_a_link_opens_an_exhibit_one_of_its_ways_and_a_draw(reader):
    opened(reader, f"&exhibit={quote('Masked the wrong way')}&how_6={quote('0 for −∞')}")
    expect(title(reader)).to_have_text(EXHIBITS[5].question)
    same_numbers(numbers(reader), expected(EXHIBITS[5].ways[1]))
    opened(reader, f"&exhibit={quote('Dropout still on')}&draw=7")
    found = EXHIBITS[10].ways[0].make(subject(), torch.Generator().manual_seed(7))
    assert numbers(reader)[0][1] == written(found.numbers[0].wrong)


def test_the_keyboard_goes_through_the_list_and_the_buttons_step(reader):
    opened(reader)
    reader.page.locator(".st-key-exhibit input[type=radio]").nth(1).focus()
    reader.page.keyboard.press("ArrowDown")
    expect(title(reader)).to_have_text(EXHIBITS[2].question, timeout=60_000)
    reader.settle()
    reader.page.get_by_role("button", name="Next").click()
    expect(title(reader)).to_have_text(EXHIBITS[3].question, timeout=60_000)
    reader.settle()
    assert asked(reader, "exhibit") == EXHIBITS[3].title
    reader.page.get_by_role("button", name="Previous").click()
    expect(title(reader)).to_have_text(EXHIBITS[2].question, timeout=60_000)


def test_what_the_model_says_is_what_it_says_with_the_mistake_inside(reader):
    opened(reader, f"&exhibit={quote('No division by √d')}")
    said = reader.text(".st-key-panel_words")
    name, before = selfattn.trace("sentiment", TEXT).prediction.top(1)[0]
    after = selfattn.trace("sentiment", TEXT, [Scale(1.0)]).prediction.of(name)
    assert f"{name!r} with {before:.3f}" in said
    assert f"in every layer: {after:.3f}" in said
    opened(reader, f"&exhibit={quote('Softmax over the wrong axis')}")
    trace = selfattn.trace("sentiment", TEXT)
    wrong = {(LAYER, head): axes.over_queries(Subject(trace, trace.call(LAYER), head)).context for head in range(4)}
    after = selfattn.trace("sentiment", TEXT, contexts=wrong).prediction.of(name)
    assert f"in encoder layer {LAYER}: {after:.3f}" in reader.text(".st-key-panel_words")


@pytest.mark.parametrize(
    ("model", "text", "exhibit", "why"),
    [
        ("induction", "the cat sat on the mat because the cat", "No positional encoding", "hides the future"),
        ("dates", "14 July 1789", "Heads not transposed", "goes unseen in self-attention"),
    ],
)
def test_where_an_exhibit_makes_no_sense_it_says_why_and_keeps_its_code(reader, model, text, exhibit, why):
    reader.open(f"/mistakes?model={model}&text={quote(text)}&exhibit={quote(exhibit)}")
    assert re.search(why, reader.text(".st-key-board .sa-notice"))
    assert reader.page.locator("pre.sa-code").count() == 2


def test_the_page_is_whole_and_accessible(reader):
    for _ in looks(reader, linked(f"&exhibit={quote('Masked the wrong way')}")):
        assert findings(reader) == []
