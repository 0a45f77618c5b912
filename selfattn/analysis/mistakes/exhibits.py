"""The eleven exhibits: a question, the ways to make the mistake, how to notice it, and the line of code it is made in.

The code runs. It leaves `weights` and `context`, and takes, beside math and the dropout of torch.nn.functional:

    q, k, v                     of one head (token, d); before they are split, of all heads (token, head, d)
    qkv                         the three of one head side by side, (token, 3 d)
    mask                        (token, token), True where a query may attend to a key
    embedding, positions, ids   (vocabulary, d), (place, d) and (token,)
    d_model, heads, module      the layer's width, the number of its heads, and the layer itself
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from selfattn.analysis.mistakes import axes, dropout, masking, order, parts, scale
from selfattn.analysis.mistakes.subject import Mistake, Subject

# Lines that many pieces of code share.
SCORES = "scores = q @ k.T / math.sqrt(q.shape[-1])\n"
SCORES_OF_HEADS = "scores = q @ k.mT / math.sqrt(q.shape[-1])\n"
SOFTMAX = "weights = scores.softmax(-1)\n"
WEIGHTS = SCORES + SOFTMAX
CONTEXT = "context = weights @ v\n"
SELF = "q = k = v = x\n" + WEIGHTS + CONTEXT


@dataclass(frozen=True)
class Way:
    """One way to make a mistake: what computes it, in code wrong and right, and how to notice it."""

    name: str
    make: Callable[[Subject, torch.Generator], Mistake]
    notice: str
    wrong: str
    right: str
    drawn: bool = False  # is it drawn at random: another generator, another result?


@dataclass(frozen=True)
class Exhibit:
    """A mistake, as the question `What goes wrong if ...`."""

    title: str
    question: str
    ways: tuple[Way, ...]


def _certain(make: Callable[[Subject], Mistake]) -> Callable[[Subject, torch.Generator], Mistake]:
    """A mistake that needs no randomness."""
    return lambda subject, _: make(subject)


ONLY = "this mistake"
EXHIBITS = (
    Exhibit(
        "No division by √d",
        "… nobody divides by √d?",
        (
            Way(
                ONLY,
                _certain(scale.undivided),
                "Before any training the largest weight of a row lies near 1/n. Undivided it grows with d, towards 1.",
                "scores = q @ k.T\n" + SOFTMAX + CONTEXT,
                WEIGHTS + CONTEXT,
            ),
        ),
    ),
    Exhibit(
        "Softmax over the wrong axis",
        "… the softmax runs over the wrong axis?",
        (
            Way(
                ONLY,
                _certain(axes.over_queries),
                "Sum the weights over the last axis: 1 for every query. One assert finds it.",
                SCORES + "weights = scores.softmax(dim=0)\n" + CONTEXT,
                SCORES + "weights = scores.softmax(dim=-1)\n" + CONTEXT,
            ),
        ),
    ),
    Exhibit(
        "Heads not transposed",
        "… the heads are not transposed before q kᵀ?",
        (
            Way(
                ONLY,
                _certain(axes.heads_by_heads),
                "Print the shape of the weights: its last two sizes are the tokens. Change one word: others must move.",
                SCORES_OF_HEADS + "weights = scores.softmax(-1)  # (token, head, head)\n" + CONTEXT,
                "q, k, v = (x.transpose(0, 1) for x in (q, k, v))\n"
                + SCORES_OF_HEADS
                + "weights = scores.softmax(-1)  # (head, token, token)\n"
                + "context = (weights @ v).transpose(0, 1)\n",
            ),
        ),
    ),
    Exhibit(
        "Normalised twice",
        "… the weights are normalised twice?",
        (
            Way(
                "softmax twice",
                _certain(axes.softmax_twice),
                "Multiply the scores by 100: some weight must come near 1. Here none passes e / (e + n − 1).",
                WEIGHTS + "weights = weights.softmax(-1)\n" + CONTEXT,
                WEIGHTS + CONTEXT,
            ),
            Way(
                "by the other axis",
                _certain(axes.by_other_axis),
                "Sum the weights over the last axis once more, after the last line that touches them.",
                WEIGHTS + "weights = weights / weights.sum(0)\n" + CONTEXT,
                WEIGHTS + CONTEXT,
            ),
            Way(
                "by its sum again",
                _certain(axes.by_own_sum),
                "No number shows it: read the code. After a softmax nothing is left to divide.",
                WEIGHTS + "weights = weights / weights.sum(-1, keepdim=True)\n" + CONTEXT,
                WEIGHTS + CONTEXT,
            ),
        ),
    ),
    Exhibit(
        "The formula without V",
        "… the formula is written without V?",
        (
            Way(
                ONLY,
                _certain(parts.without_value),
                "Run two texts of different lengths: the last size of the output must not follow the length.",
                WEIGHTS + "context = weights\n",
                WEIGHTS + CONTEXT,
            ),
        ),
    ),
    Exhibit(
        "Masked the wrong way",
        "… the mask is put in the wrong way?",
        (
            Way(
                "after the softmax",
                _certain(masking.after_softmax),
                "Sum the rows of a masked batch. Or change a hidden word: the output must not move.",
                WEIGHTS + "weights = weights * mask\n",
                SCORES + "scores = scores.masked_fill(~mask, -math.inf)\n" + SOFTMAX,
            ),
            Way(
                "0 for −∞",
                _certain(masking.zero_for_infinity),
                "Change a hidden word: the output must not move at all. The sums of the rows tell nothing here.",
                SCORES + "scores = scores.masked_fill(~mask, 0)\n" + SOFTMAX,
                SCORES + "scores = scores.masked_fill(~mask, -math.inf)\n" + SOFTMAX,
            ),
            Way(
                "a row with no key left",
                _certain(masking.no_key_left),
                "Test with a text that is all padding, and ask isfinite of every output.",
                SCORES + "scores = scores.masked_fill(~mask, -math.inf)\n" + SOFTMAX,
                SCORES
                + "scores = scores.masked_fill(~mask, -math.inf)\n"
                + SOFTMAX
                + "weights = weights.masked_fill(~mask.any(-1, keepdim=True), 0)\n",
            ),
        ),
    ),
    Exhibit(
        "Pooled before attention",
        "… the words are pooled before they can attend?",
        (
            Way(
                ONLY,
                _certain(parts.pooled_first),
                "The gradient of the query's and key's projections is exactly 0, and the weights are all 1.",
                "q, k, v = (x.mean(0, keepdim=True) for x in (q, k, v))\n" + WEIGHTS + CONTEXT,
                WEIGHTS + CONTEXT + "pooled = context.mean(0, keepdim=True)\n",
            ),
        ),
    ),
    Exhibit(
        "Q, K, V in another order",
        "… query, key and value are given in another order?",
        (
            Way(
                "k, q, v",
                _certain(parts.query_for_key),
                "Change one word's key alone: one column of scores must move. Here a row does.",
                "k, q, v = qkv.chunk(3, dim=-1)\n" + WEIGHTS + CONTEXT,
                "q, k, v = qkv.chunk(3, dim=-1)\n" + WEIGHTS + CONTEXT,
            ),
            Way(
                "v, k, q",
                _certain(parts.value_for_query),
                "Change the values alone: no weight must move. Here every row does.",
                "v, k, q = qkv.chunk(3, dim=-1)\n" + WEIGHTS + CONTEXT,
                "q, k, v = qkv.chunk(3, dim=-1)\n" + WEIGHTS + CONTEXT,
            ),
        ),
    ),
    Exhibit(
        "Divided by √d_model",
        "… the scores are divided by √d_model, and not by a head's √d?",
        (
            Way(
                ONLY,
                _certain(scale.by_the_whole_width),
                "Compare with PyTorch's scaled_dot_product_attention: it divides by the root of the query's last size.",
                "scores = q @ k.T / math.sqrt(d_model)\n" + SOFTMAX + CONTEXT,
                "scores = q @ k.T / math.sqrt(d_model // heads)\n" + SOFTMAX + CONTEXT,
            ),
        ),
    ),
    Exhibit(
        "No positional encoding",
        "… nobody tells the model where a word stands?",
        (
            Way(
                ONLY,
                order.shuffled,
                "Shuffle the words of your test set: if no answer changes, the model reads a bag of words.",
                "x = embedding[ids]\n" + SELF,
                "x = embedding[ids] + positions[: len(ids)]\n" + SELF,
                drawn=True,
            ),
        ),
    ),
    Exhibit(
        "Dropout still on",
        "… dropout stays on when the model is used?",
        (
            Way(
                ONLY,
                dropout.at_inference,
                "Run the same text twice: the outputs must be equal. eval() does not reach the function dropout.",
                WEIGHTS + "weights = dropout(weights, 0.1)\n" + CONTEXT,
                WEIGHTS + "weights = dropout(weights, 0.1, module.training)\n" + CONTEXT,
                drawn=True,
            ),
        ),
    ),
)
