"""Masks against slow double loops; the expressions against themselves and against hostile text."""

import subprocess

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selfattn.maths.masks import (
    MaskPattern,
    block,
    causal,
    custom,
    dilated,
    from_command_line,
    global_tokens,
    padding,
    parse,
    to_bias,
    window,
)

QUERIES, KEYS = 7, 11
REAL = torch.tensor([True] * 8 + [False, True, False])
PAIRS = [(5, 3), (0, 0), (6, 10), (2, 99), (99, 2)]

RULES = {
    causal: lambda i, j: j <= i,
    padding: lambda i, j: j not in (8, 10),
    window(1): lambda i, j: i == j,
    window(3): lambda i, j: -3 < i - j < 3,
    dilated(5, 2): lambda i, j: abs(i - j) in (0, 2, 4),
    block(3): lambda i, j: i // 3 == j // 3,
    global_tokens([0, 4, 50]): lambda i, j: i in (0, 4) or j in (0, 4),
    global_tokens([]): lambda i, j: False,
    custom(PAIRS): lambda i, j: (i, j) in PAIRS,
    custom([]): lambda i, j: False,
    causal & window(4): lambda i, j: i - 4 < j <= i,
}


def looped(rule, queries=QUERIES, keys=KEYS) -> list[list[bool]]:
    return [[bool(rule(i, j)) for j in range(keys)] for i in range(queries)]


@pytest.mark.parametrize("pattern", RULES, ids=str)
def test_each_pattern_is_its_rule(pattern):
    assert pattern.keep(QUERIES, KEYS, REAL).tolist() == looped(RULES[pattern])


@pytest.mark.parametrize("left", RULES, ids=str)
def test_patterns_combine_as_their_rules_do(left):
    one = RULES[left]
    assert (~left).keep(QUERIES, KEYS, REAL).tolist() == looped(lambda i, j: not one(i, j))
    for right, other in RULES.items():
        assert (left & right).keep(QUERIES, KEYS, REAL).tolist() == looped(lambda i, j, b=other: one(i, j) and b(i, j))
        assert (left | right).keep(QUERIES, KEYS, REAL).tolist() == looped(lambda i, j, b=other: one(i, j) or b(i, j))


@pytest.mark.parametrize("left", RULES, ids=str)
def test_a_pattern_that_lists_positions_is_of_one_text(left):
    named = "tokens" in str(left) or "custom" in str(left)
    assert left.names_positions is (~left).names_positions is named
    for right in RULES:
        either = named or "tokens" in str(right) or "custom" in str(right)
        assert (left & right).names_positions is (left | right).names_positions is either


def test_without_padding_given_every_key_is_text():
    assert padding.keep(2, 3).all()


@pytest.mark.parametrize("pattern", RULES, ids=str)
@pytest.mark.parametrize("rows", [slice(2, 5), slice(0, 0), slice(None, None, 3), torch.tensor([6, 0, 3, 3])], ids=str)
def test_chosen_rows_are_those_rows_of_the_whole(pattern, rows):
    assert torch.equal(pattern.keep(QUERIES, KEYS, REAL, rows), pattern.keep(QUERIES, KEYS, REAL)[rows])


def test_a_pair_beyond_32_bits_is_refused_and_never_mistaken_for_another():
    assert not custom([(0, 2**31 - 1)]).keep(3, 3).any()
    with pytest.raises(ValueError, match=r"whole number from 0 to 2147483647; got 2147483648"):
        custom([(0, 2**31)])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_a_bias_is_zero_or_minus_infinity(dtype):
    keep = (causal & window(3)).keep(QUERIES, KEYS)
    bias = to_bias(keep, dtype)
    assert bias.dtype == dtype
    assert (bias[keep] == 0).all()
    assert (bias[~keep] == -torch.inf).all()


positions = st.integers(0, 2**31 - 1)
leaves = st.one_of(
    st.just(causal),
    st.just(padding),
    st.builds(window, st.integers(1, 2**31 - 1)),
    st.builds(dilated, st.integers(1, 99), st.integers(1, 99)),
    st.builds(block, st.integers(1, 99)),
    st.builds(global_tokens, st.lists(positions, max_size=4)),
    st.builds(custom, st.lists(st.tuples(positions, positions), max_size=4)),
)
patterns = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda a: ~a, inner),
    ),
    max_leaves=8,
)


# Beartype draws the item of a list that it checks by `random`, in the midst of our drawing.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@settings(deadline=None, max_examples=80)
@given(patterns)
def test_a_printed_pattern_parses_to_itself(pattern):
    again = parse(str(pattern))
    assert again == pattern
    assert hash(again) == hash(pattern)
    assert pattern.keep(3, 5).shape == (3, 5)


def test_not_binds_tighter_than_and_and_tighter_than_or():
    assert parse(" ~causal & padding | window(2) ") == ((~causal & padding) | window(2))


