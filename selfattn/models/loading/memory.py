"""Models that are in this process's memory: shown by name, never written to disk."""

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selfattn.models.model import Model

# The last ones shown; an older one leaves, and its memory with it.
MOST = 4
_kept: "OrderedDict[str, Model]" = OrderedDict()
_count = 0
_lock = Lock()


def keep(model: "Model") -> str:
    """A name for a model, never given before: weights that change between two showings are two models."""
    global _count
    with _lock:
        _count += 1
        name = f"{model.name}@{_count}"  # no folder or hub id holds an @
        _kept[name] = model
        while len(_kept) > MOST:
            _kept.popitem(last=False)
    return name


def forget(name: str) -> None:
    """Let a model go; nothing happens where it is gone."""
    with _lock:
        _kept.pop(name, None)


def get(name: str) -> "Model | None":
    """The model of that name, while it is kept."""
    with _lock:
        return _kept.get(name)


def names() -> list[str]:
    """The models that are kept, the last one first."""
    with _lock:
        return list(reversed(_kept))
