"""What a change inside the model does to what it says, beside what changes of the same size at random do.

    measure = on_text(lambda edits: trace(model, text, edits))
    dict(silencing(measure, model.attention()))             # {(layer, head): Effect}
    spread(control(measure, model.attention(), chosen, generator))

An effect shows that a head is necessary on this text; it does not show what the head does.
"""

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Literal

import torch
from jaxtyping import Bool
from torch import Tensor

from selfattn.analysis.interventions.answers import Asked
from selfattn.analysis.interventions.repeats import repeated
from selfattn.maths.masks import custom
from selfattn.models.answers.changes import change
from selfattn.models.answers.predictions import Prediction
from selfattn.models.attention import Attention
from selfattn.models.inputs.given import entrance, vocabulary
from selfattn.models.model import Model
from selfattn.recording.call import Call
from selfattn.recording.doors import Recorder, recording
from selfattn.recording.edits import Ablate, Edit, Setting
from selfattn.recording.means import Means
from selfattn.recording.rows import Version
from selfattn.tracing.outcome import Outcome
from selfattn.tracing.trace import Trace, moved
from selfattn.tracing.versions import Many, keyed, logits_to_keep

Place = tuple[int, int]  # (layer, head)
How = Literal["zero", "mean"] | Means
DRAWS = 20
DISTANCE = "distance of the output"
COSINE = "cosine of the two texts"
SCORE = "score"
# What effects are measured on, and the seed of what is drawn there.
THIS_TEXT, REPEATS = "this text", "repeated random tokens"
SEED = 0
# Random tokens to a half that is repeated, sequences of a measurement, and logits of it that are in memory at once.
HALF, COUNT, MOST = 32, 64, 1 << 24


@dataclass(frozen=True)
class Effect:
    """One number of a forward pass without and with a change, and how far all that the pass says moved."""

    before: float
    after: float
    moved: float
    logit: float | None = None  # by how much the answer's logit changed, or its distance from the second answer's

    @property
    def change(self) -> float:
        """From before to after."""
        return self.after - self.before


@dataclass(frozen=True)
class Measure:
    """What effects are measured in: runs a forward pass with edits, and compares it with the one without."""

    name: str  # what `before` and `after` are
    moved: str  # what `moved` is
    effect: Callable[[tuple[Edit, ...]], Effect]
    # The same of many versions, a batch at a time, where they can be run together.
    many: Callable[[Iterator[Version]], Iterator[Effect]] | None = None

    def effects(self, versions: Iterator[Version]) -> Iterator[Effect]:
        """The effect of each version, in their order."""
        return (self.effect(each.edits) for each in versions) if self.many is None else self.many(versions)


def on_text(run: Callable[[tuple[Edit, ...]], Trace], answers: Sequence[str] = ()) -> Measure:
    """What a model says to an input: the probability of the answer named, or the difference of two answers' logits.

    Without a name it is the model's first answer. A model without a head is measured by how far its output moved.
    `moved` is the total variation distance of the two distributions, `sum |p - q| / 2`, averaged over the places that
    the model answers at; without a head the mean over tokens of `|output - output before| / |output before|`.
    Raises ValueError for a name that is no answer of the model.
    """
    before = run(())
    said = before.prediction
    if said is None or not said.is_distribution:
        if answers:
            by = "vectors" if said is None or said.unit == "cosine" else "score"
            raise ValueError(f"{before.model.name} gives no answer that could be named; it is measured by its {by}.")
        if said is None:
            return _measured(DISTANCE, DISTANCE, before, run, partial(_of_output, before))
        name = COSINE if said.unit == "cosine" else SCORE
        return _measured(name, "size of the change", before, run, partial(_of_number, said))
    asked = Asked.of(said, answers)
    return _measured(asked.name, "total variation distance", before, run, partial(_of_answers, asked, said))


def _measured(
    name: str,
    moved: str,
    before: Trace,
    run: Callable[[tuple[Edit, ...]], Trace],
    read: Callable[[Trace | Outcome], Effect],
) -> Measure:
    def many(versions: Iterator[Version]) -> Iterator[Effect]:
        return map(read, Many.of(before, lambda version: run(version.edits)).outcomes(versions))

    return Measure(name, moved, lambda edits: read(run(edits)), many)


def _of_answers(asked: Asked, before: Prediction, after: Trace | Outcome) -> Effect:
    assert after.prediction is not None  # a model that answered answers under any edit
    old, new = asked.logit(before), asked.logit(after.prediction)
    return Effect(
        asked.number(before),
        asked.number(after.prediction),
        change(before, after.prediction).distance or 0.0,
        None if old is None or new is None else new - old,
    )


def _of_number(before: Prediction, after: Trace | Outcome) -> Effect:
    assert after.prediction is not None
    first, found = before.probabilities.max().item(), change(before, after.prediction).first
    return Effect(first, first + found, abs(found))


def _of_output(before: Trace, after: Trace | Outcome) -> Effect:
    distance = moved(before, after).mean
    return Effect(0.0, distance, distance)


