"""What a machine can do at best, and where a method stands under that roof (Williams et al. 2009).

attainable operations a second = min(peak, bandwidth x intensity),   intensity = operations / bytes moved
"""

from dataclasses import dataclass

import torch

from selfattn.analysis.cost.measuring import Point, seconds
from selfattn.analysis.cost.methods import METHODS, Shape

TRIES = 5
# Rows of the square matrices that are multiplied, and bytes that are copied: far more than a cache holds.
SIDE = {"cpu": 1024, "cuda": 8192}
COPIED = {"cpu": 1 << 27, "cuda": 1 << 30}


@dataclass(frozen=True)
class Machine:
    """The roof, as it was measured."""

    peak: float  # operations a second, of a matrix product
    bandwidth: float  # bytes a second, read and written, of a copy

    @property
    def ridge(self) -> float:
        """Operations a byte from which on a method is bound by arithmetic, not by memory."""
        return self.peak / self.bandwidth

    def roof(self, intensity: float) -> float:
        """Operations a second that are attainable at an intensity."""
        return min(self.peak, self.bandwidth * intensity)


@dataclass(frozen=True)
class Standing:
    """One forward pass under the roof."""

    method: str
    tokens: int
    intensity: float  # operations a byte, both by formula
    rate: float  # operations a second: those by formula, in the time measured


def machine(shape: Shape) -> Machine:
    """Measure the machine that a shape runs on, in its dtype: the best of some tries, since a roof is a bound."""
    kind, dtype = torch.device(shape.device).type, getattr(torch, shape.dtype)
    side, copied = SIDE[kind], COPIED[kind]
    square = torch.ones(side, side, dtype=dtype, device=shape.device)
    source = torch.ones(copied, dtype=torch.uint8, device=shape.device)
    target = torch.empty_like(source)
    product = min(seconds(lambda: square @ square, shape) for _ in range(TRIES))
    copy = min(seconds(lambda: target.copy_(source), shape) for _ in range(TRIES))
    return Machine(peak=2 * side**3 / product, bandwidth=2 * copied / copy)


def standing(point: Point, shape: Shape) -> Standing:
    """Where a forward pass stands."""
    method = METHODS[point.method]
    flops = method.flops(shape, point.tokens)
    return Standing(point.method, point.tokens, flops / method.traffic(shape, point.tokens), flops / point.seconds)
