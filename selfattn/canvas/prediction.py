"""A prediction in words and numbers for the browser: now, and with edits in the model before them."""

from typing import Any

from selfattn.models.tokens import visible
from selfattn.traces import Trace

SHOWN = 4


def prediction_of(before: Trace, after: Trace | None) -> dict[str, Any]:
    """Title, rows of {name, now, before} by what came first before the change, and one sentence of caveat."""
    first, now = before.prediction, (after or before).prediction
    if first is None or now is None:
        note = "This model has no prediction for this text; its attention is all there is to see."
        return {"title": "The model says", "rows": [], "note": note}
    title = "The model says" if now.kind == "class" else f"The model's {now.kind}"
    names = [name for name, _ in first.top(SHOWN)]
    rows = [{"name": visible(name), "now": now.of(name), "before": first.of(name) if after else None} for name in names]
    note = "Weights show where the head read from, not what caused the output."
    if after:
        ((best, _),) = now.top(1)
        note = "The tick is the prediction before the change."
        note += "" if best == names[0] else f" It now says {visible(best)!r}."
    return {"title": title, "rows": rows, "note": note}