def on_repeats(model: Model, generator: torch.Generator, half: int = HALF) -> Measure:
    """The accuracy of a causal language model on the second half of random tokens that are repeated once.

    Guesses of the second to the last token of the second half. `moved` is the share of guesses that are others.
    """
    known = vocabulary(model.network)
    count = max(1, min(COUNT, MOST // (2 * half * known)))
    ids = repeated(count, half, generator, vocabulary=known).to(entrance(model.network))
    right = ids[:, half + 1 :]
    kept = logits_to_keep(model, torch.arange(half, ids.shape[1] - 1, device=ids.device))

    def read(output: Mapping[str, Any]) -> Tensor:
        return output["logits"] if kept else output["logits"][:, half:-1]

    def alone(recorder: Recorder) -> Tensor:
        with torch.inference_mode(), recording(recorder):
            return read(model.network(input_ids=ids, use_cache=False, **kept))

    @cache
    def before() -> tuple[Tensor, Recorder]:
        recorder = Recorder(model.names)
        return alone(recorder).argmax(-1), recorder

    def effect(logits: Tensor) -> Effect:
        first, guesses = before()[0], logits.argmax(-1)
        old, new = ((each == right).float().mean().item() for each in (first, guesses))
        return Effect(old, new, (guesses != first).float().mean().item())

    def one(edits: tuple[Edit, ...]) -> Tensor:
        model.check_edits(edits)
        return alone(Recorder(model.names, edits, keeps=False))

    def many(versions: Iterator[Version]) -> Iterator[Effect]:
        calls = before()[1].calls
        together = Many(model, {"input_ids": ids}, calls, read, Tensor.float, lambda each: one(each.edits), **kept)
        return map(effect, together.outcomes(versions))

    name = f"accuracy on {count} × {half} random tokens repeated once"
    return Measure(name, "share of guesses that are others", lambda edits: effect(one(edits)), many)


def places(attention: Attention) -> list[Place]:
    """Every (layer, head) of an attention."""
    return list(itertools.product(attention.numbers, range(attention.heads)))


def silence(heads: Iterable[Place], attention: Attention, how: How = "zero") -> tuple[Edit, ...]:
    """The edits that silence these heads, one a layer."""
    layers: dict[int, set[int]] = {}
    for layer, head in sorted(heads):
        layers.setdefault(layer, set()).add(head)
    return tuple(
        Ablate(how, layers={layer}, heads=found, part=attention.part, kind=attention.kind)
        for layer, found in layers.items()
    )


def silenced(edits: Iterable[Edit], attention: Attention) -> frozenset[Place]:
    """The heads that some edit silences."""
    edits = tuple(edits)
    return frozenset(
        (layer, head)
        for layer, head in places(attention)
        if Setting.of(edits, layer, head, attention.part, attention.kind).ablate
    )


def silencing(
    measure: Measure, attention: Attention, how: How = "zero", done: Collection[Place] = ()
) -> Iterator[tuple[Place, Effect]]:
    """The effect of silencing each head alone, head by head; heads that are `done` are stepped over."""
    left = (place for place in places(attention) if place not in done)
    return keyed(measure.effects, left, lambda place: Version(silence([place], attention, how)))


def every_set(heads: int, size: int, draws: int = DRAWS) -> bool:
    """Are there no more sets of `size` heads than are drawn, so that all of them are?"""
    return math.comb(heads, size) <= draws


def random_sets(heads: Sequence[Place], size: int, draws: int, generator: torch.Generator) -> list[frozenset[Place]]:
    """`draws` different sets of `size` of these heads; all there are where there are no more."""
    if every_set(len(heads), size, draws):
        return [frozenset(chosen) for chosen in itertools.combinations(heads, size)]
    found: dict[frozenset[Place], None] = {}
    while len(found) < draws:
        order = torch.randperm(len(heads), generator=generator)[:size]
        found[frozenset(heads[place] for place in order.tolist())] = None
    return list(found)


def control_sets(
    attention: Attention, chosen: Collection[Place], generator: torch.Generator, draws: int = DRAWS
) -> list[frozenset[Place]]:
    """Sets of as many heads as are chosen, drawn from those that are not.

    Raises ValueError where too few heads are left to draw from.
    """
    others = [place for place in places(attention) if place not in chosen]
    if not 0 < len(chosen) <= len(others):
        raise ValueError(
            f"{len(chosen)} of {len(chosen) + len(others)} heads are silenced; a control draws as many of the others: "
            "silence at least one and at most half of them."
        )
    return random_sets(others, len(chosen), draws, generator)


def control(
    measure: Measure,
    attention: Attention,
    chosen: Collection[Place],
    generator: torch.Generator,
    how: How = "zero",
    draws: int = DRAWS,
) -> Iterator[Effect]:
    """The effects of silencing as many heads at random, of those that are not chosen, set by set."""
    sets = control_sets(attention, chosen, generator, draws)
    yield from measure.effects(Version(silence(heads, attention, how)) for heads in sets)


@dataclass(frozen=True)
class Spread:
    """Changes over several draws: their mean and standard deviation, over `draws - 1`."""

    mean: float
    deviation: float
    draws: int


def spread(effects: Iterable[Effect]) -> Spread:
    """How large the changes are on average, and how much they differ."""
    changes = torch.tensor([effect.change for effect in effects], dtype=torch.float64)
    deviation = changes.std().item() if len(changes) > 1 else 0.0
    return Spread(changes.mean().item(), deviation, len(changes))


def emptied(before: Trace, after: Trace) -> list[tuple[Call, int, int]]:
    """Rows that edits left nothing to attend to, `(call, head, query)`: their context is zeros."""
    found = []
    for old, new in zip(before.calls, after.calls, strict=True):
        for head, setting in enumerate(new.settings):
            if setting.masks or setting.cut_after:
                lost = old.keep(head).any(-1) & ~_left(new, head).any(-1)
                found += [(new, head, query) for query in lost.nonzero().flatten().tolist()]
    return found


def _left(call: Call, head: int) -> Bool[Tensor, "query key"]:
    """Which weights can be more than zero."""
    keep, cut = call.keep(head), call.settings[head].cut_after
    return keep & ~custom(cut).keep(*call.shape, call.real_keys()) if cut else keep
