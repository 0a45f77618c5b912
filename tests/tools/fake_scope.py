"""A head of random numbers for the live component's views, and the little of its scope that a view needs."""

import json
from typing import Any

import numpy as np

PALETTE = {
    "paper": "#FBFAF7",
    "panel": "#FFFFFF",
    "ink": "#1C1B1A",
    "quiet": "#6B6862",
    "line": "#E4E0D8",
    "query": "#2563A8",
    "key": "#BB5217",
    "value": "#2F7D4F",
    "weights": "#7A3FA0",
    "against": "#B0418F",
    "zero": "#FFFFFF",
}
HOSTILE = ["[CLS]", "<img src=x onerror=window.broken=1>", "</script>", "🙂", "中文", "مرحبا", "x" * 200, "\u202eab"]


def head(n: int, m: int | None = None, seed: int = 0, causal: bool = False) -> dict[str, Any]:
    """One head as the browser has it, arrays flat; token 0 and the last one are special, words have two tokens."""
    m = m or n
    random = np.random.default_rng(seed)
    d, dv = 5, 3
    query, key, value = random.normal(size=(n, d)), random.normal(size=(m, d)), random.normal(size=(m, dv))
    keep = np.tri(n, m, dtype=np.uint8) if causal else np.ones((n, m), dtype=np.uint8)
    scores = query @ key.T
    logits = np.where(keep, scores / d**0.5 * 3, -np.inf)
    weights = np.exp(logits - logits.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    planes = {"scores": scores, "scaled": scores / d**0.5, "logits": logits, "weights": weights}
    planes |= {"query": query, "key": key, "value": value, "context": weights @ value}

    def words(count: int) -> list[int]:
        return [-1, *((t - 1) // 2 for t in range(1, count - 1)), -1][:count]

    return {
        "queries": [HOSTILE[t] if t < len(HOSTILE) else f"q{t}" for t in range(n)],
        "keys": [HOSTILE[t] if t < len(HOSTILE) else f"k{t}" for t in range(m)],
        "notes": {"queries": [f"q{t} · id {t}" for t in range(n)], "keys": [f"k{t} · id {t}" for t in range(m)]},
        "shape": [n, m],
        "kind": "self" if n == m else "cross",
        "similarity": "dot",
        "keep": keep.flatten().tolist(),
        "segments": {"queries": [t >= n // 2 for t in range(n)], "keys": [t >= m // 2 for t in range(m)]},
        "words": {"queries": words(n), "keys": words(m)},
        "d": d,
        "dv": dv,
        # JSON has no infinity: null stands for it.
        "planes": {
            name: [float(x) if np.isfinite(x) else None for x in plane.flatten()] for name, plane in planes.items()
        },
    }


# `typed(head)` makes the arrays of a head; `mount(...)` puts a view, with its styles, on the page as `window.view`.
SCRIPT = """() => {
window.typed = ({ planes, ...head }) => {
  for (const [name, plane] of Object.entries(planes)) head[name] = Float32Array.from(plane, (x) => x ?? -Infinity);
  head.keep = Uint8Array.from(head.keep);
  for (const side of ["queries", "keys"]) {
    head.segments[side] = Uint8Array.from(head.segments[side]);
    head.words[side] = Int32Array.from(head.words[side]);
  }
  return head;
};
window.mount = async (module, head, view, palette) => {
  for (const [name, colour] of Object.entries(palette)) document.body.style.setProperty(`--sa-${name}`, colour);
  const style = document.createElement("style");
  style.textContent = await (await fetch(`/one_head/${module}.css`)).text();
  document.head.append(style);
  window.told = [];
  window.scope = {
    head: typed(head), palette, pointed: null, pinned: { query: 1, key: 0 }, moving: false,
    view: {
      range: "all", colour: "linear", threshold: 0, words: false, segments: "all", query: null, key: null,
      similarity: "own", ...view,
    },
    get cell() {
      const { query, key } = this.pointed ?? this.pinned;
      return { query: query ?? this.pinned.query, key: key ?? this.pinned.key };
    },
    set(changes) { this.view = { ...this.view, ...changes }; shown.draw(); },
    point(cell) { told.push(["point", cell]); this.pointed = cell; shown.draw(); },
    pin(cell) { told.push(["pin", cell]); this.pinned = cell; this.pointed = null; this.set(cell); },
    release() { this.pointed = null; this.set({ query: null, key: null }); },
  };
  window.shown = (await import(`/one_head/${module}.js`))[module](scope);
  document.body.append(shown.element);
  shown.draw();
};
}"""


def mount(page: Any, module: str, of: dict[str, Any], **view: Any) -> None:
    """Show the view `module` of a head on a page that can import the modules."""
    page.evaluate(SCRIPT)
    # As one string: Playwright wraps each number that it passes.
    page.evaluate("given => mount(...JSON.parse(given))", json.dumps([module, of, view, PALETTE]))
