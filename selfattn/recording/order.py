"""The calls of one run of a network, in their order: of which layer each is, and where its tokens stand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Literal
from weakref import ReferenceType, ref

from torch import Tensor, nn

from selfattn.recording.edits import Setting
from selfattn.recording.modules import Given, kind_of, part_of
from selfattn.recording.places import Places


@dataclass(frozen=True)
class Turn:
    """One call of an attention module."""

    part: str
    kind: Literal["self", "cross"]
    layer: int
    block: str  # the path of what has that number
    behind: int  # keys behind those of the queries' own tokens
    asked: tuple[ReferenceType[Tensor], int]  # its queries, and how many numbers a token of its values has
    end: int  # where the last of its queries, and of those of the windows before it, has ended
    start: int = 0  # where its first key stands
    beside: int = 0  # numbers a token of the values that met the same weights before
    goes_on: bool = False  # it is the next window, or the next values, of the call before
    stream: int = 1  # the module's calls over the same tokens, counted
    window: bool = False  # it is of some of the tokens alone
    pooled: bool = False  # fewer queries than tokens are made of them

    def check(self, settings: Iterable[Setting], queries: int, keys: int) -> None:
        """Raise ValueError for an edit that means nothing in this call, or that cannot be known yet."""
        if self.window and any(setting.ablate == "mean" for setting in settings):
            raise ValueError(
                f"{self.part} layer {self.layer} attends within windows, one after the other, so the mean over all "
                "its tokens is not known when the first is computed; silence its heads with zeros."
            )
        if self.pooled and any(not mask.names_positions for setting in settings for mask in setting.masks):
            raise ValueError(
                f"{self.part} layer {self.layer} pools its queries: {queries} of them ask {keys} tokens, so a mask by "
                "positions means nothing there; name other layers, or cut pairs of rows and columns."
            )


class Order:
    """What has run so far. A layer has the model's own number; a block that is called again at once, the next free one.

    Windows, of which each has some of the tokens, are one call together, and so are values that meet the same weights.
    What attends a second time in one block, otherwise, and a tower that runs again, make a part of their own:
    "decoder 2".
    """

    def __init__(self, names: Mapping[nn.Module, str]) -> None:
        self.names = names
        self.places = Places.of(names)
        self.clear()

    def clear(self) -> None:
        """The network begins anew: while it generates, it runs once a token."""
        self.given: dict[nn.Module, Given] = {}
        self.turns: dict[nn.Module, tuple[Given | None, Turn]] = {}
        self.taken: dict[tuple[str, str], dict[int, str]] = {}  # the blocks that have the numbers so far
        self.latest: dict[tuple[str, str], nn.Module] = {}  # of a part, whichever of its runs it is in

    def begins(self, module: nn.Module, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
        """An attention module begins to run."""
        self.given[module] = Given.to(module, arguments, keywords)

    def turn(self, module: nn.Module, query: Tensor, key: Tensor, value: Tensor, bare: bool) -> Turn:
        """The next call of a module; `bare`: with neither mask nor bias, as windows are."""
        shape, asked = (query.shape[2], key.shape[2]), (ref(query), value.shape[3])
        given, (before, last) = self.given.get(module), self.turns.get(module, (None, None))
        if last is None or given is None or before is not given:
            turn = self._new(module, given, last, shape, asked, bare)
        elif last.asked[0]() is query:
            turn = replace(last, beside=last.beside + last.asked[1], goes_on=True, asked=asked)
        elif last.window and bare and last.end + shape[0] <= (given.tokens or 0):
            turn = replace(last, start=last.end, end=last.end + shape[0], goes_on=True, asked=asked)
        else:
            part = last.part if last.stream == 1 else last.part.rpartition(" ")[0]
            turn = replace(
                last, part=f"{part} {last.stream + 1}", stream=last.stream + 1, beside=0, goes_on=False, asked=asked
            )
        self.turns[module] = given, turn
        self.taken.setdefault((turn.part, turn.kind), {})[turn.layer] = turn.block
        return turn

    def _new(
        self,
        module: nn.Module,
        given: Given | None,
        last: Turn | None,
        shape: tuple[int, int],
        asked: tuple[ReferenceType[Tensor], int],
        bare: bool,
    ) -> Turn:
        path = self.names.get(module, type(module).__name__)
        part = part_of(path, module) if self.places is None else self.places.parts.get(path, "encoder")
        # Without names, each module is a block by itself, and layers are counted.
        number, block = (0, str(id(module))) if self.places is None else self.places.layer(path)
        # Some say of one stream, made smaller, that it is another.
        crosses = given is not None and given.crosses and not path.endswith("self_attention.attention")
        kind = "cross" if crosses else kind_of(path, module)
        taken, before = self.taken.get((part, kind), {}), self.latest.get((part, kind))
        self.latest[part, kind] = module
        # One of a list that runs again runs on other tokens; one alone that does is the next layer.
        if last is not None and (before is not module or (self.places is not None and self.places.of_many(path))):
            part, number = self._free(part, kind, last.layer), last.layer
        elif last is None and taken.get(number) == block:
            part = self._free(part, kind, number)
        elif number in taken:
            number = max(taken) + 1
        queries, keys = shape
        tokens = given.tokens or 0 if given is not None and kind == "self" else 0
        window, pooled = bare and queries == keys < tokens, queries < keys == tokens
        start, behind = _kept(given, shape) if kind == "self" else (0, 0)
        return Turn(part, kind, number, block, behind, asked, queries, start, window=window, pooled=pooled)

    def _free(self, part: str, kind: str, layer: int) -> str:
        """The first of "decoder 2", "decoder 3" ... that has no such layer yet."""
        return next(name for n in count(2) if layer not in self.taken.get((name := f"{part} {n}", kind), {}))


def _kept(given: Given | None, shape: tuple[int, int]) -> tuple[int, int]:
    """Where the first key stands, for a cache may let go of the oldest; and how many keys are of no token of the text.

    Those are an encoder's, say, or compressed ones, or room that a cache has left.
    """
    more = max(shape[1] - shape[0], 0)
    if given is None or given.cached is None:
        return 0, 0
    return max(given.cached - more, 0), max(more - given.cached, 0)
