"""Attention in linear time and through fewer rows: goldens by hand, the laws where it is exact, and slow loops."""

import math

import pytest
import torch
from torch import Tensor

from selfattn.maths.approximate import iterated_inverse, linformer, nystrom, segment_means
from selfattn.maths.linear import (
    elu_features,
    gaussian_directions,
    kernel_context,
    kernel_weights,
    log_features,
    performer_features,
)
from tests.tools.tolerance import assert_close

HEADS, TOKENS, D, D_V = 2, 11, 5, 7
GOLDEN = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


Q, K, V = random(HEADS, TOKENS, D, seed=1), random(HEADS, TOKENS, D, seed=2), random(HEADS, TOKENS, D_V, seed=3)
EXACT = (Q @ K.mT / math.sqrt(D)).softmax(-1)
ALL = torch.ones(TOKENS, TOKENS, dtype=torch.bool)


def test_linear_attention_has_the_weights_worked_by_hand():
    features = elu_features(GOLDEN)
    weights = kernel_weights(features, features, torch.ones(3, 3, dtype=torch.bool))
    expected = [[1 / 3, 0.266667, 0.4], [0.266667, 1 / 3, 0.4], [0.3, 0.3, 0.4]]
    assert_close(weights, torch.tensor(expected))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("padded", [0, 3])
def test_linear_time_gives_what_the_matrix_of_weights_gives(causal, padded):
    real = torch.arange(TOKENS) < TOKENS - padded
    keep = (ALL.tril() if causal else ALL) & real
    q, k = elu_features(Q), elu_features(K)
    expected = kernel_weights(q, k, keep) @ V
    assert_close(kernel_context(q, k, V, causal=causal, real=real), expected, within=1e-12)


def test_no_key_to_attend_to_gives_zeros():
    nothing = torch.zeros(TOKENS, dtype=torch.bool)
    q, k = elu_features(Q), elu_features(K)
    assert_close(kernel_context(q, k, V, real=nothing), 0.0, within=0)
    assert_close(kernel_weights(q, k, ~ALL), 0.0, within=0)


@pytest.mark.parametrize("orthogonal", [False, True])
def test_the_performers_kernel_is_unbiased_and_its_error_falls_like_one_over_the_root_of_m(orthogonal):
    q, k = Q[0] / 3, K[0] / 3
    generator, errors = torch.Generator().manual_seed(0), {}
    for features, draws in ((5, 1600), (80, 100)):
        estimates = torch.stack(
            [
                log_features(q, directions).exp() @ log_features(k, directions).exp().mT
                for directions in (gaussian_directions(features, D, generator, orthogonal) for _ in range(draws))
            ]
        )
        deviation = estimates.std(0)
        # 8000 directions in all: the mean lies within a few of its own deviations of the exact kernel.
        far = (estimates.mean(0) - (q @ k.mT).exp()).abs() / (deviation / math.sqrt(draws))
        assert far.max() < 4.5
        errors[features] = deviation.median().item()  # long vectors have so heavy a tail that a mean is not settled
    assert 3 < errors[5] / errors[80] < 5.5  # 4 = sqrt(80 / 5), where directions are independent


@pytest.mark.slow
def test_orthogonal_directions_err_less():
    q, k, errors = Q[0] / 2, K[0] / 2, {}
    for orthogonal in (False, True):
        generator = torch.Generator().manual_seed(0)
        draws = [gaussian_directions(D, D, generator, orthogonal) for _ in range(3000)]
        estimates = torch.stack([log_features(q, w).exp() @ log_features(k, w).exp().mT for w in draws])
        errors[orthogonal] = (estimates - (q @ k.mT).exp()).square().mean().item()
    assert errors[True] < 0.9 * errors[False]


def test_orthogonal_directions_are_at_right_angles_and_as_long_as_gaussian_ones():
    directions = gaussian_directions(3 * D, D, torch.Generator().manual_seed(4))
    block = directions[:D]
    angles = block @ block.mT
    assert_close(angles - angles.diagonal().diag(), 0.0, within=1e-12)
    many = gaussian_directions(20_000, D, torch.Generator().manual_seed(5))
    assert abs(many.square().sum(-1).mean().item() / D - 1) < 0.03
    assert_close(many.mean(0), 0.0, within=0.03)
    assert gaussian_directions(D + 2, D, torch.Generator().manual_seed(6)).shape == (D + 2, D)


