"""Time and memory of attention, measured here: lengths double, methods take turns, and a budget ends it.

Time is that of one call, once it has been called before: the median of rounds in which the methods take turns. On a
processor it is the time that the calling thread was at work, so that others who share the machine do not count.
Memory is what PyTorch's allocator hands out, at the peak of a call, with Q, K and V: on a processor by the profiler's
record of every allocation, scratch space of kernels included; on a GPU by the allocator's own count. What a library
allocates for itself, past PyTorch, is in neither.
"""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from statistics import median

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from selfattn.analysis.cost.methods import METHODS, Method, Shape, random_heads
from selfattn.models.budgets import SHARE, in_words

SHORTEST = 128
ROUNDS = 5
# Methods whose cost grows with N alone go on for so many doublings past the longest length.
BEYOND = 3
# Windows counts the time of a thread in steps of 16 ms.
CLOCK = time.perf_counter if os.name == "nt" else time.thread_time
# Seconds that one sample takes at least: short calls are repeated within it.
SAMPLE = 0.004

Key = tuple[str, bool, int]  # the method, whether the backward pass is in it, and the tokens


@dataclass(frozen=True)
class Point:
    """One method at one length: seconds of a call in each round, and bytes."""

    method: str
    backward: bool
    tokens: int
    peak: int
    kept: int  # what stays when the layer is done
    rounds: tuple[float, ...] = ()

    @property
    def key(self) -> Key:
        return self.method, self.backward, self.tokens

    @property
    def seconds(self) -> float:
        """The median round."""
        return median(self.rounds)

    @property
    def spread(self) -> tuple[float, float]:
        """The fastest round and the slowest."""
        return min(self.rounds), max(self.rounds)


@dataclass(frozen=True)
class Refusal:
    """A length that is not measured, and why."""

    method: str
    backward: bool
    tokens: int
    reason: str


@dataclass(frozen=True)
class Allowance:
    """What a measurement may take."""

    seconds: float
    free: int  # bytes


def lengths(method: Method, longest: int) -> list[int]:
    """The lengths that a method is measured at: they double."""
    last = longest << BEYOND if method.exponent == 1 else longest
    return [SHORTEST << step for step in range(int(math.log2(last / SHORTEST)) + 1)]


def measure(
    shape: Shape, longest: int, budget: Allowance, generator: torch.Generator, done: Mapping[Key, Point] | None = None
) -> Iterator[Point | Refusal]:
    """Points as they come, each again with every round; what would not fit in the budget is refused before it is run.

    `done` are points that are there already. Who has enough leaves the iterator, and has lost nothing.
    """
    deadline, known = time.monotonic() + budget.seconds, dict(done or {})
    closed: set[tuple[str, bool]] = set()
    for tokens in lengths(METHODS["linear"], longest):
        heads = random_heads(shape, tokens, generator)
        turns: dict[Key, Callable[[], tuple[Tensor, ...]]] = {}
        for method, backward in product(METHODS.values(), (False, True)):
            key = (method.name, backward, tokens)
            measured = key in known and len(known[key].rounds) == ROUNDS
            if tokens not in lengths(method, longest) or key[:2] in closed or measured:
                continue
            left = deadline - time.monotonic()
            if reason := _refusal(shape, method, backward, tokens, known, left, budget.free):
                closed.add(key[:2])
                yield Refusal(*key, reason)
                continue
            turns[key] = run = _run(method, backward, heads)
            peak, kept = memory(run, shape)  # which warms it up
            known[key] = Point(*key, peak + 3 * shape.row(tokens), kept)
        for _, (key, run) in product(range(ROUNDS), turns.items()):
            if time.monotonic() > deadline:
                yield Refusal(
                    *key, f"at {tokens:,} tokens the time was up, after {len(known[key].rounds)} of {ROUNDS} rounds."
                )
                return
            known[key] = replace(known[key], rounds=(*known[key].rounds, seconds(run, shape)))
            yield known[key]


def _refusal(
    shape: Shape, method: Method, backward: bool, tokens: int, known: Mapping[Key, Point], left: float, free: int
) -> str:
    """Why a length is not measured: predicted memory and time, the latter from the length before; empty if it is."""
    peak, allowed = method.peak(shape, tokens, backward), SHARE * free
    if peak > allowed:
        return f"{tokens:,} tokens would need {in_words(peak)} of memory, and {in_words(allowed)} may be used."
    before = known.get((method.name, backward, tokens // 2))
    # Once to count its memory, then the rounds.
    expected = (ROUNDS + 1) * before.seconds * 2**method.exponent if before else 0.0
    if expected > max(left, 0.0):
        return f"{tokens:,} tokens would take about {max(expected, 1):.0f} s more, and {max(left, 0.0):.0f} s are left."
    return ""


def _run(method: Method, backward: bool, heads: tuple[Tensor, Tensor, Tensor]) -> Callable[[], tuple[Tensor, ...]]:
    """A call of the forward pass, or of that and the gradients of Q, K and V."""
    if not backward:
        return torch.inference_mode()(lambda: method.run(*heads))
    inputs = [x.detach().requires_grad_() for x in heads]

    def both() -> tuple[Tensor, ...]:
        context = method.run(*inputs)[0]
        return torch.autograd.grad(context, inputs, torch.ones_like(context))

    return both


def seconds(run: Callable[[], object], shape: Shape) -> float:
    """Seconds of one call: the mean over as many as fill a sample."""
    once = _clocked(run, 1, shape)
    count = math.ceil(SAMPLE / max(once, 1e-7))
    return once if count == 1 else _clocked(run, count, shape)


def _clocked(run: Callable[[], object], count: int, shape: Shape) -> float:
    clock = CLOCK if shape.device == "cpu" else time.perf_counter
    synchronise(shape)
    start = clock()
    for _ in range(count):
        run()
    synchronise(shape)
    return (clock() - start) / count


def synchronise(shape: Shape) -> None:
    """Wait for what a GPU still does: it is only asked for work, and goes on by itself."""
    if shape.device.startswith("cuda"):
        torch.cuda.synchronize(shape.device)


def memory(run: Callable[[], tuple[Tensor, ...]], shape: Shape) -> tuple[int, int]:
    """Bytes of one call: at most held above what was held before it, and of all that it returns."""
    if shape.device.startswith("cuda"):
        synchronise(shape)
        before = torch.cuda.memory_allocated(shape.device)
        torch.cuda.reset_peak_memory_stats(shape.device)
        stays = run()
        synchronise(shape)
        return torch.cuda.max_memory_allocated(shape.device) - before, _bytes(stays)
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # the profiler writes two lines a run into the server's log
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        stays = run()
    held = most = 0
    for event in profiler.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most, _bytes(stays)


def _bytes(tensors: tuple[Tensor, ...]) -> int:
    """Bytes of the storages, each once."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())
