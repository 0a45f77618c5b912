"""Three ways to mask wrongly: after the softmax, with 0 in place of minus infinity, and a row with no key left."""

import math

import torch
from jaxtyping import Bool
from torch import Tensor

from selfattn.analysis.mistakes.subject import Mistake, Number, Subject, apart, pictures
from selfattn.maths.masks import causal
from selfattn.maths.normalise import softmax

# What older code adds in place of minus infinity.
LARGE = -1e9


def masks(subject: Subject) -> tuple[Bool[Tensor, "query key"], Bool[Tensor, "query key"]]:
    """(Open, masked): what the exhibits start from, and what they hide.

    Tokens that read themselves are to see no future; where they read others, the last third of those is hidden. Open
    is every key that some query of the model may attend to, so that a causal model sees the future it was spared.
    """
    keep = subject.right.keep
    queries, keys = keep.shape
    everything = keep.any(0).expand(queries, keys)
    if subject.call.kind == "self" and queries == keys:
        return everything, everything & causal.keep(queries, keys).to(keep.device)
    return everything, everything & (torch.arange(keys, device=keep.device) < math.ceil(keys * 2 / 3))


def after_softmax(subject: Subject) -> Mistake:
    """Weights set to 0 after the softmax: a row loses exactly the mass that stood there, and its sum with it."""
    everything, keep = masks(subject)
    before, right = subject.attend(keep=everything), subject.attend(keep=keep)
    weights = before.weights.masked_fill(~keep, 0.0)
    lost = _sum(before.weights.masked_fill(keep, 0.0))
    sums = _sum(weights)
    rows, _ = subject.names
    worst = int(sums.argmin())
    sentence = (
        f"Rows lose exactly the weight that was masked, {lost.mean():.3f} on average: {rows[worst]!r} is left with "
        f"{sums[worst]:.3f} in place of 1. What was hidden still speaks: it took its share of the softmax's sum."
    )
    context = weights @ right.value
    numbers = (
        Number("smallest row sum", sums.min().item(), _sum(right.weights).min().item()),
        Number("mean row sum", sums.mean().item(), _sum(right.weights).mean().item()),
        Number("mean length of the output", _length(context), _length(right.context)),
        Number("relative error of the output", apart(context, right.context), 0.0),
    )
    return Mistake(*pictures(subject, weights, right.weights, keep), numbers, sentence, context, right.context)


def zero_for_infinity(subject: Subject) -> Mistake:
    """Masked logits set to 0: `e^0 = 1`, so a masked key keeps the weight `1 / sum e^x`."""
    everything, keep = masks(subject)
    before, right = subject.attend(keep=everything), subject.attend(keep=keep)
    weights = softmax(before.logits.masked_fill(~keep & everything, 0.0))
    masked = _sum(weights.masked_fill(keep, 0.0))
    most, mean = masked.max().item(), masked.mean().item()
    share = (_sum(~keep & everything) / _sum(everything)).mean().item()
    sentence = (
        f"e⁰ is 1, not 0: masked keys still get {mean:.3f} of a row on average and {most:.3f} at worst (uniform "
        f"weights would give them {share:.3f}). Every row sums to 1, so no sum gives it away."
    )
    context = weights @ right.value
    numbers = (
        Number("mean weight on masked keys", mean, 0.0),
        Number("largest weight on masked keys", most, 0.0),
        Number("mean row sum", _sum(weights).mean().item(), _sum(right.weights).mean().item()),
        Number("relative error of the output", apart(context, right.context), 0.0),
    )
    return Mistake(*pictures(subject, weights, right.weights, keep), numbers, sentence, context, right.context)


def no_key_left(subject: Subject) -> Mistake:
    """A row that may attend to nothing: minus infinity gives NaN, a large negative number gives uniform weights."""
    everything, _ = masks(subject)
    keep = everything.clone()
    rows, _ = subject.names
    empty = len(rows) // 2
    keep[empty] = False
    right = subject.attend(keep=keep)
    weights = torch.softmax(right.logits, -1)
    uniform = torch.softmax(subject.attend(keep=everything).logits.masked_fill(~keep, LARGE), -1)[empty].max().item()
    # The next layer reads what this one gave: one NaN among its values, and every row that reads it is NaN.
    context = weights @ right.value
    if subject.call.kind == "self":
        following = torch.nan_to_num(weights) @ context
        spoilt = following.isnan().any(-1).sum().item()
        spreads = f"One layer later {spoilt} of {len(rows)} rows are NaN."
    else:
        spreads = "The next layer spreads it to every row that reads this one."
    sentence = (
        f"{rows[empty]!r} may read nothing: with −∞ its row is 0/0 = NaN, with −10⁹ it is uniform ({uniform:.3f} "
        f"each, over what it must not see). {spreads} Right are zeros."
    )
    numbers = (
        Number("sum of that row, −∞", weights[empty].sum().item(), right.weights[empty].sum().item()),
        Number("sum of that row, −10⁹", uniform * keep.shape[1], right.weights[empty].sum().item()),
        Number("rows that are NaN", int(weights.isnan().any(-1).sum()), int(right.weights.isnan().any(-1).sum())),
    )
    return Mistake(*pictures(subject, weights, right.weights, keep), numbers, sentence)


def _sum(weights: Tensor) -> Tensor:
    return weights.sum(-1)


def _length(context: Tensor) -> float:
    return context.norm(dim=-1).mean().item()
