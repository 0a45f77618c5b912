"""Similarities against slow loops and the laws that tie them together."""

import math

import pytest
import torch
from torch import Tensor

from selfattn.maths.similarity import additive, bilinear, cosine, dot, rbf
from tests.tolerance import assert_close

HEADS, QUERIES, KEYS, D, HIDDEN = 2, 3, 5, 7, 11


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


Q, K = random(HEADS, QUERIES, D, seed=1), random(HEADS, KEYS, D, seed=2)
W_Q, W_K, V = random(HEADS, D, HIDDEN, seed=3), random(HEADS, D, HIDDEN, seed=4), random(HEADS, HIDDEN, seed=5)
W = random(HEADS, D, D, seed=6)


def length(x: list[float]) -> float:
    return math.sqrt(sum(a * a for a in x))


def loop_dot(_: int, q: list[float], k: list[float]) -> float:
    return sum(a * b for a, b in zip(q, k, strict=True))


def loop_cosine(_: int, q: list[float], k: list[float]) -> float:
    return loop_dot(_, q, k) / (length(q) * length(k))


def loop_additive(head: int, q: list[float], k: list[float]) -> float:
    w_q, w_k, v = W_Q[head].tolist(), W_K[head].tolist(), V[head].tolist()
    inner = [sum(q[m] * w_q[m][n] + k[m] * w_k[m][n] for m in range(D)) for n in range(HIDDEN)]
    return sum(v[n] * math.tanh(inner[n]) for n in range(HIDDEN))


def loop_bilinear(head: int, q: list[float], k: list[float]) -> float:
    w = W[head].tolist()
    return sum(q[m] * w[m][n] * k[n] for m in range(D) for n in range(D))


def loop_rbf(_: int, q: list[float], k: list[float]) -> float:
    return -sum((a - b) ** 2 for a, b in zip(q, k, strict=True)) / (2 * 1.7)


@pytest.mark.parametrize(
    ("actual", "loop"),
    [
        (dot(Q, K), loop_dot),
        (cosine(Q, K), loop_cosine),
        (additive(Q, K, W_Q, W_K, V), loop_additive),
        (bilinear(Q, K, W), loop_bilinear),
        (rbf(Q, K, variance=1.7), loop_rbf),
    ],
    ids=["dot", "cosine", "additive", "bilinear", "rbf"],
)
def test_each_similarity_is_its_formula(actual, loop):
    expected = [[[loop(h, q, k) for k in K[h].tolist()] for q in Q[h].tolist()] for h in range(HEADS)]
    assert_close(actual, torch.tensor(expected, dtype=torch.float64), within=1e-12)


def test_bilinear_with_the_identity_is_the_dot_product():
    assert_close(bilinear(Q, K, torch.eye(D, dtype=torch.float64).expand(HEADS, D, D)), dot(Q, K), within=1e-12)


def test_rbf_equals_scaled_dot_where_all_keys_have_one_length():
    alike = 3.0 * K / K.norm(dim=-1, keepdim=True)
    expected = (dot(Q, alike) / math.sqrt(D)).softmax(-1)
    assert_close(rbf(Q, alike, variance=math.sqrt(D)).softmax(-1), expected, within=1e-12)
    different = rbf(Q, K, variance=math.sqrt(D)).softmax(-1) - (dot(Q, K) / math.sqrt(D)).softmax(-1)
    assert different.abs().max() > 0.01  # else the law above says nothing


def test_rbf_is_largest_at_the_query_itself():
    scores = rbf(Q.float(), Q.float(), variance=0.1)
    assert_close(scores.diagonal(dim1=-2, dim2=-1), 0.0, within=1e-4)
    assert (scores <= 0).all()


def test_cosine_weights_without_tau_differ_by_e_squared_at_most():
    opposite = torch.cat([Q, -Q], dim=-2)
    scores = cosine(Q * 1000, opposite)
    weights = scores.softmax(-1)
    assert scores.abs().max() <= 1 + 1e-12
    assert_close((weights.amax(-1) / weights.amin(-1)), math.e**2, within=1e-9)  # q and -q reach the bound
    assert_close(cosine(Q * 1000, K * 0.001), cosine(Q, K), within=1e-12)


def test_a_zero_vector_has_no_direction_and_gives_no_nan():
    assert_close(cosine(Q * 0, K), 0.0)


@pytest.mark.parametrize("similarity", [dot, cosine, lambda q, k: rbf(q, k, 2.0), lambda q, k: bilinear(q, k, W)])
def test_reordering_queries_and_keys_reorders_the_scores(similarity):
    rows, columns = torch.tensor([2, 0, 1]), torch.tensor([4, 2, 0, 3, 1])
    assert_close(similarity(Q[:, rows], K[:, columns]), similarity(Q, K)[:, rows][:, :, columns], within=1e-12)
