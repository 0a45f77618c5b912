"""Measurements of this machine, under way and done: one at a time, each in a thread, shared by all readers."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

import torch

from selfattn.analysis.cost import roofline
from selfattn.analysis.cost.measuring import ROUNDS, Allowance, Key, Point, Refusal, lengths, measure
from selfattn.analysis.cost.methods import METHODS, Shape
from selfattn.analysis.cost.roofline import Machine
from selfattn.threads import threads
from selfattn.ui.jobs import Job

# Seconds that a measurement takes at most.
LIMIT = 60.0
SEED = 0
# Seconds between two looks at whether it is its turn.
BEAT = 0.1


@dataclass(frozen=True)
class Setup:
    """What is measured: nothing in it belongs to one reader."""

    shape: Shape
    longest: int

    @property
    def keys(self) -> list[Key]:
        """The points that there are to measure."""
        return [
            (method.name, backward, tokens)
            for method in METHODS.values()
            for backward in (False, True)
            for tokens in lengths(method, self.longest)
        ]


class Measurement(Job):
    """Points of this machine as they come, also after it was stopped."""

    def __init__(self, setup: Setup, free: int, turn: Lock, before: "Measurement | None") -> None:
        super().__init__()
        self.setup = setup
        self.points: dict[Key, Point] = {} if before is None else dict(before.points)
        self.machine: Machine | None = None if before is None else before.machine
        self.refusals: list[Refusal] = []
        self.begun: float | None = None
        self._budget = Allowance(LIMIT, free)
        self._turn = turn
        self.begin("measure attention")

    @property
    def share(self) -> float:
        """How much of all rounds is done."""
        return sum(len(point.rounds) for point in list(self.points.values())) / (ROUNDS * len(self.setup.keys))

    @property
    def doing(self) -> str:
        """What is being done, in words."""
        if self.begun is None:
            return "Waiting for another measurement of this machine …"
        if not self.points:
            return "Measuring the roof of this machine …"
        tokens = next(reversed(list(self.points.values()))).tokens
        return f"{tokens:,} tokens; {time.monotonic() - self.begun:.0f} s of at most {LIMIT:.0f} s"

    def work(self) -> None:
        """Measure, once it is its turn; a stop is heard after the call that it is in."""
        try:
            while not self._turn.acquire(timeout=BEAT):
                if self.stopped:
                    return
            try:
                self._measure()
            finally:
                self._turn.release()
        except (MemoryError, RuntimeError) as error:  # whoever waits must hear of it
            self.error = (
                f"This machine could not go on: {str(error).splitlines()[0] if str(error) else 'no memory left'}."
            )

    def _measure(self) -> None:
        self.begun = time.monotonic()
        # One core: with several, cost would step down where PyTorch begins to split the work among them.
        with threads(1):
            self.machine = self.machine or roofline.machine(self.setup.shape)
            generator = torch.Generator().manual_seed(SEED)
            for found in measure(self.setup.shape, self.setup.longest, self._budget, generator, self.points):
                if isinstance(found, Refusal):
                    self.refusals.append(found)
                else:
                    self.points[found.key] = found
                if self.stopped:
                    return


class Bench:
    """At most `most` measurements, kept by what was measured; the one asked for longest ago leaves first."""

    def __init__(self, most: int) -> None:
        self._most, self._turn, self._lock = most, Lock(), Lock()
        self._jobs: OrderedDict[Setup, Measurement] = OrderedDict()

    def job(self, setup: Setup) -> Measurement | None:
        """The measurement of a setup, if anybody has begun one."""
        with self._lock:
            if setup in self._jobs:
                self._jobs.move_to_end(setup)
            return self._jobs.get(setup)

    def begin(self, setup: Setup, free: int, anew: bool = False) -> Measurement:
        """Measure a setup, or what is left of it; one that is under way is joined."""
        with self._lock:
            before = self._jobs.get(setup)
            if before is None or not before.running:
                self._jobs[setup] = Measurement(setup, free, self._turn, None if anew else before)
            self._jobs.move_to_end(setup)
            while len(self._jobs) > self._most:
                self._jobs.popitem(last=False)[1].stop()
            return self._jobs[setup]
