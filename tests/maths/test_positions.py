"""Positions against Transformers' own code, slow loops, and what rotations keep."""

import math

import pytest
import torch
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb
from transformers.models.t5.modeling_t5 import T5Attention

from selfattn.maths.positions import alibi, alibi_slopes, rope, sinusoidal, t5_buckets
from tests.tools.tolerance import assert_close

TOKENS, D = 13, 14


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_sinusoids_are_their_formula():
    expected = [
        [(math.sin if n % 2 == 0 else math.cos)(i / 10_000 ** ((n - n % 2) / D)) for n in range(D)]
        for i in range(TOKENS)
    ]
    assert_close(sinusoidal(TOKENS, D), torch.tensor(expected))


def test_rotations_are_llamas():
    q, k = random(1, 3, TOKENS, D, seed=1), random(1, 3, TOKENS, D, seed=2)
    at = torch.arange(TOKENS) * 5 + 2
    config = LlamaConfig(hidden_size=3 * D, num_attention_heads=3, head_dim=D)
    cos, sin = LlamaRotaryEmbedding(config)(q, at[None])
    theirs = apply_rotary_pos_emb(q, k, cos, sin)
    assert_close(rope(q, at), theirs[0])
    assert_close(rope(k, at), theirs[1])


def test_rotations_are_complex_products():
    x, at = random(TOKENS, D), torch.arange(TOKENS)
    pairs = torch.complex(x[:, : D // 2], x[:, D // 2 :])
    angles = at[:, None] * torch.tensor([100.0 ** (-2 * m / D) for m in range(D // 2)])
    turned = pairs * torch.polar(torch.ones_like(angles), angles)
    assert_close(rope(x, at, base=100.0), torch.cat([turned.real, turned.imag], -1), within=2e-6)


def test_rotations_keep_lengths_and_see_offsets_only():
    q, k, at = random(2, TOKENS, D, seed=1), random(2, TOKENS, D, seed=2), torch.arange(TOKENS)
    assert_close(rope(q, at).norm(dim=-1), q.norm(dim=-1), within=2e-6)
    assert_close(rope(q, at * 0), q, within=0)
    scores = rope(q, at) @ rope(k, at).mT
    assert_close(rope(q, at + 17) @ rope(k, at + 17).mT, scores, within=2e-5)
    assert (rope(q, at + 17) @ rope(k, at).mT - scores).abs().max() > 0.1


@pytest.mark.parametrize("make", [lambda: rope(random(3, 5), torch.arange(3)), lambda: sinusoidal(3, 5)])
def test_odd_dimensions_have_no_pairs(make):
    with pytest.raises(ValueError, match=r"d must be even; got 5"):
        make()


def test_alibi_slopes_worked_by_hand():
    assert_close(alibi_slopes(8), torch.tensor([2.0**-n for n in range(1, 9)]), within=0)
    assert_close(alibi_slopes(1), torch.tensor([2.0**-8]), within=0)
    expected = [2.0**-n for n in range(1, 9)] + [0.7071, 0.3536, 0.1768, 0.0884]
    assert_close(alibi_slopes(12), torch.tensor(expected), within=5e-5)


def test_alibi_falls_with_distance():
    expected = [[[-m * abs(i - j) for j in range(5)] for i in range(5)] for m in (1 / 16, 1 / 256)]
    assert_close(alibi(2, 5), torch.tensor(expected), within=0)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("buckets", "furthest"), [(32, 128), (16, 64), (32, 101)])
def test_buckets_are_t5s(bidirectional, buckets, furthest):
    offset = torch.arange(307)[None, :] - torch.arange(293)[:, None]
    theirs = T5Attention._relative_position_bucket(offset, bidirectional, buckets, furthest)
    ours = t5_buckets(293, 307, bidirectional=bidirectional, buckets=buckets, furthest=furthest)
    assert torch.equal(ours, theirs)


def test_buckets_worked_by_hand():
    buckets = t5_buckets(257, 257)[128]  # offsets -128 to 128
    by_offset = {j - 128: int(bucket) for j, bucket in enumerate(buckets)}
    expected = {0: 0, -1: 1, 1: 17, -8: 8, 8: 24, -128: 15, 128: 31}
    assert {offset: by_offset[offset] for offset in expected} == expected
    assert (t5_buckets(3, 3, bidirectional=False).triu(1) == 0).all()
