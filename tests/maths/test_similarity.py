"""Similarities against slow loops and the laws that tie them together; then as edits, inside the models."""

import copy
import math
import threading
from contextvars import copy_context
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import selfattn
from selfattn import Ablate, Mask, Model, Scale, Similarity, Temperature
from selfattn.maths import similarity
from selfattn.maths.masks import window
from selfattn.maths.similarity import NAMED, additive, bilinear, cosine, dot, in_double, rbf
from selfattn.models.encoder import SelfAttentionConfig, SelfAttentionForMaskedLM
from selfattn.recording import modules
from tests.recording.test_recording import ARCHITECTURES, recorded_logits
from tests.tools import slow, tiny
from tests.tools.tolerance import assert_close

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


@pytest.mark.parametrize("how", ["cosine", "rbf"])
def test_named_similarities_are_the_exact_ones_rounded_once(how):
    # All vectors share a large part, so that float32 would lose the little by which they differ.
    q, k = (50 + random(QUERIES, D, seed=7)).float(), (50 + random(KEYS, D, seed=8)).float()
    expected = torch.tensor([[slow.alike(how, a, b) for b in k.tolist()] for a in q.tolist()], dtype=torch.float64)
    assert NAMED[how](q, k).dtype == torch.float32
    assert torch.equal(NAMED[how](q, k), expected.float())
    in_float32 = cosine(q, k) if how == "cosine" else rbf(q, k, 1.0)
    assert not torch.equal(in_float32, expected.float())  # else the care above is for nothing


def test_a_long_text_is_in_double_a_few_rows_at_a_time(monkeypatch):
    shapes = []

    def spy(q: Tensor, k: Tensor) -> Tensor:
        shapes.append((q.dtype, *q.shape))
        return cosine(q, k)

    monkeypatch.setattr(similarity, "ROWS", 2)
    assert_close(in_double(spy)(Q.float(), K.float()), cosine(Q.float(), K.float()))
    assert shapes == [(torch.float64, HEADS, 2, D), (torch.float64, HEADS, 1, D)]
    assert in_double(spy)(Q[:, :0], K).shape == (HEADS, 0, KEYS)


EDITS = {
    "dot": (Similarity("dot"),),
    "cosine": (Similarity("cosine"),),
    "rbf": (Similarity("rbf"),),
    "cosine heads": (Similarity("cosine", layers={1}, heads={0, 2}),),
    "rbf in self-attention": (Similarity("rbf", heads={1}, kind="self"),),
    "the last wins": (Similarity("rbf"), Similarity("cosine"), Similarity("rbf", layers={0}, heads={3})),
    "sharp cosine": (Scale(20.0), Similarity("cosine")),
    "mixed": (
        Similarity("rbf", heads={0, 1}),
        Similarity("cosine", layers={1}, heads={3}),
        Scale(0.3, heads={1, 3}),
        Temperature(1.7),
        Mask(window(5), heads={0, 2}),
        Ablate("mean", layers={1}, heads={3}),
    ),
}


def wrapped(name: str) -> Model:
    return Model.wrap(tiny.network(name), name=name)


@tiny.PADDINGS
@ARCHITECTURES
def test_the_model_runs_on_another_similarity(name, padded):
    network = tiny.network(name)
    inputs = tiny.inputs(network, padded)
    model = Model.wrap(copy.deepcopy(network), name=name)
    plain = recorded_logits(model, inputs)
    real = inputs["attention_mask"][0].bool() if plain.shape[1:2] == (11,) else slice(None)
    for label, edits in EDITS.items():
        edited = recorded_logits(model, inputs, edits)
        expected = slow.run(network, inputs, edits)[0][real]
        # A sharp softmax makes much of rounding: the slow way is as far from float64 as the other.
        assert_close(edited[0][real], expected, within=1e-4 * max(1.0, expected.abs().max().item()))
        if label == "dot":
            assert_close(edited[0][real], plain[0][real], within=1e-4)
        else:
            assert (edited - plain).abs().max() > 1e-3, f"{label} did not reach the output"


