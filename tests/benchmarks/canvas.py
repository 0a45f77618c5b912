"""How long does a frame of a drag take, how many bytes are sent, and how fast are all heads drawn? In Chromium.

python -m tests.benchmarks.canvas
"""

import statistics
from urllib.parse import quote

from playwright.sync_api import Browser, Page, sync_playwright

import selfattn
from selfattn.canvas.head_payload import head_payload
from selfattn.canvas.payload import pack
from tests.browser import CHROMIUM, FLAGS, server

ROUNDS, FRAMES = 3, 120
# Drags the temperature once a frame; returns milliseconds of script and canvas calls, and from frame to frame.
DRAG = """async ([root, frames]) => {
  const input = root.querySelector(".controls .slider input");
  performance.clearMeasures("head");
  const ticks = [];
  for (let frame = 0; frame < frames; frame++) {
    input.value = 0.5 + (frame % 45) / 10;
    input.dispatchEvent(new Event("input"));
    ticks.push(await new Promise(requestAnimationFrame));
  }
  await new Promise(requestAnimationFrame);
  const script = performance.getEntriesByName("head").map((entry) => entry.duration);
  return { script, gaps: ticks.slice(1).map((tick, place) => tick - ticks[place]) };
}"""


def text_of(model: selfattn.Model, tokens: int) -> str:
    """A text of so many tokens."""
    line = "the film was long and the ending was not good but the cast was kind and we all left in tears"
    words = line.split()
    for count in range(tokens // 2, tokens + 1):
        text = " ".join(words[i % len(words)] for i in range(count))
        if len(model.inputs(text)[0]) == tokens:
            return text
    raise ValueError(f"No text of {tokens} tokens was found.")


def percentile(values: list[float], share: float = 0.95) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def drag(page: Page, address: str, model: selfattn.Model, tokens: int) -> dict[str, list[float]]:
    page.goto(f"{address}/?model={model.name}&text={quote(text_of(model, tokens))}")
    root = page.locator(".head[data-ready=true]")
    root.wait_for(timeout=120_000)
    page.wait_for_timeout(2500)
    return page.evaluate(DRAG, [root.element_handle(), FRAMES])


def drags(browser: Browser, address: str) -> None:
    model = selfattn.load("minilm")
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    for _ in range(ROUNDS):
        for tokens in (128, 512):
            found = drag(page, address, model, tokens)
            trace = selfattn.trace(model, text_of(model, tokens))
            size = len(pack(*head_payload(trace, trace.call(0), 0)))
            print(
                f"{tokens:4} tokens   payload {size / 1e6:.2f} MB   frame of a drag: script and draw "
                f"p95 {percentile(found['script']):.1f} ms (median {statistics.median(found['script']):.1f}), "
                f"frame to frame p95 {percentile(found['gaps']):.1f} ms"
            )
    page.close()


if __name__ == "__main__":
    with sync_playwright() as playwright, server() as address:
        drags(playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS), address)
