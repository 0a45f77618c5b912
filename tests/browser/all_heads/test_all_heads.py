"""The page of all heads as a reader uses it: look, sort, filter, open a head, read the table."""

import csv
import re
from urllib.parse import quote

import torch

import selfattn
from selfattn.analysis.all_heads.atlas import atlas
from selfattn.analysis.all_heads.patterns import PATTERNS
from selfattn.ui.shell.examples import examples
from tests.tools.browser import Reader
from tests.tools.looks import looks
from tests.tools.saved import saved, shade
from tests.tools.tolerance import assert_close

TEXT = "The film was not good, but the film was short."
CORNER = (34, 20)  # of the grid on its canvas


def opened(reader: Reader, model: str, text: str = TEXT, **link: object) -> Reader:
    more = "".join(f"&{name}={value}" for name, value in link.items())
    reader.open(f"/all_heads?model={model}&text={quote(text)}{more}")
    reader.page.locator(".atlas[data-ready=true]").wait_for()
    return reader


def place(reader: Reader, row: int, column: int) -> tuple[float, float]:
    """The middle of a head's place on the canvas."""
    size = reader.page.locator(".ring").evaluate("e => [parseFloat(e.style.width), parseFloat(e.style.height)]")
    return CORNER[0] + (column + 0.5) * size[0], CORNER[1] + (row + 0.5) * size[1]


def point(reader: Reader, row: int, column: int) -> None:
    x, y = place(reader, row, column)
    reader.page.locator(".stage canvas").hover(position={"x": x, "y": y})


def card(reader: Reader) -> dict[str, float]:
    """The numbers on the card, by the name of their pattern."""
    rows = reader.page.locator(".card .row").all_inner_texts()
    found = (re.fullmatch(r"(\w+)(?: \(tokens\))?\s+([0-9.]+|–)", row) for row in rows)
    return {match[1]: float(match[2].replace("–", "nan")) for match in found if match}


def titles(reader: Reader) -> str:
    return reader.text(".card h2")


def check_card(reader: Reader, model: str, layer: int, head: int, text: str = TEXT) -> None:
    reader.page.get_by_role("heading", name=f"Layer {layer}, head {head}", exact=True).wait_for()
    found = atlas(selfattn.trace(model, text)).table[layer, head]
    shown = card(reader)
    assert len(shown) >= 8
    for name, number in zip(PATTERNS, found, strict=True):
        if name in shown:
            assert_close(shown[name], float(number), within=6e-4)


def test_the_page_opens_without_a_fault(reader):
    for _ in looks(reader, f"/all_heads?model=minilm&text={quote(examples('minilm')[0])}"):
        reader.page.locator(".atlas[data-ready=true]").wait_for()
        assert reader.page.locator(".sa-notice").count() == 0
        inked = reader.page.locator(".stage canvas").evaluate(
            """canvas => {
              const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              return new Set(new Uint32Array(data.buffer)).size;
            }"""
        )
        assert inked > 50


def test_hover_shows_the_heads_numbers(reader):
    opened(reader, "minilm")
    for layer, head in ((0, 2), (5, 11), (3, 7)):
        point(reader, layer, head)
        check_card(reader, "minilm", layer, head)


def test_a_click_opens_the_head_and_keeps_the_rest(reader):
    opened(reader, "induction", "red green blue red green", pad=2)
    x, y = place(reader, 1, 3)
    reader.page.locator(".stage canvas").click(position={"x": x, "y": y})
    reader.page.wait_for_url(re.compile(r"head=3"))
    reader.page.locator("[data-testid=stSidebarNavLink][aria-current=page]", has_text="One head").wait_for()
    reader.settle()
    assert [reader.page.get_by_label(name, exact=True).input_value() for name in ("Layer", "Head")] == ["1", "3"]
    assert "/all_heads" not in reader.page.url
    for part in ("model=induction", "head=3", "pad=2", "text=red+green+blue+red+green"):
        assert part in reader.page.url
    assert reader.page.locator(".st-key-text input").input_value() == "red green blue red green"
    reader.page.get_by_role("link", name="All heads").click()
    reader.settle()
    assert "/all_heads" in reader.page.url, "the page opens heads by itself"


