"""How fast does a cost grow? The exponent p of cost ~ N^p, fitted where the cost is that of the tokens."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

# A length is clean where it costs so many times what the shortest one does: the fixed cost of a call, which is at most
# that of the shortest, then is a small part.
CLEAN = 4.0
# Lengths that a line is fitted through, at least: two would always lie on it.
FEWEST = 3


@dataclass(frozen=True)
class Fit:
    """The line `cost = constant N^exponent` through the clean lengths."""

    exponent: float
    error: float  # the exponent's standard error
    constant: float
    lengths: tuple[int, ...]

    def at(self, length: int | float) -> float:
        """The cost on the line."""
        return float(self.constant * length**self.exponent)


def fit(costs: Mapping[int, float]) -> Fit | None:
    """Least squares on the logarithms, over the clean lengths; None where there are fewer than three.

        log cost = a + p log N,   p = S_xy / S_xx,   standard error of p = sqrt(residual / ((n - 2) S_xx))

    Raises ValueError for a cost that is not above 0.
    """
    if not all(cost > 0 for cost in costs.values()):
        raise ValueError(f"A cost whose logarithm is taken is above 0; got {min(costs.values())}.")
    lengths = clean(costs)
    if len(lengths) < FEWEST:
        return None
    x, y = [math.log(length) for length in lengths], [math.log(costs[length]) for length in lengths]
    count = len(lengths)
    mean_x, mean_y = sum(x) / count, sum(y) / count
    spread = sum((each - mean_x) ** 2 for each in x)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread
    start = mean_y - slope * mean_x
    residual = sum((b - start - slope * a) ** 2 for a, b in zip(x, y, strict=True))
    return Fit(slope, math.sqrt(residual / ((count - 2) * spread)), math.exp(start), lengths)


def clean(costs: Mapping[int, float]) -> tuple[int, ...]:
    """The lengths, from some length on, that each cost at least `CLEAN` times the shortest."""
    found: list[int] = []
    for length in sorted(costs, reverse=True):
        if costs[length] < CLEAN * costs[min(costs)]:
            break
        found.append(length)
    return tuple(reversed(found))
