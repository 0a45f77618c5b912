"""An experiment: what the edits in the model are measured by."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

import selfattn
from selfattn import Trace
from selfattn.analysis.all_heads import on_repeats
from selfattn.analysis.interventions import effects
from selfattn.analysis.interventions.effects import SEED, THIS_TEXT, Effect, How, Measure, Place
from selfattn.models.attention import Attention
from selfattn.recording.edits import Edit
from selfattn.recording.rows import Version
from selfattn.tracing.versions import keyed
from selfattn.ui import caches, steps
from selfattn.ui.caches import Run
from selfattn.ui.interventions.asked import On
from selfattn.ui.kept import kept
from selfattn.ui.turns import turn

# Bytes of a model's weights from which a team of PyTorch's threads saves more than it costs a rerun to start one.
LARGE = 1 << 26


def measure(run: Run, on: On) -> Measure:
    """What effects on a run are measured in."""
    if on.where == THIS_TEXT:
        found = effects.on_text(partial(_once, run), on.answers)
    else:
        found = effects.on_repeats(caches.model(run.choice), torch.Generator().manual_seed(SEED))

    def many(versions: Iterator[Version]) -> Iterator[Effect]:
        return found.effects(Version(caches.with_numbers(run.choice, each.edits)) for each in versions)

    return replace(found, effect=lambda edits: found.effect(caches.with_numbers(run.choice, edits)), many=many)


def _once(run: Run, edits: tuple[Edit, ...]) -> Trace:
    """A run whose trace nobody asks for again: it would push others out of the cache."""
    if not edits:
        return caches.trace(run)
    return selfattn.trace(caches.model(run.choice), run.given, edits, pad=run.pad, written=run.written)


def team(run: Run) -> int | None:
    """PyTorch's threads for many passes of a run's model: one for a small model, for others as many as there are."""
    return None if caches.model(run.choice).size >= LARGE else 1


def induction(run: Run) -> dict[Place, float]:
    """The induction score of each head, on repeated random tokens."""
    scored = caches.repeats(run)
    if not scored:
        with turn():
            scored |= on_repeats.scores(caches.model(run.choice), torch.Generator().manual_seed(SEED))
    return {place: score.value for place, score in scored.items()}


@kept()
def effect(run: Run, on: On, edits: tuple[Edit, ...]) -> Effect:
    """The effect of some edits."""
    return measure(run, on).effect(edits)


def alone(run: Run, on: On, attention: Attention, how: How) -> dict[Place, Effect]:
    """The effects of silencing each head, as far as they are done now: other readers may be adding to them."""
    return dict(_alone(run, on, attention, how))


def drawn(run: Run, on: On, attention: Attention, how: How, chosen: frozenset[Place]) -> dict[int, Effect]:
    """The effects of the control's draws, as far as they are done now."""
    return dict(_drawn(run, on, attention, how, chosen))


@kept(grows=True)
def _alone(run: Run, on: On, attention: Attention, how: How) -> dict[Place, Effect]:
    """Where effects are kept as they are done, for all readers: who stops loses nothing."""
    return {}


@kept(grows=True)
def _drawn(run: Run, on: On, attention: Attention, how: How, chosen: frozenset[Place]) -> dict[int, Effect]:
    return {}


def ranking(run: Run, on: On, attention: Attention, how: How) -> bool:
    """Silence every head that is not done; True once all are."""
    done = _alone(run, on, attention, how)
    left = effects.silencing(measure(run, on), attention, how, done)
    named = steps.name("heads", run, on, attention, how)
    return steps.walk(left, done, attention.layers * attention.heads, named, "heads", team(run))


def control(run: Run, on: On, attention: Attention, how: How, chosen: frozenset[Place]) -> bool:
    """Silence as many heads at random; True once all draws are done. Raises ValueError where too few are left."""
    done = _drawn(run, on, attention, how, chosen)
    generator = torch.Generator().manual_seed(SEED)
    sets = effects.control_sets(attention, chosen, generator)
    drawn = range(len(done), len(sets))
    left = keyed(measure(run, on).effects, drawn, lambda n: Version(effects.silence(sets[n], attention, how)))
    named = steps.name("control", run, on, attention, how, sorted(chosen))
    return steps.walk(left, done, len(sets), named, "random sets", team(run))
