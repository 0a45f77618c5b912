"""Scaled beside unscaled: pairs that differ in the scale alone, whose summary is that of their curves."""

import json
import time
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from selfattn.figures.palette import DARK, LIGHT
from selfattn.figures.side_by_side import Line, pair_figure
from selfattn.training.search import side_by_side as pairs
from selfattn.training.search.lookup import Lookup
from selfattn.training.search.side_by_side import PLAN, PairsPlan, Reading
from tests.tools.tolerance import assert_close

TINY = PairsPlan(
    seeds=2, widths=(2, 6), d_model=6, d_ff=7, steps=15, every=5, batch=11, task=Lookup(letters=7, digits=3, cards=5)
)


@pytest.fixture
def folder(tmp_path):
    pairs.prepare(tmp_path / "pairs", TINY)
    return tmp_path / "pairs"


def test_the_answer_lies_on_the_card_with_the_letter_asked_for():
    task = TINY.task
    batches = task.batches(13, torch.Generator().manual_seed(0))
    ids, labels = next(batches).values()
    assert ids.shape == (13, 1 + task.cards)
    cards = {1 + 7 + 3 * letter + digit: (letter, digit) for letter in range(7) for digit in range(3)}
    assert max(cards) == task.vocabulary - 1
    for (asked, *dealt), label in zip(ids.tolist(), labels.tolist(), strict=True):
        lie = dict(cards[card] for card in dealt)
        assert len(lie) == task.cards
        assert lie[asked - 1] == label
    assert not torch.equal(next(batches)["input_ids"], ids)


@pytest.mark.parametrize("d_k", TINY.widths)
def test_a_pair_begins_equal_and_its_trace_is_that_of_the_formula(d_k):
    scaled, raw = (pairs.network(TINY, 0, d_k, each) for each in (True, False))
    for mine, other in zip(scaled.parameters(), raw.parameters(), strict=True):
        assert torch.equal(mine, other)
    ids = next(TINY.task.batches(TINY.batch, torch.Generator().manual_seed(0)))["input_ids"]
    for network, scale in ((scaled, d_k**-0.5), (raw, 1.0)):
        block = network.encoder.blocks[0]
        assert block.attention.scaling == scale
        with torch.no_grad():
            made = block.attention.query_key_value(block.attention_norm(network.encoder.tokens(ids)))
        traces = []
        for at in range(0, TINY.d_model, d_k):
            query, key = made[..., at : at + d_k], made[..., TINY.d_model + at : TINY.d_model + at + d_k]
            weights = torch.softmax(scale * query @ key.mT, -1)
            traces.append(1 - weights.square().sum(-1).mean())
        first = next(point for point in pairs.train(TINY) if (point.d_k, point.scaled) == (d_k, scale < 1))
        assert_close(first.trace, torch.stack(traces).mean())


@pytest.mark.slow
def test_at_a_large_d_k_the_raw_one_saturates_and_learns_less():
    plan = replace(PLAN, seeds=1, widths=(128,), steps=100)
    (gap,) = pairs.gaps(plan, list(pairs.train(plan)))
    (loss, raw_loss), (gradient, raw_gradient), (trace, raw_trace) = gap.losses, gap.gradients, gap.traces
    assert loss < 0.3 < 0.8 < raw_loss < plan.guessing
    assert raw_gradient > 1.5 * gradient
    # Scores of variance 1 and d_k, as in theory.
    scores = torch.randn(4000, 1 + plan.task.cards, generator=torch.Generator().manual_seed(0))
    for measured, spread in ((trace, 1.0), (raw_trace, 128**0.5)):
        assert_close(measured, 1 - (spread * scores).softmax(-1).square().sum(-1).mean(), within=0.05)


@pytest.mark.slow
def test_it_is_seeded_and_leaves_the_global_generator_alone():
    state = torch.get_rng_state()
    found = list(pairs.train(TINY))
    assert torch.equal(torch.get_rng_state(), state)
    assert found == list(pairs.train(TINY))
    assert len(found) == TINY.points == len({(p.seed, p.d_k, p.scaled, p.step) for p in found})
    assert found[0].loss != next(point.loss for point in found if point.seed == 1)


