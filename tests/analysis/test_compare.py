"""Two traces side by side: divergences against a slow definition and by hand, alignments by hand, exports."""

import csv
import io
import math

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

import selfattn
from selfattn import Mask, Scale
from selfattn.analysis.compare import comparison
from selfattn.analysis.compare.comparison import Alignment, Comparison, align, compare, divergence
from selfattn.canvas.compare import Compared, Side, divergences, pair_payload, predictions
from selfattn.exports import data
from selfattn.maths.masks import causal, custom
from selfattn.models.loading.library import Choice
from selfattn.ui.caches import Run
from selfattn.ui.compare.export import as_python, heads_csv, weights_csv
from selfattn.ui.compare.sides import Sides, variant
from selfattn.ui.place import Head
from tests.tools import made, tiny
from tests.tools.tolerance import assert_close

FIRST, SECOND = "the cat sat on the mat", "the dog sat on the good mat"
NAMES = ["the", "cat/dog", "sat", "on", "the", "+good", "mat"]


def slow(p: list[float], q: list[float]) -> float:
    """Half of each row's Kullback-Leibler divergence from their mean, in bits."""
    found = 0.0
    for a, b in zip(p, q, strict=True):
        for mine in (a, b):
            if mine > 0:
                found += mine * math.log2(mine / ((a + b) / 2)) / 2
    return found


@pytest.mark.parametrize(
    ("p", "q", "bits"),
    [
        ([0.2, 0.3, 0.5], [0.2, 0.3, 0.5], 0.0),
        ([1.0, 0.0, 0.0], [0.0, 0.4, 0.6], 1.0),
        ([1.0, 0.0], [0.5, 0.5], 0.3112781),  # H(3/4, 1/4) - H(1/2, 1/2) / 2 = .8112781 - .5
    ],
)
def test_the_divergence_by_hand_and_either_way(p, q, bits):
    assert_close(divergence(torch.tensor(p), torch.tensor(q)), bits, within=1e-6)
    assert_close(divergence(torch.tensor(q), torch.tensor(p)), bits, within=1e-6)


def test_the_divergence_is_its_slow_definition():
    generator = torch.Generator().manual_seed(0)
    p, q = (torch.rand(3, 5, 7, generator=generator, dtype=torch.float64).pow(6) for _ in range(2))
    p, q = p / p.sum(-1, keepdim=True), q / q.sum(-1, keepdim=True)
    expected = [[slow(a, b) for a, b in zip(*rows, strict=True)] for rows in zip(p.tolist(), q.tolist(), strict=True)]
    assert_close(divergence(p, q), torch.tensor(expected), within=1e-7)


@pytest.mark.parametrize(
    ("first", "second", "found", "names"),
    [
        ("a b c", "a b c", ((0, 1, 2), (0, 1, 2)), ["a", "b", "c"]),
        ("a b c", "a x c", ((0, 1, 2), (0, 1, 2)), ["a", "b/x", "c"]),
        ("a b c", "a c", ((0, 1, 2), (0, -1, 1)), ["a", "−b", "c"]),
        ("a c", "a b c", ((0, -1, 1), (0, 1, 2)), ["a", "+b", "c"]),
        ("a b c", "a x y c", ((0, 1, -1, -1, 2), (0, -1, 1, 2, 3)), ["a", "−b", "+x", "+y", "c"]),
        ("b c", "a b", ((-1, 0, 1), (0, 1, -1)), ["+a", "b", "−c"]),
        ("a a", "a a a", ((0, 1, -1), (0, 1, 2)), ["a", "a", "+a"]),
        ("a", "b c", ((0, -1, -1), (-1, 0, 1)), ["−a", "+b", "+c"]),
    ],
)
def test_tokens_are_matched_in_order(first, second, found, names):
    first, second = first.split(), second.split()
    aligned = align(first, second)
    assert (aligned.first, aligned.second) == found
    assert aligned.names(first, second) == names


