"""Induction on repeats, against a loop over its one diagonal; and beside what a text without repeats says."""

import itertools

import pytest
import torch

import selfattn
from selfattn import Cut, Temperature
from selfattn.analysis.all_heads import on_repeats
from selfattn.analysis.all_heads.atlas import atlas
from selfattn.analysis.interventions.repeats import repeated
from tests.tools.tolerance import assert_close

PLACES = list(itertools.product(range(2), range(4)))


@pytest.fixture(scope="module")
def copier():
    return selfattn.load("induction")


@pytest.fixture(scope="module")
def scored(copier):
    return on_repeats.scores(copier, torch.Generator().manual_seed(0), half=7)


def test_scores_are_means_of_one_diagonal(copier, scored):
    ids = repeated(4, 7, torch.Generator().manual_seed(0), vocabulary=512)
    slow = dict.fromkeys(PLACES, 0.0)
    for text in ids:
        trace = selfattn.trace(copier, {"input_ids": text[None]})
        for layer, head in slow:
            weights = trace.stages(layer, head).weights
            # From the first token of the second half on, to the token after the earlier occurrence of each.
            slow[layer, head] += sum(weights[i, i - 6].item() for i in range(7, 14)) / 7 / 4
    assert max(score.value for score in scored.values()) > 0.5
    for place, score in slow.items():
        assert_close(scored[place].value, score, within=1e-5)
        assert_close(scored[place].even, sum(1 / (i + 1) for i in range(7, 14)) / 7, within=1e-6)


def test_a_text_without_repeats_has_its_induction_beside_it(copier, scored):
    text = "red green blue yellow"
    found = atlas(selfattn.trace(copier, text))
    names = [pattern.name for pattern in found.patterns]
    assert not any(badge.pattern == "induction" for badge in found.badges())
    both = on_repeats.beside(found, scored)
    assert [pattern.name for pattern in both.patterns] == [*names, "on repeats"]
    assert both.table[1, 2, -1] == pytest.approx(scored[1, 2].value)
    assert both.baselines[1, 2, -1] == pytest.approx(scored[1, 2].even)
    badged = {(badge.layer, badge.head) for badge in both.badges() if badge.pattern == "on repeats"}
    even = scored[0, 0].even
    assert badged == {place for place, score in scored.items() if score.value >= even + (1 - even) / 2} != set()
    assert (both.table[..., :-1] == found.table)[found.table == found.table].all()


def test_edits_of_a_text_are_left_out_and_others_are_not(copier, scored):
    def again(*edits):
        return on_repeats.scores(copier, torch.Generator().manual_seed(0), half=7, edits=edits)

    assert again(Cut({(8, 2), (9, 3)})) == scored
    assert again(Temperature(3.0))[1, 2].value < scored[1, 2].value


def test_it_is_for_models_that_say_the_next_token(copier):
    assert on_repeats.applies(copier)
    assert not any(on_repeats.applies(selfattn.load(name)) for name in ("sentiment", "dates"))
