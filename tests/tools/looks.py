"""One opening of a page for all its looks: dark and light, wide and narrow, and what axe-core finds in each."""

from collections.abc import Iterator

from axe_playwright_python.sync_playwright import Axe

from tests.tools.browser import Reader

# What Streamlit's own navigation has against it.
STREAMLITS = {("list", "stSidebarNav"), ("listitem", "stSidebarNav")}
# Style sheets and media are read again before each look, for two rules about what no page does: to start a sound by
# itself, and to turn as a telephone is turned.
OPTIONS = {"resultTypes": ["violations"], "preload": False}
# Colours that fade in have no contrast yet; what turns for ever is not waited for.
STILL = """() => Promise.allSettled(document.getAnimations()
  .filter((each) => each.effect.getComputedTiming().endTime !== Infinity).map((each) => each.finished))"""


def findings(reader: Reader, *rules: str) -> list[str]:
    """What axe has against the page, but for Streamlit's own; by all rules, or by some."""
    reader.page.evaluate(STILL)
    found = Axe().run(reader.page, options=OPTIONS | ({"runOnly": rules} if rules else {})).response["violations"]
    faults = []
    for rule in found:
        for node in rule["nodes"]:
            inside = reader.page.evaluate(
                """target => {
                  const outermost = Array.isArray(target[0]) ? target[0][0] : target[0];
                  const element = document.querySelector(outermost);
                  return element?.closest("[data-testid=stSidebarNav]") ? "stSidebarNav" : "";
                }""",
                node["target"],
            )
            if (rule["id"], inside) not in STREAMLITS:
                faults.append(f"{rule['id']} {node['target']}: {node.get('failureSummary', '')[:200]}")
    return faults


def scrolls_down_alone(reader: Reader) -> None:
    wider = reader.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, "the page scrolls sideways"


def looks(reader: Reader, path: str) -> Iterator[None]:
    """Open a page in the dark, and make it light, narrower and as narrow as a telephone as it stands."""
    reader.page.emulate_media(color_scheme="dark")
    reader.open(path)
    yield
    scrolls_down_alone(reader)
    for width in (900, 390):
        reader.look("light", width)
        yield
        scrolls_down_alone(reader)
