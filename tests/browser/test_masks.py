"""The page of masks as a reader uses it; every number that the browser computes is compared with Python's."""

from urllib.parse import parse_qs, quote, urlsplit

import pytest
import torch

import selfattn
from selfattn import Mask
from selfattn.analysis.masks.reach import cost, first_layers
from selfattn.maths.masks import parse
from tests.tools.browser import Reader, numbers
from tests.tools.looks import findings, looks
from tests.tools.saved import saved, shade
from tests.tools.tolerance import assert_close

TEXT = "The plot was dull, but the acting was not bad at all."
COUNT, NOT = 16, 10
NEVER = 255  # in the browser

NUMBERS = """root => {
  const { allowed, first, head, drawing, after, count } = root.scope;
  const { expression } = drawing;
  return { keep: [...allowed], first: [...first], weights: [...head.weights], expression, after, count };
}"""


def opened(reader: Reader, model: str = "sentiment", keep: str = "", text: str | None = TEXT, more: str = "") -> Reader:
    link = f"/masks?model={model}" + (f"&text={quote(text)}" if text else "") + (f"&keep={quote(keep)}" if keep else "")
    reader.open(link + more)
    reader.page.locator(".mask[data-ready=true]").wait_for(timeout=60_000)
    return reader


def answered(reader: Reader) -> Reader:
    """Wait until the model has been asked about all that was drawn."""
    reader.page.locator(".mask[data-pending='0']").wait_for(timeout=60_000)
    return reader.settle()


def shown(reader: Reader) -> dict[str, object]:
    return numbers(reader.page.locator(".mask"), NUMBERS)


def in_link(reader: Reader) -> str | None:
    return parse_qs(urlsplit(reader.page.url).query).get("keep", [None])[0]


def typed(reader: Reader, expression: str) -> Reader:
    reader.page.locator(".mask .expression").fill(expression)
    reader.page.locator(".mask .expression").press("Enter")
    return answered(reader)


def center(reader: Reader, row: int, column: int, count: int = COUNT) -> tuple[float, float]:
    """The middle of a cell of the mask; from the left and from the top."""
    box = reader.page.locator(".mask .drawn .cells").bounding_box()
    return box["x"] + (column + 0.5) * box["width"] / count, box["y"] + (row + 0.5) * box["height"] / count


def drag(reader: Reader, *cells: tuple[int, int]) -> None:
    reader.page.locator(".mask .drawn .cells").scroll_into_view_if_needed()
    reader.page.mouse.move(*center(reader, *cells[0]))
    reader.page.mouse.down()
    for cell in cells[1:]:
        reader.page.mouse.move(*center(reader, *cell))
    reader.page.mouse.up()
    answered(reader)


def compare(reader: Reader, trace: selfattn.Trace, layer: int = 0, head: int = 0) -> None:
    """What is on screen against the same expression in Python: mask, reach, weights and cost."""
    seen = shown(reader)
    pattern, count = parse(seen["expression"]), seen["count"]
    call = trace.call(layer, kind="self").with_edits([Mask(pattern)])
    stages = call.stages(head)
    assert torch.equal(torch.tensor(seen["keep"]).bool().view(count, count), stages.keep)
    first = [-1 if layer == NEVER else layer for layer in seen["first"]]
    assert torch.equal(torch.tensor(first).view(count, count), first_layers(stages.keep))
    assert_close(torch.tensor(seen["weights"]).view(count, count), stages.weights, within=1e-5)
    attention = trace.model.attention(call.part, "self")
    sizes = stages.query.shape[1], stages.value.shape[1], attention.heads, attention.layers
    found, told = cost(stages.keep, *sizes), reader.text(".mask .costs")
    for number in (found.pairs, found.head, found.model):
        assert f"{number:,}" in told


def test_the_page_opens_on_a_causal_window_without_a_fault(reader):
    for _ in looks(reader, f"/masks?model=sentiment&text={quote(TEXT)}"):
        reader.page.locator(".mask[data-ready=true]").wait_for(timeout=60_000)
        assert reader.page.locator(".sa-notice").count() == 0
        assert "“⁨not⁩” has heard from 5 of 16 tokens after 2 layers" in reader.text(".mask .sentence")
        assert findings(reader) == []


