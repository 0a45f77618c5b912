"""The answer that a reader asks about, or two: what is followed of a prediction, in probabilities and in logits.

asked = Asked.of(prediction, [" Mary", " John"])
asked.number(other_prediction)               # the difference of their logits
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from selfattn.models.answers.predictions import Prediction

ONE_ANSWER = ("class", "next token", "masked token")


@dataclass(frozen=True, eq=False)
class Asked:
    """One answer at each place that a model answers at, or two of which the logits differ; means over the places."""

    name: str
    first: Int[Tensor, " position"]
    second: int | None = None

    @classmethod
    def of(cls, said: Prediction, names: Sequence[str] = ()) -> "Asked":
        """The answers of these names; without any, the one that comes first at each place.

        Raises ValueError for names that are no answers of this prediction, and for a kind that gives no single one.
        """
        top = probabilities(said).argmax(-1)
        if not names and len(said.positions) > 1:
            return cls(f"mean probability of the first answer at {len(said.positions)} places", top)
        first, *others = indices(said, names) if names else [int(said.probabilities.argmax())]
        chosen = torch.full_like(top, first)
        if not others:
            return cls(f"probability of {said.name(first)!r}", chosen)
        return cls(f"logit difference between {said.name(first)!r} and {said.name(others[0])!r}", chosen, others[0])

    def number(self, said: Prediction) -> float:
        """The probability of the answer, or the difference of two answers' logits."""
        if self.second is not None:
            return float(self.logit(said) or 0.0)
        return self._mean(probabilities(said))

    def logit(self, said: Prediction) -> float | None:
        """The logit of the answer, or how far it lies above the second's; None where there are no logits."""
        if said.logits is None:
            return None
        logits = said.logits.double()
        return self._mean(logits) - (0.0 if self.second is None else logits[:, self.second].mean().item())

    def _mean(self, rows: Float[Tensor, "position label"]) -> float:
        return rows.gather(-1, self.first[:, None]).mean().item()


def probabilities(said: Prediction) -> Float[Tensor, "position label"]:
    """The distributions at every place."""
    return (said.probabilities[None] if said.logits is None else said.logits.softmax(-1)).double()


def indices(said: Prediction, names: Sequence[str]) -> list[int]:
    """The numbers of one answer or two. Raises ValueError for other names, and where a model gives no single answer."""
    if said.kind not in ONE_ANSWER or said.logits is None:
        raise ValueError(
            f"An answer is named of one {', one '.join(ONE_ANSWER)}; this model gives a {said.kind} of several."
        )
    if isinstance(names, str) or len(names) > 2:
        raise ValueError(f"One answer is named, or two; got {names!r}.")
    found = [said.find(name) for name in names]
    if len(set(found)) < len(found):
        raise ValueError(f"The answer {said.name(found[0])!r} was named twice; the logits of two are compared.")
    return found
