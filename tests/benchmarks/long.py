"""What do long texts, and many, cost? Each beside the bare computation, and beside the same of another checkout.

python -m tests.benchmarks.long [--beside CHECKOUT] [overview] [many] [open] [map]

    overview   one head of 16,384 tokens, max-pooled: beside nothing but blockwise products, softmax and max-pool
    many       `selfattn.traces`, and a file of all heads: beside plain batches of 15 and one text at a time (SmolLM2)
    open       one head of 2,000 tokens of SmolLM2 in the app's script, beside the plain forward pass
    map        the payload, a tile, and frames beside the display
"""

import argparse
import base64
import dataclasses
import importlib.util
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import Page, sync_playwright
from torch import Tensor
from torch.nn.functional import max_pool2d

import selfattn
from selfattn import Mask, Model, Trace
from selfattn.analysis.one_head.overview import overview
from selfattn.canvas.one_head.long import long_payload
from selfattn.canvas.payload import pack
from selfattn.figures.palette import LIGHT
from selfattn.maths.masks import causal
from selfattn.models.budgets import budget
from selfattn.models.encoder import SelfAttentionConfig, SelfAttentionForMaskedLM
from tests.canvas.test_map import MAP, OPEN, VIEW
from tests.tools.browser import CHROMIUM, FLAGS, HOME, modules

ROUNDS = 3
LONG, MAPPED = 16_384, 4_096
TEXTS, BATCH = 200, 15
OPENED_TOKENS = 2000

# Drags and zooms for some seconds; the times between frames and the times of `performance.measure("map")`.
FRAMES = """
async (zoomed) => {
  const canvas = document.querySelector("canvas");
  const box = canvas.getBoundingClientRect();
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
  const at = (type, dx, dy) =>
    canvas.dispatchEvent(new PointerEvent(type, { clientX: x + dx, clientY: y + dy, pointerId: 7 }));
  canvas.setPointerCapture = () => {};
  const wheel = (deltaY) =>
    canvas.dispatchEvent(new WheelEvent("wheel", { clientX: x, clientY: y, deltaY, cancelable: true }));
  if (zoomed) wheel(-1500);
  const measured = [];
  const keep = ({ name, duration }) => name === "map" && measured.push(duration);
  new PerformanceObserver((list) => list.getEntries().forEach(keep)).observe({ entryTypes: ["measure"] });
  const between = [];
  let last = null;
  at("pointerdown", 0, 0);
  for (let frame = 0; frame < 240; frame++) {
    const now = await new Promise(requestAnimationFrame);
    if (last !== null) between.push(now - last);
    last = now;
    if (zoomed) at("pointermove", 300 * Math.sin(frame / 25), 200 * Math.sin(frame / 40));
    else wheel(frame % 80 < 40 ? -60 : 60);
  }
  at("pointerup", 0, 0);
  return [measured, between];
}
"""


