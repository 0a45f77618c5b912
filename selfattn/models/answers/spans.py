"""Extractive question answering: how probable each span of the passage is as the answer.

    p(span from i to j) = p_start(i) p_end(j),    i <= j < i + LONGEST

Both are softmaxes over the passage's tokens and [CLS], whose own span means "no answer", as in the SQuAD 2.0 models of
Devlin et al. (2019). What is left to 1 lies on spans that are none: they end before they start, or are longer.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from selfattn.models.answers.predictions import Prediction, Said
from selfattn.models.inputs.tokens import Tokens

LONGEST = 30  # tokens of an answer
NONE = "(no answer)"


def answer(
    start: Float[Tensor, " token"], end: Float[Tensor, " token"], tokens: Tokens, passage: str, cls: int | None
) -> Prediction:
    """The spans of `passage`, the second text of `tokens`; `cls` is the id of [CLS], where the tokenizer has one."""
    places = [place for place, segment in enumerate(tokens.segments) if segment == 1]
    none = tokens.ids.index(cls) if cls in tokens.ids else None
    allowed = torch.tensor([*([] if none is None else [none]), *places])
    starts, ends = torch.zeros(len(tokens)), torch.zeros(len(tokens))
    starts[allowed], ends[allowed] = start[allowed].softmax(-1), end[allowed].softmax(-1)
    lengths = torch.arange(min(LONGEST, len(places)))
    first = torch.arange(len(places))[:, None].expand(-1, len(lengths))
    last = first + lengths
    inside = last < len(places)
    spans = torch.stack([first[inside], last[inside]], dim=1) + places[0]  # a passage is one run of tokens
    probabilities = starts[spans[:, 0]] * ends[spans[:, 1]]
    if none is not None:
        spans = torch.cat([torch.tensor([[none, none]]), spans])
        probabilities = torch.cat([(starts[none] * ends[none])[None], probabilities])

    def name(index: int) -> str:
        i, j = spans[index].tolist()
        return NONE if i == none else passage[tokens.offsets[i][0] : tokens.offsets[j][1]].strip()

    best = int(probabilities.argmax())
    i, j = spans[best].tolist()
    said = () if i == none else (Said(name(best), "answer", probabilities[best].item(), i, j + 1),)
    note = f"p(start) x p(end), spans of up to {LONGEST} tokens"
    return Prediction("answer", probabilities, name, said=said, note=note)
