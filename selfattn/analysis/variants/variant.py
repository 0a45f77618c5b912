"""What another attention is, and how far it lies from what a head of the model computed on the same q, k and v.

exact = exact_of(trace, trace.call(1), head=2)
found = compute(VARIANTS["performer"], exact, VariantSettings(features=64))      # from `other_attentions.py`
found.weights, found.context
measure(found, exact).error
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from selfattn.maths.attend import Stages, attend
from selfattn.recording.call import Call
from selfattn.tracing.trace import Trace

# Draws of a random method, whose median is its error and whose spread is shown.
DRAWS = 5
# Tokens of a text on which all variants are computed.
LONGEST = 512


@dataclass(frozen=True)
class VariantSettings:
    """What the variants can be set to."""

    tau: float = 8.0
    spread: float = 1.0  # the variance of the radial basis function, over 1 / scale
    k: int = 3
    alpha: float = 1.5
    features: int = 64
    orthogonal: bool = True
    landmarks: int = 6
    exact_inverse: bool = False
    projected: int = 4
    window: int = 4
    step: int = 2
    block: int = 4
    sinks: int = 1
    seed: int = 0

    @property
    def generator(self) -> torch.Generator:
        """A fresh source of random numbers: the same seed draws the same."""
        return torch.Generator().manual_seed(self.seed)


@dataclass(frozen=True, eq=False)
class Exact:
    """One head as the model computed it: what the variants start from, and what they are compared with."""

    stages: Stages
    scale: float
    bias: Float[Tensor, "query key"] | None
    softcap: float | None
    sink: Float[Tensor, ""] | None
    layer_input: Float[Tensor, "query d_model"] | None
    real: Bool[Tensor, " query"]  # queries that are no padding: the others leave every measure
    crosses: bool  # the keys are of another text

    @property
    def seen(self) -> Bool[Tensor, " key"]:
        """Keys that some query may attend to: the others are padding."""
        return self.stages.keep.any(0)

    @property
    def causal(self) -> bool | None:
        """Is the mask causal, or open to every real key? None where it is neither."""
        keep, (queries, keys) = self.stages.keep, self.stages.keep.shape
        if torch.equal(keep, self.seen.expand(queries, keys)):
            return False
        below = torch.ones_like(keep).tril() & self.seen
        return True if queries == keys and torch.equal(keep, below) else None

    def attend(self, **changes: Any) -> Stages:
        """Attention by the one formula, with the model's own scale, bias, mask and sink but for the `changes`."""
        given = self.stages
        kept = {"scale": self.scale, "bias": self.bias, "softcap": self.softcap, "sink": self.sink, "keep": given.keep}
        return attend(given.query, given.key, given.value, **(kept | changes))


@dataclass(frozen=True, eq=False)
class Found:
    """What a variant computed."""

    weights: Float[Tensor, "query key"] | None  # None where its columns are no tokens
    context: Float[Tensor, "query d_v"]
    keep: Bool[Tensor, "query key"]  # what its own mask lets through
    note: str = ""  # what was left out, in one sentence


@dataclass(frozen=True)
class Difference:
    """How far a variant lies from exact attention, over the queries that are no padding."""

    variation: float | None  # the largest of any row's 1/2 sum |p - p'|
    error: float  # |context - exact| / |exact|, Frobenius
    sums: tuple[float, float] | None  # the smallest and the largest sum of a row


@dataclass(frozen=True, eq=False)
class Variant:
    """Another attention, with the words that say what it is."""

    name: str
    title: str
    group: str
    does: str
    formula: str  # LaTeX
    source: str
    compute: Callable[[Exact, VariantSettings], Found]
    controls: tuple[str, ...] = ()  # names of settings; the error is drawn against the first
    within_a_text: bool = False  # positions or tokens of one text are compared: no cross-attention


def exact_of(trace: Trace, call: Call, head: int) -> Exact:
    """A head as it is in a trace. Raises ValueError for a text that is too long to compute every variant on."""
    longest = max(call.shape)
    if longest > LONGEST:
        raise ValueError(
            f"Every variant is computed on up to {LONGEST} tokens; this input has {longest:,}. Shorten it."
        )
    stages, crosses = _double(call.stages(head)), call.kind == "cross"
    bias = sum(
        (part.cpu().double() for part in call.biases(head) if part is not None), torch.zeros(call.shape).double()
    )
    read = None if crosses else trace.layer_input(call.layer, part=call.part, kind=call.kind)
    return Exact(
        stages=stages,
        scale=call.effective_scale(head),
        bias=bias if bias.any() else None,
        softcap=call.softcap,
        sink=None if call.sink is None else call.sink[head].cpu().double(),
        layer_input=None if read is None else read.cpu().double(),
        real=call.real_queries().cpu(),
        crosses=crosses,
    )


def _double(stages: Stages) -> Stages:
    """The same stages in float64 on the CPU: what a variant differs by is its own, not the rounding's."""
    numbers = {field.name: getattr(stages, field.name).cpu() for field in fields(stages)}
    return Stages(**{name: each if each.dtype == torch.bool else each.double() for name, each in numbers.items()})


def why_not(variant: Variant, exact: Exact) -> str | None:
    """Why a variant has no meaning on this head; None where it has one."""
    if variant.within_a_text and exact.crosses:
        return f"{variant.title} compares places in one text; this head reads from one text in another."
    if variant.name == "plain" and exact.layer_input is None:
        return "This layer does not take its input as one tensor, so x · x cannot be computed."
    return None


def compute(variant: Variant, exact: Exact, settings: VariantSettings) -> Found:
    """A variant on a head. Raises ValueError where it has no meaning there."""
    reason = why_not(variant, exact)
    if reason:
        raise ValueError(reason)
    return variant.compute(exact, settings)


def even(exact: Exact) -> Found:
    """Even attention under the same mask: the baseline of every number here."""
    keep = exact.stages.keep
    weights = keep.double() / keep.sum(-1, keepdim=True).clamp_min(1)
    return Found(weights, weights @ exact.stages.value, keep)


def measure(found: Found, exact: Exact) -> Difference:
    """How far a variant's weights and output lie from the model's own."""
    real, own = exact.real, exact.stages
    error = (found.context - own.context)[real].norm() / own.context[real].norm()
    if found.weights is None:
        return Difference(None, error.item(), None)
    rows, sums = (found.weights - own.weights)[real].abs().sum(-1) / 2, found.weights[real].sum(-1)
    return Difference(rows.max().item(), error.item(), (sums.min().item(), sums.max().item()))


@dataclass(frozen=True)
class ErrorCurve:
    """The error of the output against one setting: the median, the least and the most of a random method's draws."""

    values: tuple[int | float, ...]
    error: tuple[float, ...]
    least: tuple[float, ...]
    most: tuple[float, ...]


def curve(variant: Variant, exact: Exact, settings: VariantSettings, values: tuple[int | float, ...]) -> ErrorCurve:
    """The error against the variant's first setting, over other draws where it is random."""
    seeds = range(DRAWS) if "seed" in variant.controls else (settings.seed,)
    errors = torch.tensor(
        [
            [measure(compute(variant, exact, _set(settings, variant, value, seed)), exact).error for seed in seeds]
            for value in values
        ]
    )
    median, least, most = errors.median(-1).values, errors.amin(-1), errors.amax(-1)
    return ErrorCurve(values, tuple(median.tolist()), tuple(least.tolist()), tuple(most.tolist()))


def _set(settings: VariantSettings, variant: Variant, value: int | float, seed: int) -> VariantSettings:
    first: dict[str, Any] = {variant.controls[0]: value}
    return replace(settings, seed=seed, **first)
