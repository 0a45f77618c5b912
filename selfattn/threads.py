"""How many threads PyTorch computes with, for a while and in one thread alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Thread
from typing import TypeVar

import torch

Found = TypeVar("Found")
_lock = Lock()


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Compute with `count` threads in the block, whatever ends it; None leaves the number as it is.

    PyTorch keeps the number of the thread that sets it, and beside it the one that new threads begin with: the second
    is put back at once, so that nobody else is slowed down.
    """
    if count is None:
        yield
        return
    with _lock:
        usual = _in_a_new_thread(torch.get_num_threads)
        torch.get_num_threads()  # a thread takes the usual number when it is first asked, which must be before
        torch.set_num_threads(count)
        _in_a_new_thread(lambda: torch.set_num_threads(usual))
    try:
        yield
    finally:
        with _lock:
            torch.set_num_threads(usual)


def _in_a_new_thread(act: Callable[[], Found]) -> Found:
    found: list[Found] = []
    thread = Thread(target=lambda: found.append(act()))
    thread.start()
    thread.join()
    return found[0]