def test_what_is_replaced_matches_nothing_where_that_is_asked():
    assert align("abc", "axc", replaced=False) == Alignment((0, 1, -1, 2), (0, -1, 1, 2))


@pytest.fixture(scope="module")
def byte_level():
    """A decoder whose tokenizer shares no special token and hardly a token with that of words."""
    network = GPT2LMHeadModel(GPT2Config(**tiny.GPT | {"vocab_size": 300, "eos_token_id": 1}))
    return selfattn.Model.wrap(network, made.byte_level(), "gpt2")


def test_two_tokenizers_are_matched_by_their_place_in_the_text(bert, byte_level):
    first, second = selfattn.trace(bert, "the cat sat on 1 mat"), selfattn.trace(byte_level, "the cat sat on 1 mat")
    queries, _ = comparison.aligned(first, first.call(0), second, second.call(0))
    i, j = queries.both()
    assert {first.tokens.text[place] for place in i} >= {"the", "cat", "on"}
    spans = [
        [first.text[slice(*trace.tokens.offsets[n])].strip() for n in side] for trace, side in ((first, i), (second, j))
    ]
    assert spans[0] == spans[1]
    unmatched = [first.tokens.text[n] for n, m in zip(queries.first, queries.second, strict=True) if m < 0]
    assert {"[CLS]", "[SEP]"} <= set(unmatched)


@pytest.fixture(scope="module")
def two(bert):
    return selfattn.trace(bert, FIRST), selfattn.trace(bert, SECOND)


def slow_heads(first, second, layer: int, head: int, other: int, queries, keys) -> tuple[float, float]:
    """Row by row and key by key: the mean divergence of two heads, and the share that is left out."""
    a, b = first.stages(layer, head).weights.tolist(), second.stages(layer, other).weights.tolist()
    bits, left = [], []
    for i, k in zip(*(side.tolist() for side in queries.both()), strict=True):
        p = [a[i][j] for j in keys.both()[0].tolist()]
        q = [b[k][j] for j in keys.both()[1].tolist()]
        bits.append(slow([x / sum(p) for x in p], [x / sum(q) for x in q]))
        left.append((2 - sum(p) - sum(q)) / 2)
    return sum(bits) / len(bits), sum(left) / len(left)


@pytest.mark.parametrize("most", [1, 1 << 22])
def test_every_head_is_its_slow_definition(two, most):
    queries, keys = comparison.aligned(two[0], two[0].call(1), two[1], two[1].call(1))
    assert queries.names(two[0].tokens.text, two[1].tokens.text)[1:8] == NAMES
    found = comparison.of_layer(two[0].call(1), two[1].call(1), queries, keys, most=most)
    for head in range(4):
        bits, left_out = slow_heads(*two, 1, head, head, queries, keys)
        assert_close(found.bits[head], bits, within=1e-6)
        assert_close(found.left_out[head], left_out, within=1e-6)
    assert (found.left_out > 1e-3).all()


def test_a_row_that_can_only_be_zero_leaves_the_mean():
    """The first row of a causal head has one key: five tokens have four rows that can differ."""
    model = selfattn.load("induction")
    first, second = (selfattn.trace(model, text) for text in ("red green red green red", "blue green red green red"))
    count = len(first.tokens)
    assert count == len(second.tokens) == 5
    found = compare(first, second)
    for layer, head in ((0, 1), (1, 2)):
        a, b = (trace.stages(layer, head).weights.tolist() for trace in (first, second))
        rows = [slow(p, q) for p, q in zip(a, b, strict=True)]
        assert rows[0] == 0
        assert_close(found.bits[layer, head], sum(rows[1:]) / (count - 1), within=1e-6)
    assert compare(first, first).bits.max() == 0
    assert compare(*(selfattn.trace(model, word) for word in ("red", "green"))).bits.isnan().all()
    # An edit may leave a row to another key alone: that differs.
    moved = selfattn.trace(model, "red green red green red", [Mask(custom([(1, 1)]) | ~custom([(1, 0), (1, 1)]))])
    alone = selfattn.trace(model, "red green red green red", [Mask(custom([(1, 0)]) | ~custom([(1, 0), (1, 1)]))])
    assert compare(moved, alone).bits[0, 1] >= 0.25


