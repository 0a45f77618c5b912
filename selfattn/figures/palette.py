"""One colour a symbol, in every equation, border, chip, bar and map; paper and ink for all else."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Palette:
    """The colours of one theme. Pairs of hues are kept apart for colour-blind readers: blue-orange, green-magenta."""

    paper: str
    panel: str
    ink: str
    quiet: str
    line: str
    query: str
    key: str
    value: str
    weights: str  # scores and weights
    against: str  # the other side of zero for values
    zero: str  # the middle of a diverging scale

    def of(self, symbol: str) -> str:
        """The colour of a symbol; ink for what has none."""
        return {"query": self.query, "key": self.key, "value": self.value, "weights": self.weights}.get(
            symbol, self.quiet
        )


def rgb(colour: str) -> tuple[int, ...]:
    """The three numbers of "#7A3FA0"."""
    return tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))


LIGHT = Palette(
    paper="#FBFAF7",
    panel="#FFFFFF",
    ink="#1C1B1A",
    quiet="#6B6862",
    line="#E4E0D8",
    query="#2563A8",
    key="#BB5217",
    value="#2F7D4F",
    weights="#7A3FA0",
    against="#B0418F",
    zero="#FFFFFF",
)
DARK = Palette(
    paper="#151518",
    panel="#1D1D21",
    ink="#ECEBE8",
    quiet="#9B99A0",
    line="#303036",
    query="#7FB2EF",
    key="#F0A06A",
    value="#7FCF9F",
    weights="#C89BF0",
    against="#E38BC8",
    zero="#1D1D21",
)
# A picture that is saved looks the same in whatever theme it was seen: paper is white, and ink black.
PRINT = replace(LIGHT, paper="#FFFFFF", ink="#000000")
