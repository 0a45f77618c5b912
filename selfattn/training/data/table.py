"""A table: a stream of rows, never more of it in memory than a few."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from selfattn.training.data.lines import Faults

Rows = Callable[[Sequence[str], Faults], Iterator[tuple[Any, ...]]]

KINDS = (".csv", ".tsv", ".jsonl", ".json", ".parquet", ".arrow", ".txt")


@dataclass(frozen=True)
class Table:
    """Where rows come from: `rows(columns, faults)` yields their values, and counts what it had to leave out."""

    name: str
    columns: tuple[str, ...]
    rows: Rows
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # names of the numbers in a column
    notes: tuple[str, ...] = ()

    def check(self, column: str) -> None:
        """Raise ValueError, with the columns that there are, where this is none."""
        if column not in self.columns:
            raise ValueError(
                f"{self.name} has no column {column[:80]!r}; it has {listed(self.columns)}. Choose one of them."
            )


def listed(names: Sequence[str], most: int = 20) -> str:
    """Some names, in quotation marks: 'a', 'b' and 3 others."""
    shown = [repr(name[:40]) for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most:,} others"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
