"""What do long texts cost? The overview of one head beside the bare blockwise computation; the map beside the display.

python -m tests.benchmarks.long
"""

import base64
import dataclasses
import statistics
import time

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
from tests.tools.browser import CHROMIUM, FLAGS, modules

ROUNDS = 7
LONG, MAPPED = 16_384, 4_096

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


def compare(model: Model) -> None:
    call = run(model, LONG).calls[0]
    query, key = call.query[0, 0], call.key[0, 0]
    ways = {"overview": lambda: overview(call, 0).weights}
    for block in (128, 256, 512, 1024):
        ways[f"bare, {block} rows"] = lambda block=block: bare(query, key, call.scale, LONG // 1024, block)
    times: dict[str, list[float]] = {name: [] for name in ways}
    with torch.inference_mode():
        assert torch.allclose(ways["overview"](), ways["bare, 256 rows"](), atol=1e-6)
        for _ in range(ROUNDS):
            for name, way in ways.items():
                start = time.perf_counter()
                way()
                times[name].append(time.perf_counter() - start)
    print(f"{LONG:,} tokens, RoPE, d = {query.shape[-1]}: overview {min(times['overview']):.2f} s")
    for name, each in times.items():
        if name != "overview":
            ratios = [a / b for a, b in zip(times["overview"], each, strict=True)]
            best = min(times["overview"]) / min(each)
            print(
                f"  {name:<16} {min(each):.2f} s   x{best:.2f} best, x{statistics.median(ratios):.2f} median of pairs"
            )


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


def main() -> None:
    model = local()
    compare(model)
    with modules() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{address}/shared/payload.js")
        page.set_content("<!doctype html><body></body>")
        browse(page, model)
        browser.close()


if __name__ == "__main__":
    main()
