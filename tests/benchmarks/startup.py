"""How long until the first picture, and until a control has moved it? In Chromium, beside the bare imports.

python -m tests.benchmarks.startup
"""

import statistics
import subprocess
import sys
import time

from playwright.sync_api import Browser, Page, sync_playwright

from tests.tools.browser import CHROMIUM, FLAGS, server

ROUNDS = 3
PICTURE = ".head[data-ready=true]"


def imports() -> float:
    """Seconds of a bare `import torch, transformers, streamlit`, with the names that any such app uses."""
    start = time.perf_counter()
    bare = "import torch, streamlit; from transformers import AutoTokenizer, PreTrainedModel"
    subprocess.run([sys.executable, "-c", bare], check=True)
    return time.perf_counter() - start


def first_picture(browser: Browser) -> tuple[float, list[float]]:
    """Seconds from `streamlit run app.py` to the first picture, and then of ten flips of the scaling toggle."""
    start = time.perf_counter()
    with server() as address:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.locator(PICTURE).first.wait_for(timeout=60_000)
        first = time.perf_counter() - start
        page.wait_for_timeout(1500)
        flips = [_flip(page) for _ in range(10)]
        page.close()
    return first, flips


def _flip(page: Page) -> float:
    """Seconds from the click until the frame in which every stage has been drawn anew."""
    return (
        page.locator(PICTURE).evaluate("""async (root) => {
          const before = root.dataset.seq;
          const start = performance.now();
          root.querySelector(".controls .toggle input").click();
          while (root.dataset.seq === before) await new Promise(requestAnimationFrame);
          return performance.now() - start;
        }""")
        / 1000
    )


if __name__ == "__main__":
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        for _ in range(ROUNDS):
            bare = imports()
            first, flips = first_picture(browser)
            print(
                f"imports {bare:.2f} s   first picture {first:.2f} s (+{first - bare:.2f} s)   "
                f"scaling toggle {statistics.median(flips) * 1e3:.0f} ms (most {max(flips) * 1e3:.0f} ms)"
            )
