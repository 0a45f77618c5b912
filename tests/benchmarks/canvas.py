"""How long does a frame of a drag take, how many bytes are sent, and how fast are all heads drawn? In Chromium.

python -m tests.benchmarks.canvas [--beside CHECKOUT] [--drags]

With `--beside` the app of another checkout is dragged in turns with this one; with `--drags` nothing else is measured.
"""

import argparse
import statistics
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import torch
import transformers as hf
from playwright.sync_api import Browser, Page, sync_playwright

import selfattn
from selfattn.analysis.all_heads.atlas import atlas as analysed
from selfattn.canvas.all_heads import atlas_payload
from selfattn.canvas.one_head.head import head_payload
from selfattn.canvas.payload import pack
from selfattn.models.loading.names import names
from tests.benchmarks import peers, readers
from tests.tools.browser import CHROMIUM, FLAGS, server

ROUNDS, FRAMES, ATLASES = 3, 120, 8
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


def drags(browser: Browser, addresses: Mapping[str, str]) -> None:
    model = selfattn.load("minilm")
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    for tokens in (128, 512):
        trace = selfattn.trace(model, text_of(model, tokens))
        size = len(pack(*head_payload(trace, trace.call(0), 0)))
        print(f"{tokens:4} tokens   payload {size / 1e6:.2f} MB")
    for _ in range(ROUNDS):
        for tokens in (128, 512):
            for name, address in addresses.items():
                found = drag(page, address, model, tokens)
                print(
                    f"{tokens:4} tokens   {name:<8} frame of a drag: script and draw "
                    f"p95 {percentile(found['script']):.1f} ms (median {statistics.median(found['script']):.1f}), "
                    f"frame to frame p95 {percentile(found['gaps']):.1f} ms"
                )
    page.close()


def large_model(home: Path) -> Path:
    """A random BERT of 12 x 12 heads with d = 64, and the tokenizer of a shipped model."""
    tokenizer = hf.AutoTokenizer.from_pretrained(names()["sentiment"])
    torch.manual_seed(0)
    config = hf.BertConfig(vocab_size=len(tokenizer), num_hidden_layers=12, num_attention_heads=12, hidden_size=768)
    hf.BertForMaskedLM(config).save_pretrained(home)
    tokenizer.save_pretrained(home)
    return home


# From the click on the page's name to the second frame after all heads were drawn.
CLICK = """async () => {
  const start = performance.now();
  [...document.querySelectorAll("[data-testid=stSidebarNavLink]")].find((a) => a.innerText === "All heads").click();
  const atlas = () =>
    [...document.querySelectorAll("[data-testid=stBidiComponentIsolated]")]
      .map((host) => host.shadowRoot?.querySelector(".atlas[data-ready=true]"))
      .find(Boolean);
  while (!atlas()) {
    if (performance.now() - start > 20000) throw new Error("nothing was drawn within 20 s");
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
  return performance.now() - start;
}"""


def atlas(browser: Browser, address: str, home: Path) -> None:
    """All 144 heads at 128 tokens: the forward pass is there, every picture and number of a head is made anew."""
    model = selfattn.load(home)
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    text = text_of(model, 128)
    payload = atlas_payload(analysed(selfattn.trace(model, text)), {})
    for attempt in range(ATLASES):
        # Another first word of as many tokens is another text, whose heads nobody has computed yet.
        other = text.replace("the", ("a", "an", "one", "this", "that", "our", "his", "her")[attempt], 1)
        page.goto(f"{address}/?model={quote(str(home), safe='')}&text={quote(other)}")
        page.locator(".head[data-ready=true]").wait_for(timeout=120_000)
        page.wait_for_timeout(2500)
        print(f"144 heads   payload {len(payload) / 1e6:.2f} MB   click to painted {page.evaluate(CLICK):.0f} ms")
    page.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path, metavar="CHECKOUT")
    parser.add_argument("--drags", action="store_true")
    given = parser.parse_args()
    with sync_playwright() as playwright, server() as address, TemporaryDirectory() as home, ExitStack() as stack:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        addresses = {"here": address}
        if given.beside:
            addresses["beside"] = f"http://{stack.enter_context(readers.served(given.beside))[0]}"
        drags(browser, addresses)
        if given.drags:
            raise SystemExit
        atlas(browser, address, large_model(Path(home)))
        weights, tokens = peers.example(128)
        print(f"144 heads by Plotly heatmaps     {peers.plotly_grid(browser, weights)}")
        print(f"144 heads by BertViz's model view {peers.bertviz_model_view(browser, weights, tokens)}")
