"""Saturation against the Jacobian that autograd computes, and the table of every d_k worked out beforehand."""

import math

import pytest
import torch
from torch.autograd.functional import jacobian

from selfattn.maths.attend import attend
from selfattn.maths.masks import causal
from selfattn.maths.saturation import (
    entropy,
    jacobian_norm,
    jacobian_trace,
    max_probability,
    normalised_entropy,
    score_variance,
)
from tests.tools.tolerance import assert_close

HEADS, QUERIES, KEYS = 2, 3, 7
EVERY = torch.ones(1, KEYS, dtype=torch.bool)


def logits(spread: float, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(HEADS, QUERIES, KEYS, generator=generator, dtype=torch.float64) * spread


@pytest.mark.parametrize("spread", [0.0, 0.1, 1.0, 5.0, 40.0])
def test_trace_and_norms_are_those_of_autograds_jacobian(spread):
    x = logits(spread)
    weights = x.softmax(-1)
    for head in range(HEADS):
        for row in range(QUERIES):
            j = jacobian(lambda y: y.softmax(-1), x[head, row])
            assert_close(jacobian_trace(weights)[head, row], j.trace(), within=1e-12)
            assert_close(jacobian_norm(weights)[head, row], torch.linalg.matrix_norm(j), within=1e-12)
            assert torch.linalg.matrix_norm(j, 2) <= 0.5 + 1e-12


def test_a_saturated_row_keeps_its_digits_in_float32():
    # p = (1 - e, e): tr J = 2 e (1 - e) and |J| = 2 e (1 - e).
    for e in (1e-2, 1e-4, 1e-6):
        p = torch.tensor([[1 - e, e]])
        kept = 1 - p[0, 0].double().item()  # what float32 makes of it
        assert_close(jacobian_norm(p) / (2 * kept), 1.0, within=0.03)
        assert_close(jacobian_trace(p) / (2 * kept), 1.0, within=0.03)


def test_entropy_is_its_formula_and_counts_no_zero():
    p = torch.tensor([[0.5, 0.25, 0.25, 0.0], [1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25], [0.0, 0.0, 0.0, 0.0]])
    assert_close(entropy(p), torch.tensor([1.5 * math.log(2), 0.0, math.log(4), 0.0]))
    assert_close(max_probability(p), torch.tensor([0.5, 1.0, 0.25, 0.0]), within=0)


def test_entropy_never_rises_with_inverse_temperature_and_falls_as_the_variance_says():
    x = logits(1.5)[0, 0]
    for b in (0.1, 0.5, 1.0, 2.0, 5.0):
        inverse = torch.tensor(b, dtype=torch.float64, requires_grad=True)
        weights = (inverse * x).softmax(-1)
        slope = torch.autograd.grad(entropy(weights[None])[0], inverse)[0]
        p = weights.detach()
        variance = (p * x.square()).sum() - (p * x).sum().square()
        assert_close(slope, -b * variance, within=1e-12)  # dH/db = -b Var_p(score)
        assert slope <= 0


def test_normalised_entropy_divides_by_the_keys_that_are_allowed():
    keep = causal.keep(5, 5)
    uniform = keep / keep.sum(-1, keepdim=True)
    assert_close(normalised_entropy(uniform, keep), torch.tensor([math.nan, 1.0, 1.0, 1.0, 1.0]))
    stacked = torch.stack([uniform, torch.eye(5)])
    one_key = torch.tensor([math.nan, 0.0, 0.0, 0.0, 0.0])
    assert_close(normalised_entropy(stacked, keep)[1], one_key)
    half_in_a_sink = torch.tensor([[0.5, 0.0]])
    assert_close(normalised_entropy(half_in_a_sink, half_in_a_sink > 0), math.nan)
    nothing = torch.zeros(2, 3, dtype=torch.bool)
    assert_close(normalised_entropy(torch.zeros(2, 3), nothing), math.nan)


def test_the_variance_of_the_scores_leaves_out_what_is_masked():
    scores = torch.tensor([[1.0, 99.0, 99.0], [2.0, 6.0, 99.0]]).expand(2, 2, 3)
    keep = torch.tensor([[True, False, False], [True, True, False]])
    assert_close(score_variance(scores, keep), (4 + 1 + 9) / 3)  # mean 3
    assert math.isnan(score_variance(scores, keep & False))


# d_k: unscaled entropy / log n, largest weight, tr J; then scaled.
TABLE = {
    1: (0.889, 0.143, 0.924, 0.889, 0.143, 0.924),
    4: (0.656, 0.344, 0.788, 0.875, 0.159, 0.925),
    16: (0.328, 0.630, 0.496, 0.871, 0.164, 0.926),
    64: (0.143, 0.819, 0.255, 0.869, 0.166, 0.926),
    256: (0.067, 0.908, 0.131, 0.869, 0.165, 0.927),
    1024: (0.032, 0.953, 0.066, 0.870, 0.165, 0.927),
}


@pytest.mark.parametrize("d", TABLE)
def test_without_the_scale_the_softmax_saturates_as_d_grows(d):
    # 4000 queries, each draw of 32 keys shared by 8 of them: less would leave the luck of the keys in the mean.
    generator = torch.Generator().manual_seed(0)
    q, k = (torch.randn(500, n, d, generator=generator) for n in (8, 32))
    measured = []
    for scale in (1.0, None):
        stages = attend(q, k, k, scale=scale)
        measured += [
            normalised_entropy(stages.weights, stages.keep).mean(),
            max_probability(stages.weights).mean(),
            jacobian_trace(stages.weights).mean(),
        ]
    assert_close(torch.stack(measured), torch.tensor(TABLE[d]), within=0.01)
    assert_close(score_variance(stages.scores, stages.keep) / d, 1.0, within=0.05)
