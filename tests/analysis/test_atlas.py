"""All heads at once: the same numbers as head by head, the same for a long text in blocks, and no more memory."""

import math

import numpy as np
import pytest
import torch

import selfattn
from selfattn import Cut, Mask, Model, Scale, Temperature
from selfattn.analysis.all_heads.atlas import atlas, heads_of
from selfattn.analysis.all_heads.patterns import PATTERNS
from selfattn.canvas.all_heads import atlas_payload
from selfattn.maths.masks import causal, custom, window
from selfattn.ui.shell.examples import examples
from tests.tools import tiny
from tests.tools.tolerance import assert_close

EDITS = {
    "unedited": (),
    "all heads": (Scale(None), Temperature(2.0), Mask(causal & window(3))),
    "one head": (Temperature(0.5, heads={2}), Mask(causal, heads={1}, replace=True)),
    "nothing to attend to": (Mask(~custom([(1, key) for key in range(13)])),),
    "cut after": (Cut({(3, 1), (4, 0)}, renormalise=False),),
}


@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS)
@tiny.PADDINGS
@pytest.mark.parametrize("name", tiny.ARCHITECTURES)
def test_the_weights_of_all_heads_are_those_of_each(name, padded, edits):
    model = Model.wrap(tiny.network(name), name=name)
    trace = selfattn.trace(model, tiny.inputs(model.network, padded))
    for call in trace.calls:
        call = call.with_edits(edits)
        together, some = call.weights(), call.weights(slice(2, 5))
        keep = call.keep_of_heads().expand(call.heads, *call.shape)
        for head in range(call.heads):
            stages = call.stages(head)
            assert_close(together[head], stages.weights, within=1e-6)
            assert_close(some[head], stages.weights[2:5], within=1e-6)
            assert torch.equal(keep[head], stages.keep)


def by_hand(call: object, tokens: list[int] | None, separators: set[int], even: bool, head: int) -> dict[str, float]:
    """Every pattern of one head by loops over its queries and keys, from their definitions."""
    stages = call.stages(head)
    n, m = call.shape
    keep = stages.keep.tolist()
    real = call.real_keys().tolist()
    aligned = call.kind == "self"
    weights = [
        [k / max(sum(row), 1) for k in row] if even else list(w)
        for row, w in zip(keep, stages.weights.tolist(), strict=True)
    ]
    queries = [i for i in range(n) if any(keep[i]) and (not aligned or real[i])]

    def mass(wanted: object) -> float:
        chosen = {i: [j for j in range(m) if real[j] and wanted(i, j)] for i in queries}
        rows = [sum(weights[i][j] for j in keys) for i, keys in chosen.items() if keys]
        return sum(rows) / len(rows) if rows else math.nan

    def mean(number: object) -> float:
        rows = [value for i in queries if not math.isnan(value := number(i))]
        return sum(rows) / len(rows) if rows else math.nan

    def entropy(i: int) -> float:
        allowed = sum(keep[i])
        return -sum(w * math.log(w) for w in weights[i] if w > 0) / math.log(allowed) if allowed > 1 else math.nan

    t = tokens

    def others(i: int) -> list[int]:
        """Keys that it may attend to, but the first and those that separate."""
        return [j for j in range(1, m) if keep[i][j] and real[j] and not (t is not None and t[j] in separators)]

    return {
        "previous": mass(lambda i, j: j == i - 1) if aligned else math.nan,
        "next": mass(lambda i, j: j == i + 1) if aligned else math.nan,
        "self": mass(lambda i, j: j == i) if aligned else math.nan,
        "first": mass(lambda i, j: j == 0),
        "separator": mass(lambda i, j: t is not None and t[j] in separators),
        "duplicate": mass(lambda i, j: j < i and t[j] == t[i]) if aligned and t else math.nan,
        "induction": mass(lambda i, j: 0 < j < i and t[j - 1] == t[i]) if aligned and t else math.nan,
        "entropy": mean(entropy),
        "confidence": mean(lambda i: max(weights[i])),
        "without sink": mean(lambda i: max([weights[i][j] for j in others(i)], default=math.nan)),
        "distance": mean(lambda i: sum(w * abs(i - j) for j, w in enumerate(weights[i]))) if aligned else math.nan,
    }