def local() -> Model:
    """The local encoder with RoPE: 4 heads of 16 numbers."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4, "vocab_size": 1000}
    return Model.wrap(SelfAttentionForMaskedLM(SelfAttentionConfig(**sizes, positions="rope")))


def run(model: Model, tokens: int) -> Trace:
    ids = torch.randint(4, 1000, (1, tokens), generator=torch.Generator().manual_seed(1))
    return selfattn.trace(model, {"input_ids": ids})


def bare(query: Tensor, key: Tensor, scale: float, pool: int, block: int) -> Tensor:
    """Nothing but blockwise matmul, softmax and max-pool."""
    pooled = []
    for start in range(0, len(query), block):
        weights = torch.softmax(query[start : start + block] @ key.T * scale, -1)
        pooled.append(max_pool2d(weights[None], pool)[0])
    return torch.cat(pooled)


def interleaved(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, in turns."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - start)
    return times


def beside(checkout: Path, file: str) -> Any:
    """A module of another checkout, on what is here of the rest."""
    spec = importlib.util.spec_from_file_location("beside", checkout / file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compare(model: Model, d: int, checkout: Path | None) -> None:
    call = run(model, LONG).calls[0]
    query, key = torch.randn(2, LONG, d, generator=torch.Generator().manual_seed(2))
    call = dataclasses.replace(call, query=query[None, None], key=key[None, None], value=key[None, None], scale=d**-0.5)
    call = dataclasses.replace(call, prescale=1.0, settings=call.settings[:1])
    ways: dict[str, Callable[[], object]] = {"overview": lambda: overview(call, 0).weights}
    ways["causal"] = lambda: overview(dataclasses.replace(call, causal=True), 0)
    if checkout is not None:
        other = beside(checkout, "selfattn/analysis/one_head/overview.py").overview
        ways["beside"] = lambda: other(call, 0)
        ways["beside, causal"] = lambda: other(dataclasses.replace(call, causal=True), 0)
    for block in (128, 512):
        ways[f"bare, {block} rows"] = lambda block=block: bare(query, key, call.scale, LONG // 1024, block)
    with torch.inference_mode():
        assert torch.allclose(ways["overview"](), ways["bare, 512 rows"](), atol=1e-6)
        times = interleaved(ways, ROUNDS)
    print(f"{LONG:,} tokens, d = {d}: overview {min(times['overview']):.2f} s")
    for name, each in times.items():
        if name != "overview":
            ratios = [a / b for a, b in zip(times["overview"], each, strict=True)]
            best = min(times["overview"]) / min(each)
            print(
                f"  {name:<16} {min(each):.2f} s   x{best:.2f} best, x{statistics.median(ratios):.2f} median of pairs"
            )


WORDS = [
    *("the", "film", "was", "not", "good", "but", "people", "in", "town", "say", "that", "it", "is", "a", "nice"),
    *("story", "about", "old", "friends", "who", "travel", "far", "to", "see", "water", "and", "light"),
]


def many() -> None:
    """Texts of about 17 tokens, and what a file of all heads takes."""
    model, generator = selfattn.load("smollm2"), random.Random(0)
    texts = [" ".join(generator.choices(WORDS, k=generator.randint(10, 24))) for _ in range(TEXTS)]
    tokenizer = model.tokenizer
    assert tokenizer is not None
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    lengths = [len(tokenizer(text)["input_ids"]) for text in texts]

    @torch.inference_mode()
    def plain() -> None:
        for start in range(0, len(texts), BATCH):
            batch = tokenizer(texts[start : start + BATCH], return_tensors="pt", padding=True, padding_side="right")
            model.network(**batch, use_cache=False)

    ways: dict[str, Callable[[], object]] = {
        "plain": plain,
        "traces": lambda: [None for _ in selfattn.traces(model, texts)],
        "one by one": lambda: [selfattn.trace(model, text) for text in texts] and None,
    }
    times = interleaved(ways, 3)
    print(f"{TEXTS} texts of {statistics.mean(lengths):.1f} tokens, SmolLM2; plain is batches of {BATCH}")
    for name, each in times.items():
        ratios = [a / b for a, b in zip(each, times["plain"], strict=True)]
        print(f"  {name:<16} {min(each):.2f} s   x{statistics.median(ratios):.2f} median of pairs")
    trace = selfattn.trace(model, " ".join(WORDS * 2))
    for ending in (".npz", ".safetensors"):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            selfattn.save_weights(trace, Path(folder) / f"all{ending}")
            print(f"  all 270 heads, {len(trace.tokens)} tokens, as {ending}: {time.perf_counter() - start:.2f} s")


def browse(page: Page, model: Model) -> None:
    trace = run(model, MAPPED)
    call = trace.calls[0].with_edits([Mask(causal)])
    spent = []
    for _ in range(3):
        start = time.perf_counter()
        blob = pack(*long_payload(call, 0, *trace.labels(call), overview(call, 0)))
        spent.append((time.perf_counter() - start) * 1e3)
    predicted = budget(model, MAPPED).payload
    print(f"{MAPPED:,} tokens: payload {len(blob):,} bytes ({predicted:,} predicted), {min(spent):.0f} ms")
    page.evaluate(OPEN, base64.b64encode(blob).decode())
    tile = page.evaluate(
        "() => { for (let k = 0; k < 5; k++) long.tile(0, 256, 0, 256); const start = performance.now();"
        "for (let k = 0; k < 9; k++) long.tile(3000, 3256, 1000, 1256); return (performance.now() - start) / 9; }"
    )
    print(f"  a tile of 256 x 256 at d = {call.query.shape[-1]}: {tile:.1f} ms")
    page.evaluate(MAP, {"head": None, "view": VIEW, "palette": dataclasses.asdict(LIGHT), "calm": True})
    page.wait_for_selector(".map[data-exact]")
    for name, zoomed in (("zoom", False), ("pan over exact tiles", True)):
        page.keyboard.press("0")
        measured, between = page.evaluate(FRAMES, zoomed)
        print(
            f"  {name}: map {percentile(measured):.1f} ms (95th percentile of {len(measured)}), "
            f"{percentile(between):.1f} ms between frames"
        )


def percentile(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


# What a checkout runs: the app on a short text, so that all is loaded, and then on a long one.
OPENED = """
import sys, time, torch
from selfattn.ui import caches
from selfattn.models.loading.library import Choice
from tests.tools.app import app

text = sys.argv[1]
app(model="smollm2", text="a short text").run(timeout=600)
model = caches.model(Choice("smollm2"))
inputs = model.inputs(text)[1]
times = []
with torch.inference_mode():
    for _ in range(2):
        start = time.perf_counter()
        model.network(**inputs, use_cache=False)
        times.append(time.perf_counter() - start)
start = time.perf_counter()
at = app(model="smollm2", text=text).run(timeout=600)
assert not at.exception
opened = time.perf_counter() - start
with torch.inference_mode():
    start = time.perf_counter()
    model.network(**inputs, use_cache=False)
    times.append(time.perf_counter() - start)
print(inputs["input_ids"].shape[1], min(times[1:]), opened)
"""


def opening(checkout: Path | None) -> None:
    text = " ".join(random.Random(0).choices(WORDS, k=OPENED_TOKENS))
    for name, tree in {"here": HOME, "beside": checkout}.items():
        if tree is None:
            continue
        environment = os.environ | {"PYTHONPATH": str(tree), "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-W", "ignore", "-c", OPENED, text]
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=True)
        tokens, plain, opened = map(float, done.stdout.split()[-3:])
        print(
            f"one head of {tokens:,.0f} tokens opened, {name}: {opened:.1f} s, plain pass {plain:.1f} s: "
            f"x{opened / plain:.2f}, and {opened - 1.3 * plain:+.1f} s to 1.3x"
        )


def maps(model: Model) -> None:
    with modules() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{address}/shared/payload.js")
        page.set_content("<!doctype html><body></body>")
        browse(page, model)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "parts", nargs="*", choices=["overview", "many", "open", "map", []], help="all of them, unless named"
    )
    parser.add_argument("--beside", type=Path, metavar="CHECKOUT")
    given = parser.parse_args()
    parts, model = given.parts or named, local()
    if "overview" in parts:
        for d in (64, 16):
            compare(model, d, given.beside)
    if "many" in parts:
        many()
    if "open" in parts:
        opening(given.beside)
    if "map" in parts:
        maps(model)


if __name__ == "__main__":
    main()
