"""How long does a frame of a drag take, how many bytes are sent, and how fast are all heads drawn? In Chromium.

python -m tests.benchmarks.canvas [--beside CHECKOUT] [--drags | --boards]

With `--beside` the app of another checkout is dragged in turns with this one; with `--drags` nothing else is measured,
and with `--boards` only the boards of many heads: the first heads, all of them, and how they scroll.
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
from tests.tools import thousand
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


# From the click to the frame after the first heads were drawn, and to the frame after all of them were.
FIRST_AND_ALL = """async () => {
  const start = performance.now();
  [...document.querySelectorAll("[data-testid=stSidebarNavLink]")].find((a) => a.innerText === "All heads").click();
  const atlas = () =>
    [...document.querySelectorAll("[data-testid=stBidiComponentIsolated]")]
      .map((host) => host.shadowRoot?.querySelector(".atlas[data-ready=true]"))
      .find(Boolean);
  const until = async (done) => {
    while (!done(atlas()?.scope.about)) {
      if (performance.now() - start > 60000) throw new Error("not drawn within 60 s");
      await new Promise(requestAnimationFrame);
    }
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
  };
  return [await until((about) => about), await until((about) => about && about.here.length === about.layers.length)];
}"""
# Frame to frame while the board is scrolled down and to the right, and what a drawing takes of it.
SCROLL = """async (grid) => {
  const [gaps, scripts] = [[], []];
  let last = await new Promise(requestAnimationFrame);
  for (let step = 0; step < 120; step++) {
    const start = performance.now();
    grid.scrollBy(step % 40 < 20 ? 9 : -9, 17);
    grid.dispatchEvent(new Event("scroll"));
    scripts.push(performance.now() - start);
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
  }
  return { gaps, scripts };
}"""


def thousands(browser: Browser, address: str, home: Path) -> None:
    """All heads of a tiny model of 1024, and of SmolLM2: the first of them, all, and how they scroll."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    for model in (str(thousand.folder(home)), *(["smollm2"] if "smollm2" in names() else [])):
        for name in ("Paris", "Rome", "Berlin"):
            text = f"The capital of France is not {name}, and the capital of Germany is not {name} either. " * 3
            page.goto(f"{address}/?model={quote(model, safe='')}&text={quote(text)}")
            page.locator(".head[data-ready=true]").wait_for(timeout=120_000)
            page.wait_for_timeout(2500)
            first, every = page.evaluate(FIRST_AND_ALL)
            page.wait_for_timeout(1500)
            found = page.locator(".grid").evaluate(SCROLL)
            about = page.locator(".stage canvas").evaluate("e => ({ ...e.dataset })")
            print(
                f"{Path(model).name:10} click to the first heads {first:.0f} ms, to all {every:.0f} ms; "
                f"{about['drawn']} drawn of {about['side']} pixels; scrolling: drawing p95 "
                f"{percentile(found['scripts']):.1f} ms, frame to frame p95 {percentile(found['gaps']):.1f} ms",
                flush=True,
            )
    page.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path, metavar="CHECKOUT")
    parser.add_argument("--drags", action="store_true")
    parser.add_argument("--boards", action="store_true")
    given = parser.parse_args()
    with sync_playwright() as playwright, server() as address, TemporaryDirectory() as home, ExitStack() as stack:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        if given.boards:
            thousands(browser, address, Path(home))
            raise SystemExit
        addresses = {"here": address}
        if given.beside:
            addresses["beside"] = f"http://{stack.enter_context(readers.served(given.beside))[0]}"
        drags(browser, addresses)
        if given.drags:
            raise SystemExit
        thousands(browser, address, Path(home) / "thousand")
        atlas(browser, address, large_model(Path(home)))
        weights, tokens = peers.example(128)
        print(f"144 heads by Plotly heatmaps     {peers.plotly_grid(browser, weights)}")
        print(f"144 heads by BertViz's model view {peers.bertviz_model_view(browser, weights, tokens)}")