def test_a_trace_is_no_way_from_itself_and_equally_far_either_way(two):
    assert_close(compare(two[0], two[0]).bits, 0.0, within=0)
    there, back = compare(*two), compare(two[1], two[0])
    assert_close(there.bits, back.bits, within=1e-7)
    assert there.bits.shape == (2, 4)
    assert 0.0 < there.bits.min() <= there.bits.max() <= 1.0


def test_one_head_with_every_other(two):
    found = compare(two[0], two[0], head=(1, 2))
    queries, keys = comparison.aligned(two[0], two[0].call(1), two[0], two[0].call(1))
    expected = [slow_heads(two[0], two[0], 1, 2, other, queries, keys)[0] for other in range(4)]
    assert_close(found.bits[1], torch.tensor(expected), within=1e-6)
    assert found.bits[1, 2] == 0.0
    assert found.ranked()[-1] == (1, 2)
    with pytest.raises(ValueError, match="has heads 0 to 3"):
        compare(two[0], two[0], head=(1, 9))


def test_an_edit_is_seen_where_it_reaches(bert, two):
    edited = selfattn.trace(bert, FIRST, [Scale(5.0, layers={1}, heads={3})])
    bits = compare(two[0], edited).bits
    assert bits[1, 3] > 0.01
    assert_close(bits[0], 0.0, within=0)
    assert_close(bits[1, :3], 0.0, within=0)


def test_padding_is_no_query(bert, two):
    assert_close(compare(two[0], selfattn.trace(bert, FIRST, pad=3)).bits, 0.0, within=1e-7)
    assert_close(compare(selfattn.trace(bert, FIRST, pad=3), two[0]).left_out, 0.0, within=1e-6)
    padded = [selfattn.trace(bert, text, pad=3) for text in (FIRST, SECOND)]
    assert_close(compare(*padded).bits, compare(*two).bits, within=1e-6)


def test_nothing_in_common_has_no_number(bert, two):
    call = two[0].call(0)
    none = Alignment((0, -1), (-1, 0))
    found = Comparison.of([comparison.of_layer(call, call, none, none)])
    assert found.bits.isnan().all()
    assert found.ranked() == []
    assert divergences(found)["left_out"].tolist() == [[0.0] * 4]


def test_models_of_unlike_kind_are_compared_in_what_both_have(bert, byte_level, minilm):
    first, second = selfattn.trace(bert, "the cat"), selfattn.trace(minilm, "the cat")
    assert compare(first, second).bits.shape == compare(second, first).bits.shape == (2, 4)
    # The encoder's counterpart in a model without one is the decoder.
    assert compare(first, selfattn.trace(byte_level, "the cat")).bits.shape == (2, 4)
    assert compare(first, second, head=(0, 1)).bits.shape == (6, 12)


def test_the_payload_has_a_place_for_every_token_of_either(two):
    sides = [Side(trace, trace.call(1), head, "a title") for trace, head in zip(two, (2, 3), strict=True)]
    about, planes = pair_payload(Compared.of(*sides))
    good = about["queries"].index("+good")
    assert about["shape"] == (9, 9)
    assert (about["sides"][0]["queries"][good], about["sides"][1]["queries"][good]) == (None, "good")
    assert not planes["keep_0"][good].any()
    assert not planes["keep_0"][:, good].any()
    assert planes["keep_1"].all()
    others = [place for place in range(9) if place != good]
    assert_close(planes["weights_0"][others][:, others], two[0].stages(1, 2).weights, within=0)
    assert_close(planes["weights_1"], two[1].stages(1, 3).weights, within=0)


