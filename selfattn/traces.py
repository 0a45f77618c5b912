"""A trace: one forward pass of a model over a text, with edits; its tokens, calls, prediction and fidelity."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psutil
import torch
from jaxtyping import Float
from torch import Tensor

from selfattn.maths.attend import Stages
from selfattn.models.library import Model, load
from selfattn.models.tasks import Prediction, predict
from selfattn.models.tokens import Tokens, of_ids
from selfattn.recording.call import ALL, Call
from selfattn.recording.edits import Edit
from selfattn.recording.interface import Recorder, largest, recording

# The share of free memory that a run may take.
SHARE = 0.8
# Float32 planes of query x key that one head's stages hold at once, at the peak of their computation.
PLANES = 8
# The same for each head of a layer, where a model adds a position bias to its scores, and where it computes eagerly.
BIASED, EAGER = 2, 4
# A long text is drawn pooled to at most this many cells a side, with exact tiles on demand.
OVERVIEW_SIDE = 1024
# Bytes of a token's text in a payload, quotes and comma included.
LABEL = 9


@dataclass(frozen=True, eq=False)
class Trace:
    """What one forward pass computed, in every layer and head."""

    model: Model
    text: str
    tokens: Tokens
    edits: tuple[Edit, ...]
    prediction: Prediction | None
    inputs: Mapping[str, Tensor]
    recorder: Recorder

    @property
    def calls(self) -> tuple[Call, ...]:
        """The attention calls, in the order in which the model made them."""
        return tuple(self.recorder.calls)

    @cached_property
    def fidelity(self) -> float:
        """`max |context recomputed - context that the model used|`, over every layer and head.

        All rows of a text up to 64 tokens; 64 evenly spread rows of a longer one.
        """
        return largest(self.recorder.differences())

    def call(self, layer: int, part: str | None = None, kind: str | None = None) -> Call:
        """The call of that layer, counted from 0 within its part and kind (the model's first, unless named)."""
        attention = self.model.attention(part, kind)
        for call in self.calls:
            if (call.part, call.kind, call.layer) == (attention.part, attention.kind, layer):
                return call
        raise ValueError(
            f"Layer {layer} was asked for; {self.model.name} has layers 0 to {attention.layers - 1} "
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
        edits: Iterable[Edit] | None = None,
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
        _check_head(self.model, len(range(queries)[rows]), keys)
        return (call if edits is None else call.with_edits(edits)).stages(head, rows)

    def layer_input(
        self, layer: int, *, part: str | None = None, kind: str | None = None
    ) -> Float[Tensor, "query d_model"] | None:
        """X: what the layer's projections read, by one more forward pass. None where the layer takes it otherwise."""
        recorder = Recorder(self.model.names, self.edits, input_of=self.calls.index(self.call(layer, part, kind)))
        _forward(self.model, recorder, self.inputs)
        return None if recorder.layer_input is None else recorder.layer_input[0].float()

    def labels(self, call: Call) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What to write beside the rows and the columns of a call's matrices: (attends from, attends to)."""
        decoder = self.inputs.get("decoder_input_ids")
        written = self.tokens.text if decoder is None else of_ids(decoder[0], self.model.tokenizer).text
        queries, keys = call.shape
        own = written if call.part == "decoder" else self.tokens.text
        return _named(own, queries), _named(own if call.kind == "self" else self.tokens.text, keys)


def _named(text: tuple[str, ...], length: int) -> tuple[str, ...]:
    return text if len(text) == length else tuple(str(i) for i in range(length))


def trace(model: Model | str, text: str | Mapping[str, Tensor], edits: Iterable[Edit] = (), *, pad: int = 0) -> Trace:
    """Run a model over one text, with edits inside its attention, and keep what every head received.

    `text` may be the tensors that the model's forward takes, for a model of pictures or sound; `pad` adds padding.
    Raises ValueError for a text that the model cannot read, or that does not fit in memory.
    """
    model = load(model) if isinstance(model, str) else model
    edits = tuple(edits)
    tokens, inputs = model.inputs(text, pad)
    _check(model, inputs, edited=bool(edits))
    recorder = Recorder(model.names, edits)
    try:
        output = _forward(model, recorder, inputs)
    except (LookupError, RuntimeError, TypeError) as error:
        if isinstance(text, str):
            raise
        raise ValueError(f"{model.name} could not read these tensors: {error}") from error
    logits = output.get("logits")
    if logits is not None and not logits.isfinite().all():
        raise ValueError(f"The output of {model.name} is not finite in {model.network.dtype}; load it as float32.")
    ids = inputs.get("input_ids")
    tokens = tokens or (of_ids(ids[0], model.tokenizer) if ids is not None else Tokens((), (), (), ()))
    prediction = predict(model.network, model.tokenizer, inputs, logits)
    return Trace(model, text if isinstance(text, str) else "", tokens, edits, prediction, inputs, recorder)


def _check(model: Model, inputs: Mapping[str, Tensor], edited: bool) -> None:
    name = model.network.main_input_name
    if name not in inputs:
        raise ValueError(f"{model.name} reads {name}; the tensors given are {', '.join(inputs) or 'none'}.")
    main = inputs[name]
    if len(main) != 1:
        raise ValueError(f"A trace follows one text; got a batch of {len(main)}.")
    if main.dim() == 2:
        budget(model, main.shape[1], edited).check()


def _forward(model: Model, recorder: Recorder, inputs: Mapping[str, Tensor]) -> Mapping[str, Any]:
    with torch.inference_mode(), recording(recorder):
        # A cache would keep keys and values once more; one pass over the whole text needs none.
        return model.network(**inputs, use_cache=False)


@dataclass(frozen=True)
class Audit:
    """One call, checked: is what is recomputed what the model used, and is its mask what it claims?"""

    title: str
    heads: int
    difference: float  # max |context recomputed - context the model used|
    rows_sum_to_one: bool
    sink: bool
    future_hidden: bool | None  # None for a call that sees both ways by design


def audit(model: Model, text: str | Mapping[str, Tensor]) -> list[Audit]:
    """Check every attention call of one forward pass; a causal model that sees the future shows here at once."""
    found = trace(model, text)
    for call in found.calls:
        _check_head(model, *call.shape)
    return [
        _audit(call, difference) for call, difference in zip(found.calls, found.recorder.differences(), strict=True)
    ]


def _audit(call: Call, difference: float) -> Audit:
    sums, ahead = True, 0.0
    for head in range(call.heads):
        stages = call.stages(head)
        reached = ~stages.empty
        sums = sums and bool(((stages.weights.sum(-1) - 1).abs()[reached] < 1e-4).all())
        ahead = max(ahead, stages.weights.triu(1).max().item())
    both_ways = call.kind == "cross" or not (call.part == "decoder" or call.causal)
    return Audit(call.title, call.heads, difference, sums, call.sink is not None, None if both_ways else ahead == 0.0)


@dataclass(frozen=True)
class Budget:
    """What a run will take, before it is run. Bytes."""

    tokens: int
    recording: int  # queries, keys and values of every layer
    matrices: int  # query x key matrices that the run itself holds: a position bias, eager attention, an edit's mask
    head: int  # the stages of one whole head, for those who ask for all its rows
    payload: int  # what goes to the browser for one head of a long text
    free: int

    @property
    def needed(self) -> int:
        """The run alone: a head is looked at in blocks of rows."""
        return self.recording + self.matrices

    @property
    def pool(self) -> int:
        """Tokens a side of one cell of the overview."""
        return math.ceil(self.tokens / OVERVIEW_SIDE)

    @property
    def drawn(self) -> str:
        """How a long text is drawn, and what of it goes to the browser."""
        pooled = f"pooled {self.pool} x {self.pool} (maximum), exact tiles on demand"
        return f"{pooled if self.pool > 1 else 'cell by cell'}; {in_words(self.payload)} to the browser"

    @property
    def describe(self) -> str:
        """What a long text takes and how it is drawn, in one sentence."""
        return f"{self.tokens:,} tokens: {in_words(self.needed)} for the run; {self.drawn}."

    def check(self) -> None:
        """Raise ValueError with the number where the run would not fit."""
        if self.needed > SHARE * self.free:
            raise ValueError(
                f"{self.tokens:,} tokens need {in_words(self.needed)} ({in_words(self.matrices)} for matrices of all "
                f"pairs of tokens), and {in_words(SHARE * self.free)} may be used; shorten the text."
            )


def budget(model: Model, tokens: int, edited: bool = False) -> Budget:
    """Predicted memory of a run over `tokens` tokens: linear, where neither the model nor an edit needs all pairs."""
    width = sum(each.layers * (each.heads + 2 * each.key_heads) * each.d_head for each in model.attentions)
    recording = tokens * width * model.network.dtype.itemsize
    planes = _own_planes(model) + (PLANES if edited else 0)
    return Budget(
        tokens, recording, planes * 4 * tokens**2, PLANES * 4 * tokens**2, _payload(model, tokens), _free(model)
    )


def _own_planes(model: Model) -> int:
    """Planes of query x key that the forward pass of a model makes without being asked: none with plain SDPA."""
    config = model.network.config.get_text_config()
    heads = max(each.heads for each in model.attentions)
    if str(model.network.config._attn_implementation).endswith("eager"):
        return EAGER * heads
    adds = getattr(config, "positions", None) in ("alibi", "t5") or hasattr(config, "relative_attention_num_buckets")
    return BIASED * heads if adds else 0


def _payload(model: Model, tokens: int) -> int:
    """Query, key, two numbers and the text of each token, and the overview at one byte a cell."""
    d_head = max(each.d_head for each in model.attentions)
    cells = math.ceil(tokens / math.ceil(tokens / OVERVIEW_SIDE))
    return tokens * (4 * (2 * d_head + 2) + LABEL) + cells * (cells + 4)


def _check_head(model: Model, queries: int, keys: int) -> None:
    needed, allowed = PLANES * 4 * queries * keys, SHARE * _free(model)
    if needed > allowed:
        raise ValueError(
            f"One head's matrices, {queries:,} x {keys:,} numbers each, need {in_words(needed)}, and "
            f"{in_words(allowed)} may be used; ask for some of its rows, or shorten the text."
        )


def _free(model: Model) -> int:
    device = model.network.device
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available


def in_words(count: int | float) -> str:
    """A number of bytes with its unit: 43 kB, 1.7 MB, 24.1 GB."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"
