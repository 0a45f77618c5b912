"""Gauges and the scaling study, against slow plain loops and published numbers."""

import math

import pytest
import torch

from selfattn.analysis import scaling
from selfattn.analysis.one_head.gauges import gauges
from selfattn.maths.attend import attend
from selfattn.recording.edits import Scale
from tests.tools.tolerance import assert_close


@pytest.fixture
def stages():
    generator = torch.Generator().manual_seed(5)
    query, key, value = (torch.randn(n, 3, generator=generator) for n in (7, 7, 7))
    keep = torch.ones(7, 7, dtype=torch.bool).tril()
    keep[4] = False
    return attend(query, key, value, keep=keep)


def slow_gauges(stages, rows):
    sums = {"entropy": [], "max weight": [], "tr J": [], "first token": []}
    for i in rows:
        p = [stages.weights[i, j].item() for j in range(7) if stages.keep[i, j]]
        if len(p) > 1:
            sums["entropy"].append(-sum(x * math.log(x) for x in p if x) / math.log(len(p)))
        sums["max weight"].append(max(p))
        sums["tr J"].append(1 - sum(x * x for x in p))
        sums["first token"].append(p[0])
    return {name: sum(values) / len(values) for name, values in sums.items()}


def test_gauges_are_means_over_the_rows_that_attend(stages):
    slow = slow_gauges(stages, [0, 1, 2, 3, 5, 6])
    for gauge in gauges(stages):
        assert_close(gauge.value, slow[gauge.name], within=1e-5)
    baselines = {gauge.name: gauge.baseline for gauge in gauges(stages)}
    counts = [1, 2, 3, 4, 6, 7]
    assert_close(baselines["entropy"], 1.0, within=1e-6)
    assert_close(baselines["max weight"], sum(1 / n for n in counts) / 6, within=1e-6)
    assert_close(baselines["tr J"], sum(1 - 1 / n for n in counts) / 6, within=1e-6)
    assert_close(baselines["first token"], sum(1 / n for n in counts) / 6, within=1e-6)


def test_padding_queries_leave_the_averages(stages):
    real = torch.tensor([True] * 5 + [False] * 2)
    slow = slow_gauges(stages, [0, 1, 2, 3])
    for gauge in gauges(stages, real):
        assert_close(gauge.value, slow[gauge.name], within=1e-5)


def test_a_head_that_sees_nothing_has_no_gauges(stages):
    blind = attend(stages.query, stages.key, stages.value, keep=torch.zeros(7, 7, dtype=torch.bool))
    assert all(math.isnan(gauge.value) for gauge in gauges(blind))


PUBLISHED = {4: (0.656, 0.344, 0.788, 0.875, 0.159, 0.925), 64: (0.143, 0.819, 0.255, 0.869, 0.166, 0.926)}


@pytest.mark.parametrize("d", PUBLISHED)
def test_random_keys_saturate_as_published(d):
    found = scaling.random_saturation([d])
    numbers = [
        x for scaled in (False, True) for each in found[scaled] for x in (each.entropy, each.largest, each.trace)
    ]
    for number, published in zip(numbers, PUBLISHED[d], strict=True):
        assert_close(number, published, within=0.01)
    assert_close(found[False][0].variance / d, 1.0, within=0.05)
    assert_close(found[True][0].variance, 1.0, within=0.05)


def test_a_head_is_measured_on_its_own_queries_and_keys(bert):
    import selfattn
    from tests.tools import tiny

    trace = selfattn.trace(bert, tiny.inputs(bert.network, padded=True))
    call = trace.calls[1]
    found = scaling.head_saturation(call)
    raw = call.with_edits([Scale(None)]).stages(2)
    assert_close(found[False][2].largest, raw.weights.amax(-1).mean(), within=1e-6)
    assert_close(found[True][2].largest, call.stages(2).weights.amax(-1).mean(), within=1e-6)
    assert_close(scaling.uniform_weight(raw), 1 / 8, within=1e-6)


def test_a_head_with_a_scale_of_its_own_is_measured_under_it():
    import selfattn
    from tests.tools import tiny

    model = selfattn.Model.wrap(tiny.network("swinv2"))
    call = selfattn.trace(model, tiny.inputs(model.network, padded=False)).calls[-1]
    assert len({round(scale, 3) for scale in call.head_scales}) == call.heads
    found = scaling.head_saturation(call)[True]
    for head in range(call.heads):
        own = call.stages(head)
        assert_close(scaling.head_stages(call, head)[True].weights, own.weights)
        traces = [(p.diag() - p[:, None] * p).trace().item() for p in own.weights]
        assert_close(found[head].trace, sum(traces) / len(traces), within=1e-5)


def test_the_histogram_is_a_density():
    stages = scaling.random_stages(4)[True]
    centres, density = scaling.score_histogram(stages)
    assert_close((density * (centres[1] - centres[0])).sum(), 1.0, within=1e-4)
    assert_close((density * centres.square() * (centres[1] - centres[0])).sum(), 1.0, within=0.05)
    ranked = scaling.sorted_weights(stages)
    assert_close(ranked.sum(), 1.0, within=1e-4)
    assert (ranked.diff() <= 0).all()
