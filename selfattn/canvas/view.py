"""What a reader set on one head: in the browser's hands while it moves, in the link when it rests, as edits in a model.

Links and browsers are not trusted: `read` takes what it can use, and says in a sentence what it could not.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from selfattn import Mask, Scale, Similarity, Temperature
from selfattn.maths.masks import MaskPattern, causal, custom, padding, window
from selfattn.recording.edits import Edit

COLDEST, HOTTEST, MOST_PAIRS, LAST = 0.1, 5.0, 1000, 2**31 - 1


@dataclass(frozen=True)
class Kind:
    """What a field of a view may be.

    parse: a link's text to a value; text that stands for none goes on, and is refused with its sentence. read: a value
    from a link or a browser, None where it cannot be used. limits: what the browser's control needs to know.
    """

    expected: str
    parse: Callable[[str], Any]
    read: Callable[[Any], Any]
    write: Callable[[Any], str] = str
    limits: Mapping[str, Any] | Sequence[str] = ()


def _flag() -> Kind:
    return Kind(
        "it is true or false",
        lambda written: {"true": True, "false": False}.get(written, written),
        lambda value: value if isinstance(value, bool) else None,
        lambda value: str(value).lower(),
    )


def _number(least: float, most: float, step: float) -> Kind:
    return Kind(
        f"it goes from {least} to {most}",
        lambda written: float(written) if re.fullmatch(r"\d{1,3}(\.\d{1,6})?", written) else written,
        lambda value: float(value) if _within(value, least, most) else None,
        limits={"min": least, "max": most, "step": step},
    )


def _whole(least: int, most: int) -> Kind:
    return Kind(
        f"it is a whole number from {least} to {most}",
        lambda written: int(written) if re.fullmatch(r"\d{1,9}", written) else written,
        lambda value: int(value) if _within(value, least, most) and value == int(value) else None,
        limits={"min": least, "max": most, "step": 1},
    )


def _one_of(*choices: str) -> Kind:
    return Kind(
        f"it is one of {', '.join(choices)}",
        str,
        lambda value: value if isinstance(value, str) and value in choices else None,
        limits=choices,
    )


def _several_of(*choices: str) -> Kind:
    def read(value: Any) -> tuple[str, ...] | None:
        if not isinstance(value, list | tuple) or not all(isinstance(name, str) and name in choices for name in value):
            return None
        return tuple(name for name in choices if name in value)

    return Kind(
        f"it is one or more of {', '.join(choices)}, with commas",
        lambda written: [] if written == "none" else written.split(","),
        read,
        lambda names: ",".join(names) or "none",
        choices,
    )


def _pairs(most: int) -> Kind:
    def parse(written: str) -> Any:
        parts = [part.strip() for part in written.split(",") if part.strip()]
        found = [re.fullmatch(r"(\d{1,9})\s*>\s*(\d{1,9})", part) for part in parts]
        return [[int(pair[1]), int(pair[2])] for pair in found if pair] if all(found) else written

    def read(value: Any) -> tuple[tuple[int, int], ...] | None:
        if not isinstance(value, list | tuple) or len(value) > most:
            return None
        pairs = [tuple(map(place.read, pair)) for pair in value if isinstance(pair, list | tuple) and len(pair) == 2]
        good = len(pairs) == len(value) and all(None not in pair for pair in pairs)
        return tuple(sorted(set(pairs))) if good else None

    place = _position()
    return Kind(
        f"it is at most {most} pairs of positions from 0, such as 5>3, 8>0",
        parse,
        read,
        lambda pairs: ", ".join(f"{i}>{j}" for i, j in pairs),
    )


def _position() -> Kind:
    return replace(_whole(0, LAST), expected="it is a position from 0")


def _within(value: Any, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _of(default: Any, kind: Kind, link: str | None = None) -> Any:
    """A field: what it is at first, what it may be, and its name in a link where that is another one."""
    return field(default=default, metadata={"kind": kind, "link": link})


@dataclass(frozen=True)
class View:
    """The state of the one-head picture; `own` is what the model does, with the edits that are in it."""

    scaled: bool = _of(True, _flag())
    temperature: float | None = _of(None, _number(COLDEST, HOTTEST, 0.1))  # None: as the model runs
    mask: tuple[str, ...] = _of(("own",), _several_of("own", "causal", "padding", "window"))
    width: int = _of(4, _whole(1, 32))
    pairs: tuple[tuple[int, int], ...] = _of((), _pairs(MOST_PAIRS))
    similarity: Literal["own", "dot", "cosine", "rbf"] = _of("own", _one_of("own", "dot", "cosine", "rbf"))
    threshold: float = _of(0.02, _number(0, 1, 0.005))
    show: str = _of("stages", _one_of("stages", "map", "lines", "table", "image", "sound"))
    stage: str = _of("weights", _one_of("weights", "scores", "scaled", "logits"))
    range: str = _of("head", _one_of("head", "row", "all"))
    colour: str = _of("sqrt", _one_of("sqrt", "linear", "log"))
    words: bool = _of(False, _flag())
    segments: str = _of("all", _one_of("all", "AA", "AB", "BA", "BB"))
    # The pinned cell; None shows a telling one.
    query: int | None = _of(None, _position(), "from")
    key: int | None = _of(None, _position(), "to")

    def edits(self, **where: Any) -> tuple[Edit, ...]:
        """The same change as edits of a forward pass; `where` says which layers and heads they reach."""
        found: list[Edit] = []
        if self.similarity != "own":
            found.append(Similarity(self.similarity, **where))
        if not self.scaled:
            found.append(Scale(None, **where))
        if self.temperature is not None:
            found.append(Temperature(self.temperature, **where))
        if self.mask != ("own",) or self.pairs:
            found.append(Mask(self._pattern(), replace="own" not in self.mask, **where))
        return tuple(found)

    def at_rest(self) -> "View":
        """The same picture of the model as it runs, with nothing set on top."""
        return replace(self, **{name: getattr(UNCHANGED, name) for name in SETTINGS})

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
        values = {name: getattr(self, name) for name in KINDS}
        return {
            LINK_NAMES.get(name, name): KINDS[name].write(value)
            for name, value in values.items()
            if value != getattr(UNCHANGED, name)
        }

    def as_json(self) -> dict[str, Any]:
        """What the browser gets, and gives back through `read`."""
        return asdict(self)


KINDS: dict[str, Kind] = {each.name: each.metadata["kind"] for each in fields(View)}
LINK_NAMES: dict[str, str] = {each.name: each.metadata["link"] for each in fields(View) if each.metadata["link"]}
UNCHANGED = View()
# The fields that change numbers.
SETTINGS = ("scaled", "temperature", "mask", "pairs", "similarity")
# The bounds and choices of each control.
LIMITS = {name: kind.limits for name, kind in KINDS.items() if kind.limits}


def from_link(parameters: Mapping[str, str]) -> tuple[View, list[str]]:
    """The view that a link asks for, and a sentence for each part of it that could not be used."""
    written = {name: parameters.get(LINK_NAMES.get(name, name)) for name in KINDS}
    return read({name: KINDS[name].parse(text) for name, text in written.items() if text is not None})


def read(values: Mapping[str, Any]) -> tuple[View, list[str]]:
    """A view from what a link or a browser sent, and a sentence for each value that could not be used."""
    taken: dict[str, Any] = {}
    notes: list[str] = []
    for name, value in values.items():
        if name not in KINDS:
            continue
        found = KINDS[name].read(value)
        if found is not None:
            taken[name] = found
        elif value is not None:
            notes.append(_sentence(name, value))
    return View(**taken), notes


def _sentence(name: str, value: Any) -> str:
    kind = KINDS[name]
    asked, default = str(value)[:20], kind.write(getattr(UNCHANGED, name))
    used = f"; {default} is used" if default not in ("", "None") else ""
    return f"{LINK_NAMES.get(name, name).capitalize()} {asked} was asked for; {kind.expected}{used}."
