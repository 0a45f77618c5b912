"""A trace: one forward pass of a model over a text, with edits; its tokens, calls, prediction and fidelity."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from selfattn import notebook
from selfattn.maths.attend import Stages
from selfattn.models.answers import changes
from selfattn.models.answers.pooling import pooled
from selfattn.models.answers.tasks import Prediction, predict, why_none
from selfattn.models.attention import ranges
from selfattn.models.budgets import check_head
from selfattn.models.errors import first_line
from selfattn.models.inputs import pictures, sounds
from selfattn.models.inputs.described import described
from selfattn.models.inputs.given import Illustrated, Input, Pair, Picture, Sound
from selfattn.models.inputs.senses import Sensed
from selfattn.models.inputs.tokens import NO_TOKENS, Tokens, of_ids
from selfattn.models.loading.library import opened
from selfattn.models.model import Model
from selfattn.models.self_test import in_words, tolerance
from selfattn.recording.call import ALL, Call
from selfattn.recording.doors import Recorder, largest
from selfattn.recording.edits import UNEDITED, Edit, listed
from selfattn.tracing.heads import weights_of
from selfattn.tracing.laid import OF_TEXT, Sides, names, sides
from selfattn.tracing.outcome import Outcome
from selfattn.tracing.passes import check, check_finite, compare, forward, last_of

NONE: Mapping[tuple[int, int], Tensor] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Trace:
    """What one forward pass computed, in every layer and head."""

    model: Model
    given: Input
    tokens: Tokens  # of a text or a pair; none of a picture or a sound
    edits: tuple[Edit, ...]
    prediction: Prediction | None
    why_no_prediction: str | None  # one sentence, where there is none
    output: Float[Tensor, "token d"] | None  # the last layer's, of a model without a head
    inputs: Mapping[str, Tensor]
    recorder: Recorder

    @property
    def text(self) -> str:
        """What the model read, or the first text of a pair; nothing for a picture, a sound or tensors."""
        return next(iter(self.tokens.texts), "")

    @cached_property
    def picture(self) -> pictures.Seen | None:
        """What a model of pictures saw; None for the others."""
        given = self.given.picture if isinstance(self.given, Illustrated) else self.given
        first = next((call for call in self.calls if call.part == "vision"), self.calls[0])
        if "pixel_values" not in self.inputs:
            return None
        own = given if isinstance(given, Picture) else None
        return pictures.seen(self.model.network, self.model.processor, self.inputs, own, first.shape[0])

    def laid(self, call: Call) -> Sides:
        """Where the rows and the columns of a call's matrices lie on the picture.

        Of a tower that sees several crops, that is the first, which its stages show.
        """
        return sides(self.model.network, self.inputs, self.tokens, call)

    @cached_property
    def sound(self) -> sounds.Heard | None:
        """What a model heard of a sound; None for the others."""
        if not isinstance(self.given, Sound):
            return None
        return sounds.heard(self.model.network, self.model.processor, self.given, self.inputs)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The attention calls, in the order in which the model made them."""
        return tuple(self.recorder.calls)

    def __repr__(self) -> str:
        edits = f"{len(self.edits)} edit{'s' if len(self.edits) > 1 else ''} in the model, " if self.edits else ""
        length = f"{len(self.tokens)} tokens, " if len(self.tokens) else ""
        return f"Trace({self.model.name!r}, {length}{len(self.calls)} calls, {edits}{self.exactness})"

    def _repr_html_(self) -> str:
        call = self.calls[0]
        stages = call.stages(0) if max(call.shape) <= notebook.LONGEST else None
        edits = f", {len(self.edits)} edit{'s' if len(self.edits) > 1 else ''} in the model" if self.edits else ""
        return notebook.page(
            notebook.line(self.model.name, f"{self.model.shape}{edits}, {self.exactness}"),
            notebook.tokens(self.tokens.text, described(self.tokens, self.model.tokenizer)),
            self.prediction.in_notebook() if self.prediction else "",
            notebook.matrix(f"weights of {call.title}, head 0", stages.weights, stages.keep, *self.labels(call))
            if stages
            else "",
            notebook.hint("any head:", "trace.stages(layer, head).weights"),
        )

    @cached_property
    def fidelity(self) -> float:
        """`max |context recomputed - context that the model used|`, over every layer and head.

        All rows of a text up to 64 tokens; 64 evenly spread rows of a longer one.
        """
        return largest(self.recorder.differences())

    @cached_property
    def exact(self) -> bool:
        """Is the fidelity as small as rounding makes it in the numbers of the model's type?"""
        return self.fidelity <= tolerance(self.model.network.dtype, self.recorder)

    @property
    def exactness(self) -> str:
        """The fidelity in words, and what it compares with: of a head that is edited, the model has no numbers."""
        said = in_words(self.fidelity, self.exact, self.model.network.dtype)
        heads = [setting != UNEDITED for call in self.calls for setting in call.settings]
        if all(heads):
            return f"{said}, by our own formula alone: every head is edited"
        if edited := sum(heads):
            return f"{said}; {edited} edited head{'s' if edited > 1 else ''} by our own formula alone"
        return said

    def call(self, layer: int, part: str | None = None, kind: str | None = None) -> Call:
        """The call of that layer, counted from 0 within its part and kind (the model's first, unless named)."""
        attention = self.model.attention(part, kind)
        for call in self.calls:
            if (call.part, call.kind, call.layer) == (attention.part, attention.kind, layer):
                return call
        raise ValueError(
            f"Layer {layer} was asked for; {self.model.name} has layers {ranges(attention.numbers)} "
            f"in its {attention.part} ({attention.kind}-attention)."
        )

    def stages(
        self,
        layer: int,
        head: int,
        *,
        part: str | None = None,
        kind: str | None = None,
        rows: slice = ALL,
        edits: Edit | Iterable[Edit] | None = None,
    ) -> Stages:
        """What one head computed for the chosen queries, from query, key and value to weights and context.

        `edits` take the place of the trace's: what the head would do by itself, on the same queries, keys and values.
        """
        call = self.call(layer, part, kind)
        if not 0 <= head < call.heads:
            raise ValueError(
                f"Head {head} was asked for; layer {layer} of {self.model.name} has heads 0 to {call.heads - 1}."
            )
        queries, keys = call.shape
        check_head(self.model, len(range(queries)[rows]), keys)
        return (call if edits is None else call.with_edits(listed(edits))).stages(head, rows)

    def weights(
        self,
        layer: int,
        *,
        part: str | None = None,
        kind: str | None = None,
        rows: slice = ALL,
        edits: Edit | Iterable[Edit] | None = None,
    ) -> Float[Tensor, "head row key"]:
        """The weights of all heads of a layer for the chosen queries: those of `stages`, in one call."""
        call = self.call(layer, part, kind)
        return weights_of(self.model, call if edits is None else call.with_edits(listed(edits)), rows)

    def layer_input(
        self, layer: int, *, part: str | None = None, kind: str | None = None
    ) -> Float[Tensor, "query d_model"] | None:
        """X: what the layer's projections read, by one more forward pass. None where the layer takes it otherwise."""
        recorder = Recorder(self.model.names, self.edits, input_of=self.calls.index(self.call(layer, part, kind)))
        forward(self.model, recorder, self.inputs)
        return None if recorder.layer_input is None else recorder.layer_input[0].float()

    def labels(self, call: Call) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What to write beside the rows and the columns of a call's matrices: (attends from, attends to).

        Tokens, else patches by "row,column" and what a detector looks for, else the times of frames, else numbers.
        """
        queries, keys = call.shape
        (own, read), laid = self.sides(call), self.laid(call)
        network, decoder = self.model.network, call.part.startswith("decoder")
        rows = own.text or names(network, laid.queries, queries)
        rows = rows or (() if decoder and self._two_stacks else self._times(queries))
        if call.kind == "self":
            return _named(rows, queries), _named(read.text or rows, keys)
        columns = read.text or names(network, laid.keys, keys)
        columns = columns or (() if decoder and not self._two_stacks else self._times(keys))
        return _named(rows, queries), _named(columns, keys)

    def sides(self, call: Call) -> tuple[Tokens, Tokens]:
        """The tokens beside the rows and the columns of a call's matrices; none where no tokens are known there."""
        queries, keys = call.shape
        # Patches that a tower of pictures sees, say, are no tokens, though they may be as many.
        own = read = self.tokens if call.part.startswith(OF_TEXT) else NO_TOKENS
        if call.part.startswith("decoder") and self._two_stacks:
            # A classifier with two stacks makes its decoder's tokens itself: they are not known here.
            written = self.inputs.get("decoder_input_ids")
            own = NO_TOKENS if written is None else of_ids(written[0], self.model.tokenizer)
        elif call.part.startswith("decoder") and call.kind == "cross":
            read = NO_TOKENS
        read = own if call.kind == "self" else read
        return own if len(own) == queries else NO_TOKENS, read if len(read) == keys else NO_TOKENS

    def notes(self, call: Call) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Which token stands beside each row and each column, in words; none where no tokens are known there."""
        own, read = self.sides(call)
        return described(own, self.model.tokenizer), described(read, self.model.tokenizer)

    @property
    def _two_stacks(self) -> bool:
        return bool(self.model.network.config.is_encoder_decoder)

    def _times(self, count: int) -> tuple[str, ...]:
        """The times of `count` frames of a sound."""
        return self.sound.labels(count) if self.sound is not None and not len(self.tokens) else ()


def _named(text: tuple[str, ...], length: int) -> tuple[str, ...]:
    return text if len(text) == length else tuple(str(i) for i in range(length))


def trace(
    model: Model | str | Path | nn.Module,
    text: Input,
    edits: Edit | Iterable[Edit] = (),
    *,
    tokenizer: Any | None = None,
    pad: int = 0,
    written: Sequence[int] = (),
    contexts: Mapping[tuple[int, int], Tensor] = NONE,
) -> Trace:
    """Run a model over one text, with edits inside its attention, and keep what every head received.

    `text` may also be a Pair, a Chat, a Translation, an Illustrated, a Picture, a Sound, or the tensors that the
    model's forward takes; `pad` adds padding tokens, and `written` those that the model has written so far: the pass is
    the one that writes the next. A network in memory is wrapped first, as `Model.wrap` does it, with its `tokenizer`.
    Of a Pair that a model without a head is to compare, the second text runs under the same edits, but for those that
    name positions (a Cut; a Mask of `custom` or `global_tokens`): these are of the first text, whose heads are kept.
    `contexts` are put in place of those that heads computed, (query, d_v), by (place in `calls`, head); stages show the
    heads' own.
    Raises ValueError for a text that the model cannot read, or that does not fit in memory; for an edit that names a
    part, a layer or a head that the model does not have; and for a run in which nothing attends. A network in train
    mode is run in eval mode, and put back.
    """
    model = opened(model, tokenizer)
    edits = listed(edits)
    idle = model.idle
    if not idle:
        model.check_edits(edits)
    tokens, inputs = model.inputs(text, pad, written)
    check(model, inputs, edited=bool(edits))
    second = model.inputs(text.second)[1] if isinstance(text, Pair) and model.task.says is None else None
    of_both = tuple(edit for edit in edits if not edit.names_positions)
    if second is not None:
        check(model, second, edited=bool(of_both))
    recorder = Recorder(model.names, edits, contexts=contexts)
    try:
        output = forward(model, recorder, inputs)
    except (AssertionError, AttributeError, LookupError, RuntimeError, TypeError) as error:
        if isinstance(text, Mapping):
            raise ValueError(f"{model.name} could not read these tensors: {error}") from error
        if isinstance(text, Sensed):
            raise ValueError(
                f"The network of {model.name} could not read what its processor made ({first_line(error)}); "
                "save both from one model."
            ) from error
        raise
    if not recorder.calls:
        raise ValueError(
            f"{model.name} ran without a call of attention that could be recorded: this input reaches no layer that "
            "attends, or its attention was exchanged; load it anew."
        )
    model.learn(recorder)
    if idle:  # an edit may name a tower that no input has reached before
        model.check_edits(edits)
    compared = None
    if second is not None and (last := last_of(output)) is not None:
        first = pooled(last, inputs.get("attention_mask"), model.pooling)
        compared = compare(model, second, of_both, first)
    return of_output(model, text, tokens, inputs, output, recorder, compared)


def of_output(
    model: Model,
    given: Input,
    tokens: Tokens | None,
    inputs: Mapping[str, Tensor],
    output: Mapping[str, Any],
    recorder: Recorder,
    compared: Prediction | None = None,
) -> Trace:
    """The trace of a forward pass that was made, of what it gave and what was recorded; `compared` is its prediction.

    Raises ValueError for an output that is not finite.
    """
    check_finite(model, output)
    ids = inputs.get("input_ids")
    tokens = tokens or (of_ids(ids[0], model.tokenizer) if ids is not None else NO_TOKENS)
    last = last_of(output) if model.task.says is None else None
    why, prediction = None, compared
    if compared is None:
        why = why_none(model.network, model.tokenizer, inputs, output, given)
        prediction = predict(model.network, model.tokenizer, inputs, output, given, tokens)
    return Trace(model, given, tokens, tuple(recorder.edits), prediction, why, last, inputs, recorder)


def moved(before: Trace, after: Trace | Outcome) -> changes.Moved:
    """How far the output of a model without a head moved. Raises ValueError for traces that have none, or another."""
    if before.output is None or after.output is None or before.output.shape != after.output.shape:
        raise ValueError("Both traces are of one model without a head, on the same input; here they are not.")
    mask = before.inputs.get("attention_mask")
    real = mask[0].bool().cpu() if mask is not None and mask.shape[1] == len(before.output) else None
    return changes.moved_by(before.output, after.output, real)
