"""Edits: changes made to attention inside the forward pass. Each is a frozen value that reaches some layers and heads.

    Temperature(2.0, layers={1}, heads={3})        # one head
    Mask(causal & window(4))                       # every layer and head

A new kind of edit is one class here and its effect in `Setting.of`.
"""

import dataclasses
import json
import reprlib
import sys
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import Any, Literal

from selfattn.maths.masks import MaskPattern, custom, parse
from selfattn.maths.similarity import NAMED
from selfattn.recording.means import Means

Pairs = frozenset[tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What all edits share: where they reach. `None` means everywhere."""

    layers: Set[int] | None = None
    heads: Set[int] | None = None
    part: str | None = None
    kind: str | None = None

    def __post_init__(self) -> None:
        for name in ("layers", "heads"):
            numbers = getattr(self, name)
            if numbers is None:
                continue
            numbers = tuple(numbers) if isinstance(numbers, Iterable) else (numbers,)
            if wrong := [n for n in numbers if not isinstance(n, int) or isinstance(n, bool) or n < 0]:
                raise ValueError(f"{name} are whole numbers from 0; got {wrong[0]!r}.")
            object.__setattr__(self, name, frozenset(numbers))
        if not isinstance(self.part, str | None):
            raise ValueError(f"A part is a name, such as 'encoder' or 'decoder'; got {self.part!r}.")
        if self.kind not in (None, "self", "cross"):
            raise ValueError(f"A kind is 'self' or 'cross'; got {self.kind!r}.")

    def reaches(self, layer: int, head: int, part: str, kind: str) -> bool:
        """Does this edit apply to that head?"""
        return (self.heads is None or head in self.heads) and self.reaches_layer(layer, part, kind)

    def reaches_layer(self, layer: int, part: str, kind: str) -> bool:
        """Does it apply to a head of that layer?"""
        layers = self.layers is None or layer in self.layers
        return layers and self.part in (None, part) and self.kind in (None, kind)

    @property
    def names_positions(self) -> bool:
        """Does it name positions, so that it is of one text and of no other?"""
        return False


@dataclass(frozen=True)
class Scale(Edit):
    """Multiply the raw scores by `value` in place of the model's own scale; `None` leaves them raw."""

    value: float | None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.value is not None:
            if not _is_number(self.value):
                raise ValueError(f"A scale is a finite number, or None for no scaling; got {self.value!r}.")
            object.__setattr__(self, "value", float(self.value))


@dataclass(frozen=True)
class Temperature(Edit):
    """Divide the logits by `value` before the mask: above 1 flattens the weights, below 1 sharpens them."""

    value: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _is_number(self.value) or self.value <= 0:
            raise ValueError(f"A temperature is a finite number above 0; got {self.value!r}.")
        object.__setattr__(self, "value", float(self.value))


def _is_number(value: object) -> bool:
    """A finite number that 64 bits can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


@dataclass(frozen=True)
class Mask(Edit):
    """Allow only what `pattern` allows as well as the model's own mask; with `replace`, what `pattern` allows alone.

    What a model adds inside its mask goes with it: to Swin and BEiT, their learned position bias.
    """

    pattern: MaskPattern
    replace: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.pattern, MaskPattern):
            raise ValueError(f"A mask is a pattern, such as causal or window(4); got {self.pattern!r}.")
        _check_flag("replace", self.replace)

    @property
    def names_positions(self) -> bool:
        return self.pattern.names_positions


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{name} is True or False; got {value!r}.")


@dataclass(frozen=True)
class Cut(Edit):
    """Remove (query, key) pairs before the softmax, so that the other keys share their weight.

    With `renormalise=False` the weights are set to zero after it, and the row loses that mass.
    """

    pairs: Set[tuple[int, int]]
    renormalise: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "pairs", frozenset(custom(self.pairs).pairs))
        _check_flag("renormalise", self.renormalise)

    @property
    def names_positions(self) -> bool:
        return True


@dataclass(frozen=True)
class Ablate(Edit):
    """Silence heads: their context becomes another, before the output projection.

    "zero"   zeros
    "mean"   its mean over the text's tokens; where no token sees the future, over those up to each query
    a Means  its mean over a data set at each position, as `means(model, texts)` gives it
    """

    how: Literal["zero", "mean"] | Means = "zero"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.how, Means) and self.how not in ("zero", "mean"):
            raise ValueError(f"An ablation is 'zero', 'mean', or the means over texts; got {self.how!r}.")


@dataclass(frozen=True)
class Similarity(Edit):
    """Score each query and key by `how` in place of the model's own similarity; scale, cap, bias and mask follow.

        "dot"     q . k
        "cosine"  q . k / (|q| |k|), and 0 where either is zero
        "rbf"     -|q - k|^2 / 2

    Here q is free of any scale that the model puts on it. To the rbf the scale is 1 / variance: where all keys that a
    query may attend to have one length, its weights are those of the dot product under the same scale, for |q|^2 and
    |k|^2 are then the same along a row and cancel in the softmax (a cap or a sink, which see them, aside).
    """

    how: Literal["dot", "cosine", "rbf"]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.how not in tuple(NAMED):
            raise ValueError(f"A similarity is 'dot', 'cosine' or 'rbf'; got {self.how!r}.")


@dataclass(frozen=True)
class Setting:
    """All edits that reach one head, folded into what the formula needs."""

    similarity: str | None = None
    rescale: tuple[float | None] | None = None  # (value,) where a Scale reaches the head
    temperature: float = 1.0
    masks: tuple[MaskPattern, ...] = ()
    own_mask: bool = True
    cut_after: Pairs = field(default=frozenset())
    ablate: str | Means | None = None

    @classmethod
    def of(cls, edits: Iterable[Edit], layer: int, head: int, part: str, kind: str) -> "Setting":
        """Fold the edits that reach a head: masks and cuts add up, and of each other kind the last wins."""
        return cls._folded(edit for edit in edits if edit.reaches(layer, head, part, kind))

    @classmethod
    def of_heads(cls, edits: Iterable[Edit], layer: int, heads: int, part: str, kind: str) -> tuple["Setting", ...]:
        """Those of all heads of a layer: heads that the same edits reach have one and the same."""
        here = [edit for edit in edits if edit.reaches_layer(layer, part, kind)]
        if not any(edit.heads is not None for edit in here):
            return (cls._folded(here) if here else UNEDITED,) * heads
        known: dict[tuple[bool, ...], Setting] = {(False,) * len(here): UNEDITED}
        settings = []
        for head in range(heads):
            reached = tuple(edit.heads is None or head in edit.heads for edit in here)
            if reached not in known:
                known[reached] = cls._folded(edit for edit, reaches in zip(here, reached, strict=True) if reaches)
            settings.append(known[reached])
        return tuple(settings)

    @classmethod
    def _folded(cls, edits: Iterable[Edit]) -> "Setting":
        values: dict[str, Any] = {"masks": (), "cut_after": frozenset()}
        for edit in edits:
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
                    values["cut_after"] |= frozenset(pairs)
                case Ablate(how):
                    values["ablate"] = how
                case Similarity(how):
                    values["similarity"] = how
        return cls(**values)


UNEDITED = Setting()

KINDS: dict[str, type[Edit]] = {
    kind.__name__.lower(): kind for kind in (Scale, Temperature, Mask, Cut, Ablate, Similarity)
}


def listed(edits: Edit | Iterable[Edit]) -> tuple[Edit, ...]:
    """Edits as a tuple; a single one is a list of one. Raises ValueError for what is no edit."""
    if isinstance(edits, Edit):
        return (edits,)
    found = tuple(edits) if isinstance(edits, Iterable) and not isinstance(edits, str | bytes) else (edits,)
    if wrong := [each for each in found if not isinstance(each, Edit)]:
        names = ", ".join(kind.__name__ for kind in KINDS.values())
        raise ValueError(f"Edits are a list of {names}; got {reprlib.repr(wrong[0])} in it.")
    return found


def to_json(edits: Iterable[Edit]) -> str:
    """Write edits as compact JSON, for a file or a link; `from_json` reads them back."""
    return json.dumps([_plain(edit) for edit in edits], separators=(",", ":"))


def _plain(edit: Edit) -> dict[str, Any]:
    plain: dict[str, Any] = {"edit": type(edit).__name__.lower()}
    for each in dataclasses.fields(edit):
        value = getattr(edit, each.name)
        if value == each.default:
            continue
        match value:
            case MaskPattern():
                plain[each.name] = str(value)
            case frozenset():
                plain[each.name] = sorted(value)
            case Means(name, count):
                plain[each.name] = {"name": name, "count": count}
            case _:
                plain[each.name] = value
    return plain


def from_json(text: str) -> tuple[Edit, ...]:
    """Read edits from JSON, trusting nothing. Raises ValueError with one sentence for whatever is no edit."""
    try:
        edits = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"Could not read the edits {text[:80]!r}: they are no JSON.") from error
    if not isinstance(edits, list):
        raise ValueError(f"Edits are a JSON list; got {text[:80]!r}.")
    return tuple(_edit(plain) for plain in edits)


def _edit(plain: Any) -> Edit:
    kind, fields = (plain.get("edit"), dict(plain)) if isinstance(plain, dict) else (None, {})
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f'An edit is an object whose "edit" is {", ".join(KINDS)}; got {reprlib.repr(plain)}.')
    del fields["edit"]
    if isinstance(fields.get("pattern"), str):
        fields["pattern"] = parse(fields["pattern"])
    try:
        for name in fields.keys() & {"layers", "heads", "pairs"}:
            if isinstance(fields[name], list):
                fields[name] = frozenset(tuple(n) if isinstance(n, list) else n for n in fields[name])
        if kind == "ablate" and isinstance(how := fields.get("how"), dict) and how.keys() == {"name", "count"}:
            fields["how"] = Means(**how)
        if type(fields.get("value")) is int:
            fields["value"] = float(fields["value"])
        return KINDS[kind](**fields)
    except (TypeError, OverflowError, RecursionError) as error:
        names = ", ".join(each.name for each in dataclasses.fields(KINDS[kind]))
        raise ValueError(f"The edit {kind} has {names}; could not read {reprlib.repr(plain)}.") from error
