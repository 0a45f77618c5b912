"""Which query may attend to which key. A pattern is a value: combine it with `&`, `|` and `~`, print it, parse it.

    causal & window(4)                  # a sliding causal window: i - 4 < j <= i
    window(3) | global_tokens([0])      # a band, and token 0 sees and is seen by all
    parse("causal & window(4)")         # the same value as the first

True means "may attend". A mask becomes numbers in one place only, `to_bias`.
"""

import ast
import math
import re
import reprlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Rows = slice | Int[Tensor, " row"]
Each = TypeVar("Each")


@dataclass(frozen=True)
class MaskPattern:
    """What all patterns share: they combine, and they print as the expression that makes them."""

    def keep(
        self, queries: int, keys: int, real: Bool[Tensor, " key"] | None = None, rows: Rows = slice(None)
    ) -> Bool[Tensor, "row key"]:
        """Which keys each of the chosen queries may attend to; `real` says which keys are text, not padding (all)."""
        real = torch.ones(keys, dtype=torch.bool) if real is None else real
        i = torch.arange(queries, device=real.device)[rows, None]
        j = torch.arange(keys, device=real.device)[None, :]
        return self._keep(i, j, real).expand(len(i), keys)

    @property
    def names_positions(self) -> bool:
        """Does it name positions, so that it is of one text and of no other?"""
        return False

    def _keep(self, i: Tensor, j: Tensor, real: Tensor) -> Tensor:
        raise NotImplementedError

    def __and__(self, other: "MaskPattern") -> "MaskPattern":
        return Both(self, other)

    def __or__(self, other: "MaskPattern") -> "MaskPattern":
        return Either(self, other)

    def __invert__(self) -> "MaskPattern":
        return Not(self)


@dataclass(frozen=True)
class Both(MaskPattern):
    left: MaskPattern
    right: MaskPattern

    def _keep(self, i: Tensor, j: Tensor, real: Tensor) -> Tensor:
        return self.left._keep(i, j, real) & self.right._keep(i, j, real)

    @property
    def names_positions(self) -> bool:
        return self.left.names_positions or self.right.names_positions

    def __str__(self) -> str:
        return f"({self.left} & {self.right})"


@dataclass(frozen=True)
class Either(MaskPattern):
    left: MaskPattern
    right: MaskPattern

    def _keep(self, i: Tensor, j: Tensor, real: Tensor) -> Tensor:
        return self.left._keep(i, j, real) | self.right._keep(i, j, real)

    @property
    def names_positions(self) -> bool:
        return self.left.names_positions or self.right.names_positions

    def __str__(self) -> str:
        return f"({self.left} | {self.right})"


@dataclass(frozen=True)
class Not(MaskPattern):
    inner: MaskPattern

    def _keep(self, i: Tensor, j: Tensor, real: Tensor) -> Tensor:
        return ~self.inner._keep(i, j, real)

    @property
    def names_positions(self) -> bool:
        return self.inner.names_positions

    def __str__(self) -> str:
        return f"~{self.inner}"


@dataclass(frozen=True)
class Causal(MaskPattern):
    """No token sees the future: `j <= i`."""

    def _keep(self, i: Tensor, j: Tensor, real: Tensor) -> Tensor:
        return j <= i

    def __str__(self) -> str:
        return "causal"


@dataclass(frozen=True)
class Padding(MaskPattern):
    """Nobody attends to a padding token."""

    def _keep(self, i: Tensor, j: Tensor, real: Tensor) -> Tensor:
        return real[None, :] & (i >= 0)

    def __str__(self) -> str:
        return "padding"


@dataclass(frozen=True)
class Dilated(MaskPattern):
    """Every `step`-th token nearer than `width`: `|i - j| < width` and `(i - j) mod step = 0`."""

    width: int
    step: int = 1

    def __post_init__(self) -> None:
        _whole("The width of a window", self.width, least=1)
        _whole("The step of a window", self.step, least=1)

    def _keep(self, i: Tensor, j: Tensor, real: Tensor) -> Tensor:
        return ((i - j).abs() < self.width) & ((i - j) % self.step == 0)

    def __str__(self) -> str:
        return f"window({self.width})" if self.step == 1 else f"dilated({self.width}, {self.step})"


@dataclass(frozen=True)
class Block(MaskPattern):
    """Tokens attend within their block of `size` neighbours: `i // size = j // size`."""

    size: int

    def __post_init__(self) -> None:
        _whole("The size of a block", self.size, least=1)

    def _keep(self, i: Tensor, j: Tensor, real: Tensor) -> Tensor:
        return i // self.size == j // self.size

    def __str__(self) -> str:
        return f"block({self.size})"


@dataclass(frozen=True)
class GlobalTokens(MaskPattern):
    """The tokens at `positions` attend to all and are attended by all."""

    positions: tuple[int, ...]

    def _keep(self, i: Tensor, j: Tensor, real: Tensor) -> Tensor:
        chosen = torch.tensor(self.positions, dtype=i.dtype, device=i.device)
        return torch.isin(i, chosen) | torch.isin(j, chosen)

    @property
    def names_positions(self) -> bool:
        return True

    def __str__(self) -> str:
        return f"global_tokens({list(self.positions)})"


