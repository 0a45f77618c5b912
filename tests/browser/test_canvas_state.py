"""What the reader has set stays through a reload, a change of theme, another page and a lost connection."""

import os
import signal
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from selfattn.canvas.view import LIMITS, from_link
from tests.tools.browser import DESK, Reader, free_port, start

TEXT = "The plot was dull, but the acting was not bad at all."
HEAD = ".head[data-ready=true]"


def view(reader: Reader) -> dict[str, object]:
    reader.page.locator(HEAD).wait_for(timeout=60_000)
    return reader.page.locator(HEAD).evaluate("root => root.scope.view")


def move(reader: Reader) -> dict[str, object]:
    """Change a little of everything, and say what stands then."""
    reader.click(".head .controls .toggle")
    reader.click(".head .masks button[value=causal]")
    reader.page.locator(".head .controls .slider input").first.fill("2.5")
    reader.click(".head .chips button:nth-of-type(4)")
    return view(reader)


def test_a_reload_and_another_page_keep_the_view(reader):
    reader.open(f"/?text={quote(TEXT)}")
    moved = move(reader)
    assert (moved["scaled"], moved["temperature"], moved["mask"], moved["query"]) == (False, 2.5, ["own", "causal"], 3)
    link = parse_qs(urlsplit(reader.page.url).query)
    reader.page.get_by_role("link", name="Why divide by").click()
    reader.settle()
    reader.page.get_by_role("link", name="One head").click()
    assert view(reader.settle()) == moved
    assert parse_qs(urlsplit(reader.page.url).query) == link
    reader.page.reload()
    assert view(reader.settle()) == moved


def test_the_way_back_takes_the_view_back_and_another_head_keeps_it(reader):
    reader.open(f"/?text={quote(TEXT)}")
    reader.click(".head .controls .toggle")
    assert view(reader)["scaled"] is False
    reader.page.go_back()
    assert view(reader.settle())["scaled"] is True
    moved = move(reader)
    numbers = "root => [...root.scope.head.weights]"
    before = reader.page.locator(HEAD).evaluate(numbers)
    reader.click(".st-key-open_2 button")
    assert view(reader) == moved
    assert reader.page.locator(HEAD).evaluate(numbers) != before


def test_a_head_opened_from_all_heads_keeps_the_view_and_what_is_in_the_model(reader):
    reader.open(f"/?temperature=3&text={quote(TEXT)}")
    reader.click(".head button.primary")
    moved, said = move(reader), reader.text(".head .says")
    assert "before the change" in said
    reader.page.get_by_role("link", name="All heads").click()
    reader.settle()
    reader.page.locator(".atlas[data-ready=true] canvas").first.focus()
    reader.page.keyboard.press("ArrowRight")
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_function("!location.pathname.includes('all_heads') && location.search.includes('head=')")
    assert view(reader.settle()) == moved
    assert reader.text(".head .says") == said


def test_another_theme_keeps_the_view_and_changes_the_colours(reader):
    reader.open(f"/?text={quote(TEXT)}")
    moved = move(reader)
    corner = """root => {
      const canvas = root.querySelectorAll(".matrix.weights canvas:not(.names)")[3];
      return [...canvas.getContext("2d").getImageData(0, canvas.height >> 1, canvas.width, 1).data].join();
    }"""
    light = reader.page.locator(HEAD).evaluate(corner)
    reader.page.emulate_media(color_scheme="dark")
    reader.settle()
    reader.page.wait_for_timeout(500)
    assert view(reader) == moved
    assert reader.page.locator(HEAD).evaluate("root => root.scope.palette.paper") == "#151518"
    assert reader.page.locator(HEAD).evaluate(corner) != light


@pytest.mark.slow
def test_a_lost_connection_keeps_what_was_set_before_and_during_it(chromium):
    port = free_port()
    process = start(port)
    page = chromium.new_page(viewport=DESK)
    reader = Reader(page, f"http://127.0.0.1:{port}").open(f"/?text={quote(TEXT)}")
    try:
        moved = move(reader)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        reader.page.wait_for_timeout(500)
        reader.page.locator(".head .controls .slider input").first.fill("0.7")
        reader.page.wait_for_timeout(800)
        assert view(reader) == {**moved, "temperature": 0.7}
        process = start(port)
        reader.page.wait_for_selector("[data-test-connection-state=CONNECTED]", timeout=60_000)
        assert view(reader) == {**moved, "temperature": 0.7}
        # The next thing that the reader does is heard, and the link holds what was set meanwhile.
        reader.click(".head .masks button[value=padding]")
        reader.page.wait_for_function("location.search.includes('temperature=0.7')", timeout=60_000)
        assert view(reader) == {**moved, "temperature": 0.7, "mask": ["own", "causal", "padding"]}
        assert reader.page.locator(".st-key-text input").input_value() == TEXT
    finally:
        page.close()
        process.kill()
        process.wait()


SLIDERS = {
    "temperature": ".head .controls .slider input >> nth=0",
    "width": ".head .controls .slider input >> nth=1",
    "threshold": ".head .toolbar .slider input",
}


@pytest.mark.parametrize("bound", ["min", "max"])
def test_a_link_and_the_sliders_take_the_same_bounds(reader, bound):
    values = {name: LIMITS[name][bound] for name in SLIDERS}
    asked = "&".join(f"{name}={value}" for name, value in values.items())
    reader.open(f"/?text={quote(TEXT)}&mask=window&show=lines&{asked}")
    for name, slider in SLIDERS.items():
        assert view(reader)[name] == values[name]
        control = reader.page.locator(slider)
        assert float(control.input_value()) == values[name]
        assert float(control.get_attribute(bound)) == values[name]
        _, notes = from_link({name: str(values[name] + (1 if bound == "max" else -1))})
        assert len(notes) == 1
