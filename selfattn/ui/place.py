"""Where in a model: a layer of one of its attentions, or a head of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """One attention layer of a model."""

    part: str
    kind: str
    layer: int


@dataclass(frozen=True)
class Head(Place):
    """One head of a model."""

    head: int

    @property
    def place(self) -> Place:
        """Its layer."""
        return Place(self.part, self.kind, self.layer)