def test_a_drawn_mask_of_a_whole_text_can_be_read_back():
    drawn = custom((i, j) for i in range(61) for j in range(61))
    assert parse(str(drawn)) == drawn


HOSTILE = [
    "",
    "   ",
    "4",
    "None",
    "window",
    "causal()",
    "causal(3)",
    "cause",
    "()",
    "causal, padding",
    "causal:",
    "causal; causal",
    "causal and padding",
    "not causal",
    "-causal",
    "causal + padding",
    "causal & ",
    "causal.__class__",
    "causal[0]",
    "__import__('os')",
    "window(__import__('os'))",
    "window(causal)",
    "window(abs(4))",
    "window(-1)",
    "window(0)",
    "window(1.5)",
    "window('a')",
    "window(True)",
    "window()",
    "window(1, 2)",
    "window(width=4)",
    "window(*[4])",
    "window([4])",
    "window(1 + 3)",
    "window(99999999999999999999)",
    "window(0x" + "f" * 5000 + ")",
    "window(" + "9" * 5000 + ")",
    "dilated(8, 0)",
    "dilated(8, 2, 1)",
    "block(-3)",
    "global_tokens(0)",
    "global_tokens([-1])",
    "global_tokens([0.5])",
    "global_tokens([[0]])",
    "global_tokens('01')",
    "custom([5, 3])",
    "custom([[5]])",
    "custom([[5, 3, 1]])",
    "custom([[5, -3]])",
    "custom([[[0], 1]])",
    "lambda: causal",
    "(lambda: causal)()",
    "[causal for _ in range(9)]",
    "f'{causal}'",
    "1if 1else 1",
    "'\\d'",
    "causal\0",
    "\ud800",
    "ｃausal",
    "window(٤)",
    "(" * 10**6,
    "(" * 5000 + "causal" + ")" * 5000,
    "~" * 99_999 + "causal",
    "causal" + " & causal" * 9_999,
    "-" * 99_999 + "1",
    "causal" + "()" * 40_000,
    "global_tokens(" + "[" * 150 + "]" * 150 + ")",
    "a" * 299_999,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:24]))
@pytest.mark.parametrize("read", [parse, from_command_line])
def test_hostile_text_is_refused_with_one_sentence(read, text):
    if read is from_command_line and text == "causal, padding":
        return  # its own spelling
    with pytest.raises(ValueError, match=r"(expected|whole number|two positions|at most)") as refusal:
        read(text)
    assert type(refusal.value) is ValueError
    sentence = str(refusal.value)
    assert "\n" not in sentence
    assert "object at 0x" not in sentence
    assert len(sentence) < 300


@settings(deadline=None, max_examples=80)
@given(st.text() | st.text(alphabet="causl window(4)[],&|~:-", max_size=40))
def test_any_text_is_a_pattern_or_a_value_error(text):
    for read in (parse, from_command_line):
        try:
            assert isinstance(read(text), MaskPattern)
        except ValueError as refusal:
            if type(refusal) is not ValueError:  # a kind of it, such as UnicodeError, is an accident
                raise


def test_nothing_in_a_mask_runs(monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("it ran"))
    with pytest.raises(ValueError, match="Could not read the mask"):
        parse("window(__import__('subprocess').Popen('id'))")


@pytest.mark.parametrize("make", [window, block, lambda n: dilated(4, n), lambda n: global_tokens([n])])
@pytest.mark.parametrize("wrong", [True, -1])
def test_only_whole_numbers_in_reach_make_a_pattern(make, wrong):
    with pytest.raises(ValueError, match=f"whole number from [01] to 2147483647; got {wrong}"):
        make(wrong)


@pytest.mark.parametrize("make", [window, block, lambda n: dilated(4, n), lambda n: global_tokens([n])])
def test_a_fraction_makes_no_pattern(make):
    # Beartype, which only the tests switch on, may be the first to refuse.
    with pytest.raises((ValueError, TypeError)):
        make(1.5)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("causal", causal),
        ("causal,window:4", causal & window(4)),
        (" causal , ~dilated:8:2 , padding", causal & ~dilated(8, 2) & padding),
        ("global_tokens:0:3", global_tokens([0, 3])),
        ("causal | padding,window:4", (causal | padding) & window(4)),
        ("dilated(8, 2) | global_tokens([0, 1])", dilated(8, 2) | global_tokens([0, 1])),
    ],
)
def test_the_command_lines_short_spelling(text, pattern):
    assert from_command_line(text) == pattern


@pytest.mark.parametrize("text", ["window:", "window:a", "window:0", "causal,", ",", "window:4:5:6", "causal:1", ":4"])
def test_the_short_spelling_refuses_as_expressions_do(text):
    with pytest.raises(ValueError, match=r"expected|whole number"):
        from_command_line(text)
