"""The page of other attentions as a reader uses it: choose, slide, press a row, reload, ask for what has no meaning."""

from urllib.parse import quote

import torch

import selfattn
from selfattn.analysis.variants.other_attentions import VARIANTS
from selfattn.analysis.variants.ranking import ranking
from selfattn.analysis.variants.variant import VariantSettings, compute, exact_of, measure
from tests.tools.browser import Reader, numbers
from tests.tools.looks import findings, looks
from tests.tools.saved import saved
from tests.tools.tolerance import assert_close

TEXT = "The film was not good."
ROOT = ".variants[data-ready=true]"


def opened(reader: Reader, **link: object) -> Reader:
    asked = {"model": "sentiment", "text": TEXT} | link
    reader.open("/variants?" + "&".join(f"{name}={quote(str(value))}" for name, value in asked.items()))
    reader.page.locator(ROOT).wait_for()
    return reader


def chosen(reader: Reader, title: str) -> None:
    """Wait until a variant is shown."""
    reader.page.locator(".variants .numbers h2").get_by_text(f"{title} ").wait_for()
    reader.page.locator(".variants tr.chosen").get_by_role("button", name=title, exact=True).wait_for()


def shown(reader: Reader, what: str) -> torch.Tensor:
    """A matrix as the browser has it."""
    values, shape = numbers(reader.page.locator(ROOT), f"({{ scope: {{ head, about }} }}) => [[...{what}], head.shape]")
    return torch.tensor(values).reshape(shape)


def press(reader: Reader, name: str) -> None:
    variant = VARIANTS[name]
    reader.page.locator(f".st-key-chips_{variant.group}").get_by_text(variant.title, exact=True).click()
    chosen(reader, variant.title)


def check(reader: Reader, name: str, settings: VariantSettings, layer: int = 0, head: int = 0) -> None:
    """What is on screen is what Python computes."""
    trace = selfattn.trace("sentiment", TEXT)
    exact = exact_of(trace, trace.call(layer), head)
    found = compute(VARIANTS[name], exact, settings)
    measured = measure(found, exact)
    assert_close(shown(reader, "head.sides[0].weights"), trace.stages(layer, head).weights, within=1e-6)
    numbers = reader.page.locator(".variants .numbers .bars .number").all_inner_texts()
    expected = [measured.error]
    if found.weights is not None:
        assert_close(shown(reader, "head.sides[1].weights"), found.weights, within=1e-6)
        assert_close(shown(reader, "head.weights"), found.weights - exact.stages.weights, within=2e-6)
        expected = [measured.variation, measured.error]
    assert numbers == [f"{number:.3f}" for number in expected]


def test_the_page_is_interesting_before_anyone_touches_it(reader):
    for _ in looks(reader, "/variants?model=sentiment"):
        reader.page.locator(ROOT).wait_for()
        assert "Linear changes this head’s output by 83%; even attention, which looks nowhere, by 91%" in reader.text()
        assert shown(reader, "head.weights").abs().max() > 0.5
        assert findings(reader) == []


def test_a_variant_is_chosen_by_its_chip_and_its_numbers_are_pythons(reader):
    opened(reader, layer=1, head=2)
    # One of each group: the table has the numbers of all.
    for name in {variant.group: name for name, variant in VARIANTS.items()}.values():
        press(reader, name)
        check(reader, name, VariantSettings(), 1, 2)


def test_a_slider_changes_the_numbers_and_the_link_restores_them(reader):
    opened(reader, variant="top-k", variant_k=2, variant_seed=5)
    check(reader, "top-k", VariantSettings(k=2))
    before = reader.text(".variants .numbers .bars")
    reader.page.locator(".st-key-variant_set_k input").press("ArrowRight")
    reader.page.wait_for_function("!location.search.includes('variant_k')")  # 3 is the default
    reader.settle()
    assert reader.text(".variants .numbers .bars") != before
    check(reader, "top-k", VariantSettings(k=3))
    reader.page.locator(".st-key-variant_set_k input").press("ArrowRight")
    reader.page.wait_for_function("location.search.includes('variant_k=4')")
    reader.settle()
    press(reader, "performer")
    for again in (reader.page.reload, lambda: away_and_back(reader)):
        again()
        reader.settle().page.locator(ROOT).wait_for()
        chosen(reader, "Performer")
        check(reader, "performer", VariantSettings(k=4, seed=5))
        assert {"variant=performer", "variant_k=4", "variant_seed=5"} <= set(reader.page.url.split("?")[1].split("&"))
    reader.page.get_by_text("orthogonal directions").click()
    reader.page.wait_for_function("location.search.includes('variant_orthogonal=False')")
    reader.settle()
    check(reader, "performer", VariantSettings(seed=5, orthogonal=False))


