"""Token classification: the label of every token, and the spans that the labels name."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from selfattn.models.answers.predictions import Prediction, Said
from selfattn.models.inputs.tokens import Tokens

OUTSIDE = "O"


def token_classes(
    logits: Float[Tensor, "token label"], tokens: Tokens, text: str, name: Callable[[int], str]
) -> Prediction:
    """The labels of the text's own tokens; the distribution is the first one's, whatever the labels are."""
    positions = tuple(place for place, segment in enumerate(tokens.segments) if segment is not None)
    logits = logits[list(positions)]
    probabilities = logits.softmax(-1)
    return Prediction(
        "token class",
        probabilities[0],
        name,
        logits=logits,
        positions=positions,
        position=positions[0],
        said=_spans(probabilities, positions, tokens, text, name),
    )


def _spans(
    probabilities: Float[Tensor, "token label"],
    positions: tuple[int, ...],
    tokens: Tokens,
    text: str,
    name: Callable[[int], str],
) -> tuple[Said, ...]:
    """Runs of words of one entity. A word is labelled by its first token, punctuation by its own; B- starts anew.

    The probability of a span is the mean over its words.
    """
    firsts: list[list[int]] = []  # rows of each word
    for row, position in enumerate(positions):
        start = tokens.offsets[position][0]
        if firsts and text[max(start - 1, 0) : start + 1].isalnum():  # goes on in the middle of a word
            firsts[-1].append(row)
        else:
            firsts.append([row])
    spans: list[tuple[str, list[list[int]]]] = []
    before = OUTSIDE
    for rows in firsts:
        label = name(int(probabilities[rows[0]].argmax()))
        prefix, _, kind = label.rpartition("-")
        if label != OUTSIDE:
            if before == kind and prefix != "B":
                spans[-1][1].append(rows)
            else:
                spans.append((kind, [rows]))
        before = kind if label != OUTSIDE else OUTSIDE
    return tuple(_span(kind, words, probabilities, positions, tokens, text) for kind, words in spans)


def _span(
    kind: str,
    words: list[list[int]],
    probabilities: Float[Tensor, "token label"],
    positions: tuple[int, ...],
    tokens: Tokens,
    text: str,
) -> Said:
    start, end = positions[words[0][0]], positions[words[-1][-1]] + 1
    sure = sum(probabilities[rows[0]].max().item() for rows in words) / len(words)
    return Said(text[tokens.offsets[start][0] : tokens.offsets[end - 1][1]].strip(), kind, sure, start, end)