def test_performer_weights_tend_to_exact_attention_even_where_exponentials_overflow():
    directions = gaussian_directions(8000, D, torch.Generator().manual_seed(7))
    weights = kernel_weights(*performer_features(Q / 2, K / 2, directions, D**-0.5), ALL)
    exact = (Q / 2 @ (K / 2).mT / math.sqrt(D)).softmax(-1)
    assert_close(weights, exact, within=0.02)
    assert_close(weights.sum(-1), 1.0, within=1e-12)
    huge = performer_features(Q * 100, K * 100, directions, D**-0.5)
    assert all(features.isfinite().all() for features in huge)
    negative = kernel_weights(*performer_features(Q / 2, K / 2, directions, -(D**-0.5)), ALL)
    assert_close(negative, (-(Q / 2 @ (K / 2).mT) / math.sqrt(D)).softmax(-1), within=0.02)


def test_segment_means_are_means_of_neighbours():
    x = torch.arange(7.0)[:, None]
    assert_close(segment_means(x, 3), torch.tensor([[1.0], [3.5], [5.5]]))  # 3 + 2 + 2 tokens
    assert_close(segment_means(x, 7), x, within=0)
    for count in (0, 8):
        with pytest.raises(ValueError, match=f"of 7 tokens 1 to 7; got {count}"):
            segment_means(x, count)


def test_nystrom_with_a_landmark_for_each_token_is_exact():
    left, inverse, right = nystrom(Q, K, TOKENS, D**-0.5)
    assert_close(left @ inverse @ right, EXACT, within=1e-9)
    left, inverse, right = nystrom(Q, K, TOKENS - 4, D**-0.5)
    assert (left @ inverse @ right - EXACT).abs().max() > 0.01  # else the law above says nothing


def test_nystrom_is_its_formula_and_its_inverse_a_pseudo_inverse():
    left, inverse, right = nystrom(Q[0], K[0], 3, 0.3)
    cuts = [range(4), range(4, 8), range(8, 11)]
    q, k = (torch.stack([x[list(cut)].mean(0) for cut in cuts]) for x in (Q[0], K[0]))
    middle = (0.3 * q @ k.T).softmax(-1)
    assert_close(left, (0.3 * Q[0] @ k.T).softmax(-1), within=1e-12)
    assert_close(right, (0.3 * q @ K[0].T).softmax(-1), within=1e-12)
    for whole, part in ((middle @ inverse @ middle, middle), (inverse @ middle @ inverse, inverse)):
        assert_close(whole, part, within=1e-9)


def test_linformer_that_projects_by_the_identity_is_exact():
    identity = torch.eye(TOKENS, dtype=torch.float64)
    weights, context = linformer(Q, K, V, identity, identity, D**-0.5)
    assert_close(weights, EXACT, within=1e-12)
    assert_close(context, EXACT @ V, within=1e-12)


def test_linformer_reads_mixtures_of_the_keys():
    e, f = random(3, TOKENS, seed=8), random(3, TOKENS, seed=9)
    weights, context = linformer(Q, K, V, e, f, 0.4)
    for head in range(HEADS):
        mixed = [[sum(e[r, j] * K[head, j, c] for j in range(TOKENS)) for c in range(D)] for r in range(3)]
        expected = (0.4 * Q[head] @ torch.tensor(mixed, dtype=torch.float64).T).softmax(-1)
        assert_close(weights[head], expected, within=1e-12)
        assert_close(context[head], expected @ f @ V[head], within=1e-12)


def test_steps_to_the_inverse_arrive_at_it_and_the_first_six_are_the_papers():
    matrix = random(HEADS, 4, 4, seed=10).softmax(-1)
    assert_close(iterated_inverse(matrix, 60), torch.linalg.inv(matrix), within=1e-9)
    for one, six in zip(matrix, iterated_inverse(matrix, 6), strict=True):
        z = one.T / (one.sum(0).max() * one.sum(1).max())
        for _ in range(6):
            a = one @ z
            z = (13 * z - 15 * z @ a + 7 * z @ a @ a - z @ a @ a @ a) / 4
        assert_close(six, z, within=1e-9)
    assert_close(nystrom(Q, K, 3, 0.3, steps=60)[1], nystrom(Q, K, 3, 0.3)[1], within=1e-6)
    assert (nystrom(Q, K, 3, 0.3, steps=6)[1] - nystrom(Q, K, 3, 0.3)[1]).abs().max() > 1e-3
