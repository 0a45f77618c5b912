"""Where a sweep looks for the best of a setting: between two numbers, or among a few choices."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

from selfattn.training.run.settings import Settings

Value = bool | int | float | str


@dataclass(frozen=True)
class Range:
    """Where the value of a setting is looked for: between two numbers, or among a few choices."""

    low: float = 0.0
    high: float = 0.0
    log: bool = False  # every order of magnitude is as likely
    among: tuple[Value, ...] = ()


# Where each setting is usually looked for.
USUAL: Mapping[str, Range] = {
    "learning_rate": Range(5e-4, 1e-2, log=True),
    "layers": Range(among=(1, 2, 3, 4)),
    "heads": Range(among=(1, 2, 4, 8)),
    "d_model": Range(among=(32, 64, 128)),
    "d_ff": Range(among=(64, 128, 256, 512)),
    "dropout": Range(0.0, 0.4),
    "attention_dropout": Range(0.0, 0.4),
    "word_dropout": Range(0.0, 0.5),
    "weight_decay": Range(1e-3, 1.0, log=True),
    "batch": Range(among=(16, 32, 64, 128)),
    "clip": Range(0.1, 10.0, log=True),
    "positions": Range(among=("none", "sinusoidal", "learned", "rope", "alibi", "t5")),
    "similarity": Range(among=("dot", "cosine", "additive", "bilinear", "rbf")),
    "pooling": Range(among=("mean", "cls", "attention")),
    "norm": Range(among=("pre", "post")),
    "scaling": Range(among=(True, False)),
}


def ranges_of(written: str) -> dict[str, Range]:
    """The ranges of "learning_rate=0.001:0.01,heads=1/2/4,dropout": from one number to another, choices, or usual ones.

    Raises ValueError for a setting that is not searched, and for a range that is none.
    """
    found = {}
    for part in filter(None, (part.strip() for part in written.split(","))):
        name, given, values = (piece.strip() for piece in part.partition("="))
        name = name.replace("-", "_")
        if name not in USUAL:
            raise ValueError(f"A sweep searches {', '.join(USUAL)}; got {name!r}.")
        found[name] = _range(name, values) if given else USUAL[name]
    if not found:
        raise ValueError(f"A sweep needs one setting at least, of {', '.join(USUAL)}.")
    return found


def _range(name: str, written: str) -> Range:
    field = next(field for field in fields(Settings) if field.name == name)
    low, colon, high = written.partition(":")
    try:
        ends = [_value(field, one.strip()) for one in ((low, high) if colon else written.split("/"))]
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"The range of {name} is LOW:HIGH or A/B/C of values that it can have; got {written!r}."
        ) from error
    if not colon:
        return Range(among=tuple(ends))
    if field.type not in (int, float) or not ends[0] < ends[1]:
        raise ValueError(f"A range LOW:HIGH goes from a number to a larger one; got {name}={written}.")
    return Range(ends[0], ends[1], log=USUAL[name].log)


def _value(field: Field[Any], written: str) -> Any:
    """A setting's value as it is written. Raises ValueError or KeyError for one that it cannot have."""
    kind: Any = field.type
    value = {"true": True, "false": False}[written.lower()] if kind is bool else kind(written)
    known = field.metadata
    if value not in known.get("among", [value]) or not known.get("least", value) <= value <= known.get("most", value):
        raise ValueError(f"{field.name} cannot be {written}.")
    return value
