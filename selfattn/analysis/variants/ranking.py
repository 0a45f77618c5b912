"""Every variant on one head, the nearest to exact attention first."""

import math
from dataclasses import dataclass

from selfattn.analysis.variants.costs import Cost, HeadShape, cost
from selfattn.analysis.variants.other_attentions import VARIANTS
from selfattn.analysis.variants.variant import (
    Difference,
    Exact,
    Found,
    Variant,
    VariantSettings,
    compute,
    measure,
    why_not,
)


@dataclass(frozen=True, eq=False)
class Row:
    """One variant on a head: what it gave, how far that lies from exact attention, and what it costs."""

    variant: Variant
    found: Found | None
    measured: Difference | None
    cost: Cost
    why_not: str | None  # one sentence, where it has no meaning on this head

    @property
    def error(self) -> float:
        """The relative error of the output; infinite where there is none."""
        return math.inf if self.measured is None else self.measured.error


def ranking(exact: Exact, settings: VariantSettings) -> tuple[Row, ...]:
    """Every variant by the error of its output, and last those that have no meaning on this head."""
    shape = HeadShape.of(exact)
    return tuple(sorted((_row(variant, exact, shape, settings) for variant in VARIANTS.values()), key=_error))


def _row(variant: Variant, exact: Exact, shape: HeadShape, settings: VariantSettings) -> Row:
    why = why_not(variant, exact)
    found = None if why else compute(variant, exact, settings)
    measured = None if found is None else measure(found, exact)
    return Row(variant, found, measured, cost(variant.name, shape, settings), why)


def _error(row: Row) -> float:
    return row.error
