"""What a reader set on one head: in the browser's hands while it moves, in the link when it rests, as edits in a model.

Links and browsers are not trusted: `read` takes what it can use, and says in a sentence what it could not.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from selfattn import Mask, Scale, Similarity, Temperature
from selfattn.maths.masks import MaskPattern, causal, custom, padding, window
from selfattn.recording.edits import Edit

MASKS = ("own", "causal", "padding", "window")
CHOICES = {
    "similarity": ("own", "dot", "cosine", "rbf"),
    "show": ("stages", "map", "lines", "table", "image", "sound"),
    "stage": ("weights", "scores", "scaled", "logits"),
    "range": ("head", "row", "all"),
    "colour": ("sqrt", "linear", "log"),
    "segments": ("all", "AA", "AB", "BA", "BB"),
}
COLDEST, HOTTEST, WIDEST, MOST_PAIRS, LAST = 0.1, 5.0, 32, 1000, 2**31 - 1


@dataclass(frozen=True)
class View:
    """The state of the one-head picture; `own` is what the model itself does."""

    scaled: bool = True
    temperature: float = 1.0
    mask: tuple[str, ...] = ("own",)
    width: int = 4
    pairs: tuple[tuple[int, int], ...] = ()
    similarity: Literal["own", "dot", "cosine", "rbf"] = "own"
    threshold: float = 0.02
    show: str = "stages"
    stage: str = "weights"
    range: str = "head"
    colour: str = "sqrt"
    words: bool = False
    segments: str = "all"
    query: int | None = None  # the pinned cell; None shows a telling one
    key: int | None = None

    def edits(self, **where: Any) -> tuple[Edit, ...]:
        """The same change as edits of a forward pass; `where` says which layers and heads they reach."""
        found: list[Edit] = []
        if self.similarity != "own":
            found.append(Similarity(self.similarity, **where))
        if not self.scaled:
            found.append(Scale(None, **where))
        if self.temperature != 1.0:
            found.append(Temperature(self.temperature, **where))
        if self.mask != ("own",) or self.pairs:
            found.append(Mask(self._pattern(), replace="own" not in self.mask, **where))
        return tuple(found)

    def _pattern(self) -> MaskPattern:
        named = {"causal": causal, "padding": padding, "window": window(self.width)}
        patterns = [named[name] for name in self.mask if name != "own"]
        if self.pairs:
            patterns.append(~custom(self.pairs))
        whole = patterns[0] if patterns else causal | ~causal
        for pattern in patterns[1:]:
            whole = whole & pattern
        return whole

    def as_link(self) -> dict[str, str]:
        """What differs from the default, as a link writes it; the cell is `from` and `to`."""
        default = asdict(View())
        return {
            LINK_NAMES.get(name, name): _WRITE.get(name, str)(value)
            for name, value in asdict(self).items()
            if value != default[name]
        }

    def as_json(self) -> dict[str, Any]:
        """What the browser gets, and gives back through `read`."""
        return asdict(self)


LINK_NAMES = {"query": "from", "key": "to"}
_WRITE: dict[str, Callable[[Any], str]] = {
    "scaled": lambda value: str(value).lower(),
    "words": lambda value: str(value).lower(),
    "mask": lambda names: ",".join(names) or "none",
    "pairs": lambda pairs: ", ".join(f"{i}>{j}" for i, j in pairs),
}


def from_link(parameters: Mapping[str, str]) -> tuple[View, list[str]]:
    """The view that a link asks for, and a sentence for each part of it that could not be used."""
    values: dict[str, Any] = {}
    for each in fields(View):
        written = parameters.get(LINK_NAMES.get(each.name, each.name))
        if written is not None:
            values[each.name] = _parsed(each.name, written)
    return read(values)


def _parsed(name: str, written: str) -> Any:
    """The value that a link's text stands for; text that stands for none goes on, and is refused with its sentence."""
    match name:
        case "scaled" | "words":
            return {"true": True, "false": False}.get(written, written)
        case "mask":
            return [] if written == "none" else written.split(",")
        case "pairs":
            parts = [part.strip() for part in written.split(",") if part.strip()]
            found = [re.fullmatch(r"(\d{1,9})\s*>\s*(\d{1,9})", part) for part in parts]
            return [[int(pair[1]), int(pair[2])] for pair in found if pair] if all(found) else written
        case "temperature" | "threshold" if re.fullmatch(r"\d{1,3}(\.\d{1,6})?", written):
            return float(written)
        case "width" | "query" | "key" if re.fullmatch(r"\d{1,9}", written):
            return int(written)
    return written


