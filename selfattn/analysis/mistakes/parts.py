"""Query, key and value mistaken: V left out, tokens pooled before they can attend, and the three in another order."""

from torch import Tensor

from selfattn.analysis.mistakes.subject import (
    Matrix,
    Mistake,
    Number,
    Subject,
    apart,
    even_weight,
    picture,
    pictures,
    spread,
    variation,
)
from selfattn.maths.attend import Stages


def without_value(subject: Subject) -> Mistake:
    """The formula ends at the softmax: a row of weights says where to read, and nothing of what stands there."""
    right = subject.right
    queries, keys = right.weights.shape
    width = right.value.shape[-1]
    rows, _ = subject.names
    doubled = subject.attend(value=2 * right.value)
    refused = (
        f"Here both are {width}, so the next layer runs without an error; a word more, and it refuses."
        if width == keys
        else f"The next layer, made for {width}, refuses."
    )
    sentence = (
        f"Each token hands on {keys} numbers, one for every token of this text, in place of {width} that say what "
        f"was read. {refused}"
    )
    numbers = (
        Number("numbers a token hands on", keys, width),
        Number("of a text with one word more", keys + 1, width),
        Number("smallest of them", right.weights.min().item(), right.context.min().item()),
        Number("change when all values double", 0.0, apart(doubled.context, right.context)),
    )
    columns = tuple(str(place) for place in range(width))
    context = Matrix(
        right.context.float().cpu(),
        rows,
        columns,
        f"{queries} tokens × d = {width}",
        axes=("token", "dimension of the output"),
        symbol="value",
        beside=right.context.float().norm(dim=-1).cpu(),
        named="length",
    )
    return Mistake(picture(subject, right.weights), context, numbers, sentence)


def pooled_first(subject: Subject) -> Mistake:
    """The mean of all tokens, then attention: a softmax over one score is 1, and the output is the mean value.

    Query, key and value are taken as the means of the tokens': they are linear in the token's vector.
    """
    right, parts = subject.right, subject.parts
    read = right.keep.any(0)
    key, value = (parts[name][read].mean(0, keepdim=True) for name in ("key", "value"))
    query = parts["query"].mean(0, keepdim=True)
    pooled = subject.attend(query=query, key=key, value=value, bias=None, sink=None, keep=None)
    other = subject.attend(query=-query, key=key, value=value, bias=None, sink=None, keep=None)
    entropy, largest, _ = spread(right)
    choices: float = right.keep.sum(-1).double().mean().item()
    sentence = (
        f"One vector is left, and its only weight is {pooled.weights.item():.3f} whatever query and key say: the "
        f"output is the mean of {int(read.sum())} values, and attention has done nothing."
    )
    mean = ("mean of all",)
    wrong = Matrix(pooled.weights.float().cpu(), mean, mean, "1 × 1")
    numbers = (
        Number("tokens to choose from", 1, int(choices) if choices == int(choices) else choices),
        Number("largest weight", 1.0, largest),
        Number("entropy / log n (uniform 1)", 0.0, entropy),
        Number(
            "change when queries turn around",
            apart(other.context, pooled.context),
            apart(subject.attend(query=-right.query).context, right.context),
        ),
    )
    return Mistake(
        wrong, picture(subject, right.weights), numbers, sentence, pooled.context.expand_as(right.context).clone()
    )


def query_for_key(subject: Subject) -> Mistake:
    """`k, q, v = qkv.chunk(3)`: the scores are transposed, and each token reads those that would have read it.

    Raises ValueError where queries and keys are not of the same tokens.
    """
    _check_order(subject)
    right = subject.right
    wrong = subject.attend(query=right.key, key=right.query)
    sentence = (
        "Query and key changed places, so the scores are transposed: each token reads those that would have read it. "
        f"The worst row moves {variation(wrong.weights, right.weights):.3f} of its weight, and every shape is right."
    )
    return _order(
        subject, wrong, sentence, _distance("difference from the transposed scores", wrong, right, right.scores.mT)
    )


def value_for_query(subject: Subject) -> Mistake:
    """`v, k, q = qkv.chunk(3)`: values ask, and queries are what is read.

    Raises ValueError where queries and keys are not of the same tokens, or values of another size.
    """
    _check_order(subject)
    right = subject.right
    if right.value.shape[-1] != right.query.shape[-1]:
        raise ValueError(
            f"Here a query has {right.query.shape[-1]} numbers and a value {right.value.shape[-1]}, so PyTorch refuses."
        )
    wrong = subject.attend(query=right.value, value=right.query)
    sentence = (
        "Values ask, and queries are what is read and handed on: the output is a mean of queries. The worst row "
        f"moves {variation(wrong.weights, right.weights):.3f} of its weight, and every shape is right."
    )
    return _order(subject, wrong, sentence, _distance("difference from the right scores", wrong, right, right.scores))


def _order(subject: Subject, wrong: Stages, sentence: str, scores: Number) -> Mistake:
    right = subject.right
    uniform = even_weight(right.keep)
    numbers = (
        scores,
        Number("largest row distance", variation(wrong.weights, right.weights), 0.0),
        Number(f"largest weight (uniform {uniform:.3f})", spread(wrong)[1], spread(right)[1]),
        Number("relative error of the output", apart(wrong.context, right.context), 0.0),
    )
    return Mistake(*pictures(subject, wrong.weights, right.weights), numbers, sentence, wrong.context)


def _distance(name: str, wrong: Stages, right: Stages, scores: Tensor) -> Number:
    """How far the scores are from others at most."""
    return Number(name, *((each.scores - scores).abs().max().item() for each in (wrong, right)))


def _check_order(subject: Subject) -> None:
    queries, keys = subject.call.shape
    if subject.call.kind == "cross" or queries != keys:
        raise ValueError(
            f"Queries and keys are {queries} and {keys} here, of two sequences: exchanged, their shapes do not fit, or "
            "the other sequence answers. The mistake goes unseen in self-attention; choose one."
        )