@pytest.mark.parametrize(
    ("model", "text"),
    [("sentiment", TEXT), ("induction", "the cat sat on the mat because the cat sat"), ("dates", "14 July 1789")],
)
def test_the_browser_computes_what_python_does(reader, model, text):
    opened(reader, model, text=text, more="&layer=1&head=2")
    trace = selfattn.trace(model, text)
    for expression in (
        "window(2) | global_tokens([0, 3])",
        "causal & ~dilated(5, 2)",
        "block(3) & ~custom([[1, 1], [4, 3]])",
    ):
        compare(typed(reader, expression), trace, 1, 2)
        assert parse(in_link(reader)) == parse(expression)


def test_the_model_says_what_it_says_under_the_mask(reader):
    opened(reader, keep="block(5)")
    for where, layers in (("every layer", None), ("this layer alone", {0})):
        if layers:
            reader.page.locator(".st-key-mask_in [role=combobox], .st-key-mask_in input").first.click()
            reader.page.get_by_role("option", name=where).click()
            reader.settle()
        after = selfattn.trace("sentiment", TEXT, [Mask(parse("block(5)"), layers=layers)]).prediction
        said = reader.text(".mask .outcome")
        assert where in said
        assert f"{after.of('positive'):.3f}" in said
        assert f"{after.of('negative'):.3f}" in said
    picture = saved(reader)
    assert picture.name == "sentiment_L0H0_masks_The-plot-was-dull-but"
    assert "mask block(5) in this layer alone · after 2 layers" in picture.caption
    call = selfattn.trace("sentiment", TEXT, [Mask(parse("block(5)"), layers={0}, heads={0})]).call(0)
    weights = call.stages(0).weights
    assert_close(picture.colour(2, (1, 3), weights.shape), shade(weights[1, 3].item(), 1.0), within=3)


def test_cells_are_painted_undone_and_kept_by_a_reload(reader):
    opened(reader, keep="window(4)")
    trace = selfattn.trace("sentiment", TEXT)
    drag(reader, (NOT, 8), (NOT, 12))
    hidden = ", ".join(f"[{NOT}, {key}]" for key in range(8, 13))
    assert in_link(reader) == f"window(4) & ~custom([{hidden}])"
    compare(reader, trace)
    # A drag that starts on a hidden cell shows.
    drag(reader, (0, 15), (0, 14))
    assert in_link(reader) == f"window(4) & ~custom([{hidden}]) | custom([[0, 14], [0, 15]])"
    compare(reader, trace)
    reader.page.reload()
    reader.settle().page.locator(".mask[data-ready=true]").wait_for()
    compare(reader, trace)
    drawn = shown(reader)["expression"]
    drag(reader, (3, 3), (5, 3))
    reader.page.locator(".mask .drawn .cells").focus()
    reader.page.keyboard.press("Control+z")
    answered(reader)
    assert shown(reader)["expression"] == drawn == in_link(reader)


def test_a_row_is_hidden_by_its_name_and_the_token_with_nothing_left_is_named(reader):
    opened(reader, keep="padding")
    names = reader.page.locator(".mask .drawn .names.rows")
    box = names.bounding_box()
    names.click(position={"x": 50, "y": (NOT + 0.5) * box["height"] / COUNT})
    answered(reader)
    keep = torch.tensor(shown(reader)["keep"]).view(COUNT, COUNT)
    assert keep[NOT].sum() == 0
    assert keep.sum() == COUNT * (COUNT - 1)
    assert "“⁨not⁩” may attend to nothing" in reader.text(".mask .empty")
    assert torch.tensor(shown(reader)["weights"]).view(COUNT, COUNT)[NOT].sum() == 0
    compare(reader, selfattn.trace("sentiment", TEXT))


def test_a_mask_is_drawn_by_keyboard(reader):
    opened(reader, keep="padding")
    cells = reader.page.locator(".mask .drawn .cells")
    cells.focus()
    row, column = reader.page.locator(".mask").evaluate("root => [root.scope.pinned.row, root.scope.pinned.column]")
    for key in ("ArrowUp", "ArrowUp", "Space"):
        cells.press(key)
    answered(reader)
    assert in_link(reader) == f"~custom([[{row - 2}, {column}]])"
    cells.press("Space")
    for _ in range(row - 1):
        cells.press("ArrowUp")
    cells.press("Space")  # above the cells: the whole column
    answered(reader)
    keep = torch.tensor(shown(reader)["keep"]).view(COUNT, COUNT)
    assert keep[:, column].sum() == 0
    assert keep.sum() == COUNT * (COUNT - 1)


