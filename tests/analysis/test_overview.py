"""The overview of a long text against the stages of `maths/attend.py`, max-pooled; and the memory it never takes."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import max_pool2d
from torch.utils._python_dispatch import TorchDispatchMode

import selfattn
from selfattn import Ablate, Cut, Mask, Model, Scale, Similarity, Temperature
from selfattn.analysis.one_head.overview import overview
from selfattn.maths.masks import block, causal, padding, window
from selfattn.recording.doors import Recorder, recording
from tests.tools import tiny
from tests.tools.tolerance import assert_close

EDITS = {
    "none": [],
    "scale": [Scale(None), Temperature(3.0)],
    "mask": [Mask(causal & window(4) & padding)],
    "replaced": [Mask(block(3), replace=True)],
    "cut": [Cut({(5, 2), (6, 6)}), Ablate("mean")],
    "cut after": [Cut({(5, 2), (6, 6), (6, 1)}, renormalise=False)],
    "cosine": [Similarity("cosine"), Scale(5.0)],
    "rbf": [Similarity("rbf"), Scale(0.3)],
}
LONG = " ".join(["the film was not good , and the music of the old cabinet is bright"] * 24)


def calls(name: str, padded: bool = True, edits=()):
    model = Model.wrap(tiny.network(name))
    with torch.inference_mode(), recording(Recorder(model.names, edits)) as recorder:
        model.network(**tiny.inputs(model.network, padded), use_cache=False)
    return recorder.calls


def check(call, head, side):
    found, stages = overview(call, head, side), call.stages(head)
    pool = found.pool
    assert max(found.weights.shape) <= side
    expected = max_pool2d(stages.weights[None], pool, ceil_mode=True)[0]
    assert_close(found.weights, expected, within=1e-5)
    seen = (stages.weights > 0) if call.settings[head].cut_after else stages.keep
    assert torch.equal(found.keep, max_pool2d(seen[None].float(), pool, ceil_mode=True)[0] > 0)
    assert torch.equal(found.total == 0, stages.empty.expand(len(found.total)))
    again = (stages.logits - found.largest[:, None]).exp() / found.total.where(found.total > 0, 1.0)[:, None]
    cut = stages.weights > 0
    assert_close(again[cut], stages.weights[cut], within=1e-5)


@tiny.PADDINGS
@pytest.mark.parametrize("name", sorted(tiny.ARCHITECTURES))
def test_an_overview_is_the_weights_max_pooled(name, padded):
    for call in calls(name, padded):
        for head in range(call.heads):
            check(call, head, side=3)


@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("name", ["bert", "llama", "gemma2", "gpt_oss", "t5"])
def test_an_overview_follows_the_edits(name, edits):
    for call in calls(name):
        check(call.with_edits(edits), 1, side=4)


def test_rows_that_may_attend_to_nothing_are_flagged():
    call = calls("bert", padded=False)[0].with_edits([Mask(window(3) & ~window(1))])
    alone = replace(call, mask=torch.zeros(1, 1, *call.shape, dtype=torch.bool))
    for one in (call, alone):
        check(one, 0, side=3)
    assert (overview(alone, 0).total == 0).all()
    assert not overview(alone, 0).keep.any()


@pytest.mark.parametrize("name", ["sentiment", "induction"])
@pytest.mark.parametrize("side", [1, 37, 64, 1024])
def test_an_overview_of_a_specimen(name, side):
    trace = selfattn.trace(name, LONG)
    assert len(trace.tokens) % 37
    for call in trace.calls:
        check(call, 1, side)
        check(call.with_edits([Mask(causal), Temperature(0.5)]), 0, side)


@pytest.mark.parametrize("tile", [(1, 1), (2, 3), (5, 4), (64, 64)])
@pytest.mark.parametrize("edits", [[], [Scale(None)], [Mask(causal & window(4))]], ids=["plain", "scale", "mask"])
@pytest.mark.parametrize("name", ["bert", "llama"])
def test_tiles_of_any_size_give_the_same(name, edits, tile, monkeypatch):
    monkeypatch.setattr("selfattn.analysis.one_head.overview.TILE", tile)
    for call in calls(name, padded=False):
        for side in (2, 5, 11):
            check(call.with_edits(edits), 1, side)


def test_half_precision_is_computed_in_32_bits():
    call = calls("bert")[0]
    half = replace(call, query=call.query.half(), key=call.key.half(), value=call.value.half())
    check(half, 2, side=5)


def test_a_side_is_at_least_one():
    with pytest.raises(ValueError, match="at least 1 cell a side; got 0"):
        overview(calls("bert")[0], 0, side=0)


class Largest(TorchDispatchMode):
    """The most numbers that any tensor made in the block holds."""

    most = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        made = function(*arguments, **(keywords or {}))
        for each in made if isinstance(made, tuple | list) else [made]:
            if isinstance(each, torch.Tensor):
                self.most = max(self.most, each.untyped_storage().nbytes() // each.element_size())
        return made


@pytest.mark.parametrize("edits", [[], [Mask(causal)], [Similarity("rbf")]], ids=["plain", "causal", "rbf"])
def test_no_matrix_of_all_pairs_is_ever_made(edits):
    torch.manual_seed(3)
    short = calls("llama", padded=False)[0].with_edits(edits)
    query, key = torch.randn(1, 4, 3001, 8), torch.randn(1, 2, 3001, 8)
    call = replace(short, query=query, key=key, value=key)
    with Largest() as largest:
        overview(call, 0, side=100)
    assert 3001 * 128 <= largest.most < 3001 * 3001 / 10
