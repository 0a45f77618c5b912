"""Texts of about one length in one forward pass, and the trace of each.

Texts are padded on the right: what reads from the left never comes to the padding, and the mask hides it from others.
Whether a model keeps to that is asked of the model: one text of a batch is run alone as well, and compared.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from selfattn.models.inputs.given import Input
from selfattn.models.inputs.tokens import Tokens
from selfattn.models.model import Model
from selfattn.models.self_test import HALF_TOLERANCE, TOLERANCE
from selfattn.recording.call import Call
from selfattn.recording.doors import Recorder, sampled
from selfattn.recording.edits import Edit
from selfattn.tracing.passes import forward
from selfattn.tracing.trace import Trace, of_output

# By how much a text in a batch may differ from itself alone, as a share of the largest number above 1: rounding.
ALIKE = 1e-5
# Of these a call's tensors have one for each text, and an axis of queries and of keys.
PLANES = ("mask", "position_bias")


class UnlikeError(Exception):
    """In a batch the model does not compute what it computes of a text alone."""


@dataclass(frozen=True, eq=False)
class Read:
    """A text as the model reads it alone."""

    given: Input
    tokens: Tokens | None
    inputs: Mapping[str, Tensor]

    @cached_property
    def length(self) -> int:
        """Tokens; none of what runs alone."""
        return self.inputs["input_ids"].shape[1] if "input_ids" in self.inputs else 0

    @property
    def kin(self) -> tuple[object, ...]:
        """The same for texts that go together: the names of their tensors, and the shapes of those that stay."""
        return tuple((name, None if self.by_token(name) else each.shape) for name, each in self.inputs.items())

    def by_token(self, name: str) -> bool:
        """Does a tensor hold a number for each token? What a decoder begins with is none of the text's."""
        return not name.startswith("decoder") and self.inputs[name].shape == self.inputs["input_ids"].shape


@dataclass(frozen=True)
class Layout:
    """Which axes are a text's tokens, in each call and each output, as one text alone has shown."""

    calls: tuple[tuple[bool, bool], ...]  # are the queries of a call tokens, and are its keys?
    outputs: Mapping[str, tuple[bool, ...]]  # is an axis after the first?
    length: int  # tokens of the batch that it was learnt from
    padding: int  # the most of a text in it

    def covers(self, batch: "Batch") -> bool:
        """Is a batch like the one that was compared? Twice the length or the padding is a new question."""
        return batch.length <= 2 * self.length and batch.padding <= 2 * self.padding


@dataclass
class _Whole(Recorder):
    """A recorder that keeps the contexts of all texts, in all their rows."""

    contexts_used: list[Tensor] = field(default_factory=list)  # (text, query, head, d_v) of each call

    def attend(self, call: Call, native: Any) -> Tensor:
        context = super().attend(call, native)
        self.contexts_used.append(context.detach().clone())
        return context


