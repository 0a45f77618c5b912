"""Edits: changes made to attention inside the forward pass. Each is a frozen value that reaches chosen layers and heads.

    Temperature(2.0, layers={1}, heads={3})        # one head
    Mask(causal & window(4))                       # every layer and head

A new kind of edit is one class here and its effect in `Setting.of`.
"""

import dataclasses
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from selfattn.maths.masks import Pattern, custom, parse

Pairs = frozenset[tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What all edits share: where they reach. `None` means everywhere."""

    layers: frozenset[int] | None = None
    heads: frozenset[int] | None = None
    part: str | None = None
    kind: str | None = None

    def __post_init__(self) -> None:
        for name in ("layers", "heads"):
            numbers = getattr(self, name)
            if numbers is None:
                continue
            numbers = {numbers} if isinstance(numbers, int) else numbers
            if wrong := [n for n in numbers if not isinstance(n, int) or n < 0]:
                raise ValueError(f"{name} are whole numbers from 0; got {wrong[0]!r}.")
            object.__setattr__(self, name, frozenset(numbers))

    def reaches(self, layer: int, head: int, part: str, kind: str) -> bool:
        """Does this edit apply to that head?"""
        return (
            (self.layers is None or layer in self.layers)
            and (self.heads is None or head in self.heads)
            and self.part in (None, part)
            and self.kind in (None, kind)
        )


@dataclass(frozen=True)
class Scale(Edit):
    """Multiply the raw scores by `value` in place of the model's own scale; `None` leaves them raw."""

    value: float | None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"A scale is a finite number, or None for no scaling; got {self.value}.")


@dataclass(frozen=True)
class Temperature(Edit):
    """Divide the logits by `value` before the mask: above 1 flattens the weights, below 1 sharpens them."""

    value: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.value < math.inf:
            raise ValueError(f"A temperature is a finite number above 0; got {self.value}.")


@dataclass(frozen=True)
class Mask(Edit):
    """Allow only what `pattern` allows as well as the model's own mask; with `replace`, what `pattern` allows alone."""

    pattern: Pattern
    replace: bool = False


@dataclass(frozen=True)
class Cut(Edit):
    """Remove (query, key) pairs before the softmax, so that the other keys share their weight.

    With `renormalise=False` the weights are set to zero after it, and the row loses that mass.
    """

    pairs: Pairs
    renormalise: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "pairs", frozenset(tuple(pair) for pair in self.pairs))
        custom(self.pairs)  # refuses what is no pair of positions


@dataclass(frozen=True)
class Ablate(Edit):
    """Silence heads: their context becomes zero, or its mean over the text's tokens, before the output projection."""

    how: Literal["zero", "mean"] = "zero"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.how not in ("zero", "mean"):
            raise ValueError(f"An ablation is 'zero' or 'mean'; got {self.how!r}.")


@dataclass(frozen=True)
class Setting:
    """All edits that reach one head, folded into what the formula needs."""

    rescale: tuple[float | None] | None = None  # (value,) where a Scale reaches the head
    temperature: float = 1.0
    masks: tuple[Pattern, ...] = ()
    own_mask: bool = True
    cut_after: Pairs = field(default=frozenset())
    ablate: str | None = None

    @classmethod
    def of(cls, edits: Iterable[Edit], layer: int, head: int, part: str, kind: str) -> "Setting":
        """Fold the edits that reach this head: of scales, temperatures and ablations the last wins; masks and cuts add up."""
        values: dict[str, Any] = {"masks": (), "cut_after": frozenset()}
        for edit in edits:
            if not edit.reaches(layer, head, part, kind):
                continue
            match edit:
                case Scale(value):
                    values["rescale"] = (value,)
                case Temperature(value):
                    values["temperature"] = float(value)
                case Mask(pattern, replace):
                    values["masks"] += (pattern,)
                    values["own_mask"] = values.get("own_mask", True) and not replace
                case Cut(pairs, True):
                    values["masks"] += (~custom(pairs),)
                case Cut(pairs, False):
                    values["cut_after"] |= pairs
                case Ablate(how):
                    values["ablate"] = how
        return cls(**values)


UNEDITED = Setting()

_KINDS: dict[str, type[Edit]] = {kind.__name__.lower(): kind for kind in (Scale, Temperature, Mask, Cut, Ablate)}


def to_json(edits: Iterable[Edit]) -> str:
    """Write edits as compact JSON, for a file or a link; `from_json` reads them back."""
    return json.dumps([_plain(edit) for edit in edits], separators=(",", ":"))


def _plain(edit: Edit) -> dict[str, Any]:
    plain: dict[str, Any] = {"edit": type(edit).__name__.lower()}
    for each in dataclasses.fields(edit):
        value = getattr(edit, each.name)
        if value == each.default:
            continue
        plain[each.name] = (
            str(value) if isinstance(value, Pattern) else sorted(value) if isinstance(value, frozenset) else value
        )
    return plain


def from_json(text: str) -> tuple[Edit, ...]:
    """Read edits from JSON, trusting nothing. Raises ValueError with one sentence for whatever is no edit."""
    try:
        return tuple(_edit(dict(plain)) for plain in json.loads(text))
    except (TypeError, KeyError, RecursionError, json.JSONDecodeError) as error:
        raise ValueError(f"Could not read the edits {text[:80]!r}: {error}") from error


def _edit(plain: dict[str, Any]) -> Edit:
    kind = plain.pop("edit")
    if kind not in _KINDS:
        raise ValueError(f"There is no edit called {kind!r}; there are {', '.join(_KINDS)}.")
    if isinstance(plain.get("pattern"), str):
        plain["pattern"] = parse(plain["pattern"])
    return _KINDS[kind](**plain)
