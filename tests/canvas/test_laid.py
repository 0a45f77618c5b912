"""Where tokens lie on a picture, in the browser: crops and their cells by hand, and the picture as one among tokens."""

import pytest

from tests.tools.fake_scope import SCRIPT, head
from tests.tools.tolerance import assert_close

QUARTERS = [[0.5 * column, 0.5 * row, 0.5 * column + 0.5, 0.5 * row + 0.5] for row in (0, 1) for column in (0, 1)]


def crop(box, rows, columns, first):
    return {"box": box, "rows": rows, "columns": columns, "cells": [*range(first, first + rows * columns)]}


# Four crops and the whole; a mark before each but the first.
CROPS = [crop(box, 2, 3, 2 + 7 * place) for place, box in enumerate([*QUARTERS, [0, 0, 1, 1]])]


def asked(page, function, *given):
    return page.evaluate(f"async (given) => (await import('/shared/laid.js')).{function}(...given)", list(given))


def test_what_lies_over_another_is_a_picture_of_its_own(module_page):
    layers = asked(module_page, "layersOf", CROPS)
    assert [(layer["name"], layer["crops"]) for layer in layers] == [("4 crops", CROPS[:4]), ("whole", CROPS[4:])]
    assert [layer["name"] for layer in asked(module_page, "layersOf", CROPS[4:])] == [""]


@pytest.mark.parametrize(
    ("place", "token", "box"),
    [((0.01, 0.01), 2, [0, 0, 1 / 6, 1 / 4]), ((0.99, 0.4), 14, [5 / 6, 1 / 4, 1 / 6, 1 / 4])],
)
def test_a_point_and_its_token_by_hand(module_page, place, token, box):
    assert asked(module_page, "tokenAt", CROPS[:4], *place) == token
    assert_close(asked(module_page, "boxOf", CROPS[:4], token), box)


def test_where_no_crop_is_there_is_no_token(module_page):
    assert asked(module_page, "tokenAt", CROPS[:1], 0.6, 0.6) is None
    assert asked(module_page, "boxOf", CROPS[:4], 8) is None
    # The last pixel of a picture belongs to it.
    assert asked(module_page, "tokenAt", CROPS[4:], 1, 1) == 35


def test_a_picture_is_one_with_the_marks_between_its_crops(module_page):
    assert asked(module_page, "foldsOf", CROPS, 40) == [
        {"start": 2, "end": 36, "patches": 30, "name": "picture, 5 crops, 30 patches"}
    ]
    apart = [crop([0, 0, 1, 1], 1, 2, 1), crop([0, 0, 1, 1], 1, 1, 12)]
    assert asked(module_page, "foldsOf", apart, 20) == [
        {"start": 1, "end": 3, "patches": 2, "name": "picture, 2 patches"}
    ]
    assert asked(module_page, "foldsOf", None, 20) == []


def test_merged_weights_to_a_picture_are_summed_and_from_it_averaged(module_page):
    made = head(7)
    fold = {"start": 2, "end": 5, "patches": 3, "name": "picture, 3 patches"}
    made["folds"] = {"queries": [fold], "keys": [fold]}
    module_page.evaluate(SCRIPT)
    merged = module_page.evaluate(
        """async (head) => {
          const { mergeWords } = await import("/one_head/words.js");
          const { keys, notes, shape, weights } = mergeWords(typed(head), false);
          return { keys, notes: notes.keys, shape, weights: [...weights] };
        }""",
        made,
    )
    weights = [made["planes"]["weights"][7 * query : 7 * query + 7] for query in range(7)]
    summed = [[*row[:2], sum(row[2:5]), *row[5:]] for row in weights]
    mean = [sum(row[key] for row in summed[2:5]) / 3 for key in range(5)]
    assert merged["shape"] == [5, 5]
    assert merged["keys"] == [*made["keys"][:2], "picture, 3 patches", *made["keys"][5:]]
    assert merged["notes"] == ["k0 · id 0", "k1 · id 1", "", "k5 · id 5", "k6 · id 6"]
    assert_close(merged["weights"], [weight for row in (*summed[:2], mean, *summed[5:]) for weight in row], within=1e-6)
