"""What heads look at: values worked by hand, and the baselines of a head that spreads its weight evenly."""

import pytest
import torch

import selfattn
from selfattn.analysis.all_heads import atlas, patterns

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
        (patterns.next_token, (0.3 + 0.1) / 2),
        (patterns.confidence, (0.6 + 0.7 + 0.5) / 3),
        (patterns.confidence_without_sink, (0.3 + 0.2 + 0.5) / 3),
        (patterns.mean_distance, (0.3 + 2 * 0.1 + 0.7 + 0.1 + 2 * 0.1 + 0.4) / 3),
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


def test_separators_are_summed_and_may_be_missing():
    last_two = torch.tensor([False, True, True])
    assert patterns.separator(WEIGHTS, separators=last_two).item() == pytest.approx((0.4 + 0.3 + 0.9) / 3, abs=1e-6)
    assert patterns.separator(WEIGHTS).isnan()
    assert patterns.separator(WEIGHTS, separators=torch.zeros(3, dtype=torch.bool)).isnan()


def test_confidence_without_the_sink_leaves_out_the_first_token_and_separators():
    keep = causal(3)
    weights = torch.tensor([[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.6, 0.15, 0.25]])
    found = patterns.confidence_without_sink
    assert found(weights, keep=keep).item() == pytest.approx((0.1 + 0.25) / 2, abs=1e-6)
    assert patterns.confidence(weights, keep=keep).item() == pytest.approx((1.0 + 0.9 + 0.6) / 3, abs=1e-6)
    last = torch.tensor([False, False, True])
    assert found(weights, keep=keep, separators=last).item() == pytest.approx((0.1 + 0.15) / 2, abs=1e-6)


@pytest.mark.parametrize("length", [2, 5, 8, 32])
def test_a_head_that_rests_on_the_first_token_has_its_badge_however_short_the_text(length):
    resting = torch.zeros(length, length)
    resting[:, 0] = 1.0
    first = patterns.first_token
    for weights, expected in ((resting, True), (patterns.uniform(causal(length)), False)):
        even = first(patterns.uniform(causal(length))).item()
        assert first.is_worth_a_badge(first(weights).item(), even) is expected


def test_a_badge_is_half_of_the_way_from_even_attention():
    pattern = patterns.induction
    assert pattern.is_worth_a_badge(0.72, 0.438), "a b a b: three times .438 could not be passed"
    assert not pattern.is_worth_a_badge(0.71, 0.438)
    assert not pattern.is_worth_a_badge(1.0, 1.0), "even attention does as much"
    assert not pattern.is_worth_a_badge(float("nan"), 0.1)
    assert not patterns.entropy.is_worth_a_badge(1.0, 0.1)


def test_entropy_is_one_when_even_and_leaves_out_a_row_without_a_choice():
    keep = causal(3)
    assert patterns.entropy(patterns.uniform(keep), keep=keep).item() == pytest.approx(1, abs=1e-6)
    weights = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
    assert patterns.entropy(weights, keep=keep).item() == pytest.approx((1 + 0) / 2, abs=1e-6)


TOKENS = torch.tensor([5, 3, 2, 5, 3, 3, 5, 9])
SEPARATORS = TOKENS == 9


@pytest.mark.parametrize("name", patterns.PATTERNS)
def test_every_pattern_of_even_weights_is_its_baseline_and_of_every_head_its_own(name):
    pattern = patterns.PATTERNS[name]
    generator = torch.Generator().manual_seed(2)
    keep = causal(8)
    weights = torch.randn(2, 3, 8, 8, generator=generator).masked_fill(~keep, -torch.inf).softmax(-1)
    found = pattern(weights, TOKENS, keep=keep, separators=SEPARATORS)
    assert found.shape == (2, 3)
    one = pattern(weights[1, 2], TOKENS, keep=keep, separators=SEPARATORS)
    torch.testing.assert_close(found[1, 2], one)
    even = pattern(patterns.uniform(keep), TOKENS, keep=keep, separators=SEPARATORS)
    torch.testing.assert_close(
        pattern(keep / keep.sum(-1, keepdim=True), TOKENS, keep=keep, separators=SEPARATORS), even
    )
    assert even.isfinite()
    if pattern.share:
        assert 0 <= found.min() <= found.max() <= 1 + 1e-6
    else:
        assert 0 <= found.min() <= found.max() <= 7


def test_rows_that_may_attend_to_nothing_leave_every_average():
    keep = causal(8)
    keep[4] = False
    weights = torch.rand(8, 8).masked_fill(~keep, 0.0)
    weights = weights / weights.sum(-1, keepdim=True).clamp_min(1e-9)
    for pattern in patterns.PATTERNS.values():
        seen = patterns.SeenWeights.whole(weights, keep, TOKENS, SEPARATORS)
        rows = pattern.of(seen)
        assert rows[4].isnan()
        torch.testing.assert_close(pattern(weights, TOKENS, keep=keep, separators=SEPARATORS), rows.nanmean())


def test_a_block_of_rows_has_the_numbers_of_those_rows():
    weights = torch.rand(3, 8, 8).softmax(-1)
    whole = patterns.SeenWeights.whole(weights, causal(8), TOKENS, SEPARATORS)
    rows = torch.tensor([2, 3, 6])
    some = patterns.SeenWeights(weights[:, rows], causal(8)[rows], rows, whole.real, TOKENS, SEPARATORS)
    for pattern in patterns.PATTERNS.values():
        torch.testing.assert_close(pattern.of(some), pattern.of(whole)[:, rows], equal_nan=True)


def test_positions_mean_nothing_between_two_texts():
    seen = patterns.SeenWeights.whole(WEIGHTS, tokens=torch.tensor([1, 1, 2]))
    crossed = patterns.SeenWeights(seen.weights, seen.keep, seen.rows, seen.real, seen.tokens, aligned=False)
    for name, pattern in patterns.PATTERNS.items():
        assert pattern.of(crossed).isnan().all() == (name not in ("first", "entropy", "confidence", "without sink"))


def test_a_new_pattern_is_one_function():
    @patterns.pattern("second", "weight on the second token")
    def second(seen: patterns.SeenWeights) -> torch.Tensor:
        """The weight on the second token."""
        return seen.weights[..., 1]

    try:
        assert second(WEIGHTS).item() == pytest.approx((0.3 + 0.2 + 0.4) / 3, abs=1e-6)
        found = atlas.atlas(selfattn.trace("induction", "red green red green"))
        assert found.table.shape == (2, 4, len(patterns.PATTERNS))
        weights = selfattn.trace("induction", "red green red green").stages(1, 2).weights
        assert found.table[1, 2, -1] == pytest.approx(weights[:, 1].mean().item(), abs=1e-6)
    finally:
        del patterns.PATTERNS["second"]
