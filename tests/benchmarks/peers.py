"""All heads of a 12 x 12 model by others: BertViz's model view, and 144 Plotly heatmaps, painted in Chromium.

python -m tests.benchmarks.peers
"""

import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import TimeoutError as TookTooLong
from torch import Tensor

from selfattn.figures import bertviz
from tests.tools.browser import CHROMIUM, FLAGS

LAYERS = HEADS = 12
PATIENCE = 300
# What is drawn is painted once a second frame begins. The clock starts when the page is asked for.
CLOCK = """<script>
const drawn = () => requestAnimationFrame(() => requestAnimationFrame(() => window.seconds = performance.now() / 1000));
</script>"""


@dataclass(frozen=True)
class Measure:
    """What a page weighs without its library, and how long it takes to be painted; None: longer than was waited."""

    bytes: int
    seconds: float | None

    def __str__(self) -> str:
        seconds = "timed out" if self.seconds is None else f"{self.seconds:.2f} s"
        return f"{self.bytes / 1e6:6.1f} MB  {seconds}"


def example(tokens: int) -> tuple[Float[Tensor, "layer head query key"], list[str]]:
    """Weights of a 12 x 12 model over so many tokens, as peaked as a trained model's, and the tokens."""
    logits = torch.randn(LAYERS, HEADS, tokens, tokens, generator=torch.Generator().manual_seed(7))
    return (3 * logits).softmax(-1), [f"token{i}" for i in range(tokens)]


def bertviz_model_view(
    browser: Browser,
    weights: Float[Tensor, "layer head query key"],
    tokens: Sequence[str],
    patience: float = PATIENCE,
) -> Measure:
    """BertViz's own page, as its users have it, with its libraries inside instead of on a CDN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # BertViz leaves its script's file open
        from bertviz import model_view

        own = model_view([layer[None] for layer in weights], list(tokens), html_action="return").data
    page = own[own.index("</script>") + len("</script>") :].replace("require.config(", "void (", 1)
    page = f"<script>{bertviz.libraries()}</script>{page}<script>drawn()</script>"
    return Measure(len(own), _painted(browser, page, patience))


def plotly_grid(
    browser: Browser, weights: Float[Tensor, "layer head query key"], patience: float = PATIENCE
) -> Measure:
    """One Plotly figure with a heatmap of bytes for every head."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    layers, heads = weights.shape[:2]
    figure = make_subplots(layers, heads, horizontal_spacing=0.005, vertical_spacing=0.005)
    for layer, row in enumerate((255 * weights).round().to(torch.uint8).numpy()):
        for head, plane in enumerate(row):
            figure.add_trace(go.Heatmap(z=plane, showscale=False), layer + 1, head + 1)
    figure.update_layout(width=1400, height=1400, showlegend=False).update_xaxes(visible=False)
    figure.update_yaxes(visible=False, autorange="reversed")
    page = figure.to_html(full_html=False, include_plotlyjs=True, post_script="drawn()")
    return Measure(len(figure.to_json()), _painted(browser, page, patience))


def _painted(browser: Browser, drawing: str, patience: float) -> float | None:
    """Seconds from asking for a page on disk until the drawing, which calls `drawn()`, is painted."""
    page = browser.new_page(viewport={"width": 1440, "height": 1440})
    page.set_default_timeout(patience * 1000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(f'<!doctype html><meta charset="utf-8">{CLOCK}{drawing}', "utf-8")
        try:
            page.goto(file.as_uri())
            seconds = float(page.wait_for_function("window.seconds").json_value())
        except TookTooLong:
            seconds = None
        page.close()
    if faults:
        raise RuntimeError(f"The page failed, so its time means nothing: {faults[0]}")
    return seconds


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [16, 64, 128]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        for size in sizes:
            weights, tokens = example(size)
            for name, measure in [
                ("BertViz's model view", bertviz_model_view(browser, weights, tokens)),
                ("144 Plotly heatmaps", plotly_grid(browser, weights)),
            ]:
                print(f"{name:22} {size:4} tokens  {measure}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
