"""What a model's own tensor operations say about its attention: which product, scale, bias and mask a softmax sees."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

# An added number at or below this means "may not attend": no bias reaches it.
FORBIDDEN = -1e9
# So does a number at or below this where the tensor holds nothing but it and zeros.
SURELY_FORBIDDEN = -9e3


@dataclass(frozen=True)
class Factor:
    """A tensor that was multiplied by a constant on its way, such as queries that are scaled before they meet keys."""

    factor: float


@dataclass(frozen=True)
class Scores:
    """A tensor that is `scale q . k + bias` where `keep` holds, and lies in memory as `layout` says."""

    left: Tensor  # (..., query, d), as it went into the product
    right: Tensor  # (..., d, key)
    born: Tensor  # the layout that the product had
    layout: Tensor  # a view of an empty (batch, head, query, key), on no device: what became of those axes
    heads: int
    on_query: float  # the parts of the scale that were on the product's operands
    on_key: float
    scale: Tensor  # (1,) or (head,), applied after the product
    bias: Tensor | None = None  # (batch, head, query, key), with axes of 1 where it is broadcast
    keep: Tensor | None = None  # the same, booleans
    zeroed: Tensor | None = None  # the same: what was multiplied by 0, and has to be forbidden before the softmax
    softmax: object | None = None  # which softmax made them weights

    @classmethod
    def of(cls, left: Tensor, right: Tensor, heads: int | None, on_query: float, on_key: float) -> "Scores | None":
        """The product of (..., query, d) and (..., d, key); None where its axes do not tell which is the head."""
        if left.dim() < 3 or right.dim() < 3:
            return None
        lead = _together(left.shape[:-2], right.shape[:-2])
        plane = (left.shape[-2], right.shape[-1])
        if len(lead) == 1:
            if heads is None or lead[0] % heads:
                return None
            layout = _nowhere(lead[0], *plane)
        else:
            axis = max((axis for axis, size in enumerate(lead) if size == heads), default=len(lead) - 1)
            heads = lead[axis]
            layout = _nowhere(*lead[:axis], *lead[axis + 1 :], heads, *plane).movedim(-3, axis)
        return cls(left, right, layout, layout, heads, on_query, on_key, torch.ones(1, dtype=torch.float64))

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(batch, head, query, key)."""
        queries, keys = self.left.shape[-2], self.right.shape[-1]
        return self.layout.numel() // max(self.heads * queries * keys, 1), self.heads, queries, keys

    @property
    def upright(self) -> bool:
        """Are queries and keys the last two axes, in that order?"""
        queries, keys = self.shape[2:]
        if self.layout.shape[-2:] != (queries, keys):
            return False
        return (keys == 1 or self.layout.stride(-1) == 1) and (queries == 1 or self.layout.stride(-2) == keys)

    @property
    def settled(self) -> bool:
        """May a softmax over the last axis be taken of them? What was multiplied by 0 has to be forbidden by then."""
        return self.upright and (self.zeroed is None or self.forbidden(~self.zeroed))

    def forbidden(self, keep: Tensor | None) -> bool:
        """Is all that `keep` does not hold forbidden already?"""
        if keep is None or self.keep is None:
            return keep is None
        return not bool((self.keep & ~keep).any())

    @property
    def query(self) -> Tensor:
        """(batch, head, query, d), with what part of the scale is on it."""
        query = canonical(self.left, self.born, self.heads)
        return query.expand(*self.shape[:2], *query.shape[2:])

    @property
    def key(self) -> Tensor:
        """(batch, key_head, key, d), without any scale."""
        key = canonical(self.right.transpose(-1, -2), self.born, self.heads)
        key = key.expand(self.shape[0], *key.shape[1:])
        return key if self.on_key == 1.0 else key / self.on_key

    def canonical(self, tensor: Tensor) -> Tensor:
        """A tensor that meets these scores, or whose leading axes are theirs, as (batch, head, *, *)."""
        if self.upright:
            return canonical(tensor, self.layout, self.heads)
        whole = tensor.new_empty(self.shape)
        whole.as_strided(self.layout.shape, self.layout.stride()).copy_(tensor)
        return whole

    def turned(self, axes: tuple[int, ...] | None) -> "Scores":
        """With the axes in another order."""
        return self if axes is None else replace(self, layout=self.layout.permute(axes))

    def viewed(self, shape: Sequence[int]) -> "Scores | None":
        """The same numbers under another shape."""
        try:
            return replace(self, layout=self.layout.view(tuple(shape)))
        except RuntimeError:
            return None

    def times(self, factor: float) -> "Scores":
        """Multiplied by a number."""
        return replace(self, scale=self.scale * factor, bias=None if self.bias is None else self.bias * factor)

    def times_each(self, factors: Tensor) -> "Scores | None":
        """Multiplied by a number of each head, or by a mask of ones and zeros; None where it is neither."""
        factors = self.canonical(factors)
        if factors.shape[0] != 1 or factors.shape[2:] != (1, 1):
            ones = factors == 1
            return replace(self, zeroed=~ones) if bool((ones | (factors == 0)).all()) else None
        scale = self.scale * factors[0, :, 0, 0].double().cpu()
        return replace(self, scale=scale, bias=None if self.bias is None else self.bias * factors)

    def plus(self, bias: Tensor | None, keep: Tensor | None) -> "Scores":
        """With a bias, and with keys that may not be attended to; both as `canonical` and `split` give them."""
        bias = self.bias if bias is None else bias if self.bias is None else self.bias + bias
        keep = self.keep if keep is None else keep if self.keep is None else self.keep & keep
        return replace(self, bias=bias, keep=keep)


