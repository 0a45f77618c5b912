"""An experiment: what the edits in the model are measured by."""

from functools import partial

import torch

import selfattn
from selfattn import Trace
from selfattn.analysis.interventions import effects
from selfattn.analysis.interventions.effects import SEED, THIS_TEXT, Effect, How, Measure, Place
from selfattn.models.model import Attention
from selfattn.recording.edits import Edit
from selfattn.ui import caches, steps
from selfattn.ui.caches import Run


def measure(run: Run, on: str) -> Measure:
    """What effects on a run are measured in."""
    if on == THIS_TEXT:
        return effects.on_text(partial(_once, run))
    return effects.on_repeats(caches.model(run.choice), torch.Generator().manual_seed(SEED))


def _once(run: Run, edits: tuple[Edit, ...]) -> Trace:
    """A run whose trace nobody asks for again: it would push others out of the cache."""
    if not edits:
        return caches.trace(run)
    return selfattn.trace(caches.model(run.choice), run.given, edits, pad=run.pad, written=run.written)


@caches.of_runs(max_entries=6)
def induction(run: Run) -> dict[Place, float]:
    """The induction score of each head, on repeated random tokens."""
    return effects.induction_scores(caches.model(run.choice), torch.Generator().manual_seed(SEED))


@caches.of_runs(max_entries=64)
def effect(run: Run, on: str, edits: tuple[Edit, ...]) -> Effect:
    """The effect of some edits."""
    return measure(run, on).effect(edits)


def alone(run: Run, on: str, attention: Attention, how: How) -> dict[Place, Effect]:
    """The effects of silencing each head, as far as they are done now: other readers may be adding to them."""
    return dict(_alone(run, on, attention, how))


def drawn(run: Run, on: str, attention: Attention, how: How, chosen: frozenset[Place]) -> dict[int, Effect]:
    """The effects of the control's draws, as far as they are done now."""
    return dict(_drawn(run, on, attention, how, chosen))


@caches.of_runs(max_entries=12)
def _alone(run: Run, on: str, attention: Attention, how: How) -> dict[Place, Effect]:
    """Where effects are kept as they are done, for all readers: who stops loses nothing."""
    return {}


@caches.of_runs(max_entries=24)
def _drawn(run: Run, on: str, attention: Attention, how: How, chosen: frozenset[Place]) -> dict[int, Effect]:
    return {}


def ranking(run: Run, on: str, attention: Attention, how: How) -> bool:
    """Silence every head that is not done; True once all are."""
    done = _alone(run, on, attention, how)
    left = effects.silencing(measure(run, on), attention, how, done)
    named = steps.name("heads", run, on, attention, how)
    return steps.walk(left, done, attention.layers * attention.heads, named, "heads")


def control(run: Run, on: str, attention: Attention, how: How, chosen: frozenset[Place]) -> bool:
    """Silence as many heads at random; True once all draws are done. Raises ValueError where too few are left."""
    done = _drawn(run, on, attention, how, chosen)
    generator = torch.Generator().manual_seed(SEED)
    sets = effects.control_sets(attention, chosen, generator)
    found = measure(run, on)
    left = ((n, found.effect(effects.silence(sets[n], attention, how))) for n in range(len(done), len(sets)))
    named = steps.name("control", run, on, attention, how, sorted(chosen))
    return steps.walk(left, done, len(sets), named, "random sets")
