"""What was computed is kept for all readers, in a share of memory: what was used longest ago leaves first."""

import functools
import itertools
import os
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from threading import Lock, RLock
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from selfattn.models.budgets import memory_of
from selfattn.models.model import Model

Given = ParamSpec("Given")
Held = TypeVar("Held")
# The share of memory that loaded models may take together; what was computed with them, half as much again.
SHARE = float(os.environ.get("SELFATTN_SHARE", "0.25"))
PROCESSOR = torch.device("cpu")


@dataclass(frozen=True)
class Key:
    """What a value was made by and of, and whether it holds on to the models of the runs among that."""

    function: Callable[..., Any]
    given: tuple[Any, ...]
    holds: bool = False

    def of(self, choices: Collection[Any]) -> bool:
        """Whether a run of one of these models is among what the value was made of."""
        return any(getattr(each, "choice", None) in choices for each in self.given)


@dataclass
class _Entry:
    value: Any
    share: float
    grows: bool


class Kept:
    """Values by what they depend on, together in a share of the memory that they lie in; the one used last stays."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._lock = Lock()
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._turns: dict[Key, RLock] = {}

    def get(self, key: Key, make: Callable[[], Any], *, grows: bool = False) -> Any:
        """The value of a key: `make` is called where it is not there, by one of those who ask for it at once.

        One that `grows` is a place that is filled after it was made, and is weighed anew each time it is asked for.
        """
        with self._lock:
            if key in self._entries:
                return self._used(key)
            turn = self._turns.setdefault(key, RLock())
        with turn:
            try:
                with self._lock:
                    if key in self._entries:  # who was before us has made it
                        return self._used(key)
                value = make()
                entry = _Entry(value, share_of(value), grows)
                with self._lock:
                    self._entries[key] = entry
                    self._shrink()
                return value
            finally:
                with self._lock:
                    self._turns.pop(key, None)

    def drop(self, which: Callable[[Key], bool]) -> None:
        """Let go of what is kept under the keys that are meant."""
        with self._lock:
            for key in [key for key in self._entries if which(key)]:
                del self._entries[key]

    def _used(self, key: Key) -> Any:
        entry = self._entries[key]
        self._entries.move_to_end(key)
        if entry.grows:
            entry.share = share_of(entry.value)
            self._shrink()
        return entry.value

    def _shrink(self) -> None:
        taken = sum(entry.share for entry in self._entries.values())
        while taken > self._share and len(self._entries) > 1:
            _, left = self._entries.popitem(last=False)
            taken -= left.share


KEPT = Kept(SHARE / 2)


def kept(
    spinner: str = "", *, grows: bool = False, holds: bool = False
) -> Callable[[Callable[Given, Held]], Callable[Given, Held]]:
    """Keep what a function gives by its arguments, which say all that it depends on.

    What `grows` is a place that is filled later; what `holds` on to the model of a run leaves memory with it.
    """

    def keeping(function: Callable[Given, Held]) -> Callable[Given, Held]:
        @functools.wraps(function)
        def found(*given: Given.args, **named: Given.kwargs) -> Held:
            def make() -> Held:
                with st.spinner(spinner, _cache=True) if spinner else nullcontext():
                    return function(*given, **named)

            return cast(Held, KEPT.get(Key(function, (*given, *named.items()), holds), make, grows=grows))

        return found

    return keeping


def share_of(value: Any) -> float:
    """The share of memory that a value takes: what its tensors, arrays and texts hold, each on its own device.

    A model counts on its shelf, and the objects of other libraries as small.
    """
    taken: Counter[torch.device] = Counter()
    _weigh(value, taken, set())
    return sum(count / memory_of(device) for device, count in taken.items())


def _weigh(value: Any, taken: Counter[torch.device], seen: set[int]) -> None:
    """Add the bytes of a value to those that are taken on each device; what is seen twice counts once."""
    if isinstance(value, Tensor):
        storage = value.untyped_storage()
        name, count, device = storage.data_ptr(), storage.nbytes(), value.device
    else:
        name, count, device = id(value), sys.getsizeof(value, 0), PROCESSOR
    if name in seen or isinstance(value, Model | torch.nn.Module):
        return
    seen.add(name)
    taken[device] += count
    for each in _inside(value):
        _weigh(each, taken, seen)


def _inside(value: Any) -> Iterable[Any]:
    """What a value holds on to, as far as it is known."""
    if isinstance(value, np.ndarray):
        return (value.base,)
    if isinstance(value, Mapping):
        return itertools.chain.from_iterable(list(value.items()))  # another thread may be filling it
    if isinstance(value, list | tuple | set | frozenset):
        return value
    return vars(value).values() if type(value).__module__.partition(".")[0] == "selfattn" else ()
