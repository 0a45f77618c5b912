"""Many versions of one pass: as many at once as fit into a batch, begun above the blocks that they leave as they are.

    many = Many.of(before, lambda version: trace(model, text, version.edits))
    for outcome in many.outcomes(Version((edit,)) for edit in edits): ...

That a model can be run so is proved by its numbers, and not assumed. The first version runs by itself too, and must be
the same in the batch; and a share of a batch in which nothing is changed must come out as the pass without versions.
Where it is not (blocks that share a state, experts that are full, scales that are taken over a batch) no block is left
out, and where that does not help every version runs by itself.
"""

import inspect
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property, partial
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from selfattn.models.answers.tasks import predict
from selfattn.models.budgets import EAGER, SHARE, free
from selfattn.models.inputs.given import entrance, uncached
from selfattn.models.model import Model
from selfattn.recording.call import Call
from selfattn.recording.doors import door, recording
from selfattn.recording.replay import KeptBlock, keeping, mapped, replaying
from selfattn.recording.rows import Changes, Rows, Version, changes
from selfattn.tracing.outcome import Outcome
from selfattn.tracing.passes import last_of
from selfattn.tracing.trace import Trace

# Tokens of a batch: more are no faster on a processor, and keep a reader waiting for the next sign of progress.
TOKENS, ON_A_GPU, MOST = 1024, 1 << 15, 64
# With fewer shares than this, one of them for the proof would cost too much in every batch.
FEW = 4
# A layer's queries, keys and values, so many times, are about what its block computes with.
BLOCK = 8
# How far two ways may be apart, in units of the largest number: rounding, in another order.
CLOSE = {torch.float64: 1e-10, torch.float32: 1e-5, torch.float16: 5e-3, torch.bfloat16: 4e-2}
# What a network raises when it is run in a way that it was not made for.
FAILURES = (RuntimeError, ValueError, LookupError, TypeError, AttributeError, AssertionError)

# Of each network, the calls of its passes and how many blocks batches have left out that came out right.
_PROVED: "WeakKeyDictionary[nn.Module, set[tuple[int, int]]]" = WeakKeyDictionary()

Key = TypeVar("Key")
Result = TypeVar("Result")
Read = Callable[[Mapping[str, Any]], Result]


class Manner(Enum):
    """How versions are run."""

    ABOVE = "together, above the blocks that they leave as they are"
    TOGETHER = "together, from the first block on"
    ALONE = "one by one"


@dataclass(frozen=True, eq=False)
class Kept(Generic[Result]):
    """The pass in which nothing is changed."""

    blocks: Sequence[KeptBlock]
    result: Result
    bytes: int  # of its output