def away_and_back(reader: Reader) -> None:
    reader.page.get_by_role("link", name="One head").click()
    reader.settle()
    reader.page.get_by_role("link", name="Other attentions").click()


def test_the_table_is_in_order_has_every_number_and_a_row_of_it_chooses(reader):
    opened(reader)
    trace = selfattn.trace("sentiment", TEXT)
    expected = ranking(exact_of(trace, trace.call(0), 0), VariantSettings())
    rows = reader.page.locator(".variants .board > .table tbody tr").all_inner_texts()
    cells = [[cell.strip() for cell in row.split("\t")] for row in rows]
    assert sorted(cell[1] for cell in cells[:2]) == ["Scaled dot", "Softmax"]
    for cell, row in zip(cells[2:], expected[2:], strict=True):
        assert cell[1] == row.variant.title
        measured = row.measured and [row.measured.variation, row.measured.error]
        for shown, number in zip(cell[3:5], measured or [None, None], strict=True):
            if number is None:
                assert shown in ("", "–")
            else:
                assert_close(float(shown), number, within=6e-4)
    reader.page.locator(".variants tbody").get_by_role("button", name="Entmax", exact=True).click()
    chosen(reader, "Entmax")
    reader.settle()
    assert "variant=entmax" in reader.page.url
    check(reader, "entmax", VariantSettings())
    # The chip follows, and pressing it again takes nothing away.
    reader.page.locator(".st-key-chips_Normaliser").get_by_text("Entmax", exact=True).click()
    reader.settle()
    chosen(reader, "Entmax")


def test_a_cell_of_one_map_is_told_of_both(reader):
    opened(reader, variant="linear")
    reader.page.locator(".variants .maps .matrix canvas:not(.names)").first.focus()
    for key in ("PageUp", "Home", "ArrowDown", "ArrowRight", "ArrowRight"):
        reader.page.keyboard.press(key)
    own, other = (shown(reader, f"head.sides[{side}].weights")[1, 2].item() for side in (0, 1))
    said = [f"{weight:.3f}" for weight in (own, other)]
    reader.page.locator(".variants .cell .number").nth(1).get_by_text(said[1]).wait_for()
    assert reader.page.locator(".variants .cell .number").all_inner_texts() == said
    picture = saved(reader)
    assert picture.name.startswith("sentiment_L0H0_linear_")
    assert "A and B" not in picture.caption
    assert "exact attention and Linear" in picture.caption


def test_what_has_no_meaning_is_one_sentence_and_the_rest_stays(reader):
    reader.open("/variants?model=dates&variant=local&part=decoder, cross&layer=1&head=3")
    reader.page.locator(ROOT).wait_for()
    assert "Local window compares places in one text; this head reads from one text in another." in reader.text()
    assert reader.page.locator(".variants").get_by_text("has no meaning on this head").count() == 5
    reader.page.locator(".variants tbody").get_by_role("button", name="Linear", exact=True).click()
    chosen(reader, "Linear")


def test_a_long_text_is_refused_in_a_sentence(reader):
    reader.open("/variants?model=sentiment&text=" + quote("good " * 520))
    assert "Every variant is computed on up to 512 tokens; this input has 522" in reader.text(".sa-notice")


def test_pictures_sounds_and_hostile_text_open(reader):
    for model in ("digits", "tones"):
        reader.open(f"/variants?model={model}&variant=nystrom")
        reader.page.locator(ROOT).wait_for()
        chosen(reader, "Nyströmformer")
    opened(reader, text="<img src=x onerror=window.broken=1> good ‮ مرحبا")
    assert reader.page.evaluate("window.broken") is None
    assert reader.page.locator(".variants img").count() == 0


def test_a_link_that_asks_for_what_is_not_there_opens_and_all_leave_as_csv(reader):
    opened(reader, variant="nobody")
    check(reader, "linear", VariantSettings())
    reader.page.get_by_role("button", name="Export").click()
    with reader.page.expect_download() as download:
        reader.page.get_by_role("button", name="All variants as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 1 + len(VARIANTS)
    assert lines[0].startswith("attention,group,what it does,row variation,output error")
