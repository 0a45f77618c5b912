"""Activation patching: which head carries what makes the model answer one text as it does, and another text otherwise.

    recovery = Recovery.of(clean, corrupt)
    dict(patching(recovery, attention, clean, lambda contexts: trace(model, corrupt_text, contexts=contexts)))

The corrupt text runs once a head, each time with that head's context from the clean run in place of its own.
"""

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from selfattn.analysis.interventions.answers import ONE_ANSWER, indices
from selfattn.analysis.interventions.effects import DISTANCE, SCORE, Place
from selfattn.models.attention import Attention
from selfattn.recording.rows import Version
from selfattn.tracing.outcome import Outcome
from selfattn.tracing.trace import Trace, moved
from selfattn.tracing.versions import Many, keyed

Contexts = Mapping[tuple[int, int], Float[Tensor, "query d_v"]]  # by (place of the call, head)
# Below these a share of the difference would be a share of nothing.
LEAST = {"logit difference": 0.1, "probability": 0.02, SCORE: 0.02, DISTANCE: 1e-3}


@dataclass(frozen=True)
class Recovery:
    """How far a patch goes from the corrupt run to the clean one: `(m - m_corrupt) / (m_clean - m_corrupt)`.

    m is the logit difference between two answers, or the probability of the first: those that are named, else the first
    of the clean run and of the corrupt run. For a model that gives a number it is that; for one without a head minus
    the distance of its output from the clean run's.
    """

    name: str  # what m is
    answers: tuple[str, str] | None  # None for a model without a head, or that gives a number
    clean: float
    corrupt: float
    number: Callable[[Trace | Outcome], float]
    run: Trace  # the corrupt one

    @classmethod
    def of(cls, clean: Trace, corrupt: Trace, name: str | None = None, answers: Sequence[str] = ()) -> "Recovery":
        """Measure both runs. Raises ValueError where they cannot be compared, with the numbers and what to do."""
        lengths = [len(trace.tokens) for trace in (clean, corrupt)]
        if lengths[0] != lengths[1]:
            raise ValueError(
                f"The texts have {lengths[0]} and {lengths[1]} tokens; patching puts each position of one into the "
                "same position of the other: change a text until both have as many."
            )
        said, other = clean.prediction, corrupt.prediction
        if said is None or other is None:
            if answers:
                raise ValueError(f"{clean.model.name} gives no answer that could be named; leave them out.")
            name, names = DISTANCE, None
            number = _distance_to(clean)
        elif said.kind == "score":
            if answers:
                raise ValueError(f"{clean.model.name} gives a score and no answer that could be named; leave them out.")
            name, names, number = SCORE, None, _probability(int(said.probabilities.argmax()))
        else:
            name = name or "logit difference"
            if said.kind not in ONE_ANSWER or said.logits is None:
                raise ValueError(
                    f"Patching follows one answer, and this model gives a {said.kind} of several; choose a model that "
                    f"gives one {', one '.join(ONE_ANSWER)}, or vectors."
                )
            first, second = (int(each.probabilities.argmax()) for each in (said, other))
            # The second may be named too; else it is what the corrupt text is answered with.
            first, second = (*indices(said, answers), second)[:2] if answers else (first, second)
            names = (said.name(first), other.name(second))
            if name == "logit difference" and first == second:
                raise ValueError(
                    f"Both answers are {names[0]!r}, so no logits differ; name two answers, measure its probability, "
                    "or choose a text with another answer."
                )
            number = _logit_difference(first, second) if name == "logit difference" else _probability(first)
        found = cls(name, names, number(clean), number(corrupt), number, corrupt)
        if abs(found.clean - found.corrupt) < LEAST[name]:
            raise ValueError(
                f"The {name} is {found.clean:.3f} on one text and {found.corrupt:.3f} on the other, less than "
                f"{LEAST[name]} apart: no share of that means anything; choose texts that the model tells apart."
            )
        return found

    def share(self, trace: Trace | Outcome) -> float:
        """0 where a run is still the corrupt one, 1 where it is the clean one again; outside where it goes further."""
        return (self.number(trace) - self.corrupt) / (self.clean - self.corrupt)


def _logit_difference(first: int, second: int) -> Callable[[Trace | Outcome], float]:
    def number(trace: Trace | Outcome) -> float:
        assert trace.prediction is not None
        assert trace.prediction.logits is not None
        logits = trace.prediction.logits[0]
        return float(logits[first] - logits[second])

    return number


def _probability(answer: int) -> Callable[[Trace | Outcome], float]:
    def number(trace: Trace | Outcome) -> float:
        assert trace.prediction is not None
        return float(trace.prediction.probabilities[answer])

    return number


def _distance_to(clean: Trace) -> Callable[[Trace | Outcome], float]:
    return lambda trace: -moved(clean, trace).mean


def contexts(trace: Trace, attention: Attention, heads: Iterable[Place]) -> Contexts:
    """What these heads gave to the model in a run, for `trace(..., contexts=)` of another."""
    calls = {
        call.layer: (place, call)
        for place, call in enumerate(trace.calls)
        if (call.part, call.kind) == (attention.part, attention.kind)
    }
    return {(calls[layer][0], head): calls[layer][1].context(head) for layer, head in heads}


def patching(
    recovery: Recovery,
    attention: Attention,
    clean: Trace,
    run: Callable[[Contexts], Trace],
    done: Collection[tuple[int, int | None]] = (),
) -> Iterator[tuple[tuple[int, int | None], float]]:
    """The share that each head of the clean run recovers alone, then each layer's heads together, as head None.

    Places that are `done` are stepped over.
    """
    alone = itertools.product(attention.numbers, [*range(attention.heads), None])
    left = (place for place in sorted(alone, key=lambda place: place[1] is None) if place not in done)

    def version(place: tuple[int, int | None]) -> Version:
        layer, head = place
        heads = range(attention.heads) if head is None else [head]
        return Version(contexts=contexts(clean, attention, [(layer, each) for each in heads]))

    many = Many.of(recovery.run, lambda version: run(version.contexts))
    for place, outcome in keyed(many.outcomes, left, version):
        yield place, recovery.share(outcome)
