"""Pictures that are taken along: each view of a head as svg, png and copy, from the dark as from the light; and as pdf.

What the other pages save is looked at where their tests have opened them.
"""

import io
import re
from urllib.parse import quote

import numpy as np
from PIL import Image

import selfattn
from selfattn.maths.masks import causal
from selfattn.models.inputs.tokens import visible
from tests.tools.browser import Reader
from tests.tools.saved import copied, saved, shade
from tests.tools.tolerance import assert_close

# What would be an element, an entity or the end of one; scripts from right to left, without spaces, and with marks.
HOSTILE = "<b>not & é שם 好"
NAME = "sentiment_L1H2_{}_b-not-é-שם-好"


def show(reader: Reader, view: str) -> None:
    reader.click(f".head .segmented button[value={view}]")
    reader.page.mouse.move(0, 0)
    reader.settle()


def seen(reader: Reader) -> np.ndarray:
    """What stands on the page of the stages, pixel by pixel, with no pointer over it."""
    reader.page.mouse.move(0, 0)
    shot = reader.settle().page.locator(".strip").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=float)


def test_every_view_of_a_head_is_saved_by_its_name_in_the_colours_of_print(reader):
    here = {"layers": {1}, "heads": {2}}
    trace = selfattn.trace("sentiment", HOSTILE, [selfattn.Temperature(2.0, **here), selfattn.Mask(causal, **here)])
    weights, tokens = trace.stages(1, 2).weights.numpy(), [visible(token) for token in trace.tokens.text]
    most = weights.max()
    reader.page.emulate_media(color_scheme="dark")
    reader.open(f"/?model=sentiment&layer=1&head=2&text={quote(HOSTILE)}&temperature=2.0&mask=own,causal&from=3&to=0")
    assert reader.page.title() == "One head · sentiment · selfattn"
    caption = f"sentiment · layer 1, head 2 · {{}} · temperature 2 · mask the model’s own and causal · “{HOSTILE}”"
    before = seen(reader)

    stages = saved(reader)
    assert (stages.name, stages.caption) == (NAME.format("stages"), caption.format("stages"))
    assert {"softmax", "= context", "b"} <= set(stages.words)
    assert any(word.startswith("é[") for word in stages.words)
    for cell in ((2, 1), (5, 4), (19, 6)):
        assert_close(stages.colour(5, cell, weights.shape), shade(weights[cell], most), within=3)
    assert np.array_equal(np.array(copied(reader)), np.array(stages.png))
    # The page itself stands as it stood, in its own colours.
    assert np.abs(seen(reader) - before).mean() < 0.5

    show(reader, "map")
    drawn = saved(reader)
    assert (drawn.name, drawn.caption) == (NAME.format("map"), caption.format("map"))
    assert set(tokens) <= set(drawn.words)
    assert_close(drawn.colour(0, (5, 4), weights.shape), shade(weights[5, 4], most), within=3)

    show(reader, "lines")
    lines = saved(reader)
    assert (lines.name, lines.caption) == (NAME.format("lines"), caption.format("lines"))
    # Every token whole, once in each column.
    assert sorted(word for word in lines.words if word in tokens) == sorted(2 * tokens)

    show(reader, "table")
    assert not reader.page.locator(".saver").is_visible()


def test_without_a_clipboard_the_file_is_offered(reader):
    reader.open("/?model=sentiment")
    reader.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    reader.page.locator(".saver button[value=copy]").press("Enter")
    reader.page.get_by_text("Without https the browser lets nothing be copied: save the png.").wait_for()


def test_a_picture_is_printed_on_one_page_of_its_size_with_lines_and_letters(reader):
    reader.open(f"/?model=sentiment&layer=1&head=2&text={quote(HOSTILE)}")
    title, vector = reader.page.title(), saved(reader)
    # What a browser would show in a dialog is taken as it stands when it is asked to print.
    reader.page.evaluate(
        """() => new MutationObserver(() => {
          const frame = document.querySelector("iframe.printed");
          if (frame) frame.contentWindow.print = () => {
            window.sheet = [document.title, frame.contentDocument.documentElement.outerHTML];
            frame.contentWindow.onafterprint();
          };
        }).observe(document.body, { childList: true })"""
    )
    reader.page.locator(".saver button[value=pdf]").click()
    reader.page.wait_for_function("window.sheet")
    name, html = reader.page.evaluate("window.sheet")
    assert name == vector.name
    assert (reader.page.title(), reader.page.locator("iframe.printed").count()) == (title, 0)
    paper = reader.page.context.new_page()
    paper.set_content(html)
    assert paper.locator("svg text").all_text_contents() == vector.words
    pdf = paper.pdf(prefer_css_page_size=True, print_background=True)
    paper.close()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    assert b"/Font" in pdf
    box = [float(each) for each in re.search(rb"/MediaBox\s*\[([^\]]+)\]", pdf)[1].split()]
    size = [float(vector.svg.get(side)) for side in ("width", "height")]
    assert_close(box[2:], [0.75 * side for side in size], within=2)
