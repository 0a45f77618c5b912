"""Five ways to compute attention, and what each costs by formula: floating-point operations and bytes moved.

N tokens, h heads of d numbers, w the width of the window, s bytes a number. A multiply-add is two operations; those of
the softmax, the mask and other work on single numbers are left out, as is usual. Bytes are those that the kernels of a
method read and write once each, with nothing left in a cache from one kernel to the next.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from selfattn.maths.linear import elu_features, kernel_context
from selfattn.maths.windowed import windowed
from selfattn.models.encoder import SelfAttention, SelfAttentionConfig
from selfattn.recording.doors import Recorder, recording

# Keys that a query of the window method reaches to each side, itself included.
WIDTH = 64
Heads = Float[Tensor, "1 head token d"]


@dataclass(frozen=True)
class Shape:
    """The attention whose cost is asked for: one text, no mask."""

    heads: int
    d_head: int
    dtype: str = "float32"
    device: str = "cpu"

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return getattr(torch, self.dtype).itemsize

    def row(self, tokens: int) -> int:
        """Bytes of one of Q, K, V or the context, of all heads: `h N d s`."""
        return self.heads * tokens * self.d_head * self.itemsize

    def plane(self, tokens: int) -> int:
        """Bytes of one N x N matrix of every head: `h N^2 s`."""
        return self.heads * tokens**2 * self.itemsize


@dataclass(frozen=True)
class Method:
    """One way to compute attention. `run` returns what stays when the layer is done, the context first."""

    name: str
    run: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, ...]]
    exponent: int  # p of cost ~ N^p, by theory
    formula: str  # of the operations of a forward pass
    flops: Callable[[Shape, int], int]  # the same in numbers
    traffic: Callable[[Shape, int], int]  # bytes that it moves
    peak: Callable[[Shape, int, bool], int]  # bytes at most held, from above; True with the backward pass


def eager(query: Heads, key: Heads, value: Heads) -> tuple[Tensor, ...]:
    """By the formula, with the weights kept: what `output_attentions=True` does in most libraries."""
    weights = (query @ key.mT * query.shape[-1] ** -0.5).softmax(-1)
    return weights @ value, weights


def sdpa(query: Heads, key: Heads, value: Heads) -> tuple[Tensor, ...]:
    """PyTorch's fused kernel, block by block, with no N x N matrix (Dao et al. 2022)."""
    return (scaled_dot_product_attention(query, key, value),)


def recorded(query: Heads, key: Heads, value: Heads) -> tuple[Tensor, ...]:
    """The same kernel through this app's door: Q, K and V stay, and a sample of the context to compare with."""
    _, heads, _, d = query.shape
    with recording(Recorder({})) as recorder:
        context, _ = AttentionInterface()["selfattn_sdpa"](_layer(heads, d), query, key, value, None, scaling=d**-0.5)
    (call,), ((rows, sample),) = recorder.calls, recorder.samples
    return context, call.query, call.key, call.value, rows, sample


@functools.lru_cache(maxsize=8)
def _layer(heads: int, d: int) -> SelfAttention:
    """A layer of the local encoder without weights: what the door asks it is its scale, and whether it is causal."""
    with torch.device("meta"):
        return SelfAttention(SelfAttentionConfig(hidden_size=heads * d, num_attention_heads=heads))


def window(query: Heads, key: Heads, value: Heads) -> tuple[Tensor, ...]:
    """Each token attends to those nearer than `WIDTH`: exact, but of another pattern."""
    return (windowed(query, key, value, WIDTH),)


def linear(query: Heads, key: Heads, value: Heads) -> tuple[Tensor, ...]:
    """Linear attention: another function in place of the softmax, `elu + 1` (Katharopoulos et al. 2020)."""
    return (kernel_context(elu_features(query), elu_features(key), value),)


def _whole(tokens: int) -> int:
    """Tokens of the window's blocks: the last is filled up."""
    return -(-tokens // WIDTH) * WIDTH


METHODS = {
    method.name: method
    for method in (
        Method(
            "eager",
            eager,
            exponent=2,
            formula="4 h N² d",
            flops=lambda s, n: 4 * s.heads * n**2 * s.d_head,  # Q K^T, and weights V
            traffic=lambda s, n: 6 * s.plane(n) + 4 * s.row(n),  # scores, scaled, weights: each written and read
            peak=lambda s, n, backward: (3 if backward else 2) * s.plane(n) + 9 * s.row(n),
        ),
        Method(
            "SDPA",
            sdpa,
            exponent=2,
            formula="4 h N² d",
            flops=lambda s, n: 4 * s.heads * n**2 * s.d_head,
            traffic=lambda s, n: 4 * s.row(n),  # Q, K and V read, the context written
            peak=lambda s, n, backward: (18 if backward else 10) * s.row(n),
        ),
        Method(
            "recording",
            recorded,
            exponent=2,
            formula="4 h N² d",
            flops=lambda s, n: 4 * s.heads * n**2 * s.d_head,
            traffic=lambda s, n: 6 * s.row(n),  # and the context copied, a token's heads side by side
            peak=lambda s, n, backward: (20 if backward else 10) * s.row(n),
        ),
        Method(
            "window",
            window,
            exponent=1,
            formula="12 h N w d",
            flops=lambda s, n: 4 * s.heads * _whole(n) * 3 * WIDTH * s.d_head,
            traffic=lambda s, n: 20 * s.row(_whole(n)),
            peak=lambda s, n, backward: (18 if backward else 9) * s.row(_whole(n)) + 54 * WIDTH * _whole(n),
        ),
        Method(
            "linear",
            linear,
            exponent=1,
            formula="4 h N d (d + 1)",
            flops=lambda s, n: 4 * s.heads * n * s.d_head * (s.d_head + 1),  # phi(K)^T [V 1], and phi(Q) times it
            traffic=lambda s, n: 20 * s.row(n),
            peak=lambda s, n, backward: (15 if backward else 10) * s.row(n),
        ),
    )
}


def random_heads(shape: Shape, tokens: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Standard normal Q, K and V: what attention costs does not depend on the numbers."""
    size = (1, shape.heads, tokens, shape.d_head)
    made = (torch.randn(size, generator=generator) for _ in range(3))
    query, key, value = (x.to(shape.device, getattr(torch, shape.dtype)) for x in made)
    return query, key, value