def number(value: object) -> float | None:
    """A number, or a tensor that holds one, as a number."""
    if isinstance(value, Tensor):
        return float(value) if value.numel() == 1 else None
    return float(value) if isinstance(value, int | float) else None


def forbids(value: object) -> bool:
    """Does this number, in place of a score, mean "may not attend"?"""
    found = number(value)
    return found is not None and found <= SURELY_FORBIDDEN


def _together(first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
    """The shape of two tensors that are broadcast to one another."""
    length = max(len(first), len(second))
    shapes = ((1,) * (length - len(each)) + tuple(each) for each in (first, second))
    return tuple(b if a == 1 else a for a, b in zip(*shapes, strict=True))


def _nowhere(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


def canonical(tensor: Tensor, layout: Tensor, heads: int) -> Tensor:
    """A tensor whose leading axes are those of `layout`, or broadcast to them, as (batch, head, *, *).

    The steps of the layout in memory tell its axes apart: batch, head, or both in one. Axes along which the tensor is
    broadcast stay 1: a bias that is the same for every query is kept once.
    """
    plane = layout.shape[-2] * layout.shape[-1]
    tensor = tensor[(None,) * (layout.dim() - tensor.dim())]
    axes = [axis for axis in range(layout.dim() - 2) if layout.shape[axis] > 1]
    axes.sort(key=layout.stride, reverse=True)
    ones = [axis for axis in range(layout.dim() - 2) if axis not in axes]
    tensor = tensor.permute(*ones, *axes, -2, -1)
    tensor = tensor[(0,) * len(ones)] if ones else tensor
    full = [layout.shape[axis] for axis in axes]
    if heads == 1:
        tensor = tensor.unsqueeze(-3)
    elif layout.stride(axes[-1]) == plane and full[-1] > heads:
        tensor = tensor.unflatten(-3, (-1, heads) if tensor.shape[-3] > 1 else (1, 1))
        full[-1:] = [full[-1] // heads, heads]
    while tensor.dim() > 4 and tensor.shape[0] == 1:  # batch b of a broadcast one is batch b modulo its size
        tensor, full = tensor[0], full[1:]
    if tensor.dim() <= 4:
        return tensor if tensor.dim() == 4 else tensor[None]
    batches = tensor.dim() - 3
    return tensor.expand(*full[:batches], *tensor.shape[batches:]).flatten(0, batches - 1)


def compact(keep: Tensor) -> Tensor | None:
    """A mask that is the same for all heads, or for all queries, kept once; None where it forbids nothing."""
    for axis in (1, 2):
        first = keep.narrow(axis, 0, 1)
        if keep.shape[axis] > 1 and bool((keep == first).all()):
            keep = first.clone()
    return None if keep.all() else keep


def split(term: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """What is added to scores, as a finite bias and as the keys that may be attended to; None where there is none."""
    if term.numel() == 0:
        return None, None
    lowest, highest = torch.stack(term.aminmax()).tolist()
    limit = max(FORBIDDEN, torch.finfo(term.dtype).min / 2)
    if lowest <= limit:
        keep = term > limit
        bias = term.masked_fill(~keep, 0.0)
        return (bias if bias.any() else None), compact(keep)
    if lowest <= SURELY_FORBIDDEN and bool(((term == 0) | (term == lowest)).all()):
        return None, compact(term == 0)
    return (term if lowest or highest else None), None


def tensors_in(arguments: Any) -> list[Tensor]:
    """The tensors among the arguments of an operation, and in lists among them."""
    found: list[Tensor] = []
    for each in arguments:
        if isinstance(each, Tensor):
            found.append(each)
        elif isinstance(each, tuple | list):
            found.extend(one for one in each if isinstance(one, Tensor))
    return found


def factor_of(node: Any) -> float:
    """The constant by which a tensor was multiplied, as far as that is known."""
    return node.factor if isinstance(node, Factor) else 1.0


def multiplied_by(name: str, arguments: tuple[Any, ...]) -> Factor | None:
    """The constant by which a tensor was multiplied or divided."""
    if len(arguments) != 2:
        return None
    first, second = number(arguments[0]), number(arguments[1])
    if second is not None:
        return Factor(second if name == "mul" else 1 / second) if second or name == "mul" else None
    return Factor(first) if first is not None and name == "mul" else None
