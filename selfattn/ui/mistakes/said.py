"""What the model says when a mistake is made inside it, in every head of a layer or of the whole model."""

import torch

import selfattn
from selfattn import Trace
from selfattn.analysis.mistakes.exhibits import EXHIBITS
from selfattn.analysis.mistakes.subject import Mistake, Subject
from selfattn.models.answers.changes import change
from selfattn.recording.call import Call
from selfattn.tracing.trace import moved
from selfattn.ui import caches
from selfattn.ui.caches import Run
from selfattn.ui.kept import kept
from selfattn.ui.place import Head


@kept("Running the model with the mistake in it …")
def said(run: Run, at: Head, exhibit: int, way: int, draw: int) -> str:
    """What the model says where all is right, and with the mistake; nothing where it cannot be made in the model."""
    trace, call = caches.trace(run), caches.call(run, at)
    make = EXHIBITS[exhibit].ways[way].make
    subject = Subject(trace, call, at.head)
    first = make(subject, torch.Generator().manual_seed(draw))
    try:
        if first.edits:
            return _compared(trace, trace, caches.trace(run.under(first.edits)), "every layer")
        if first.context is None or not subject.whole or len(call.query) > 1:
            return ""
        generator = torch.Generator().manual_seed(draw)
        layer = [make(subject.other(head), generator) for head in range(call.heads)]
        return _compared(trace, *_in_layer(run, trace, call, layer), call.title)
    except ValueError as error:  # what the mistake makes of a number can be too large for the model
        return str(error)


def _in_layer(run: Run, trace: Trace, call: Call, layer: list[Mistake]) -> tuple[Trace, Trace]:
    """The run where the layer is right, and the one with every head's wrong context in it."""
    place, model = trace.calls.index(call), caches.model(run.choice)
    right = {(place, head): each.against for head, each in enumerate(layer) if each.against is not None}
    wrong = {(place, head): each.context for head, each in enumerate(layer) if each.context is not None}
    runs = [
        selfattn.trace(model, run.given, pad=run.pad, written=run.written, contexts=contexts) if contexts else trace
        for contexts in (right, wrong)
    ]
    return runs[0], runs[1]


def _compared(own: Trace, right: Trace, wrong: Trace, where: str) -> str:
    """Both answers in one sentence; what is right is another model than its own where an exhibit brings a mask."""
    p, q = right.prediction, wrong.prediction
    if p is None or q is None:
        return f"With the mistake in {where}, its output moves by {moved(right, wrong).mean:.3f} of its length."
    found = change(p, q)
    if not p.is_distribution:
        before = p.probabilities.max().item()
        what = "the cosine of the two texts" if p.unit == "cosine" else "its score"
        return f"With the mistake in {where}, {what} goes from {before:.3f} to {before + found.first:.3f}."
    if len(p.positions) > 1:
        return (
            f"With the mistake in {where}, its answers at {len(p.positions)} places move by {found.distance:.3f} on "
            "average (total variation distance, 0 to 1)."
        )
    (name, before), (best, most) = p.top(1)[0], q.top(1)[0]
    answer = "and still says so" if best == name else f"and says {best!r} ({most:.3f})"
    alike = own.prediction is not None and abs(own.prediction.of(name) - before) < 5e-4
    told = "Right" if alike else "With a causal mask made right"
    return f"{told}, it says {name!r} with {before:.3f}. With the mistake in {where}: {q.of(name):.3f}, {answer}."
