"""What a mistake is made on, a head of a trace, and what it gives: two pictures, numbers and a sentence."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from selfattn.maths import saturation
from selfattn.maths.attend import Stages, attend
from selfattn.recording.call import Call
from selfattn.recording.edits import Edit
from selfattn.tracing.trace import Trace

# Tokens that a mistake is made on: a picture of more says less.
MOST = 128
FROM, TO = "attends from", "attends to"
Names = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Subject:
    """One head of a call, on its first tokens, with the names of its rows and columns.

    Raises ValueError where one token reads one token: its weight is 1 whatever is done to it.
    """

    trace: Trace
    call: Call
    head: int

    def __post_init__(self) -> None:
        if self.call.shape == (1, 1):
            raise ValueError(
                "Here one token reads itself alone, and no mistake shows on one weight: let the model read or write "
                "more tokens, or choose another of its attentions."
            )

    @cached_property
    def names(self) -> tuple[Names, Names]:
        """What stands beside the rows and the columns."""
        rows, columns = self.trace.labels(self.call)
        return rows[:MOST], columns[:MOST]

    @property
    def whole(self) -> bool:
        """Are these all tokens of the text?"""
        return max(self.call.shape) <= MOST

    @cached_property
    def parts(self) -> dict[str, Any]:
        """All that the model's own formula takes for this head: the arguments of `attend`."""
        call, head = self.call, self.head
        stages = replace(call, similarity=None).stages(head, slice(MOST))
        biases = [bias[:, :MOST] for bias in call.biases(head, slice(MOST)) if bias is not None]
        own = call.similarity
        parts: dict[str, Any] = {
            "query": stages.query,
            "key": stages.key[:MOST],
            "value": stages.value[:MOST],
            "scale": call.own_scale(head),
            "softcap": call.softcap,
            "bias": sum(biases) if biases else None,
            "keep": stages.keep[:, :MOST],
            "sink": None if call.sink is None else call.sink[head].to(stages.query),
        }
        return parts if own is None else parts | {"similarity": lambda query, key: own(query, key, head)}

    @torch.no_grad()
    def attend(self, **changes: Any) -> Stages:
        """The head's stages by the model's own formula, with some of its parts changed."""
        return attend(**self.parts | changes)

    @cached_property
    def right(self) -> Stages:
        """What the head computes."""
        return self.attend()

    def other(self, head: int) -> "Subject":
        """Another head of the same call."""
        return replace(self, head=head)


@dataclass(frozen=True, eq=False)
class Matrix:
    """A matrix to draw: numbers with the names of their rows and columns, and what stands beside each row."""

    values: Float[Tensor, "row column"]
    rows: Names
    columns: Names
    shape: str  # in words: "16 tokens × 16 tokens"
    keep: Bool[Tensor, "row column"] | None = None  # False is hatched: masked
    axes: tuple[str, str] = (FROM, TO)
    symbol: Literal["weights", "value"] = "weights"
    beside: Float[Tensor, " row"] | None = None  # a bar a row, and a column: their sums, unless given
    named: str = "row sum"


@dataclass(frozen=True)
class Number:
    """One quantity where it went wrong and where it is right; `name` holds what both are compared with."""

    name: str
    wrong: int | float
    right: int | float


@dataclass(frozen=True, eq=False)
class Mistake:
    """One mistake, made: what it gives, and what is right."""

    wrong: Matrix
    right: Matrix
    numbers: tuple[Number, ...]
    sentence: str
    # What the head hands to the model: wrong, and right where that is not the model's own.
    context: Float[Tensor, "query d_v"] | None = None
    against: Float[Tensor, "query d_v"] | None = None
    edits: tuple[Edit, ...] = field(default=())  # the mistake in every layer of the model, where an edit can make it


def picture(subject: Subject, weights: Tensor, keep: Tensor | None = None) -> Matrix:
    """Weights of the subject's tokens, hatched where masked."""
    rows, columns = subject.names
    keep = subject.right.keep if keep is None else keep
    shape = f"{len(rows)} × {len(columns)}"
    return Matrix(weights.float().cpu(), rows, columns, shape, keep.expand(weights.shape).cpu())


def pictures(subject: Subject, wrong: Tensor, right: Tensor, keep: Tensor | None = None) -> tuple[Matrix, Matrix]:
    """Wrong weights and right ones, hatched where masked."""
    return picture(subject, wrong, keep), picture(subject, right, keep)


def spread(stages: Stages) -> tuple[float, float, float]:
    """Means over the rows: entropy over log n, the largest weight, and tr J."""
    rows = ~stages.empty.expand(stages.weights.shape[:-1])
    weights, keep = stages.weights[rows], stages.keep.expand(stages.weights.shape)[rows]
    return (
        saturation.normalised_entropy(weights, keep).nanmean().item(),
        saturation.max_probability(weights).mean().item(),
        saturation.jacobian_trace(weights).mean().item(),
    )


def even_weight(keep: Tensor) -> float:
    """The mean weight of a key where each row spreads evenly over those it may attend to."""
    allowed = keep.sum(-1)
    return (1.0 / allowed[allowed > 0]).mean().item()


def apart(wrong: Tensor, right: Tensor) -> float:
    """The relative error of an output, `|wrong - right| / |right|` over all its numbers."""
    return ((wrong - right).norm() / right.norm()).item()


def variation(wrong: Tensor, right: Tensor) -> float:
    """The largest total variation distance of two rows of weights, `sum |p - q| / 2`."""
    return ((wrong - right).abs().sum(-1) / 2).max().item()