def test_patterns_are_combined_moved_and_taken_out(reader):
    opened(reader, keep="causal")
    patterns = reader.page.locator(".mask [aria-label=Patterns]")
    patterns.get_by_role("button", name="block", exact=True).click()
    assert shown(reader)["expression"] == "causal & block(4)"
    patterns.get_by_role("button", name="or", exact=True).click()
    patterns.get_by_role("button", name="global token").click()
    assert shown(reader)["expression"] == "causal & block(4) | global_tokens([0])"
    patterns.get_by_label("block: size").fill("5")
    patterns.get_by_role("button", name="and not").click()
    patterns.get_by_role("button", name="dilated").click()
    assert shown(reader)["expression"] == "(causal & block(5) | global_tokens([0])) & ~dilated(8, 2)"
    compare(answered(reader), selfattn.trace("sentiment", TEXT))
    patterns.get_by_role("button", name="causal").click()
    assert shown(reader)["expression"] == "(block(5) | global_tokens([0])) & ~dilated(8, 2)"
    reader.page.get_by_role("button", name="first + recent").click()
    answered(reader)
    assert in_link(reader) == "causal & (window(4) | global_tokens([0]))"


def test_layers_are_moved_and_played(reader):
    opened(reader, keep="causal & window(2)", more="&after=4")
    assert "has heard from 5 of 16" in reader.text(".mask .sentence")
    slider = reader.page.locator(".mask .reach input")
    slider.focus()
    slider.press("ArrowLeft")
    answered(reader)
    assert "has heard from 4 of 16 tokens after 3 layers" in reader.text(".mask .sentence")
    assert "after=3" in reader.page.url
    reader.page.get_by_role("button", name="Play").click()
    reader.page.get_by_role("button", name="Stop").click()
    answered(reader)
    assert shown(reader)["after"] < 3  # it starts from no layer


def test_an_expression_that_cannot_be_read_is_one_sentence_and_the_mask_stays(reader):
    opened(reader, keep="block(3)")
    reader.page.locator(".mask .expression").fill("window(three)")
    reader.page.locator(".mask .expression").press("Enter")
    assert reader.text(".mask .fault").startswith("Could not read the mask “window(three)”; expected causal")
    assert shown(reader)["expression"] == "block(3)"


def test_the_export_holds_every_pair_and_the_python_of_the_edit(reader):
    opened(reader, keep="causal & window(2)")
    reader.page.get_by_role("button", name="Export").click()
    python = "Mask(part='encoder', kind='self', pattern=parse('(causal & window(2))'))"
    reader.page.locator("[data-testid=stPopoverBody] code").filter(has_text=python).wait_for(timeout=60_000)
    reader.settle()
    with reader.page.expect_download() as download:
        reader.page.get_by_role("button", name="as CSV").click()
    header, *rows = download.value.path().read_text().splitlines()
    assert header == "query,key,attends_from,attends_to,may_attend,heard_after_layers,weight"
    assert len(rows) == COUNT**2
    weight = selfattn.trace("sentiment", TEXT).stages(0, 0, edits=[Mask(parse("causal & window(2)"))]).weights
    assert rows[3 * COUNT + 1].split(",")[:6] == ["3", "1", "was", "The", "0", "2"]
    assert_close(float(rows[3 * COUNT + 2].split(",")[-1]), weight[3, 2], within=1e-6)


def test_another_sentence_keeps_the_pattern(reader):
    opened(reader, keep="window(3) & ~custom([[4, 3]])")
    reader.type("The food was good, and so was the view.")
    answered(reader)
    assert in_link(reader) == shown(reader)["expression"] == "window(3)"
    compare(reader, selfattn.trace("sentiment", "The food was good, and so was the view."))


def test_long_texts_are_masked_by_expression_and_too_long_ones_refused(reader):
    long = "one two three four five " * 30
    opened(reader, "induction", keep="block(50)", text=long, more="&layer=1&head=2")
    assert "are too many to paint" in reader.text(".mask .drawn .note")
    compare(reader, selfattn.trace("induction", long), 1, 2)
    reader.open(f"/masks?model=induction&text={quote('one two ' * 520)}")
    assert "masks are drawn up to 1,024" in reader.text(".sa-notice")