class Batch:
    """Texts that run together. Raises UnlikeError where the record of the pass cannot be cut into texts."""

    def __init__(self, model: Model, reads: Sequence[Read], edits: tuple[Edit, ...]) -> None:
        self.model, self.reads = model, reads
        self.length = max(read.length for read in reads)
        self.padding = self.length - min(read.length for read in reads)
        self.recorder = _Whole(model.names, edits)
        self.output = forward(model, self.recorder, reads[0].inputs if len(reads) == 1 else self._inputs())
        self.calls = self.recorder.calls
        if not self.calls or len(self.calls) != len(self.recorder.contexts_used):
            raise UnlikeError
        if any(not self._is_of_each(call) for call in self.calls):
            raise UnlikeError

    def _is_of_each(self, call: Call) -> bool:
        """Are its tensors of one text each, in the order of the texts?"""
        planes = [plane for name in PLANES if (plane := getattr(call, name)) is not None]
        texts = len(self.reads)
        return len(call.query) == texts and not call.pooled and all(len(each) in (1, texts) for each in planes)

    def _inputs(self) -> dict[str, Tensor]:
        inputs = {name: torch.cat([self._filled(name, read) for read in self.reads]) for name in self.reads[0].inputs}
        if "attention_mask" not in inputs and "attention_mask" in _taken(self.model):
            lengths = inputs["input_ids"].new_tensor([[read.length] for read in self.reads])
            inputs["attention_mask"] = (torch.arange(self.length, device=lengths.device) < lengths).long()
        return inputs

    def _filled(self, name: str, read: Read) -> Tensor:
        """A tensor of a text, as long as the batch."""
        if not read.by_token(name):
            return read.inputs[name]
        filler = getattr(self.model.tokenizer, "pad_token_id", None) if name == "input_ids" else None
        return pad(read.inputs[name], (0, self.length - read.length), value=filler or 0)

    def compared(self, place: int, alone: "Batch") -> Layout:
        """What one of the texts, run `alone`, shows of the batch. Raises UnlikeError where it is not the same there."""
        length = self.reads[place].length
        if [call.title for call in self.calls] != [call.title for call in alone.calls]:
            raise UnlikeError
        calls = []
        for call, own in zip(self.calls, alone.calls, strict=True):
            if (own.start, own.behind) != (call.start, call.behind):
                raise UnlikeError
            queries, keys = self._tokens(own.shape, call.shape, length)
            calls.append((queries, keys))
        for used, other in zip(alone.recorder.contexts_used, self.recorder.contexts_used, strict=True):
            self._check_alike(used[0], other[place, : used.shape[1]])
        outputs = {}
        for name, said in _tensors(alone.output):
            outputs[name] = self._tokens(said.shape[1:], self.output[name].shape[1:], length)
            self._check_alike(said[0], _cut(self.output[name][place], outputs[name], length))
        return Layout(tuple(calls), outputs, self.length, self.padding)

    def _tokens(self, own: Sequence[int], whole: Sequence[int], length: int) -> tuple[bool, ...]:
        """Which axes of a tensor are the tokens of a text of that length: they are longer here than alone."""
        axes = tuple(zip_longest(own, whole))
        if any(alone != here and (alone, here) != (length, self.length) for alone, here in axes):
            raise UnlikeError
        return tuple(alone != here for alone, here in axes)

    def _check_alike(self, own: Tensor, other: Tensor) -> None:
        if not own.is_floating_point():
            return
        share = ALIKE if self.model.network.dtype in TOLERANCE else HALF_TOLERANCE
        # A query that may attend to nothing, or a label that is ruled out, is not finite in either.
        own, other = (each.double().nan_to_num() for each in (own, other))
        if not (own - other).abs().max() <= share * own.abs().max().clamp(min=1.0):
            raise UnlikeError

    def trace(self, place: int, layout: Layout | None) -> Trace:
        """That of one text, whose tensors are its own: nothing else of the batch stays. No layout where none is padded.

        Raises ValueError for an output that is not finite.
        """
        read, copies = self.reads[place], dict[int, Tensor]()  # layers may share a mask
        recorder = Recorder(self.model.names, self.recorder.edits)
        for number, call in enumerate(self.calls):
            tokens = layout.calls[number] if layout else (False, False)
            queries, keys = (read.length if each else size for each, size in zip(tokens, call.shape, strict=True))
            own = replace(
                call,
                query=call.query[place : place + 1, :, :queries].clone(),
                key=call.key[place : place + 1, :, :keys].clone(),
                value=call.value[place : place + 1, :, :keys].clone(),
                **{name: self._plane(getattr(call, name), place, queries, keys, copies) for name in PLANES},
            )
            rows = sampled(queries, own.query.device)
            recorder.calls.append(own)
            recorder.samples.append((rows, self.recorder.contexts_used[number][place, rows].clone()))
        recorder.count = len(recorder.calls)
        output = dict(self.output)
        for name, value in _tensors(self.output):
            axes = layout.outputs[name] if layout else ()
            output[name] = _cut(value[place], axes, read.length)[None].clone()
        return of_output(self.model, read.given, read.tokens, read.inputs, output, recorder)

    def _plane(self, plane: Tensor | None, place: int, queries: int, keys: int, copies: dict[int, Tensor]) -> Any:
        """The part of a mask or a bias that is of one text; one copy of what layers share."""
        if plane is None:
            return None
        if id(plane) not in copies:
            own = plane[place : place + 1] if len(plane) > 1 else plane
            copies[id(plane)] = own[:, :, : min(queries, own.shape[2]), : min(keys, own.shape[3])].clone()
        return copies[id(plane)]


def _cut(tensor: Tensor, tokens: tuple[bool, ...], length: int) -> Tensor:
    """A tensor without the padding, in the axes that are tokens."""
    return tensor[tuple(slice(length) if each else slice(None) for each in tokens)] if tokens else tensor


def _tensors(output: Mapping[str, Any]) -> list[tuple[str, Tensor]]:
    return [(name, each) for name, each in output.items() if isinstance(each, Tensor) and each.dim()]


def _taken(model: Model) -> Mapping[str, Any]:
    return inspect.signature(model.network.forward).parameters
