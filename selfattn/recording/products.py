"""The ways in which PyTorch is asked to multiply matrices, as one: (..., m, c) times (..., c, n) is (..., m, n)."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

PRODUCTS = ("matmul", "bmm", "baddbmm", "einsum")


@dataclass(frozen=True)
class Product:
    """One product: its tensors as they were given, and the axes that turn them into matrices."""

    left: Tensor
    right: Tensor
    output: Tensor
    left_axes: tuple[int, ...] | None = None  # None: as they are
    right_axes: tuple[int, ...] | None = None
    output_axes: tuple[int, ...] | None = None
    alpha: float = 1.0
    added: Tensor | None = None  # what `baddbmm` adds

    @classmethod
    def of(cls, name: str, output: Tensor, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> "Product | None":
        """Read a call of PyTorch; None for an einsum that is no product of matrices."""
        if name == "einsum":
            return cls._einsum(output, *arguments)
        given = [
            *arguments,
            *(value for value in keywords.values() if isinstance(value, Tensor) and value is not output),
        ]
        left, right = given[-2:]
        if name != "baddbmm":
            return cls(left, right, output)
        beta = keywords.get("beta", 1)
        added = None if beta == 0 else given[0] if beta == 1 else given[0] * beta
        return cls(left, right, output, alpha=float(keywords.get("alpha", 1)), added=added)

    @classmethod
    def _einsum(cls, output: Tensor, equation: Any, *operands: Any) -> "Product | None":
        operands = tuple(operands[0]) if len(operands) == 1 and isinstance(operands[0], list | tuple) else operands
        if not isinstance(equation, str) or "->" not in equation or "." in equation or len(operands) != 2:
            return None
        given, result = equation.replace(" ", "").split("->")
        left, right = given.split(",")
        summed = [letter for letter in left if letter in right and letter not in result]
        rows = [letter for letter in left if letter not in right]
        columns = [letter for letter in right if letter not in left]
        if not len(summed) == len(rows) == len(columns) == 1 or set(rows + columns) - set(result):
            return None
        batch = [letter for letter in left if letter in right and letter in result]
        return cls(
            *operands,
            output,
            tuple(left.index(letter) for letter in batch + rows + summed),
            tuple(right.index(letter) for letter in batch + summed + columns),
            tuple(result.index(letter) for letter in batch + rows + columns),
        )

    @property
    def operands(self) -> tuple[Tensor, Tensor]:
        """(..., m, c) and (..., c, n)."""
        return _turned(self.left, self.left_axes), _turned(self.right, self.right_axes)

    @property
    def result(self) -> Tensor:
        """(..., m, n): a view of the output."""
        return _turned(self.output, self.output_axes)

    @property
    def back_axes(self) -> tuple[int, ...] | None:
        """The axes that turn (..., m, n) into the output."""
        axes = self.output_axes
        return None if axes is None else tuple(axes.index(axis) for axis in range(len(axes)))


def _turned(tensor: Tensor, axes: tuple[int, ...] | None) -> Tensor:
    return tensor if axes is None else tensor.permute(axes)
