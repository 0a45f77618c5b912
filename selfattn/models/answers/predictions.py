"""What a model says, as a value: a distribution over labels, tokens or answers, and the pieces of text it speaks of."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from selfattn import notebook


@dataclass(frozen=True)
class Said:
    """A piece of what a model says: its text, its label, how probable, and the tokens or frames that it comes from."""

    text: str
    label: str
    probability: float
    start: int  # the first token or frame
    end: int  # past the last one


@dataclass(frozen=True, eq=False)
class Prediction:
    """A distribution over labels, tokens or answers.

    Where the model answers at several positions (every masked token, every token's label, every frame of a sound),
    `position` is the one of this distribution, and `at` gives the others.
    """

    # "class", "masked token", "next token", "token class", "answer", "transcript", "frame", "similarity" or "score"
    kind: str
    probabilities: Float[Tensor, " label"]  # of what is no distribution, the one cosine or the numbers
    name: Callable[[int], str]
    unit: str = "probability"  # or "cosine", from -1 to 1, or "number"
    note: str = ""  # how the numbers come about, where that is a choice
    logits: Float[Tensor, "position label"] | None = None  # their softmax is the distribution at each position
    positions: tuple[int, ...] = ()  # the tokens or frames that the logits stand at
    position: int | None = None
    label: Callable[[int], str] | None = None  # what the labels at a position are called, where not as here
    said: tuple[Said, ...] = ()  # token class: the named spans; answer: the best one; transcript: its characters
    text: str = ""  # transcript: what was heard

    @property
    def is_distribution(self) -> bool:
        """Are its numbers probabilities?"""
        return self.unit == "probability"

    def __repr__(self) -> str:
        best = ", ".join(f"{name!r} {probability:.3f}" for name, probability in self.top(notebook.PREDICTIONS))
        return f"Prediction({self.kind}: {best})"

    def _repr_html_(self) -> str:
        return notebook.page(self.in_notebook())

    def in_notebook(self) -> str:
        """Its best answers, as part of what a notebook shows."""
        return notebook.said(self.kind, self.top(notebook.PREDICTIONS))

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """The `k` most probable labels, tokens or answers with their probabilities, best first."""
        best = self.probabilities.topk(min(k, len(self.probabilities)))
        return [(self.name(i), p) for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)]

    def of(self, name: str) -> float:
        """The probability of the label, token or answer of that name (the most probable, where names repeat)."""
        ordered = self.probabilities.sort(descending=True)
        places = zip(ordered.indices.tolist(), ordered.values.tolist(), strict=True)
        return next((p for i, p in places if self.name(i) == name), 0.0)

    def find(self, name: str) -> int:
        """The number of the label or token of that name: the most probable, where a space before it is left out.

        Raises ValueError for a name that is none, with some that are.
        """
        for index in self.probabilities.argsort(descending=True).tolist():
            if self.name(index) in (name, f" {name}"):
                return index
        some = ", ".join(repr(answer) for answer, _ in self.top(3))
        more = " and so on" if len(self.probabilities) > 3 else ""
        raise ValueError(f"{name[:40]!r} is no {self.kind} of this model; it says {some}{more}.")

    def at(self, position: int) -> "Prediction":
        """The distribution at one of `positions`, alone."""
        if self.logits is None or position not in self.positions:
            raise ValueError(f"The model says nothing at position {position}; it does at {list(self.positions)}.")
        row = self.logits[self.positions.index(position)]
        found = replace(self, probabilities=row.softmax(-1), logits=row[None], positions=(position,), position=position)
        return found if self.label is None else replace(found, kind="frame", name=self.label, label=None)

    def with_temperature(self, temperature: float) -> "Prediction":
        """The softmax of the model's own logits over a temperature: p = softmax(logits / t)."""
        if self.logits is None or self.label is not None:
            raise ValueError(f"A temperature divides the logits of one softmax; a {self.kind} is not read from one.")
        if not 0 < temperature < float("inf"):
            raise ValueError(f"A temperature is a number above 0; got {temperature!r}.")
        logits = self.logits / temperature
        row = 0 if self.position is None else self.positions.index(self.position)
        return replace(self, logits=logits, probabilities=logits[row].softmax(-1))
