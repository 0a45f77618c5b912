"""What a long load is doing, told while it goes on, and how it is stopped.

Who waits for a load listens to it with `telling`; whoever loads calls `tell` between two pieces of work. A listener
that raises `Stopped` ends the load there, and what was half loaded is dropped.
"""

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from transformers.utils import logging


class Stopped(BaseException):
    """The reader does not want the model any more. No library's `except Exception` may hold it up."""


@dataclass(frozen=True)
class Step:
    """What is being done, and how much of it is done: bytes of a download, tensors of a network."""

    doing: str
    done: int = 0
    whole: int = 0  # 0 where it cannot be told


Listener = Callable[[Step], None]
_listener: ContextVar[Listener | None] = ContextVar("selfattn_steps", default=None)


@contextmanager
def telling(listener: Listener) -> Iterator[None]:
    """Tell `listener` every step of what this thread loads in the block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def listener() -> Listener | None:
    """Who listens to this thread, if anybody does."""
    return _listener.get()


def tell(step: Step) -> None:
    """Say that a step was made."""
    listening = _listener.get()
    if listening is not None:
        listening(step)


def _bar(make: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """The bar of Transformers' own that fills while weights are read; where somebody listens, they are told instead."""
    listening = _listener.get()
    if listening is None or not arguments:
        return make(*arguments, **keywords)
    return _told(arguments[0], listening)


def _told(items: Iterable[Any], listening: Listener) -> Iterator[Any]:
    whole = len(items) if isinstance(items, Sized) else 0
    for done, item in enumerate(items):
        listening(Step("Reading the weights", done, whole))
        yield item


logging.set_tqdm_hook(_bar)
