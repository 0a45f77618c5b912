"""What a variant costs for one head: multiply-adds, and the numbers that it holds beside q, k, v and its output.

Counted by formula, without a mask: for N queries, M keys, q and k of d dimensions, v of dᵥ. Exponentials, sorts and
sums of a row are left out, as they are small beside the products.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from selfattn.analysis.variants.variant import Exact, VariantSettings

# The length at which the cost of a long text is told.
LONG = 4096


@dataclass(frozen=True)
class HeadShape:
    """The sizes that a cost is counted from."""

    queries: int
    keys: int
    d: int
    d_v: int
    d_model: int
    causal: bool

    @classmethod
    def of(cls, exact: Exact) -> "HeadShape":
        """The sizes of a head."""
        stages, read = exact.stages, exact.layer_input
        (queries, keys), d, d_v = stages.keep.shape, stages.query.shape[-1], stages.value.shape[-1]
        return cls(queries, keys, d, d_v, d if read is None else read.shape[-1], exact.causal is True)

    def long(self) -> "HeadShape":
        """The same head on a text of 4096 tokens."""
        return replace(self, queries=LONG, keys=LONG)


@dataclass(frozen=True)
class Cost:
    """Two formulas, and the numbers that they give."""

    operations: str
    memory: str
    multiply_adds: int
    numbers: int


Count = Callable[[HeadShape, VariantSettings], tuple[int, int]]


def _whole(s: HeadShape, by: VariantSettings) -> tuple[int, int]:
    return s.queries * s.keys * (s.d + s.d_v), s.queries * s.keys


def _with_lengths(s: HeadShape, by: VariantSettings) -> tuple[int, int]:
    operations, numbers = _whole(s, by)
    return operations + (s.queries + s.keys) * s.d, numbers


def _additive(s: HeadShape, by: VariantSettings) -> tuple[int, int]:
    operations, numbers = _whole(s, by)
    return operations + (s.queries + s.keys) * s.d**2, numbers * s.d


def _bilinear(s: HeadShape, by: VariantSettings) -> tuple[int, int]:
    operations, numbers = _whole(s, by)
    return operations + s.queries * s.d**2, numbers


def _plain(s: HeadShape, by: VariantSettings) -> tuple[int, int]:
    return s.queries * s.keys * (s.d_model + s.d_v), s.queries * s.keys


def _top_k(s: HeadShape, by: VariantSettings) -> tuple[int, int]:
    return s.queries * (s.keys * s.d + min(by.k, s.keys) * s.d_v), s.queries * s.keys


def _linear(s: HeadShape, by: VariantSettings) -> tuple[int, int]:
    both = s.queries + s.keys
    return both * s.d * (s.d_v + 1), (both + s.d_v + 1) * s.d


def _performer(s: HeadShape, by: VariantSettings) -> tuple[int, int]:
    both = s.queries + s.keys
    return both * by.features * (s.d + s.d_v + 1), (both + s.d_v + 1) * by.features


def _nystrom(s: HeadShape, by: VariantSettings) -> tuple[int, int]:
    count = min(by.landmarks, s.queries, s.keys)
    held = (s.queries + s.keys + count) * count
    return held * (s.d + s.d_v) + count**3, held


def _linformer(s: HeadShape, by: VariantSettings) -> tuple[int, int]:
    both = s.queries + s.keys
    return both * by.projected * (s.d + s.d_v), (both + s.keys + s.d + s.d_v) * by.projected


def _reaching(reach: Callable[[HeadShape, VariantSettings], int]) -> Count:
    def count(s: HeadShape, by: VariantSettings) -> tuple[int, int]:
        pairs = s.queries * min(reach(s, by), s.keys)
        return pairs * (s.d + s.d_v), pairs

    return count


def _sides(s: HeadShape) -> int:
    return 1 if s.causal else 2


_local = _reaching(lambda s, by: _sides(s) * (by.window - 1) + 1)
_dilated = _reaching(lambda s, by: _sides(s) * ((by.window - 1) // by.step) + 1)
_block = _reaching(lambda s, by: by.block)
_sinks = _reaching(lambda s, by: _sides(s) * (by.window - 1) + 1 + by.sinks)

EXACT = ("N M (d + dᵥ)", "N M", _whole)
# A window reaches to one side where the head is causal, and to both where it is not.
_COSTS: dict[str, tuple[str, str, Count]] = {
    "cosine": ("N M (d + dᵥ) + (N + M) d", "N M", _with_lengths),
    "additive": ("N M (d + dᵥ) + (N + M) d²", "N M d", _additive),
    "bilinear": ("N M (d + dᵥ) + N d²", "N M", _bilinear),
    "rbf": ("N M (d + dᵥ) + (N + M) d", "N M", _with_lengths),
    "plain": ("N M (d_model + dᵥ)", "N M", _plain),
    "top-k": ("N M d + N k dᵥ", "N M", _top_k),
    "linear": ("(N + M) d (dᵥ + 1)", "(N + M + dᵥ + 1) d", _linear),
    "performer": ("(N + M) m (d + dᵥ + 1)", "(N + M + dᵥ + 1) m", _performer),
    "nystrom": ("(N + M + c) c (d + dᵥ) + c³", "(N + M + c) c", _nystrom),
    "linformer": ("(N + M) r (d + dᵥ)", "(N + 2M + d + dᵥ) r", _linformer),
    "local": ("N (2w − 1) (d + dᵥ)", "N (2w − 1)", _local),
    "dilated": ("N (2⌊(w − 1) / c⌋ + 1) (d + dᵥ)", "N (2⌊(w − 1) / c⌋ + 1)", _dilated),
    "block": ("N b (d + dᵥ)", "N b", _block),
    "sinks": ("N (s + 2w − 1) (d + dᵥ)", "N (s + 2w − 1)", _sinks),
}
_CAUSAL = {"(2w − 1)": "w", "(s + 2w − 1)": "(s + w)", "(2⌊(w − 1) / c⌋ + 1)": "(⌊(w − 1) / c⌋ + 1)"}


def cost(name: str, shape: HeadShape, settings: VariantSettings) -> Cost:
    """The cost of a variant, by its name; what is not listed here costs what exact attention does."""
    operations, memory, count = _COSTS.get(name, EXACT)
    if shape.causal:
        for both, one in _CAUSAL.items():
            operations, memory = operations.replace(both, one), memory.replace(both, one)
    return Cost(operations, memory, *count(shape, settings))
