"""How a picture comes onto the page: it holds its place, says when a script is lost, and loses nothing when it goes."""

from urllib.parse import quote

import pytest

from selfattn.canvas.rooms import BROWSER, ROOMS
from tests.tools.browser import DESK, Reader

TEXT = "The plot was dull, but the acting was not bad at all."
HEAD = ".head[data-ready=true]"
# What stands below the picture of one head.
BELOW = ".st-key-panel_heads, .st-key-panel_layer"


@pytest.fixture
def visitor(chromium, address):
    """A reader whose browser has nothing in its cache, and who may see errors: scripts are lost on the way."""
    page = chromium.new_page(viewport=DESK, color_scheme="light")
    yield Reader(page, address)
    page.close()


def lose(visitor: Reader, file: str, times: int) -> list[str]:
    """The first requests for a script fail; returns the addresses that were asked for."""
    asked: list[str] = []

    def answer(route):
        asked.append(route.request.url)
        if len(asked) <= times:
            route.abort()
        else:
            route.continue_()

    visitor.page.route(f"**/{file}*", answer)
    return asked


def test_a_picture_whose_script_is_lost_says_so_and_comes_when_asked_again(visitor):
    # The opening curtain may ask for the script before the picture does.
    asked = lose(visitor, "one_head/index.js", 3)
    visitor.page.goto(f"{visitor.address}/?text={quote(TEXT)}")
    said = visitor.page.get_by_role("alert").filter(has_text="did not arrive")
    said.wait_for(timeout=60_000)
    assert visitor.page.locator(".head").count() == 0
    for _ in range(4):
        if visitor.page.locator(HEAD).count():
            break
        visitor.page.get_by_role("button", name="Try again").click()
        visitor.page.locator(".head, .waiting[role=alert]").first.wait_for()
    visitor.page.locator(HEAD).wait_for(timeout=60_000)
    assert said.count() == 0
    assert len(set(asked)) > 1, "the same address was asked for again, which a browser may answer from memory"


def test_the_next_message_tries_again_by_itself(visitor):
    asked = lose(visitor, "one_head/index.js", 1)
    visitor.page.goto(f"{visitor.address}/?text={quote(TEXT)}")
    visitor.page.get_by_role("alert").filter(has_text="did not arrive").wait_for(timeout=60_000)
    visitor.type("The music was not good.")
    visitor.page.locator(HEAD).wait_for(timeout=60_000)
    assert "music" in visitor.text(".head .chips")
    assert len(asked) >= 2


def test_a_lost_map_leaves_the_picture_that_stands_and_comes_with_the_next_click(visitor):
    asked = lose(visitor, "map/index.js", 1)
    visitor.open(f"/?text={quote(TEXT)}")
    button = {name: visitor.page.locator(f".head .toolbar button[value={name}]") for name in ("map", "stages")}
    button["map"].click()
    visitor.page.get_by_text("“Map” did not arrive").wait_for()
    assert button["stages"].get_attribute("aria-pressed") == "true"
    assert button["map"].get_attribute("aria-pressed") == "false"
    assert visitor.page.locator(".head .strip").is_visible()
    assert not [fault for fault in visitor.faults if fault.startswith("uncaught")]
    button["map"].click()
    visitor.page.locator(".head .map-canvas").wait_for()
    assert button["map"].get_attribute("aria-pressed") == "true"
    assert visitor.page.get_by_text("did not arrive").count() == 0
    assert len(asked) == len(set(asked)) == 2


def test_a_picture_holds_its_place_before_its_script_is_there(visitor):
    waiting = []
    visitor.page.route("**/one_head/index.js*", lambda route: waiting.append(route))
    visitor.page.goto(f"{visitor.address}/?text={quote(TEXT)}")
    visitor.page.get_by_text("The picture is being drawn").wait_for(timeout=60_000)
    below = visitor.page.locator("[class*=st-key-panel]").first
    below.wait_for()
    before = below.bounding_box()["y"]
    for route in waiting:
        route.continue_()
    visitor.page.unroute("**/one_head/index.js*")
    visitor.page.locator(HEAD).wait_for(timeout=60_000)
    visitor.settle()
    after = below.bounding_box()["y"]
    assert abs(after - before) <= 24, "what stands below the picture moves when the picture comes"
    visitor.check()


