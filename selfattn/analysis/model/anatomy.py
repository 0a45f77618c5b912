"""What a model is: its layers, heads, positions, scales and masks, measured on one run, and how exact that is."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise

from torch import nn

from selfattn.analysis.model.others import others
from selfattn.analysis.model.windows import window
from selfattn.models import encoder
from selfattn.models.answers.tasks import WORDS
from selfattn.models.attention import ranges
from selfattn.models.budgets import in_words
from selfattn.models.model import Model
from selfattn.models.self_test import tolerance
from selfattn.recording.call import Call
from selfattn.recording.doors import door, largest
from selfattn.tracing.audit import Audit, audited
from selfattn.tracing.trace import Trace, trace

LOCAL = {"rope": "rotary", "t5": "T5 buckets", "alibi": "ALiBi"}
LINEAR_BIAS = ("bloom", "mpt")


@dataclass(frozen=True)
class Layer:
    """One attention call of a model."""

    part: str
    kind: str
    layer: int
    heads: int
    key_heads: int
    d_head: int
    window: int | None  # keys a query may look back over; None where there is no such limit
    scale: float | None  # by which q . k is multiplied; None where it could not be told apart from the query
    softcap: float | None
    sink: bool
    difference: float  # max |context recomputed - context the model used|
    rows_sum_to_one: bool
    future_hidden: bool | None  # None for a call that sees both ways by design

    @property
    def title(self) -> str:
        """Which layer, in words."""
        return f"{self.part} layer {self.layer}" + (", cross" if self.kind == "cross" else "")

    @property
    def sums(self) -> str:
        """Do the rows of its weights sum to 1? A sink takes a share of them."""
        return "yes" if self.rows_sum_to_one else "no (sink)" if self.sink else "NO"

    @property
    def future(self) -> str:
        """Does a token see those after it?"""
        return {True: "yes", False: "NO", None: "sees both ways"}[self.future_hidden]

    @property
    def factor(self) -> str:
        """The scale in words: 1/√64, a number, or that there is none."""
        if self.scale is None:
            return "not known"
        if self.scale == 1.0:
            return "none, by design"
        return f"1/√{self.d_head}" if abs(self.scale * self.d_head**0.5 - 1) < 1e-4 else f"{self.scale:.4g}"


@dataclass(frozen=True)
class Group:
    """Layers that follow one another and are alike but for their difference, of which the largest is kept."""

    numbers: tuple[int, ...]
    layer: Layer

    @property
    def title(self) -> str:
        """Which layers, in words."""
        return f"layer{'s' if len(self.numbers) > 1 else ''} {ranges(self.numbers)}"


@dataclass(frozen=True)
class Anatomy:
    """The facts of a model, and its layers in the order in which they were called."""

    facts: tuple[tuple[str, str], ...]
    layers: tuple[Layer, ...]
    tokens: int  # of the run that it was measured on
    allowed: float  # the largest difference that counts as exact in the model's numbers

    @property
    def fidelity(self) -> float:
        """The largest difference of all layers."""
        return largest(layer.difference for layer in self.layers)

    @property
    def inexact(self) -> list[Layer]:
        """The layers whose recomputation differs by more than rounding."""
        return [layer for layer in self.layers if not layer.difference <= self.allowed]

    @property
    def leaking(self) -> list[Layer]:
        """The causal layers in which a token sees one after it."""
        return [layer for layer in self.layers if layer.future_hidden is False]

    @property
    def sound(self) -> bool:
        """Is every layer exact, and the future hidden wherever it should be?"""
        return not self.inexact and not self.leaking

    @property
    def verdict(self) -> str:
        """What a reader wants to know first, in one line."""
        heads = sum(layer.heads for layer in self.layers)
        size = f"{_count(len(self.layers), 'layer')}, {_count(heads, 'head')}"
        exact = f"all exact to {self.fidelity:.1e}"
        if self.inexact:
            worst = max(self.inexact, key=lambda layer: layer.difference)
            exact = f"{len(self.inexact)} not exact, {worst.title} by {worst.difference:.1e}"
        return f"{size}, {exact}; {self._future()}."

    def _future(self) -> str:
        if self.leaking:
            return f"{self.leaking[0].title} SEES THE FUTURE"
        causal = [layer for layer in self.layers if layer.future_hidden]
        if not causal:
            return "tokens see both ways, by design"
        own = [layer for layer in self.layers if layer.kind == "self"]
        of = "" if len(causal) == len(own) else f" of the {causal[0].part}"
        return f"no token{of} sees the future"

    def groups(self, part: str, kind: str) -> list[Group]:
        """The layers of one part and kind, those that are alike taken together."""
        layers = [layer for layer in self.layers if (layer.part, layer.kind) == (part, kind)]
        starts = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(layers)) if _alike(a) != _alike(b)), len(layers)]
        runs = [layers[start:end] for start, end in pairwise(starts)]
        return [
            Group(
                tuple(layer.layer for layer in run),
                replace(run[0], difference=largest(layer.difference for layer in run)),
            )
            for run in runs
        ]

    def csv(self) -> str:
        """One line for each layer."""
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(asdict(self.layers[0])))
        writer.writeheader()
        writer.writerows(asdict(layer) for layer in self.layers)
        return buffer.getvalue()


# The columns of a table of layers, and what stands in them; one whose cells all say "none" need not be shown.
COLUMNS: dict[str, Callable[[Layer], str]] = {
    "heads": lambda layer: str(layer.heads),
    "key-value heads": lambda layer: str(layer.key_heads),
    "d a head": lambda layer: str(layer.d_head),
    "scale": lambda layer: layer.factor,
    "window": lambda layer: f"{layer.window:,}" if layer.window else "none",
    "soft cap": lambda layer: f"{layer.softcap:g}" if layer.softcap else "none",
    "sink": lambda layer: "one a head" if layer.sink else "none",
    "|recomputed - model|": lambda layer: f"{layer.difference:.1e}",
    "rows sum to 1": lambda layer: layer.sums,
    "future hidden": lambda layer: layer.future,
}


def columns(layers: Sequence[Layer]) -> list[str]:
    """The columns that say something of these layers."""
    return [name for name, cell in COLUMNS.items() if any(cell(layer) != "none" for layer in layers)]


def anatomy(model: Model, found: Trace | None = None) -> Anatomy:
    """The anatomy of a model, measured on a run of it: pair by pair in every head. Its own small probe by default."""
    if found is None and not model.tested:
        raise ValueError(f"{model.name} is untested, for {model.why_untested}; give an input that it reads.")
    found = found or trace(model, model.probe)
    modules = {path: module for module, path in model.names.items()}
    rows = zip(found.calls, audited(found), strict=True)
    layers = tuple(_layer(call, modules.get(call.name), row) for call, row in rows)
    allowed = tolerance(model.network.dtype, found.recorder)
    return Anatomy(_facts(model, layers), layers, max(found.calls[0].shape), allowed)


def positions(model: Model) -> str:
    """How the model knows where a token stands."""
    config = model.network.config.get_text_config()
    if isinstance(config, encoder.SelfAttentionConfig):
        return LOCAL.get(config.positions, config.positions)
    if getattr(config, "alibi", False) or config.model_type in LINEAR_BIAS:
        return "ALiBi"
    if model.rotary:
        return "rotary"
    if hasattr(config, "relative_attention_num_buckets"):
        return "T5 buckets"
    if getattr(config, "relative_attention", False):
        return "relative"
    embeddings = [type(m).__name__ for m, path in model.names.items() if isinstance(m, nn.Embedding) and _places(path)]
    if any("Sinusoidal" in kind for kind in embeddings):
        return "sinusoidal"
    parameters = [path for path, _ in model.network.named_parameters()]
    if any("relative_position_bias" in path for path in parameters):
        return "relative"
    if any("pos_conv_embed" in path for path in parameters):
        return "convolution"
    return "learned" if embeddings or any(_places(path) for path in parameters) else "none"


def _places(path: str) -> bool:
    last = path.removesuffix(".weight").rpartition(".")[2]
    return last in ("wpe", "pos_embed") or ("position" in last and "embed" in last)


def _layer(call: Call, module: nn.Module | None, row: Audit) -> Layer:
    return Layer(
        part=call.part,
        kind=call.kind,
        layer=call.layer,
        heads=call.heads,
        key_heads=call.key_heads,
        d_head=call.query.shape[-1],
        window=window(call, module),
        scale=None if call.prescale is None else call.scale,
        softcap=call.softcap,
        sink=row.sink,
        difference=row.difference,
        rows_sum_to_one=row.rows_sum_to_one,
        future_hidden=row.future_hidden,
    )


def _facts(model: Model, layers: Sequence[Layer]) -> tuple[tuple[str, str], ...]:
    """The model as a whole, what matters first."""
    network = model.network
    parameters = sum(parameter.numel() for parameter in network.parameters())
    vocabulary = getattr(network.config.get_text_config(), "vocab_size", None)
    at = positions(model)
    limit = f", up to {model.limit:,} tokens" if model.limit else ""
    unscaled = all(layer.scale == 1.0 for layer in layers)
    return (
        ("kind", type(network).__name__),
        ("says", model.task.saying),
        ("reads", " or ".join(WORDS[each] for each in model.task.reads)),
        ("positions", at + limit),
        *([("scale", "this model never scales its scores, by design")] if unscaled else []),
        *((("other layers", line),) if (line := others(model)) else ()),
        ("vocabulary", f"{vocabulary:,} tokens" if isinstance(vocabulary, int) else "none"),
        ("parameters", f"{parameters:,}, {in_words(model.size)}"),
        ("numbers", f"{str(network.dtype).removeprefix('torch.')} on {', '.join(map(str, model.devices))}"),
        ("seen through", door(network)),
    )


def _alike(layer: Layer) -> Layer:
    return replace(layer, layer=0, difference=0.0)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