def test_two_predictions_have_a_row_for_what_either_says_first():
    traces = [selfattn.trace("sentiment", text) for text in ("The film was good.", "The film was bad.")]
    found = predictions(*traces)
    assert {row["name"] for row in found["rows"]} == {"positive", "negative"}
    for row in found["rows"]:
        for name, trace in zip(("first", "second"), traces, strict=True):
            assert_close(row[name], trace.prediction.of(row["name"]))
    assert found["note"].startswith("A says positive, B says negative.")
    distance = abs(found["rows"][0]["first"] - found["rows"][0]["second"])
    assert f"Total variation {distance:.2f}" in found["note"]


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("The acting was not bad at all.", "The acting was not good at all."),
        ("Badly made things", "Badly made"),
        ("Word", "Wor"),
    ],
)
def test_the_first_other_text_changes_one_word(text, other):
    assert variant(text) == other


HERE = Head("encoder", "self", 1, 2)
EDITS = (Scale(None), Mask(causal))


@pytest.mark.parametrize(
    ("second", "at", "ways"),
    [
        (Run(Choice("here"), SECOND), HERE, ("text",)),
        (Run(Choice("here"), SECOND), Head("encoder", "self", 0, 3), ("text", "head")),
        (Run(Choice("other"), FIRST), HERE, ("model",)),
        (Run(Choice("here"), FIRST, edits=EDITS), HERE, ("edits",)),
    ],
)
def test_what_is_exported_agrees(bert, minilm, monkeypatch, second, at, ways):
    models = {"here": bert, "other": minilm}
    monkeypatch.setattr("selfattn.load", models.__getitem__, raising=False)
    first = Run(Choice("here"), FIRST)
    edits = EDITS if "edits" in ways else ()
    sides = Sides(first, second, HERE, at, ways)
    traces = [selfattn.trace(bert, FIRST), selfattn.trace(models[second.choice.source], str(second.given), edits)]
    calls = [trace.call(place.layer) for trace, place in zip(traces, (HERE, at), strict=True)]
    pair = Compared.of(Side(traces[0], calls[0], HERE.head, "A"), Side(traces[1], calls[1], at.head, "B"))
    found = compare(*traces, head=(1, 2) if sides.of_heads else None)

    names: dict[str, object] = {"print": lambda *_: None}
    exec(as_python(sides), names)
    assert_close(names["found"].bits, found.bits, within=0)
    assert_close(names["a"], traces[0].stages(1, 2).weights, within=0)
    assert_close(names["b"], traces[1].stages(at.layer, at.head).weights, within=0)

    rows = list(csv.DictReader(io.StringIO(heads_csv(found).decode())))
    assert len(rows) == found.bits.numel()
    for row in rows:
        assert float(row["bits"]) == found.bits[int(row["layer"]), int(row["head"])].item()

    rows = list(csv.DictReader(io.StringIO(weights_csv(pair).decode())))
    weights = [names["a"], names["b"]]
    for row in rows:
        for side, of in zip("ab", weights, strict=True):
            place = row[f"query_{side}"], row[f"key_{side}"]
            expected = "" if "" in place else str(of[int(place[0]), int(place[1])].item())
            assert row[f"weight_{side}"] == expected
        if row["difference"]:
            assert_close(float(row["difference"]), float(row["weight_b"]) - float(row["weight_a"]))
    assert sum(row["weight_a"] != "" for row in rows) == weights[0].numel()
    assert sum(row["weight_b"] != "" for row in rows) == weights[1].numel()


def test_a_token_in_the_csv_is_no_formula(bert):
    trace = selfattn.trace(bert, "=1+1 = the mat")
    side = Side(trace, trace.call(0), 0, "A")
    rows = csv.DictReader(io.StringIO(weights_csv(Compared.of(side, side)).decode()))
    assert {row["attends_to_b"] for row in rows} >= {data.cell("=1+1"), "'=", "mat"}
