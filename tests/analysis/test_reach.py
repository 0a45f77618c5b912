"""Who can have heard from whom: the boolean power against a slow breadth-first loop, and the laws of known masks."""

import pytest
import torch

from selfattn.analysis.masks.reach import NEVER, cost, first_layers, heard_after
from selfattn.canvas.masks import unpainted
from selfattn.maths.masks import block, causal, dilated, global_tokens, padding, parse, window

N = 23


def walked(keep: torch.Tensor) -> list[list[int]]:
    """From each token along the pairs that may attend, one layer a step."""
    found = []
    for start in range(len(keep)):
        layers, ring, step = {start: 0}, [start], 0
        while ring:
            step += 1
            ring = list({j for i in ring for j in range(len(keep)) if keep[i, j]} - layers.keys())
            layers |= dict.fromkeys(ring, step)
        found.append([layers.get(token, NEVER) for token in range(len(keep))])
    return found


@pytest.mark.parametrize("share", [0.02, 0.07, 0.3])
@pytest.mark.parametrize("seed", range(5))
def test_random_masks_are_reached_as_a_walk_reaches_them(share, seed):
    keep = torch.rand(N, N, generator=torch.Generator().manual_seed(seed)) < share
    assert first_layers(keep).tolist() == walked(keep)


@pytest.mark.parametrize("width", [1, 2, 3, 5])
@pytest.mark.parametrize("layers", [0, 1, 2, 4])
def test_a_causal_window_reaches_back_one_less_than_its_width_a_layer(width, layers):
    first = first_layers((causal & window(width)).keep(N, N))
    heard = (first >= 0) & (first <= layers)
    assert torch.equal(heard, (causal & window(layers * (width - 1) + 1)).keep(N, N))
    assert heard_after(first, layers).tolist() == [min(i, layers * (width - 1)) + 1 for i in range(N)]


def test_a_dilated_window_reaches_its_own_parity_alone():
    width, step = 5, 2  # the keys 0, 2 and 4 tokens away
    first = first_layers(dilated(width, step).keep(N, N))
    for i in range(N):
        for j in range(N):
            assert first[i, j] == (NEVER if (i - j) % step else -(-abs(i - j) // 4))


def test_one_global_token_makes_everything_heard_in_two_layers():
    first = first_layers((global_tokens([7]) | window(1)).keep(N, N))
    assert first.max() == 2
    assert (first[7].max(), first[:, 7].max()) == (1, 1)
    assert heard_after(first, 2).tolist() == [N] * N


def test_blocks_never_hear_of_each_other_and_causal_stays_causal():
    same = block(5).keep(N, N)
    assert torch.equal(first_layers(same) >= 0, same)
    future = ~causal.keep(N, N)
    assert (first_layers((causal & dilated(9, 3)).keep(N, N))[future] == NEVER).all()


def test_a_token_with_nothing_to_attend_to_still_holds_itself():
    first = first_layers(torch.zeros(3, 3, dtype=torch.bool))
    assert first.tolist() == [[0, -1, -1], [-1, 0, -1], [-1, -1, 0]]


def test_the_cost_counts_the_pairs_of_both_products():
    keep = (causal & window(3)).keep(7, 7)  # 1 + 2 + 5 * 3 pairs
    found = cost(keep, d_k=5, d_v=11, heads=2, layers=3)
    assert (found.pairs, found.head, found.model) == (18, 18 * 16, 18 * 16 * 6)
    full = cost(padding.keep(7, 7), d_k=5, d_v=11, heads=1, layers=1)
    assert full.head == 7 * 7 * 5 + 7 * 7 * 11


@pytest.mark.parametrize(
    ("drawn", "left"),
    [
        ("causal & window(3) & ~custom([[4, 3]]) | custom([[0, 5]])", "causal & window(3)"),
        ("~custom([[4, 3]])", "padding"),
        ("custom([[4, 3], [2, 2]])", "padding"),
        ("block(4) | ~window(2)", "block(4) | ~window(2)"),
    ],
)
def test_another_sentence_keeps_the_pattern_and_leaves_what_was_painted(drawn, left):
    assert unpainted(parse(drawn)) == parse(left)
