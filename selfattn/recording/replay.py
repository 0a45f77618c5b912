"""What the blocks of a network gave in one pass, for others to begin above those that nothing changes.

    with keeping(network, names, recorder) as blocks:
        network(**inputs)
    with replaying(network, names, another, blocks, before=5, rows=16):     # above all that ends before call 5
        network(**inputs_of_16_rows)

A block is a member of a list of layers in which something attends. Everything outside the blocks (embeddings, masks,
rotations, heads) runs as ever. Which pass a block is asked in travels in a ContextVar: other threads run the network
meanwhile.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial, update_wrapper
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from selfattn.recording.doors import Recorder
from selfattn.recording.places import Places
from selfattn.recording.rows import UnfitError


@dataclass(frozen=True, eq=False)
class KeptBlock:
    """What one block gave."""

    output: Any
    calls: int  # attention calls of the pass until it ended


@dataclass
class _Keeping:
    recorder: Recorder
    blocks: list[KeptBlock] = field(default_factory=list)
    inside: bool = False

    def block(self, run: Callable[[], Any]) -> Any:
        if self.inside:
            return run()
        self.inside = True
        try:
            output = run()
        finally:
            self.inside = False
        self.blocks.append(KeptBlock(output, self.recorder.count))
        return output


@dataclass
class _Replaying:
    recorder: Recorder
    blocks: Sequence[KeptBlock]
    before: int
    rows: int
    place: int = 0
    inside: bool = False

    def block(self, run: Callable[[], Any]) -> Any:
        if self.inside:
            return run()
        if self.place == len(self.blocks):
            raise UnfitError("The pass came to more blocks than without versions.")
        known = self.blocks[self.place]
        self.place += 1
        if known.calls <= self.before:
            self.recorder.count = known.calls
            last = self.place == len(self.blocks) or self.blocks[self.place].calls > self.before
            return mapped(known.output, partial(_repeated, self.rows, last))
        self.inside = True
        try:
            return run()
        finally:
            self.inside = False


def _repeated(rows: int, whole: bool, tensor: Tensor) -> Tensor:
    """A tensor of one share as many times; in memory of its own where something will compute with it."""
    if tensor.dim() == 0 or rows == 1:
        return tensor
    if len(tensor) == 1 and not whole:
        return tensor.expand(rows, *tensor.shape[1:])
    return tensor.repeat(rows, *[1] * (tensor.dim() - 1))


def mapped(value: Any, act: Callable[[Tensor], Any]) -> Any:
    """The same tuples, lists and mappings, with `act` done to each tensor in them."""
    if isinstance(value, Tensor):
        return act(value)
    if isinstance(value, Mapping):
        return type(value)(**{name: mapped(each, act) for name, each in value.items()})
    if type(value) in (tuple, list):
        return type(value)(mapped(each, act) for each in value)
    return value


_Pass = _Keeping | _Replaying
_pass: ContextVar[_Pass | None] = ContextVar("selfattn_pass", default=None)
# How many passes lead the blocks of a network now, and the forwards that were set on blocks themselves.
_led: "WeakKeyDictionary[nn.Module, tuple[int, dict[nn.Module, Any]]]" = WeakKeyDictionary()
_lock = Lock()


@contextmanager
def keeping(network: nn.Module, names: Mapping[nn.Module, str], recorder: Recorder) -> Iterator[list[KeptBlock]]:
    """Keep what each block gives, in the order in which they run."""
    kept = _Keeping(recorder)
    with _leading(network, names, kept):
        yield kept.blocks


@contextmanager
def replaying(
    network: nn.Module,
    names: Mapping[nn.Module, str],
    recorder: Recorder,
    blocks: Sequence[KeptBlock],
    before: int,
    rows: int,
) -> Iterator[None]:
    """Let blocks that end before that call give what they gave, `rows` times; without blocks all run."""
    if not blocks:
        yield
        return
    with _leading(network, names, _Replaying(recorder, blocks, before, rows)):
        yield


@contextmanager
def _leading(network: nn.Module, names: Mapping[nn.Module, str], which: _Pass) -> Iterator[None]:
    _lead(network, names)
    token = _pass.set(which)
    try:
        yield
    finally:
        _pass.reset(token)
        _release(network)


def _lead(network: nn.Module, names: Mapping[nn.Module, str]) -> None:
    with _lock:
        passes, own = _led.get(network, (0, {}))
        if passes == 0:
            for module in _blocks(names):
                own[module] = vars(module).get("forward")
                module.forward = update_wrapper(partial(_forward, module.forward), module.forward)
        _led[network] = passes + 1, own


def _release(network: nn.Module) -> None:
    with _lock:
        passes, own = _led.pop(network)
        if passes > 1:
            _led[network] = passes - 1, own
            return
        for module, forward in own.items():
            if forward is None:
                del module.forward
            else:
                module.forward = forward


def _forward(own: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Any:
    current = _pass.get()
    return own(*arguments, **keywords) if current is None else current.block(lambda: own(*arguments, **keywords))


def _blocks(names: Mapping[nn.Module, str]) -> list[nn.Module]:
    """The members of the lists of layers in which something attends: hybrids have others among them."""
    places = Places.of(names)
    if places is None:
        return []
    found = {places.layer(path)[1].rpartition(".") for path in places.attending}
    lists = {parent for parent, _, own in found if own.isdigit()}
    members = [(module, *path.rpartition(".")[::2]) for module, path in names.items()]
    return [module for module, parent, own in members if parent in lists and own.isdigit()]