@tiny.PADDINGS
@pytest.mark.parametrize("name", tiny.ARCHITECTURES)
def test_the_table_is_that_of_plain_loops(name, padded):
    model = Model.wrap(tiny.network(name), name=name)
    inputs = tiny.inputs(model.network, padded)
    if "input_ids" in inputs:
        inputs["input_ids"][0, 5:8] = inputs["input_ids"][0, 1:4]  # something to repeat
    trace = selfattn.trace(model, inputs)
    ids = {key: inputs[key][0].tolist() if key in inputs else None for key in ("input_ids", "decoder_input_ids")}
    for attention in model.attentions:
        found = atlas(trace, attention.part, attention.kind)
        for layer in range(attention.layers):
            call = trace.call(layer, attention.part, attention.kind)
            own = attention.part == "decoder" and attention.kind == "self" and ids["decoder_input_ids"] is not None
            tokens = ids["decoder_input_ids" if own else "input_ids"]
            for head in range(call.heads):
                for numbers, even in ((found.table, False), (found.baselines, True)):
                    expected = by_hand(call, tokens, set(), even, head)
                    assert_close(numbers[layer, head], [expected[name] for name in PATTERNS], within=1e-5)


def test_separators_are_those_of_the_tokenizer():
    trace = selfattn.trace("minilm", "The film was short.")
    call = trace.call(2)
    separator = trace.model.tokenizer.sep_token_id
    expected = by_hand(call, list(trace.tokens.ids), {separator}, False, 7)
    assert_close(atlas(trace).table[2, 7], [expected[name] for name in PATTERNS], within=1e-5)
    assert expected["separator"] > 0


@pytest.mark.parametrize("name", ["sentiment", "induction", "minilm"])
def test_padding_changes_no_pattern(name):
    text = examples(name)[0]
    plain, padded = (atlas(selfattn.trace(name, text, pad=pad)) for pad in (0, 5))
    assert_close(padded.table, plain.table, within=1e-5)
    assert_close(padded.baselines, plain.baselines, within=1e-5)


@pytest.mark.parametrize("name", ["sentiment", "induction"])
def test_blocks_of_rows_change_nothing(name):
    trace = selfattn.trace(name, "the film was long and the film was good " * 9)
    for call in trace.calls:
        whole, blocks = heads_of(trace, call), heads_of(trace, call, most=call.heads * call.shape[1] * 7)
        assert np.array_equal(whole.pictures, blocks.pictures)
        assert_close(blocks.table, whole.table, within=1e-5)
        assert_close(blocks.baselines, whole.baselines, within=1e-5)


def test_a_picture_shows_the_largest_weight_of_each_cell():
    trace = selfattn.trace("sentiment", "the film was long and the ending was good " * 9)
    found, count = atlas(trace), len(trace.tokens)
    assert 64 < count < 128
    assert found.pooled == (2, 2)
    weights = trace.stages(1, 2).weights.numpy()
    side = -(-count // 2)
    assert found.pictures.shape == (2, 4, side, side)
    for row, column in ((0, 0), (3, 17), (side - 1, side - 1), (side - 1, 4)):
        cell = weights[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].max()
        assert abs(int(found.pictures[1, 2, row, column]) - 255 * cell**0.5) <= 0.5 + 1e-3


def test_a_badge_is_half_of_the_way_from_even_attention_to_all_of_the_weight():
    found = atlas(selfattn.trace("induction", "the cat sat on the mat because the cat sat on the"))
    badges = found.badges()
    assert {(badge.layer, badge.pattern) for badge in badges} >= {(1, "induction"), (0, "previous"), (0, "self")}
    assert [badge.value for badge in badges] == sorted((badge.value for badge in badges), reverse=True)
    names = list(PATTERNS)
    for layer, head, place in np.ndindex(found.table.shape):
        value, even = found.table[layer, head, place], found.baselines[layer, head, place]
        expected = PATTERNS[names[place]].badge is not None and even < 1 and (value - even) / (1 - even) >= 0.5
        shown = any((each.layer, each.head, each.pattern) == (layer, head, names[place]) for each in badges)
        assert shown == expected


def test_progress_hears_of_every_layer():
    heard: list[int] = []
    atlas(selfattn.trace("minilm", "The film was short."), progress=heard.append)
    assert heard == [1, 2, 3, 4, 5, 6]


def test_144_heads_at_128_tokens_stay_under_three_megabytes():
    import transformers as hf

    config = hf.BertConfig(
        hidden_size=96, num_hidden_layers=12, num_attention_heads=12, intermediate_size=8, vocab_size=101
    )
    model = Model.wrap(hf.BertModel(config).eval())
    trace = selfattn.trace(model, {"input_ids": torch.arange(128)[None] % 101})
    assert 590_000 < len(atlas_payload(atlas(trace), {})) < 3_000_000
