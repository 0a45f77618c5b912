"""What heads look at: values worked by hand, and the baselines of a head that spreads its weight evenly."""

import pytest
import torch

from selfattn.analysis import patterns

# Three tokens; rows sum to 1, and every entry of a row differs from the others.
WEIGHTS = torch.tensor([[0.6, 0.3, 0.1], [0.7, 0.2, 0.1], [0.1, 0.4, 0.5]])


def causal(count: int) -> torch.Tensor:
    return torch.ones(count, count, dtype=torch.bool).tril()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (patterns.previous_token, (0.7 + 0.4) / 2),
        (patterns.first_token, (0.6 + 0.7 + 0.1) / 3),
        (patterns.self_token, (0.6 + 0.2 + 0.5) / 3),
    ],
)
def test_positions(pattern, expected):
    assert pattern(WEIGHTS).item() == pytest.approx(expected, abs=1e-6)


def test_induction_goes_to_the_token_after_the_earlier_occurrence():
    weights = torch.zeros(7, 7)
    tokens = torch.tensor([5, 3, 2, 5, 3, 3, 5])
    weights[3, 1] = 0.25  # after the first 5
    weights[4, 2] = 0.5  # after the first 3
    weights[5, 2], weights[5, 5] = 0.125, 0.8  # the 3 just before is an immediate repeat: its next token is the query
    weights[6, 1], weights[6, 4] = 0.25, 0.5  # two earlier 5s are summed
    weights[6, 6] = weights[4, 1] = weights[0, 0] = 0.9  # none of these is after an earlier occurrence
    assert patterns.induction(weights, tokens).item() == pytest.approx((0.25 + 0.5 + 0.125 + 0.75) / 4, abs=1e-6)


def test_an_immediate_repeat_alone_is_no_induction():
    assert patterns.induction(torch.eye(3), torch.tensor([4, 4, 9])).isnan()


def test_duplicate_token_sums_the_earlier_equal_tokens():
    weights = torch.zeros(5, 5)
    tokens = torch.tensor([5, 3, 5, 5, 2])
    weights[2, 0] = 0.25
    weights[3, 0], weights[3, 2], weights[3, 3] = 0.25, 0.5, 0.125  # the diagonal is left out
    weights[4, 4] = weights[0, 3] = 0.9
    assert patterns.duplicate_token(weights, tokens).item() == pytest.approx((0.25 + 0.75) / 2, abs=1e-6)


def test_without_a_repeat_there_is_no_number():
    tokens = torch.arange(3)
    assert patterns.induction(WEIGHTS, tokens).isnan()
    assert patterns.duplicate_token(WEIGHTS, tokens).isnan()


def test_one_repeat_is_the_diagonal_half_minus_one_back():
    generator = torch.Generator().manual_seed(0)
    half = 11
    weights = torch.rand(3, 2 * half, 2 * half, generator=generator).softmax(-1)
    expected = weights.diagonal(1 - half, -2, -1)[:, 1:].mean(-1)
    torch.testing.assert_close(patterns.induction(weights, torch.arange(half).repeat(2)), expected)


@pytest.mark.parametrize(("count", "expected"), [(16, 0.211), (128, 0.042)])
def test_published_first_token_mass_of_a_uniform_causal_head(count, expected):
    assert patterns.first_token(patterns.uniform(causal(count))).item() == pytest.approx(expected, abs=5e-4)


def test_uniform_shares_each_row_among_its_keys_and_leaves_an_empty_row_empty():
    keep = torch.tensor([[True, False, True], [False, False, False]])
    assert patterns.uniform(keep).tolist() == [[0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]


def test_uniform_causal_baselines_by_hand():
    even = patterns.uniform(causal(3))
    assert patterns.previous_token(even).item() == pytest.approx((1 / 2 + 1 / 3) / 2, abs=1e-6)
    assert patterns.self_token(even).item() == pytest.approx((1 + 1 / 2 + 1 / 3) / 3, abs=1e-6)
    repeated = torch.tensor([7, 8, 7])
    assert patterns.induction(even, repeated).item() == pytest.approx(1 / 3, abs=1e-6)
    assert patterns.duplicate_token(even, repeated).item() == pytest.approx(1 / 3, abs=1e-6)


def test_every_head_gets_its_own_number():
    generator = torch.Generator().manual_seed(1)
    weights = torch.rand(2, 5, 13, 13, generator=generator).softmax(-1)
    tokens = torch.randint(4, (13,), generator=generator)
    for pattern in (patterns.previous_token, patterns.first_token, patterns.self_token):
        torch.testing.assert_close(pattern(weights)[1, 3], pattern(weights[1, 3]))
    for pattern in (patterns.induction, patterns.duplicate_token):
        torch.testing.assert_close(pattern(weights, tokens)[1, 3], pattern(weights[1, 3], tokens))
