"""From logits to weights: PyTorch's softmax, numbers worked by hand, and laws."""

import math

import pytest
import torch
from torch import Tensor

from selfattn.maths.normalise import entmax, entmax15, sigmoid, softmax, sparsemax, top_k
from tests.tools.tolerance import assert_close

HEADS, QUERIES, KEYS = 3, 5, 7
X = torch.randn(HEADS, QUERIES, KEYS, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
GOLDEN = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 2.0]]) / math.sqrt(2)
NONE = -math.inf
NORMALISERS = {
    "softmax": softmax,
    "sigmoid": sigmoid,
    "top_k": lambda x: top_k(x, 2),
    "sparsemax": sparsemax,
    "entmax15": entmax15,
}


def masked(x: Tensor) -> Tensor:
    return x.masked_fill(torch.ones(x.shape[-2:], dtype=torch.bool).triu(1), NONE)


def test_softmax_is_pytorchs_wherever_a_key_is_left():
    assert_close(softmax(X), X.softmax(-1), within=1e-14)
    assert_close(softmax(masked(X)), masked(X).softmax(-1), within=1e-14)


def test_rows_sum_to_one_and_a_shift_changes_nothing():
    assert_close(softmax(X).sum(-1), 1.0, within=1e-14)
    assert_close(softmax(X + 123.0), softmax(X), within=1e-12)


def test_large_logits_neither_overflow_nor_vanish():
    rows = torch.tensor([[1e30, 1e30, 0.0], [-1e30, -1e30, -1e30]])
    assert_close(softmax(rows), torch.tensor([[0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]]))


@pytest.mark.parametrize("normalise", NORMALISERS.values(), ids=NORMALISERS)
def test_a_row_masked_everywhere_gives_zeros_and_a_finite_gradient(normalise):
    x = X.clone()
    x[:, 2] = NONE
    x.requires_grad_()
    weights = normalise(x)
    assert_close(weights[:, 2], 0.0, within=0)
    (weights * X).sum().backward()
    assert x.grad.isfinite().all()
    assert_close(x.grad[:, 2], 0.0, within=0)


def test_a_sink_is_one_more_column_that_is_then_dropped():
    sink = torch.tensor([0.3, -2.0, 5.0], dtype=torch.float64)
    column = sink[:, None, None].expand(HEADS, QUERIES, 1)
    expected = torch.cat([masked(X), column], dim=-1).softmax(-1)[..., :-1]
    assert_close(softmax(masked(X), sink), expected, within=1e-14)
    assert_close(softmax(X[0], sink[0]), softmax(X, sink)[0], within=1e-14)


def test_a_large_sink_takes_all_and_none_at_all_takes_nothing():
    assert_close(softmax(X, torch.full((HEADS,), 1e30, dtype=torch.float64)), 0.0)
    assert_close(softmax(X, torch.full((HEADS,), NONE, dtype=torch.float64)), X.softmax(-1), within=1e-14)
    assert_close(softmax(torch.full((HEADS, 2, 3), NONE), torch.full((HEADS,), NONE)), 0.0, within=0)
    assert_close(softmax(torch.full((HEADS, 2, 3), NONE), torch.zeros(HEADS)), 0.0, within=0)


def test_sigmoid_has_the_row_sums_worked_by_hand():
    assert_close(sigmoid(GOLDEN).sum(-1), torch.tensor([1.05671, 1.05671, 1.384962]))
    assert_close(sigmoid(GOLDEN, bias=-math.log(3)), sigmoid(GOLDEN))


def test_sigmoid_counts_only_the_keys_that_a_row_may_attend_to():
    weights = sigmoid(masked(torch.zeros(5, 5)))
    # sigma(-log n) = 1 / (1 + n)
    expected = [[1 / (2 + i) if j <= i else 0.0 for j in range(5)] for i in range(5)]
    assert_close(weights, torch.tensor(expected))


def test_top_k_is_a_softmax_over_the_largest():
    for k in range(1, KEYS + 1):
        for row, weights in zip(X.flatten(0, 1).tolist(), top_k(X, k).flatten(0, 1), strict=True):
            largest = sorted(row)[-k:]
            total = sum(math.exp(x) for x in largest)
            expected = [math.exp(x) / total if x in largest else 0.0 for x in row]
            assert_close(weights, torch.tensor(expected, dtype=torch.float64), within=1e-12)