def test_the_summary_is_that_of_the_curves():
    plan = replace(TINY, steps=60)
    found = [
        Reading(seed, d_k, scaled, step, step * d_k + seed, float(step + scaled), seed + scaled / 2 + step)
        for seed in range(2)
        for d_k in plan.widths
        for scaled in (True, False)
        for step in range(5, 61, 5)
    ]
    two, six = pairs.gaps(plan, found)
    assert (two.d_k, two.seeds, six.d_k, six.seeds) == (2, 2, 6, 2)
    assert two.losses == pytest.approx((2 * np.mean([45, 50, 55, 60]) + 0.5,) * 2)
    assert two.gradients == pytest.approx((np.mean(range(5, 51, 5)) + 1, np.mean(range(5, 51, 5))))
    assert two.traces == pytest.approx((6, 5.5))
    assert [gap.seeds for gap in pairs.gaps(plan, found[:-1])] == [2, 1]
    assert pairs.gaps(plan, found[:20]) == []


@pytest.mark.slow
def test_stopped_it_keeps_what_it_found_and_starts_anew_from_the_beginning(folder):
    assert pairs.state(folder) == "stopped"
    pairs.stop(folder)
    pairs.run(folder)
    assert pairs.state(folder) == "stopped"
    assert len(pairs.points(folder)) == 1
    pairs.prepare(folder, TINY)
    pairs.run(folder)
    assert pairs.state(folder) == "done"
    assert pairs.points(folder) == list(pairs.train(TINY))
    assert pairs.plan(folder) == TINY


@pytest.mark.slow
def test_in_a_process_of_its_own_it_runs_once_and_can_be_stopped(folder):
    pairs.prepare(folder, replace(TINY, steps=5000))
    pairs.start(folder)
    assert pairs.state(folder) == "running"
    for again in (pairs.start, pairs.prepare):
        with pytest.raises(ValueError, match="is being trained"):
            again(folder)
    end = time.monotonic() + 60
    while not pairs.points(folder) and time.monotonic() < end:
        time.sleep(0.05)
    pairs.stop(folder)
    while pairs.state(folder) != "stopped" and time.monotonic() < end:
        time.sleep(0.05)
    assert pairs.state(folder) == "stopped"
    assert 0 < len(pairs.points(folder)) < replace(TINY, steps=5000).points


@pytest.mark.parametrize("written", ["", "{", "[]", "{}", json.dumps(asdict(TINY) | {"unheard_of": 1})])
def test_what_another_version_left_is_not_read(folder, written):
    (folder / "plan.json").write_text(written)
    (folder / "points.jsonl").write_text('{"step": 5}\n')
    assert pairs.state(folder) == "ready"
    assert pairs.points(folder) == []
    with pytest.raises(ValueError, match="holds no plan"):
        pairs.run(folder)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_the_figure_holds_the_numbers(palette):
    values = {"loss": [1.5, 0.25], "gradient norm": [7.0, 0.125], "tr J": [0.75, 0.5]}
    lines = [Line(False, [5, 10], values), Line(True, [5], {name: each[:1] for name, each in values.items()})]
    figure = pair_figure(lines, 40, {"loss": 1.25, "gradient norm": 1.0, "tr J": 0.875}, palette)
    assert [(trace.yaxis, trace.line.dash, list(trace.y)) for trace in figure.data] == [
        (axis, dash, each[:count])
        for axis, each in zip(("y", "y2", "y3"), values.values(), strict=True)
        for dash, count in (("dash", 2), ("solid", 1))
    ]
    assert [trace.line.color for trace in figure.data[:2]] == [palette.key, palette.weights]
    assert [(shape.yref, shape.y0, shape.y1) for shape in figure.layout.shapes] == [
        ("y", 1.25, 1.25),
        ("y2", 1.0, 1.0),
        ("y3", 0.875, 0.875),
    ]
    assert tuple(figure.layout.xaxis.range) == (0, 40)
    assert figure.layout.yaxis2.type == "log"
