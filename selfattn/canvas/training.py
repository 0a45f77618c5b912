"""A history for the browser: every head's weights in half precision as stored, and the patterns over steps."""

from typing import Any

import numpy as np

from selfattn.analysis.all_heads.patterns import PATTERNS
from selfattn.canvas.payload import pack
from selfattn.models.inputs.tokens import visible
from selfattn.training.run.history import History

# Of a token's or a sentence's text as much as there is room to draw.
LONGEST, LONGEST_TEXT = 40, 90
# The first one known is followed at first.
ORDER = ("induction", "entropy", "previous")


def history_payload(history: History, step: int | None = None) -> bytes:
    """The whole history in one blob, and the step to open at: the last where none is named.

    `weights_0`, `weights_1`, ... are (step, layer, head, query, key) of each text, a float16 as two bytes;
    `patterns` is (pattern, step, layer, head) in float32.
    """
    names = [name for name in ORDER if name in history.patterns]
    _, layers, heads = history.weights[0].shape[:3]
    about = {
        "steps": history.steps,
        "shape": (layers, heads),
        "texts": [_shortened(text) for text in history.texts],
        "tokens": [[visible(token)[:LONGEST] for token in tokens] for tokens in history.tokens],
        "patterns": [
            {"name": name, "meaning": PATTERNS[name].meaning, "uniform": history.uniform[name]} for name in names
        ],
        "causal": history.causal,
        "events": list(history.events.items()),
        "view": {"step": step},
    }
    curves = [history.patterns[name] for name in names]
    planes = {f"weights_{text}": _bytes(weights) for text, weights in enumerate(history.weights)}
    return pack(about, {**planes, "patterns": np.stack(curves) if curves else np.empty((0,), np.float32)})


def _shortened(text: str) -> str:
    words = visible(text)
    return words if len(words) <= LONGEST_TEXT else f"{words[: LONGEST_TEXT - 1]}…"


def _bytes(weights: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(weights, "<f2").view(np.uint8)
