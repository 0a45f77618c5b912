"""Where word vectors begin: with the log ratios of Wang and Manning, counted on the training texts alone."""

import math

import pytest
import torch

from selfattn.training.data.encoded import Encoded
from selfattn.training.run.informed import inform, log_ratios

TEXTS = [[1, 2], [1, 2, 2], [1, 3], [3, 4]]
DATA = Encoded(
    torch.tensor([each for text in TEXTS for each in text]),
    torch.tensor([0, 2, 5, 7, 9]),
    torch.tensor([False, False, False, True]),
    torch.tensor([0, 0, 1, 1]),
    pad=0,
)


def test_ratios_by_hand():
    """Of five tokens: two texts of label 0 hold 1 and 2, one of label 1 holds 1 and 3; the held-out one has no say."""
    ratios = log_ratios(DATA, 5, 2)
    first, second = [1, 3, 3, 1, 1], [1, 2, 1, 2, 1]
    expected = [math.log(a / sum(first)) - math.log(b / sum(second)) for a, b in zip(first, second, strict=True)]
    assert ratios[0].tolist() == pytest.approx(expected)
    assert ratios[1].tolist() == pytest.approx([-each for each in expected])


def test_ratios_of_three_labels_are_each_against_the_others():
    data = Encoded(DATA.ids, DATA.starts, torch.zeros(4, dtype=torch.bool), torch.tensor([0, 1, 2, 2]), pad=0)
    ratios = log_ratios(data, 5, 3)
    assert ratios.shape == (3, 5)
    own, others = [1, 2, 1, 3, 2], [1, 3, 3, 1, 1]
    assert ratios[2].tolist() == pytest.approx(
        [math.log(a / sum(own)) - math.log(b / sum(others)) for a, b in zip(own, others, strict=True)]
    )


def test_occurrences_are_those_of_the_training_texts():
    assert DATA.occurrences(6).tolist() == [0, 3, 3, 1, 0, 0]


def test_word_vectors_move_along_one_direction_a_label_that_a_norm_lets_through():
    table = torch.zeros(5, 8)
    ratios = log_ratios(DATA, 5, 2)[:1]
    inform(table, ratios, torch.Generator().manual_seed(0))
    assert torch.linalg.matrix_rank(table) == 1
    torch.testing.assert_close(table.norm(dim=1), ratios[0].abs())
    torch.testing.assert_close(table.mean(1), torch.zeros(5), atol=1e-6, rtol=0)
