"""The one formula against PyTorch's own attention, numbers worked by hand, and laws."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from selfattn.maths.attend import Stages, attend
from selfattn.maths.masks import block, causal, custom, dilated, global_tokens, window
from selfattn.maths.normalise import sigmoid, top_k
from selfattn.maths.saturation import entropy
from selfattn.maths.similarity import cosine, rbf
from tests.tools.tolerance import assert_close

BATCH, HEADS, QUERIES, KEYS, D, D_V = 2, 3, 5, 7, 11, 13


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


Q = random(BATCH, HEADS, QUERIES, D, seed=1)
K = random(BATCH, HEADS, KEYS, D, seed=2)
V = random(BATCH, HEADS, KEYS, D_V, seed=3)
BIAS = random(HEADS, QUERIES, KEYS, seed=4)
KEEP = causal.keep(QUERIES, KEYS)

GOLDEN = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
VALUES = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def test_three_tokens_worked_by_hand():
    stages = attend(GOLDEN, GOLDEN, VALUES)
    a = [[0.401112, 0.197776, 0.401112], [0.197776, 0.401112, 0.401112], [0.248255, 0.248255, 0.503490]]
    assert_close(stages.weights, torch.tensor(a))
    assert_close(stages.context, torch.tensor([[3, 4], [3.406673, 4.406673], [3.510470, 4.510470]]), within=2e-6)
    assert_close(entropy(stages.weights), torch.tensor([1.053363, 1.053363, 1.037277]))
    assert_close(stages.scores, torch.tensor([[1, 0, 1], [0, 1, 1], [1, 1, 2]]), within=0)
    assert_close(stages.scaled, stages.scores / math.sqrt(2))


def test_three_causal_tokens_worked_by_hand():
    stages = attend(GOLDEN, GOLDEN, VALUES, keep=causal.keep(3, 3))
    assert_close(stages.weights[1], torch.tensor([0.330238, 0.669762, 0.0]))
    assert_close(stages.context, torch.tensor([[1, 2], [2.339523, 3.339523], [3.510470, 4.510470]]), within=2e-6)


@pytest.mark.parametrize(
    "keep",
    [
        None,
        *(p.keep(QUERIES, KEYS) for p in (causal, window(2), causal & dilated(5, 2), block(7) | global_tokens([0]))),
    ],
)
@pytest.mark.parametrize("bias", [None, BIAS])
@pytest.mark.parametrize(("scale", "temperature"), [(None, 1.0), (1.0, 1.0), (0.3, 2.5)])
def test_the_context_is_pytorchs(keep, bias, scale, temperature):
    stages = attend(Q, K, V, keep=keep, bias=bias, scale=scale, temperature=temperature)
    mask = torch.zeros(HEADS, QUERIES, KEYS, dtype=torch.float64) if bias is None else bias / temperature
    mask = mask if keep is None else mask.masked_fill(~keep, -math.inf)
    factor = (1 / math.sqrt(D) if scale is None else scale) / temperature
    expected = scaled_dot_product_attention(Q, K, V, attn_mask=mask.expand(BATCH, -1, -1, -1), scale=factor)
    assert_close(stages.context, expected, within=1e-12)
    assert_close(stages.weights.sum(-1), 1.0, within=1e-12)
    assert not stages.empty.any()


def test_each_stage_follows_from_the_one_before():
    sink = random(HEADS, seed=5)
    stages = attend(Q, K, V, scale=0.7, softcap=1.5, bias=BIAS, temperature=2.0, keep=KEEP, sink=sink)
    for batch in range(BATCH):
        for head in range(HEADS):
            for i in range(QUERIES):
                exponentials = []
                for j in range(KEYS):
                    score = sum(Q[batch, head, i, m].item() * K[batch, head, j, m].item() for m in range(D))
                    logit = (1.5 * math.tanh(0.7 * score / 1.5) + BIAS[head, i, j].item()) / 2.0
                    logit = logit if j <= i else -math.inf
                    assert_close(stages.scores[batch, head, i, j], score, within=1e-12)
                    assert_close(stages.scaled[batch, head, i, j], 0.7 * score, within=1e-12)
                    assert_close(stages.logits[batch, head, i, j], logit, within=1e-12)
                    exponentials.append(math.exp(logit))
                total = sum(exponentials) + math.exp(sink[head].item())
                weights = torch.tensor([e / total for e in exponentials], dtype=torch.float64)
                assert_close(stages.weights[batch, head, i], weights, within=1e-12)
                assert_close(stages.context[batch, head, i], weights @ V[batch, head], within=1e-12)


def test_a_row_that_may_attend_to_nothing_gives_zeros_and_says_so():
    q, k, v = (x.clone().requires_grad_() for x in (Q, K, V))
    keep = ~custom((2, j) for j in range(KEYS)).keep(QUERIES, KEYS)
    stages = attend(q, k, v, keep=keep)
    assert stages.empty.tolist() == [False, False, True, False, False]
    assert_close(stages.weights[:, :, 2], 0.0, within=0)
    assert_close(stages.context[:, :, 2], 0.0, within=0)
    stages.context.square().sum().backward()
    assert all(x.grad.isfinite().all() for x in (q, k, v))
    assert_close(q.grad[:, :, 2], 0.0, within=0)


def test_no_gradient_comes_from_the_future():
    x = random(KEYS, D, seed=6).requires_grad_()
    context = attend(x, x, x, keep=causal.keep(KEYS, KEYS)).context
    for i in range(KEYS):
        (gradient,) = torch.autograd.grad(context[i].sum(), x, retain_graph=True)
        assert_close(gradient[i + 1 :], 0.0, within=0)
        assert gradient[: i + 1].abs().sum(-1).min() > 0


def test_reordering_the_tokens_reorders_the_output():
    order = torch.tensor([6, 1, 4, 0, 2, 5, 3])
    x = random(KEYS, D, seed=6)
    assert_close(attend(x[order], x[order], x[order]).context, attend(x, x, x).context[order], within=1e-12)
    assert_close(attend(Q, K[:, :, order], V[:, :, order]).context, attend(Q, K, V).context, within=1e-12)


def test_hot_attention_is_uniform_and_cold_attention_picks_the_best():
    assert_close(attend(Q, K, V, temperature=1e12).weights, 1 / KEYS, within=1e-9)
    hot = attend(Q, K, V, temperature=1e12, keep=KEEP).weights
    assert_close(hot, (KEEP / KEEP.sum(-1, keepdim=True)).expand_as(hot), within=1e-7)
    cold = attend(Q, K, V, temperature=1e-6)
    best = torch.nn.functional.one_hot(cold.scores.argmax(-1), KEYS)
    assert_close(cold.weights, best, within=1e-9)


def test_a_shift_of_a_whole_row_changes_no_weight():
    shift = random(HEADS, QUERIES, 1, seed=7) * 10
    assert_close(attend(Q, K, V, bias=BIAS + shift).weights, attend(Q, K, V, bias=BIAS).weights, within=1e-12)


def test_a_cap_binds_and_a_wide_one_does_not():
    assert attend(Q * 100, K, V, softcap=2.0).logits.abs().max() <= 2.0
    assert_close(attend(Q, K, V, softcap=1e6).logits, attend(Q, K, V).logits, within=1e-9)


def test_other_similarities_and_normalisers_take_their_place():
    alike = K / K.norm(dim=-1, keepdim=True)
    ordinary = attend(Q, alike, V)
    by_distance = attend(Q, alike, V, scale=1.0, similarity=lambda q, k: rbf(q, k, math.sqrt(D)))
    assert_close(by_distance.weights, ordinary.weights, within=1e-12)
    assert_close(attend(Q, K, V, similarity=cosine).scores.abs().clamp_min(1.0), 1.0, within=1e-12)
    assert_close(attend(Q, K, V, normaliser=lambda x: top_k(x, 1)).weights.amax(-1), 1.0, within=0)
    assert_close(attend(GOLDEN, GOLDEN, VALUES, normaliser=sigmoid).weights.sum(-1)[2], 1.384962)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, math.nan])
def test_a_temperature_is_positive_and_finite(temperature):
    with pytest.raises(ValueError, match=rf"finite number above 0; got {temperature}"):
        attend(Q, K, V, temperature=temperature)


def test_a_sink_needs_the_softmax():
    with pytest.raises(ValueError, match="leave out the sink, or the other normaliser"):
        attend(Q, K, V, sink=torch.zeros(HEADS), normaliser=sigmoid)


def test_nothing_is_written_into_the_arguments():
    given = (Q, K, V, BIAS, KEEP, random(HEADS, seed=5))
    before = [x.clone() for x in given]
    stages = attend(Q, K, V, bias=BIAS, keep=KEEP, sink=given[-1], softcap=2.0)
    assert isinstance(stages, Stages)
    assert all(torch.equal(x, y) for x, y in zip(given, before, strict=True))