def test_the_keyboard_reaches_every_head_and_opens_one(reader):
    opened(reader, "sentiment")
    canvas = reader.page.locator(".stage canvas")
    for _ in range(60):
        reader.page.keyboard.press("Tab")
        if canvas.evaluate("e => e === e.getRootNode().activeElement"):
            break
    seen = set()
    reader.page.keyboard.press("PageUp")
    reader.page.keyboard.press("Home")
    for _ in range(2):
        for _ in range(4):
            reader.page.wait_for_timeout(50)
            seen.add(titles(reader))
            reader.page.keyboard.press("ArrowRight")
        reader.page.keyboard.press("ArrowDown")
        reader.page.keyboard.press("Home")
    assert seen == {f"Layer {layer}, head {head}" for layer in range(2) for head in range(4)}
    reader.page.keyboard.press("ArrowRight")
    assert re.match(r"Layer 1, head 1: .*confidence 0\.\d\d, uniform 0\.\d\d", reader.text(".heard"))
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_url(re.compile(r"layer=1.*head=1|head=1.*layer=1"))
    assert reader.settle().page.locator(".st-key-text input").input_value() == TEXT


def test_sorting_ranks_by_the_number(reader):
    opened(reader, "minilm")
    reader.page.get_by_label("Pattern").select_option("previous")
    reader.page.get_by_label("Order").select_option("all")
    found = atlas(selfattn.trace("minilm", TEXT)).table[..., list(PATTERNS).index("previous")]
    ranked = sorted(((layer, head) for layer in range(6) for head in range(12)), key=lambda at: -found[at[0], at[1]])
    for rank in (0, 1, 12, 71):
        point(reader, rank // 12, rank % 12)
        check_card(reader, "minilm", *ranked[rank])
    reader.page.get_by_label("Order").select_option("layer")
    best = found[4].argsort()[::-1]
    point(reader, 4, 1)
    check_card(reader, "minilm", 4, int(best[1]))


def test_the_filter_counts_the_heads_that_pass(reader):
    opened(reader, "minilm")
    reader.page.get_by_label("Pattern").select_option("first")
    reader.page.get_by_label("At least").fill("0.6")
    found = atlas(selfattn.trace("minilm", TEXT)).table[..., list(PATTERNS).index("first")]
    reader.page.get_by_text(f"{(found >= 0.6).sum()} of 72 heads").wait_for()


def test_the_view_outlives_pages_reload_and_theme(reader):
    opened(reader, "minilm")
    reader.page.get_by_label("Pattern").select_option("previous")
    reader.page.get_by_label("Order").select_option("all")
    reader.page.get_by_label("At least").fill("0.4")
    reader.settle()
    link = reader.page.url

    def check() -> None:
        reader.page.locator(".atlas[data-ready=true]").wait_for()
        assert reader.page.get_by_label("Pattern").input_value() == "previous"
        assert reader.page.get_by_label("Order").input_value() == "all"
        assert float(reader.page.get_by_label("At least").input_value()) == 0.4

    for part in ("pattern=previous", "order=all", "least=0.4"):
        assert part in link
    reader.page.get_by_role("link", name="Why divide by").click()
    reader.settle()
    reader.page.get_by_role("link", name="All heads").click()
    reader.settle()
    check()
    assert sorted(re.split("[?&]", reader.page.url)) == sorted(re.split("[?&]", link))
    reader.page.reload()
    reader.settle()
    check()


def test_the_picture_follows_the_theme(reader):
    opened(reader, "minilm")
    names = "e => [...e.getContext('2d').getImageData(0, 0, e.width, 19).data].filter((n) => n > 0).join()"
    canvas = reader.page.locator(".stage canvas")
    before = canvas.evaluate(names)
    reader.page.add_style_tag(content=":root:root { --sa-ink: #ECEBE8; --sa-quiet: #FF0000; }")
    reader.page.wait_for_timeout(300)
    assert canvas.evaluate(names) != before


def test_another_text_keeps_the_view_and_the_head(reader):
    opened(reader, "sentiment")
    reader.page.get_by_label("Pattern").select_option("entropy")
    point(reader, 1, 2)
    other = "The waiter was rude."
    reader.type(other)
    check_card(reader, "sentiment", 1, 2, other)
    assert reader.page.get_by_label("Pattern").input_value() == "entropy"


HOSTILE = [
    "<img src=x onerror=window.broken=1> good",
    "</script><script>window.broken=1</script> bad",
    "🙂 很好 مرحبا é ‮ \u200b good",
    "x" * 200 + " good",
]


def test_hostile_text_is_drawn_and_not_run(reader):
    opened(reader, "sentiment", HOSTILE[0])
    for text in HOSTILE:
        if text != HOSTILE[0]:  # that came by link
            reader.type(text)
        point(reader, 0, 1)
        assert titles(reader) == "Layer 0, head 1"
        assert reader.page.evaluate("window.broken") is None
        assert reader.page.locator(".atlas :is(img, script)").count() == 0


def test_a_bad_link_opens_all_the_same(reader):
    reader.open(f"/all_heads?model=sentiment&text={quote(TEXT)}&pattern=<b>&order=7&least=-3")
    reader.page.locator(".atlas[data-ready=true]").wait_for()
    said = reader.page.locator(".sa-notice").all_inner_texts()
    assert len(said) == 3
    assert all("was asked for" in each for each in said)


def test_the_table_holds_the_same_numbers(reader):
    reader.open(f"/all_heads?model=induction&text={quote(TEXT)}&shown=Table")
    reader.page.locator(".stDataFrame canvas").first.wait_for()
    with reader.page.expect_download() as download:
        reader.page.get_by_role("button", name="CSV", exact=True).click()
    rows = list(csv.DictReader(download.value.path().read_text(encoding="utf-8").splitlines()))
    found = atlas(selfattn.trace("induction", TEXT))
    assert len(rows) == 8
    for row in rows:
        at = int(row["layer"]), int(row["head"])
        for place, name in enumerate(PATTERNS):
            if name in row:
                assert_close(float(row[name]), float(found.table[at][place]), within=1e-6)
                assert_close(float(row[f"{name}, uniform"]), float(found.baselines[at][place]), within=1e-6)
    assert {"previous", "induction", "distance"} < set(rows[0])
    assert "separator" not in rows[0], "a pattern without a number has no column"


def test_the_picture_is_the_weights(reader):
    """Each cell of the enlarged head has the colour of its weight, between the panel's and the weights'."""
    opened(reader, "sentiment")
    point(reader, 1, 0)
    reader.page.get_by_role("heading", name="Layer 1, head 0", exact=True).wait_for()
    weights = selfattn.trace("sentiment", TEXT).stages(1, 0).weights
    count = len(weights)
    blue = reader.page.locator(".card canvas").evaluate(
        """(canvas, count) => {
          const context = canvas.getContext("2d");
          const { width, height } = canvas;
          const { data } = context.getImageData(0, 0, width, height);
          const at = (x, y) => data[4 * (Math.round(y) * width + Math.round(x)) + 1];
          // The frame is the last line on the right and at the foot; the picture is a square.
          const framed = (x, y) => data[4 * (y * width + x) + 3] === 255;
          let left = width - 2;
          while (framed(left, height - 4)) left--;
          const side = width - left;
          const middle = (place) => (place + 0.5) * (side / count);
          return Array.from({ length: count * count }, (_, cell) =>
            at(left + middle(cell % count), height - side + middle(Math.floor(cell / count))));
        }""",
        count,
    )
    green = torch.tensor([round(255 + (63 - 255) * share) for share in weights.sqrt().flatten().tolist()])
    assert_close(torch.tensor(blue), green, within=3)
    assert reader.page.title() == "All heads · sentiment · selfattn"
    picture = saved(reader)
    assert picture.name == "sentiment_all-heads_The-film-was-not-good"
    assert re.fullmatch(rf"sentiment · all heads · marked by \w+ · “{TEXT}”", picture.caption)
    assert {"Layer 1, head 0", "film", "short", "entropy"} <= set(picture.words)
    # The eight heads of the grid come before the enlarged one.
    for image, cell in ((4, (4, 5)), (8, (4, 5)), (8, (1, 0))):
        assert_close(picture.colour(image, cell, weights.shape), shade(weights[cell].item(), 1.0), within=3)