# What a reader does in a room, where it is seen when they come back, and what the link, which Python writes, says then.
DEEDS = {
    "One head": ("scope.set({ scaled: false })", "scope.view.scaled", False, "scaled=false"),
    "All heads": ("scope.set({ order: 'all' })", "scope.view.order", "all", "order=all"),
    "Compare": ("scope.pin({ query: 3, key: 5 })", "[scope.view.query, scope.view.key]", [3, 5], "cell=3%3E5"),
    "Interventions": (
        "scope.act({ act: 'silence', layer: 0, head: 1 })",
        "scope.about.changes.map(({ text }) => text)",
        ["Silence head 1 of layer 0 (zeros)"],
        "ablate",
    ),
    "Masks": ("scope.change(() => scope.drawing.adopt('causal'))", "scope.about.expression", "causal", "keep=causal&"),
}
# As where Streamlit drops a state for the next page: what is told does not arrive.
LOSE = """async ({{ scope }}) => {{
  const {{ send }} = WebSocket.prototype;
  WebSocket.prototype.send = () => {{}};
  {};
  scope.flush();
  await new Promise((done) => setTimeout(done, 200));
  WebSocket.prototype.send = send;
}}"""


def test_what_is_lost_as_the_page_is_left_is_told_again(reader):
    reader.open(f"/?text={quote(TEXT)}")
    room = reader.page.locator(".canvas[data-ready=true]")

    def turn(page: str) -> None:
        reader.page.get_by_role("link", name=page, exact=page == "Model").click()
        reader.page.wait_for_function("title => document.title.startsWith(title)", arg=page)
        reader.settle()

    for page, (deed, where, expected, said) in DEEDS.items():
        turn(page)
        seen = f"({{ scope }}) => {where}"
        assert room.evaluate(seen) != expected, page
        assert said not in reader.page.url
        room.evaluate(LOSE.format(deed))
        turn("Model")
        turn(page)
        assert room.evaluate(seen) == expected, page
        reader.page.wait_for_function("said => location.href.includes(said)", arg=said)


def test_what_was_heard_is_not_done_again(reader):
    """Silencing a head twice would wake it."""
    silenced = "({ scope }) => scope.about.changes.map(({ text }) => text)"
    deed = "scope.act({ act: 'silence', layer: 0, head: %d })"
    reader.open(f"/interventions?text={quote(TEXT)}")
    room = reader.page.locator(".canvas[data-ready=true]")
    room.evaluate(f"({{ scope }}) => {deed % 1}")
    reader.settle()
    assert room.evaluate(silenced) == ["Silence head 1 of layer 0 (zeros)"]
    # The second deed is lost, and told with the first as long as that is not answered.
    unanswered = "scope.pending = [{ act: 'silence', layer: 0, head: 1, at: scope.last }]"
    room.evaluate(LOSE.format(f"{unanswered}; {deed % 2}"))
    for _ in range(2):
        reader.page.get_by_role("link", name="Why divide by").click()
        reader.page.locator(".js-plotly-plot").first.wait_for()
        reader.settle()
        reader.page.get_by_role("link", name="Interventions").click()
        room.wait_for()
        reader.settle()
        assert room.evaluate(silenced) == ["Silence heads 1, 2 of layer 0 (zeros)"]


def test_what_is_done_just_before_leaving_is_kept_and_no_fault(reader):
    reader.open(f"/?text={quote(TEXT)}")
    reader.page.locator(".head .controls .toggle").first.click()
    reader.page.get_by_role("link", name="Why divide by").click()
    reader.settle()
    reader.page.get_by_role("link", name="One head").click()
    reader.settle()
    assert reader.page.locator(HEAD).evaluate("root => root.scope.view.scaled") is False
    room = reader.page.locator(".canvas[data-ready=true]")
    for page, event in (
        ("One head", "'apply', { view: scope.view, reach: 'head' }"),
        ("All heads", "'open', { layer: 1, head: 2 }"),
    ):
        reader.page.get_by_role("link", name=page).click()
        reader.settle()
        link = reader.page.get_by_role("link", name="Why divide by").element_handle()
        room.evaluate(f"({{ scope }}, link) => {{ scope.tell({event}); link.click() }}", link)
        reader.settle()
        reader.check()


def test_every_room_is_known_on_both_sides():
    names = {file.parent.name for file in BROWSER.glob("*/index.js")}
    assert names == set(ROOMS)
    script = (BROWSER / "main.js").read_text()
    assert all(f'"{name}"' in script for name in names)
    for room in ROOMS.values():
        assert len(room.style) > 1000