class Many(Generic[Result]):
    """A pass whose versions are run together: its inputs, its calls, and how its output is read."""

    def __init__(
        self,
        model: Model,
        inputs: Mapping[str, Tensor],
        calls: Sequence[Call],
        read: Read[Result],
        numbers: Callable[[Result], Tensor],  # of a result, by which two are compared
        alone: Callable[[Version], Result],
        given: Version | None = None,  # what all versions have in common
        **keywords: Any,
    ) -> None:
        self.model, self.inputs, self.calls, self.given = model, inputs, calls, given or Version()
        self.read, self.numbers, self.alone = read, numbers, alone
        self.keywords = {**uncached(model.network), **keywords}
        self.manner = Manner.ABOVE
        self._proved: set[int] = set()  # blocks left out in batches that were seen to come out right

    @classmethod
    def of(cls, before: Trace, alone: Callable[[Version], Trace | Outcome]) -> "Many[Trace | Outcome]":
        """The versions of a trace; `alone` runs one by itself."""
        model, keywords = before.model, _last_logits(before)
        read = partial(_outcome, before, bool(keywords))
        given = Version(before.edits, before.recorder.contexts)
        return Many(model, before.inputs, before.calls, read, _numbers, alone, given, **keywords)

    def outcomes(self, versions: Iterable[Version]) -> Iterator[Result]:
        """What each version comes to, in their order. They are asked for as a batch of them is due."""
        for batch in self._batches(versions):
            yield from self._outcomes(batch)

    def _batches(self, versions: Iterable[Version]) -> Iterator[list[Version]]:
        """As many at once as there is room for; fewer, from half of that on, where the next would begin higher."""
        batch: list[Version] = []
        before = 0
        for version in versions:
            self.model.check_edits(version.edits)
            first = self._first(version)
            if 2 * len(batch) >= self._size and first > before:
                yield batch
                batch = []
            before = min(before, first) if batch else first
            batch.append(version)
            if len(batch) >= self._size:
                yield batch
                batch = []
        if batch:
            yield batch

    def _first(self, version: Version) -> int:
        """The first call that a version changes."""
        return min(changes(version, self.calls, self.given.edits), default=len(self.calls))

    def _outcomes(self, batch: list[Version]) -> Iterator[Result]:
        """A batch together, where that comes out right; else one by one."""
        first = [] if self._proved or self.manner is Manner.ALONE else [self.alone(batch[0])]
        if len(batch) > len(first):
            while self.manner is not Manner.ALONE:
                try:
                    yield from self._together(batch, first)
                except FAILURES:
                    self.manner = Manner.TOGETHER if self.manner is Manner.ABOVE else Manner.ALONE
                    self._proved.clear()
                    _PROVED.pop(self.model.network, None)
                else:
                    return
        yield from first
        yield from map(self.alone, batch[len(first) :])

    def _together(self, batch: list[Version], first: list[Result]) -> list[Result]:
        """Raises one of FAILURES where the batch cannot be run, or does not come out right."""
        before = min(map(self._first, batch))
        blocks = self.kept.blocks if self.manner is Manner.ABOVE else ()
        left_out = sum(block.calls <= before for block in blocks)
        own = [changes(version, self.calls, self.given.edits) for version in batch]
        proving = self._proving(left_out)
        found = self._run([*own, {}] if proving else own, blocks, before)
        if proving:
            self._compare(found.pop(), self.kept.result)
            self._proved.add(left_out)
            _PROVED.setdefault(self.model.network, set()).add((len(self.calls), left_out))
        for wanted in first:
            self._compare(found[0], wanted)
        return found

    def _proving(self, left_out: int) -> bool:
        """Has a share of the next batch to prove it? The first has, the first that leaves blocks out, and each that
        leaves out as many as no batch of the model before."""
        if left_out in self._proved:
            return False
        known = (len(self.calls), left_out) in _PROVED.get(self.model.network, ())
        return max(self._proved, default=0) == 0 or (not known and self._size >= FEW)

    def _run(self, shares: Sequence[Changes], blocks: Sequence[KeptBlock], before: int) -> list[Result]:
        recorder = Rows(self.model.names, contexts=self.given.contexts, clean=self.calls, changes=shares)
        count = len(shares)
        inputs = {name: each.repeat(count, *[1] * (each.dim() - 1)) for name, each in self.inputs.items()}
        with replaying(self.model.network, self.model.names, recorder, blocks, before, count):
            output = self._forward(recorder, inputs)
        results = [self.read(_share(output, place, count)) for place in range(count)]
        if not all(self.numbers(each).isfinite().all() for each in results):
            raise ValueError("What a version gives is not finite.")
        return results

    def _forward(self, recorder: Rows, inputs: Mapping[str, Tensor]) -> Mapping[str, Any]:
        with torch.inference_mode(), recording(recorder):
            return self.model.network(**inputs, **self.keywords)

    def _compare(self, found: Result, wanted: Result) -> None:
        one, other = self.numbers(found), self.numbers(wanted)
        within = CLOSE.get(self.model.network.dtype, CLOSE[torch.bfloat16]) * max(1.0, other.abs().max().item())
        if one.shape != other.shape or (one - other).abs().max().item() > within:
            raise ValueError("In a batch it comes out otherwise than alone.")

    @cached_property
    def kept(self) -> Kept[Result]:
        """The pass in which nothing is changed. Its blocks' outputs are let go where they would take too much room."""
        recorder = Rows(self.model.names, contexts=self.given.contexts, clean=self.calls)
        with keeping(self.model.network, self.model.names, recorder) as blocks:
            output = self._forward(recorder, self.inputs)
        size = _bytes(block.output for block in blocks)
        return Kept(blocks if size <= self._room else (), self.read(output), _bytes([dict(output)]))

    @property
    def _room(self) -> float:
        return SHARE * free(self.model) / 4

    @property
    def _size(self) -> int:
        """Versions of a batch: by its tokens, and by its bytes; where there are a few, one share more is the proof."""
        return 1 if self.manner is Manner.ALONE else self._most

    @cached_property
    def _most(self) -> int:
        try:
            self.kept  # noqa: B018  # its size is asked for below
        except FAILURES:
            self.manner = Manner.ALONE
            return 1
        gpu = entrance(self.model.network).type != "cpu"
        tokens = max(len(call.query) * call.shape[0] for call in self.calls)
        eager = door(self.model.network) != "interface"
        size = max(_at_work(call, eager) for call in self.calls) + 3 * self.kept.bytes
        shares = int(min((ON_A_GPU if gpu else TOKENS) // tokens, self._room // size, MOST))
        return shares - 1 if shares > FEW else max(1, shares)


def _at_work(call: Call, eager: bool) -> int:
    """About the bytes that a layer computes with."""
    own = sum(each.nbytes for each in (call.query, call.key, call.value))
    queries, keys = call.shape
    planes = EAGER * call.heads if eager or call.position_bias is not None else 1
    return BLOCK * own + 4 * planes * len(call.query) * queries * keys


def _bytes(values: Iterable[Any]) -> int:
    """Bytes of all tensors in these; one that several hold is counted once."""
    found: dict[int, int] = {}
    for value in values:
        mapped(value, lambda each: found.update({each.untyped_storage().data_ptr(): each.untyped_storage().nbytes()}))
    return sum(found.values())


def _share(output: Mapping[str, Any], place: int, count: int) -> dict[str, Any]:
    """One share of all that a batch gives."""

    def part(tensor: Tensor) -> Tensor:
        own, left = divmod(len(tensor), count) if tensor.dim() else (0, 1)
        return tensor if left else tensor[place * own : (place + 1) * own]

    return {name: mapped(each, part) for name, each in output.items()}


def _last_logits(before: Trace) -> dict[str, Any]:
    """What keeps a language model from the logits that nobody reads, where it knows how to leave them out."""
    said, ids = before.prediction, before.inputs.get("input_ids")
    if said is None or said.kind != "next token" or ids is None:
        return {}
    last = said.position == ids.shape[1] - 1 and len(said.positions) == 1
    return logits_to_keep(before.model, 1) if last else {}


def logits_to_keep(model: Model, which: int | Tensor) -> dict[str, Any]:
    """The keyword that asks a network for the logits at its last tokens, or at these, alone; none where it has none."""
    return {"logits_to_keep": which} if "logits_to_keep" in inspect.signature(model.network.forward).parameters else {}


def _outcome(before: Trace, alone: bool, output: Mapping[str, Any]) -> Trace | Outcome:
    """What an output says, read as that of the trace was; `alone`: its logits are of the one place that answers."""
    model, said = before.model, before.prediction
    if alone and said is not None:
        logits = output["logits"][0].float().cpu()
        return Outcome(replace(said, probabilities=logits[0].softmax(-1), logits=logits), None)
    if model.task.says is None:
        return Outcome(None, last_of(output))
    return Outcome(predict(model.network, model.tokenizer, before.inputs, output, before.given, before.tokens), None)


def _numbers(outcome: Trace | Outcome) -> Tensor:
    said = outcome.prediction
    if said is not None:
        return said.probabilities if said.logits is None else said.logits
    if outcome.output is None:
        raise ValueError("Nothing was given that could be compared.")
    return outcome.output


def keyed(
    run: Callable[[Iterator[Version]], Iterator[Result]], keys: Iterable[Key], make: Callable[[Key], Version]
) -> Iterator[tuple[Key, Result]]:
    """What comes of the version of each key, beside the key; keys are asked for as their versions are."""
    waiting: deque[Key] = deque()

    def versions() -> Iterator[Version]:
        for key in keys:
            waiting.append(key)
            yield make(key)

    for found in run(versions()):
        yield waiting.popleft(), found