def read(values: Mapping[str, Any]) -> tuple[View, list[str]]:
    """A view from what a link or a browser sent, and a sentence for each value that could not be used."""
    taken: dict[str, Any] = {}
    notes: list[str] = []
    for name, value in values.items():
        if name not in _READ:
            continue
        taken[name] = _READ[name](value)
        if taken[name] is None:
            del taken[name]
            if value is not None:
                notes.append(_sentence(name, value))
    return View(**taken), notes


def _number(least: float, most: float) -> Callable[[Any], float | None]:
    def take(value: Any) -> float | None:
        good = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
        return float(value) if good else None

    return take


def _whole(least: int, most: int) -> Callable[[Any], int | None]:
    def take(value: Any) -> int | None:
        good = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
        return int(value) if good and value == int(value) else None

    return take


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _masks(value: Any) -> tuple[str, ...] | None:
    good = isinstance(value, list | tuple) and all(name in MASKS for name in value if isinstance(name, str))
    return tuple(name for name in MASKS if name in value) if good and all(isinstance(n, str) for n in value) else None


def _pairs(value: Any) -> tuple[tuple[int, int], ...] | None:
    if not isinstance(value, list | tuple) or len(value) > MOST_PAIRS:
        return None
    position = _whole(0, LAST)
    pairs = [tuple(map(position, pair)) for pair in value if isinstance(pair, list | tuple) and len(pair) == 2]
    good = len(pairs) == len(value) and all(None not in pair for pair in pairs)
    return tuple(sorted(set(pairs))) if good else None  # type: ignore[arg-type]


def _one_of(choices: tuple[str, ...]) -> Callable[[Any], str | None]:
    return lambda value: value if isinstance(value, str) and value in choices else None


_READ: dict[str, Callable[[Any], Any]] = {
    "scaled": _flag,
    "temperature": _number(COLDEST, HOTTEST),
    "mask": _masks,
    "width": _whole(1, WIDEST),
    "pairs": _pairs,
    "threshold": _number(0.0, 1.0),
    "words": _flag,
    "query": _whole(0, LAST),
    "key": _whole(0, LAST),
    **{name: _one_of(choices) for name, choices in CHOICES.items()},
}
_EXPECTED = {
    "scaled": "it is true or false",
    "temperature": f"it goes from {COLDEST} to {HOTTEST}",
    "mask": f"it is one or more of {', '.join(MASKS)}, with commas",
    "width": f"it is a whole number from 1 to {WIDEST}",
    "pairs": f"it is at most {MOST_PAIRS} pairs of positions from 0, such as 5>3, 8>0",
    "threshold": "it goes from 0 to 1",
    "words": "it is true or false",
    "query": "it is a position from 0",
    "key": "it is a position from 0",
    **{name: f"it is one of {', '.join(choices)}" for name, choices in CHOICES.items()},
}


def _sentence(name: str, value: Any) -> str:
    asked, default = str(value)[:20], _WRITE.get(name, str)(getattr(View(), name))
    used = f"; {default} is used" if default not in ("", "None") else ""
    return f"{LINK_NAMES.get(name, name).capitalize()} {asked} was asked for; {_EXPECTED[name]}{used}."
