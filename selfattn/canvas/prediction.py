"""A prediction in words and numbers for the browser: now, and with edits in the model before them."""

from typing import Any

import torch

from selfattn.models.answers.predictions import Prediction
from selfattn.models.inputs.given import Illustrated
from selfattn.models.inputs.tokens import visible
from selfattn.tracing.trace import Trace, moved

SHOWN = 4
# Positions of a text that bring their own predictions along: those of longer ones would outweigh the head itself.
MOST_POSITIONS = 256
TITLES = {
    "class": "The model says",
    "masked token": "The model's masked token",
    "next token": "The model's next token",
    "token class": "The model's labels",
    "answer": "The model's answer",
    "transcript": "The model heard",
    "frame": "This frame",
    "similarity": "The two texts",
    "score": "The model's score",
}
READING = "Weights show where the head read from, not what caused the output."


def prediction_of(before: Trace, after: Trace | None, temperature: float = 1.0) -> dict[str, Any]:
    """Title, text, rows of {id, name, now, before} by what came first before the change, and one sentence of caveat.

    `bars` says whether the numbers are shares.

    Where the model answers at every position, `at` holds the rows of each: {position: rows}. `temperature` divides
    the logits of a next token.
    """
    first, now = before.prediction, (after or before).prediction
    if first is None or now is None:
        return _unsaid(before, after)
    if temperature != 1.0 and first.kind == "next token":
        first, now = first.with_temperature(temperature), now.with_temperature(temperature)
    best = first.probabilities.topk(min(SHOWN, len(first.probabilities))).indices
    rows = _rows(first, best, first.probabilities, now.probabilities if after else None)
    if first.kind == "transcript" and after is not None:
        # Each is the probability of its own transcript: what the other pass gives to it has to be asked.
        rows = [
            {"id": 0, "name": visible(said.text), "now": now.of(said.text), "before": first.of(said.text)}
            for said in ([first] if first.text == now.text else [first, now])
        ]
    changed = after is not None and now.is_distribution and now.top(1)[0][0] != first.top(1)[0][0]
    note = "The tick is the prediction before the change." if after else first.note or READING
    title = TITLES[now.kind]
    if first.kind == "similarity" and isinstance(before.given, Illustrated):
        title = "Text and picture"
    elif first.kind == "similarity" and not after:
        note += "; the heads are those that read the first text."
    return {
        "title": title,
        "text": _text(now),
        "was": _text(first) if after and _text(first) != _text(now) else "",
        "rows": rows,
        "bars": now.unit != "number",  # a number has no whole that a bar could be a share of
        "position": now.position,
        "at": _everywhere(first, now if after else None),
        "note": note + (f" It now says {visible(now.top(1)[0][0])!r}." if changed and not _text(now) else ""),
    }


def _rows(said: Prediction, best: torch.Tensor, first: torch.Tensor, now: torch.Tensor | None) -> list[dict[str, Any]]:
    """One row a label, in the order of `best`: `first` and `now` are the probabilities before and after a change."""
    return [
        {
            "id": index,
            "name": visible(said.name(index)),
            "now": (first if now is None else now)[index].item(),
            "before": None if now is None else first[index].item(),
        }
        for index in best.tolist()
    ]


def _everywhere(first: Prediction, now: Prediction | None) -> dict[int, list[dict[str, Any]]]:
    """The rows at each position, where the model answers at several."""
    if first.logits is None or not 1 < len(first.positions) <= MOST_POSITIONS:
        return {}
    before = first.logits.softmax(-1)
    after = None if now is None or now.logits is None else now.logits.softmax(-1)
    best = before.topk(min(SHOWN, before.shape[-1])).indices
    there = first.at(first.positions[0])
    return {
        position: _rows(there, best[row], before[row], None if after is None else after[row])
        for row, position in enumerate(first.positions)
    }


def _unsaid(before: Trace, after: Trace | None) -> dict[str, Any]:
    """What there is to say without a prediction: why, and how far the output of a model without a head moved."""
    told: dict[str, Any] = {
        "title": "The model says",
        "text": "",
        "was": "",
        "rows": [],
        "bars": True,
        "position": None,
        "at": {},
    }
    if before.output is not None and after is not None and after.output is not None:
        far = moved(before, after).mean
        row = {"id": 0, "name": "moved by", "now": far, "before": None}
        note = "|after − before| / |before| of the last layer's output, mean over the tokens: this model has no head."
        return {**told, "title": "The model's output", "rows": [row], "note": note}
    return {**told, "note": before.why_no_prediction or ""}


def _text(said: Prediction) -> str:
    """What was heard, or the spans that have a name."""
    return said.text or ", ".join(f"{visible(piece.text)}: {piece.label}" for piece in said.said)
