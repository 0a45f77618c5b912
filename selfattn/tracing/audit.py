"""An audit: every attention call of one forward pass, checked against what the model used and what its mask claims."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from selfattn.models.budgets import check_head
from selfattn.models.model import Model
from selfattn.recording.call import Call
from selfattn.tracing.trace import Trace, trace


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
    return audited(trace(model, text))


def audited(found: Trace) -> list[Audit]:
    """Check every attention call of a forward pass that was made."""
    for call in found.calls:
        check_head(found.model, *call.shape)
    modules = {path: module for module, path in found.model.names.items()}
    # Pictures and sounds inside a text see themselves both ways in some causal models, by design.
    text_alone = not any(tensor.is_floating_point() for tensor in found.inputs.values())
    return [
        _audit(call, difference, text_alone and getattr(modules.get(call.name), "is_causal", None) is True)
        for call, difference in zip(found.calls, found.recorder.differences(), strict=True)
    ]


def _audit(call: Call, difference: float, causal: bool) -> Audit:
    """`causal`: the module says so itself, whatever mask it was given."""
    sums, ahead = True, 0.0
    later = call.later & call.real_queries()[:, None]
    for head in range(call.heads):
        stages = call.stages(head)
        reached = ~stages.empty
        sums = sums and bool(((stages.weights.sum(-1) - 1).abs()[reached] < 1e-4).all())
        ahead = max(ahead, stages.weights.masked_fill(~later, 0.0).max().item())
    hides = call.looks_back() if later.any() else call.part.startswith("decoder")
    both_ways = call.kind == "cross" or not (hides or causal)
    return Audit(call.title, call.heads, difference, sums, call.sink is not None, None if both_ways else ahead == 0.0)
