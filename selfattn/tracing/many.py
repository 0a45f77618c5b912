"""Many texts, one trace each: run in batches of about one length, and given in the order in which they came."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from torch import nn

from selfattn.models.budgets import recorded
from selfattn.models.inputs.given import Chat, Input, Pair, Translation
from selfattn.models.loading.library import opened
from selfattn.models.model import Model
from selfattn.recording.edits import Edit, listed
from selfattn.tracing.batches import Batch, Layout, Read, UnlikeError
from selfattn.tracing.passes import check
from selfattn.tracing.trace import Trace, trace

# Texts of a batch, and their tokens with the padding: more are no faster, and take more memory.
TEXTS, TOKENS = 16, 2048
# Texts that are read ahead, to find those of one length, and the bytes that their records may take.
AHEAD, ROOM = 128, 2**29
# What a batch may raise that a text alone does not: then each runs alone, and raises what is its own.
FAILURES = (UnlikeError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def traces(
    model: Model | str | Path | nn.Module,
    texts: Iterable[Input],
    edits: Edit | Iterable[Edit] = (),
    *,
    tokenizer: Any | None = None,
) -> Iterator[Trace]:
    """The trace of each text, in order: what `trace` gives of it alone, but for rounding, in fewer forward passes.

    Texts of about one length run together, padded; up to 128 are read ahead to find them, and their records take no
    more than half a gigabyte until they are given. A trace that is kept holds what is its own, and nothing of the
    others. A model that computes something else of a padded text than of the text alone is found out by comparing, and
    gets one text at a time; so do pictures, sounds, tensors, and pairs that a model without a head compares.
    Raises ValueError as `trace` does, when it is the text's turn: those before it have been given.
    """
    if isinstance(texts, str):
        raise ValueError(f"Traces are of a list of texts; got one, {texts[:20]!r}: selfattn.trace is for one.")
    return _Traces(opened(model, tokenizer), listed(edits)).of(iter(texts))


class _Traces:
    """The way of many texts through one model."""

    def __init__(self, model: Model, edits: tuple[Edit, ...]) -> None:
        self.model, self.edits = model, edits
        self.together = True  # nothing has told a text in a batch from the text alone
        self.layout: Layout | None = None

    def of(self, texts: Iterator[Input]) -> Iterator[Trace]:
        """The traces, in order."""
        failure = None
        while failure is None and (first := next(texts, None)) is not None:
            reads, failure = self._ahead(chain([first], texts))
            waiting: dict[int, Trace] = {}
            batches = {place: batch for batch in _batches(reads) for place in batch}
            for place, read in enumerate(reads):
                if self.together and place in batches and place not in waiting:
                    waiting |= self._run(reads, batches[place])
                found = waiting.pop(place, None)
                yield trace(self.model, read.given, self.edits) if found is None else found
        if failure is not None:
            raise failure

    def _ahead(self, texts: Iterator[Input]) -> tuple[list[Read], ValueError | None]:
        """Some of the next texts, and what is wrong with the one after them."""
        reads, size = [], 0
        for given in texts:
            try:
                reads.append(self._read(given))
            except ValueError as error:
                return reads, error
            size += recorded(self.model.attentions, reads[-1].length, self.model.network.dtype.itemsize)
            if len(reads) == AHEAD or size > ROOM:
                break
        return reads, None

    def _read(self, given: Input) -> Read:
        alone = isinstance(given, Pair) and self.model.task.says is None
        if alone or not isinstance(given, str | Chat | Pair | Translation):
            return Read(given, None, {})
        tokens, inputs = self.model.inputs(given)
        check(self.model, inputs, edited=bool(self.edits))
        return Read(given, tokens, inputs)

    def _run(self, reads: Sequence[Read], places: Sequence[int]) -> dict[int, Trace]:
        """The traces of a batch by their places; none of those that have to run alone."""
        own = [reads[place] for place in places]
        try:
            batch = Batch(self.model, own, self.edits)
            if self.layout is None or not self.layout.covers(batch):
                self.layout = self._compared(batch)
        except FAILURES:
            self.together = False
            return {}
        found = {}
        for number, place in enumerate(places):
            with suppress(ValueError):  # that its output is not finite is said when it is its turn
                found[place] = batch.trace(number, self.layout)
        return found

    def _compared(self, batch: Batch) -> Layout:
        place = min(range(len(batch.reads)), key=lambda place: batch.reads[place].length)
        alone = Batch(self.model, [batch.reads[place]], self.edits)
        layout = batch.compared(place, alone)
        self.model.learn(alone.recorder)
        self.model.check_edits(self.edits)
        return layout


def _batches(reads: Sequence[Read]) -> list[list[int]]:
    """The places of texts that go together, at least two, the shortest first."""
    batches: list[list[int]] = []
    kin = None
    for place in sorted(range(len(reads)), key=lambda place: (str(reads[place].kin), reads[place].length)):
        read = reads[place]
        if not read.inputs:
            continue
        full = not batches or len(batches[-1]) == TEXTS or (len(batches[-1]) + 1) * read.length > TOKENS
        if full or read.kin != kin:
            batches.append([])
        batches[-1].append(place)
        kin = read.kin
    return [batch for batch in batches if len(batch) > 1]
