"""One process a run: a lock that the system frees when its holder dies, however it dies."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, shared: bool) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int, shared: bool) -> None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


def acquire(file: Path, patience: float = 0.5) -> int | None:
    """An open descriptor that holds the lock until it is closed, in this process or a child; None where it is held.

    Another that only looks whether it is held may be in the way for a moment: hence `patience`, in seconds.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    end = time.monotonic() + patience
    while True:
        try:
            _lock(descriptor, shared=False)
            return descriptor
        except OSError:
            if time.monotonic() > end:
                os.close(descriptor)
                return None
            time.sleep(0.02)


def held(file: Path) -> bool:
    """Whether some living process holds the lock."""
    try:
        descriptor = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        _lock(descriptor, shared=True)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def locked(file: Path, descriptor: int | None = None) -> Iterator[None]:
    """Hold the lock in the block, by a descriptor that holds it already or a new one. ValueError if it is held."""
    mine = acquire(file) if descriptor is None else descriptor
    if mine is None:
        raise ValueError(f"{file.parent.name} is being trained by another process; pause or cancel it first.")
    try:
        yield
    finally:
        os.close(mine)