def test_top_k_above_the_allowed_keys_is_softmax():
    for k in (KEYS, KEYS + 6):
        assert_close(top_k(masked(X), k), softmax(masked(X)), within=0)


def test_of_ties_top_k_keeps_the_earlier_keys():
    assert_close(top_k(torch.tensor([[1.0, 2.0, 2.0, 2.0]]), 2), torch.tensor([[0.0, 0.5, 0.5, 0.0]]))
    assert_close(top_k(torch.zeros(1, 101), 3)[0, :3], 1 / 3)


def test_top_k_refuses_to_keep_nothing():
    with pytest.raises(ValueError, match=r"at least one key; got k = 0"):
        top_k(X, 0)


@pytest.mark.parametrize("normalise", NORMALISERS.values(), ids=NORMALISERS)
def test_reordering_keys_reorders_weights(normalise):
    order = torch.tensor([6, 1, 4, 0, 2, 5, 3])
    assert_close(normalise(X[..., order]), normalise(X)[..., order], within=1e-14)


def bisected(row: list[float], alpha: float) -> list[float]:
    """Entmax by its definition, one row at a time: halve the interval in which tau lies until it is a point."""
    z = [(alpha - 1) * x for x in row if x > NONE]
    weight = lambda x, tau: max(x - tau, 0.0) ** (1 / (alpha - 1))  # noqa: E731
    low, high = max(z) - 1, max(z)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(weight(x, middle) for x in z) > 1 else (low, middle)
    return [0.0 if x == NONE else weight((alpha - 1) * x, low) for x in row]


@pytest.mark.parametrize("alpha", [1.2, 1.5, 2.0, 2.7])
@pytest.mark.parametrize("logits", [X, 7 * X, masked(X), X - 1e4, torch.zeros(2, 3, 5, dtype=torch.float64)])
def test_entmax_is_its_definition(logits, alpha):
    expected = [bisected(row, alpha) for row in logits.flatten(0, 1).tolist()]
    assert_close(entmax(logits, alpha).flatten(0, 1), torch.tensor(expected, dtype=torch.float64), within=2e-9)
    assert_close(entmax(logits, alpha).sum(-1), 1.0, within=1e-12)


def test_entmax_goes_from_softmax_to_sparsemax():
    assert_close(entmax(X, 1.0), softmax(X), within=0)
    assert_close(entmax(X, 1 + 1e-4), softmax(X), within=1e-3)
    assert_close(entmax(X, 1.5), entmax15(X), within=0)
    assert_close(entmax(X, 2.0), sparsemax(X), within=0)
    assert_close(entmax(X, 2 + 1e-9), sparsemax(X), within=1e-6)
    zeros = [(entmax(3 * X, alpha) == 0).sum().item() for alpha in (1.0, 1.25, 1.5, 2.0, 3.0)]
    assert zeros == sorted(zeros)
    assert zeros[0] == 0 < zeros[-1]


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    for row, weights in zip(X.flatten(0, 1), sparsemax(X).flatten(0, 1), strict=True):
        candidates = []
        for kept in range(
            1, 2**KEYS
        ):  # every support: the nearest point of its plane, where that has no weight below 0
            support = torch.tensor([bool(kept >> key & 1) for key in range(KEYS)])
            point = torch.where(support, row - (row[support].sum() - 1) / support.sum(), 0.0)
            candidates += [point] if (point >= 0).all() else []
        assert_close(weights, min(candidates, key=lambda point: (point - row).norm().item()), within=1e-12)


def test_the_gradient_of_sparse_weights_is_the_measured_one():
    for normalise in (sparsemax, entmax15):
        assert torch.autograd.gradcheck(normalise, X[:1].clone().requires_grad_())


def test_entmax_refuses_an_alpha_below_softmax():
    with pytest.raises(ValueError, match=r"from 1 \(softmax\) up, such as 1.5; got 0.5"):
        entmax(X, 0.5)