@dataclass(frozen=True)
class Custom(MaskPattern):
    """Exactly these (query, key) pairs; pairs that lie outside the text are ignored."""

    pairs: tuple[tuple[int, int], ...]

    def _keep(self, i: Tensor, j: Tensor, real: Tensor) -> Tensor:
        chosen = torch.tensor([query << 31 | key for query, key in self.pairs], dtype=i.dtype, device=i.device)
        return torch.isin(i << 31 | j, chosen)

    @property
    def names_positions(self) -> bool:
        return True

    def __str__(self) -> str:
        return f"custom({[list(pair) for pair in self.pairs]})"


causal = Causal()
padding = Padding()


def window(width: int) -> MaskPattern:
    """Tokens nearer than `width`, to both sides: `|i - j| < width`. With `causal`, the usual sliding window."""
    return Dilated(width)


def dilated(width: int, step: int) -> MaskPattern:
    """Every `step`-th token nearer than `width` (Beltagy et al. 2020)."""
    return Dilated(width, step)


def block(size: int) -> MaskPattern:
    """Blocks of `size` tokens that attend only within themselves."""
    return Block(size)


def global_tokens(positions: Iterable[int]) -> MaskPattern:
    """Tokens that attend to all and are attended by all; combine with a window by `|`."""
    return GlobalTokens(_positions(positions))


def custom(pairs: Iterable[Iterable[int]]) -> Custom:
    """Exactly these (query, key) pairs; `~custom(pairs)` allows all others."""
    return Custom(tuple(sorted({_pair(pair) for pair in _each("Pairs", pairs)})))


def _pair(numbers: Iterable[int]) -> tuple[int, int]:
    positions = _positions(numbers)
    if len(positions) != 2:
        raise ValueError(f"A pair is (query, key), two positions; got {positions}.")
    return positions[0], positions[1]


def _positions(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(_whole("A position", number, least=0) for number in _each("Positions", numbers))


def _each(what: str, given: Iterable[Each]) -> Iterable[Each]:
    if not isinstance(given, Iterable):
        raise ValueError(f"{what}: expected several, such as [5, 3]; got {reprlib.repr(given)}.")
    return given


def _whole(what: str, number: object, least: int) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= _MOST:
        raise ValueError(f"{what} is a whole number from {least} to {_MOST}; got {reprlib.repr(number)}.")
    return number


_MOST = 2**31 - 1  # two positions fit into one 64-bit number
_LONGEST, _DEEPEST = 300_000, 100  # characters, and operators, that are read
_WORDS = re.compile(r"(\b([a-z_]+|[0-9]+)\b|[\s()\[\],&|~-])*")
_NAMES = {"causal": causal, "padding": padding}
_CALLS: dict[str, Callable[..., MaskPattern]] = {
    "window": window,
    "dilated": dilated,
    "block": block,
    "global_tokens": global_tokens,
    "custom": custom,
}
_HELP = (
    "expected causal, padding, window(4), dilated(8, 2), block(4), global_tokens([0]) or custom([[5, 3]]), "
    "combined with &, | and ~."
)


def parse(text: str) -> MaskPattern:
    """Read a pattern from its expression, as `str` writes it. Nothing is evaluated: only the names above exist.

    Raises ValueError, with what was expected, for any other text.
    """
    if len(text) > _LONGEST or sum(map(text.count, "&|~")) > _DEEPEST:
        raise ValueError(f"A mask has at most {_LONGEST} characters, {_DEEPEST} operators; got more: {text[:40]!r}...")
    try:
        if _WORDS.fullmatch(text):
            return _build(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, TypeError, RecursionError, MemoryError):
        pass
    raise ValueError(f"Could not read the mask {text[:80]!r}; {_HELP}")


def from_command_line(text: str) -> MaskPattern:
    """Read the short spelling, `causal,window:4`: a comma is `&`, a colon leads to a number. Expressions pass too."""
    if "(" in text:
        return parse(text)
    parts = [part.strip().split(":") for part in text.split(",")]
    return parse(" & ".join(f"({_spelled(*part)})" for part in parts))


def _spelled(name: str, *numbers: str) -> str:
    if not numbers:
        return name
    listed = ", ".join(numbers)
    return f"{name}([{listed}])" if name.endswith("global_tokens") else f"{name}({listed})"


def _build(node: ast.expr) -> MaskPattern:
    match node:
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        case ast.BinOp(left=left, op=ast.BitAnd(), right=right):
            return _build(left) & _build(right)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _build(left) | _build(right)
        case ast.UnaryOp(op=ast.Invert(), operand=inner):
            return ~_build(inner)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _CALLS:
            return _CALLS[name](*map(_literal, arguments))
    raise ValueError(f"Could not read {ast.unparse(node)[:80]!r} in the mask; {_HELP}")


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            return -number
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_literal(item) for item in items]
    raise ValueError(f"Could not read {ast.unparse(node)[:80]!r} in the mask; {_HELP}")


def to_bias(keep: Bool[Tensor, "*shape"], dtype: torch.dtype = torch.float32) -> Float[Tensor, "*shape"]:
    """The mask as a term to add to the scores: 0 where attention may go, minus infinity where it may not."""
    return torch.zeros(keep.shape, dtype=dtype, device=keep.device).masked_fill_(~keep, -math.inf)
