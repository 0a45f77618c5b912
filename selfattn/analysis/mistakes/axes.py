"""The wrong axis: softmax over the queries, heads that meet heads, and weights that are divided once more."""

import torch
from torch import Tensor

from selfattn.analysis.mistakes.subject import (
    FROM,
    TO,
    Matrix,
    Mistake,
    Number,
    Subject,
    apart,
    even_weight,
    picture,
    pictures,
)
from selfattn.maths.normalise import softmax


def over_queries(subject: Subject) -> Mistake:
    """Softmax down the columns: each key shares itself among the queries, and a row sums to whatever is left.

    Raises ValueError for a head with a learned sink, whose rows do not sum to 1 either.
    """
    if subject.call.sink is not None:
        raise ValueError("This model has a learned sink: its rows sum to less than 1 even when all is right.")
    right = subject.right
    weights = softmax(right.logits.mT).mT
    rows = weights.sum(-1)
    sentence = (
        f"Every column sums to 1 and the rows do not: from {rows.min():.3f} to {rows.max():.3f} in place of 1. "
        f"The output is off by {apart(weights @ right.value, right.context):.3f} of its length."
    )
    return _weights(subject, weights, sentence)


def softmax_twice(subject: Subject) -> Mistake:
    """The softmax of weights that are one already: no weight can pass `e / (e + n - 1)`, so every row is nearly even.

    What the mask had hidden has the weight 0 by then, and `e^0` is 1: hidden keys are read again.
    """
    right = subject.right
    weights = softmax(right.weights)
    wrong_largest, right_largest = (each.amax(-1).mean().item() for each in (weights, right.weights))
    hidden = weights.masked_fill(right.keep, 0.0).sum(-1).mean().item()
    sentence = (
        "A second softmax reads weights, from 0 to 1, as scores: no two of its results differ by more than a factor e. "
        f"The mean row's largest falls from {right_largest:.3f} to {wrong_largest:.3f} (uniform "
        f"{even_weight(right.keep):.3f})" + (f", and masked keys get {hidden:.3f} of each row." if hidden else ".")
    )
    numbers = (
        Number("largest weight", wrong_largest, right_largest),
        Number("weight on masked keys", hidden, 0.0),
    )
    return _weights(subject, weights, sentence, numbers[: 2 if hidden else 1])


def by_other_axis(subject: Subject) -> Mistake:
    """Weights divided by the sums of their columns: the columns then sum to 1, and the rows do not."""
    right = subject.right
    columns = right.weights.sum(-2, keepdim=True)
    weights = right.weights / columns.masked_fill(columns == 0, 1.0)
    rows = weights.sum(-1)
    sentence = (
        f"Each column is divided by what it received: rows now sum to {rows.min():.3f} to {rows.max():.3f}. "
        "A word that everyone reads is divided most, and loses what made it stand out."
    )
    return _weights(subject, weights, sentence)


def by_own_sum(subject: Subject) -> Mistake:
    """Weights divided by the sum of their row again, which is 1: nothing changes, so nobody sees the line is wrong."""
    right = subject.right
    sums = right.weights.sum(-1, keepdim=True)
    weights = right.weights / sums.masked_fill(sums == 0, 1.0)
    sentence = (
        f"A row's sum is 1 already: no weight moves by more than {(weights - right.weights).abs().max():.0e}. "
        "The line does harm once rows should not sum to 1: it gives back what dropout, a sink or a cut took."
    )
    return _weights(subject, weights, sentence)


def _weights(subject: Subject, weights: Tensor, sentence: str, first: tuple[Number, ...] = ()) -> Mistake:
    """Other weights on the same values, and what their rows and columns sum to."""
    right = subject.right
    rows, columns = ([each.sum(axis) for each in (weights, right.weights)] for axis in (-1, -2))
    numbers = [
        Number(f"{which} {axis} sum", *(getattr(each, reduce)().item() for each in sums))
        for axis, sums in (("row", rows), ("column", columns))
        for which, reduce in (("smallest", "min"), ("largest", "max"))
    ]
    context = weights @ right.value
    error = Number("relative error of the output", apart(context, right.context), 0.0)
    return Mistake(*pictures(subject, weights, right.weights), (*first, *numbers, error), sentence, context)


def heads_by_heads(subject: Subject) -> Mistake:
    """`q k^T` of (token, head, d) tensors: at each token, heads attend to heads, and no token reads another.

    Raises ValueError for a layer of one head, and where queries are not the tokens that are read.
    """
    call, right = subject.call, subject.right
    if call.heads == 1:
        raise ValueError("This layer has one head, so no head can take the place of a token; choose a model with more.")
    if call.shape[0] != call.shape[1]:
        raise ValueError(
            f"Queries and keys are {call.shape[0]} and {call.shape[1]} here: paired token by token they do not match, "
            "and the mistake shows at once. It goes unseen in self-attention, where both are as many."
        )
    parts = [subject.other(head).parts for head in range(call.heads)]
    query, key, value = (torch.stack([each[name] for each in parts], dim=-2) for name in ("query", "key", "value"))
    weights = softmax(query @ key.mT * subject.parts["scale"])
    tokens, heads = weights.shape[:2]
    token = tokens // 2
    rows, _ = subject.names
    own = torch.eye(tokens, dtype=torch.bool, device=weights.device)
    others = right.weights.masked_fill(own, 0.0).sum(-1).mean().item()
    sentence = (
        f"The weights are {tokens} × {heads} × {heads} in place of {heads} × {tokens} × {tokens}: at {rows[token]!r}, "
        f"{heads} heads attend to {heads} heads. Rows sum to 1 as ever, and no token reads another."
    )
    names = tuple(f"head {head}" for head in range(heads))
    wrong = Matrix(
        weights[token].cpu(), names, names, f"{heads} × {heads} at each of {tokens} tokens", axes=(f"head {FROM}", TO)
    )
    numbers = (
        Number("rows of a matrix", heads, tokens),
        Number("matrices", tokens, heads),
        Number("sum of a row", weights.sum(-1).mean().item(), right.weights.sum(-1).mean().item()),
        Number("weight on other tokens", 0.0, others),
    )
    return Mistake(wrong, picture(subject, right.weights), numbers, sentence, (weights @ value)[:, subject.head])
