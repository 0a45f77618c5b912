"""What is known of tensors, by identity, for as long as the model holds them."""

from collections.abc import Callable
from typing import Any
from weakref import ref

from torch import Tensor


class Known:
    """A mapping from tensors that holds none of them: PyTorch's own takes half the time of what is looked up here."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[ref[Tensor], Any]] = {}

    def __contains__(self, tensor: object) -> bool:
        return id(tensor) in self._entries

    def get(self, tensor: object) -> Any:
        """What is known of it, or None. An `id` is no other's while the tensor lives, and then it leaves."""
        entry = self._entries.get(id(tensor))
        return None if entry is None else entry[1]

    def among(self, arguments: tuple[Any, ...]) -> list[Any]:
        """What is known of each of the arguments of an operation, and of those in lists among them."""
        if not self._entries:
            return []
        found = []
        for each in arguments:
            if (entry := self._entries.get(id(each))) is not None:
                found.append(entry[1])
            elif isinstance(each, tuple | list):
                found.extend(self._entries[id(one)][1] for one in each if id(one) in self._entries)
        return found

    def __setitem__(self, tensor: Tensor, what: Any) -> None:
        self._entries[id(tensor)] = (ref(tensor, self._leaves(id(tensor))), what)

    def _leaves(self, place: int) -> Callable[[ref[Tensor]], None]:
        entries = self._entries

        def leave(_: ref[Tensor]) -> None:
            entries.pop(place, None)

        return leave

    def drop(self, tensor: object) -> None:
        """Nothing is known of it any more."""
        self._entries.pop(id(tensor), None)

    def clear(self) -> None:
        """Nothing is known of any."""
        self._entries.clear()