@ARCHITECTURES
def test_stages_show_the_similarity_that_the_model_ran(name):
    model = wrapped(name)
    inputs = tiny.inputs(model.network, padded=True)
    for edits in EDITS.values():
        assert selfattn.trace(model, inputs, edits).fidelity < 1e-5
    for call in selfattn.trace(model, inputs, EDITS["mixed"]).calls:
        for head, how in enumerate(["rbf", "rbf", "dot", "cosine" if call.layer == 1 else "dot"]):
            stages = call.stages(head)
            queries = (call.query[0, head] / call.prescale).tolist()
            keys = call.key[0, head // (call.heads // call.key_heads)].tolist()
            scores = torch.tensor([[slow.alike(how, q, k) for k in keys] for q in queries])
            assert_close(stages.scores, scores, within=1e-5 * scores.abs().max())
            assert_close(call.stages(head, slice(1, 4)).scores, stages.scores[1:4], within=1e-5 * scores.abs().max())
            assert_close(stages.scaled, stages.scores * (0.3 if head in (1, 3) else call.scale))


@pytest.mark.parametrize("name", ["bert", "opt", "llama", "t5", "whisper"])
@pytest.mark.parametrize("scale", [(), (Scale(0.4),), (Scale(None), Temperature(3.0))], ids=["own", "set", "raw"])
def test_where_all_keys_have_one_length_the_rbf_weighs_as_the_dot_product(name, scale):
    model = wrapped(name)
    for call in selfattn.trace(model, tiny.inputs(model.network, padded=True)).calls:
        alike = replace(call, key=3.0 * call.key / call.key.norm(dim=-1, keepdim=True))
        by_distance, by_product = alike.with_edits([Similarity("rbf"), *scale]), alike.with_edits(scale)
        for head in range(call.heads):
            assert_close(by_distance.stages(head).weights, by_product.stages(head).weights, within=1e-5)
            assert_close(by_distance.context(head), by_product.context(head), within=1e-4)


def local(how: str) -> Model:
    torch.manual_seed(5)
    network = SelfAttentionForMaskedLM(SelfAttentionConfig(**tiny.SMALL, similarity=how)).eval()
    with torch.no_grad():
        for block in network.encoder.blocks:
            block.attention.query_key_value.weight.mul_(20)
    return Model.wrap(network, name="local")


@pytest.mark.parametrize(
    ("own", "edits"),
    [
        ("dot", (Similarity("dot"),)),
        ("cosine", (Similarity("cosine"),)),
        ("rbf", (Similarity("rbf"), Scale(8**-0.5))),  # its own variance is the root of d
    ],
)
def test_an_encoder_with_a_similarity_of_its_own_does_what_the_edit_does(own, edits):
    model = local(own)
    inputs = tiny.inputs(model.network, padded=True)
    plain = recorded_logits(model, inputs)
    assert_close(recorded_logits(model, inputs, edits), plain, within=1e-4)
    for other in {"dot", "cosine", "rbf"} - {own}:
        assert (recorded_logits(model, inputs, (Similarity(other),)) - plain).abs().max() > 1e-3
        assert selfattn.trace(model, inputs, (Similarity(other),)).fidelity < 1e-5


def test_a_dot_product_in_place_of_a_similarity_that_the_model_has():
    model = local("additive")
    for call in selfattn.trace(model, tiny.inputs(model.network, False), [Similarity("dot", heads={2})]).calls:
        assert_close(call.stages(2).scores, call.query[0, 2] @ call.key[0, 2].mT)
        assert (call.stages(1).scores - call.query[0, 1] @ call.key[0, 1].mT).abs().max() > 0.1


def test_half_precision_is_scored_in_float32():
    model = Model.wrap(tiny.network("bert").to(torch.bfloat16), name="bert")
    trace = selfattn.trace(model, tiny.inputs(model.network, padded=False), [Similarity("rbf")])
    stages = trace.stages(1, 2)
    expected = [[slow.alike("rbf", q, k) for k in stages.key.tolist()] for q in stages.query.tolist()]
    assert torch.equal(stages.scores, torch.tensor(expected))
    assert trace.fidelity < 5e-2


def test_threads_keep_their_own_similarities():
    model = wrapped("llama")
    inputs = tiny.inputs(model.network, padded=False)
    chosen = list(EDITS.values())[:6]
    alone = [recorded_logits(model, inputs, edits) for edits in chosen]
    together: dict[int, list[Tensor]] = {}
    start = threading.Barrier(len(chosen))

    def work(index: int) -> None:
        start.wait()
        together[index] = [recorded_logits(model, inputs, chosen[index]) for _ in range(10)]

    threads = [threading.Thread(target=copy_context().run, args=(work, index)) for index in range(len(chosen))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, expected in enumerate(alone):
        assert all(torch.equal(got, expected) for got in together[index])


def test_a_query_whose_scale_is_unknown_gets_no_other_similarity(monkeypatch):
    monkeypatch.setattr(modules, "PRESCALED", set())
    model = wrapped("opt")
    with pytest.raises(ValueError, match=r"neither it nor the similarity can be changed\.$"):
        selfattn.trace(model, tiny.inputs(model.network, padded=False), [Similarity("cosine")])
