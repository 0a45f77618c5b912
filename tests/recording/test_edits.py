"""Edits are frozen values: they survive JSON, fold in order, and whatever is no edit is refused with one sentence."""

import dataclasses
import functools
import json
import math
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfattn.maths.masks import block, causal, custom, padding, window
from selfattn.recording.edits import (
    UNEDITED,
    Ablate,
    Cut,
    Edit,
    Mask,
    Scale,
    Setting,
    Similarity,
    Temperature,
    from_json,
    to_json,
)
from selfattn.recording.means import Means

numbers = st.none() | st.frozensets(st.integers(0, 99), max_size=4)
where = {
    "layers": numbers,
    "heads": numbers,
    "part": st.none() | st.sampled_from(["encoder", "decoder", "vision"]),
    "kind": st.sampled_from([None, "self", "cross"]),
}
finite = st.floats(allow_nan=False, allow_infinity=False)
pairs = st.frozensets(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=5)
patterns = st.sampled_from([causal, ~causal, causal & window(4), padding | block(3), custom([(5, 3)])])
edits = st.one_of(
    st.builds(Scale, st.none() | finite, **where),
    st.builds(Temperature, st.floats(min_value=1e-9, max_value=1e9), **where),
    st.builds(Mask, patterns, st.booleans(), **where),
    st.builds(Cut, pairs, st.booleans(), **where),
    st.builds(Ablate, st.sampled_from(["zero", "mean", Means("0123456789ab", 3)]), **where),
    st.builds(Similarity, st.sampled_from(["dot", "cosine", "rbf"]), **where),
)


# Beartype draws the item of a set that it checks by `random`, in the midst of our drawing.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@settings(deadline=None, max_examples=80)
@given(st.lists(edits, max_size=4))
def test_edits_survive_json_and_are_values(given_edits):
    again = from_json(to_json(given_edits))
    assert again == tuple(given_edits)
    assert hash(again) == hash(tuple(given_edits))
    assert to_json(again) == to_json(given_edits)


def test_json_holds_what_differs_from_the_defaults():
    assert to_json([Scale(None)]) == '[{"edit":"scale","value":null}]'
    assert to_json([Temperature(2.0, layers={1}, heads={3})]) == (
        '[{"edit":"temperature","layers":[1],"heads":[3],"value":2.0}]'
    )
    assert to_json([Similarity("rbf", heads={2})]) == '[{"edit":"similarity","heads":[2],"how":"rbf"}]'
    assert to_json([Mask(causal & window(4))]) == '[{"edit":"mask","pattern":"(causal & window(4))"}]'


@pytest.mark.parametrize(
    "edit", [Scale(0.5), Temperature(2.0), Mask(causal), Cut({(1, 0)}), Ablate(), Similarity("dot")], ids=str
)
def test_an_edit_cannot_be_changed(edit):
    with pytest.raises(dataclasses.FrozenInstanceError):
        edit.layers = frozenset({1})


def test_any_set_says_where():
    expected = Ablate(layers=frozenset({0, 2}), heads=frozenset({3}))
    assert Ablate(layers={2, 0}, heads={3: "a"}.keys()) == expected
    assert hash(Ablate(layers={2, 0}, heads={3})) == hash(expected)
    assert from_json('[{"edit":"ablate","layers":[2,0,2],"heads":[3]}]') == (expected,)


@pytest.mark.parametrize(
    ("edit", "reached"),
    [
        (Ablate(), True),
        (Ablate(layers={1, 4}, heads={2}, part="decoder", kind="self"), True),
        (Ablate(layers={2}), False),
        (Ablate(heads={0, 1}), False),
        (Ablate(heads=set()), False),
        (Ablate(part="encoder"), False),
        (Ablate(kind="cross"), False),
        (Similarity("dot"), True),
        (Similarity("cosine", heads={2}), True),
        (Similarity("cosine", heads={3}), False),
    ],
    ids=str,
)
def test_an_edit_reaches_what_it_names_and_none_means_all(edit, reached):
    assert edit.reaches(1, 2, "decoder", "self") is reached
    assert (Setting.of([edit], 1, 2, "decoder", "self") != UNEDITED) is reached


def test_later_edits_win_and_masks_and_cuts_add_up():
    edits = [
        Scale(0.5),
        Scale(None),
        Temperature(2.0),
        Temperature(3.0),
        Mask(causal),
        Mask(window(4), replace=True),
        Mask(block(2)),
        Cut({(2, 1)}),
        Cut({(3, 1)}, renormalise=False),
        Cut({(3, 2)}, renormalise=False),
        Ablate("zero"),
        Ablate("mean"),
        Ablate("zero", layers={9}),
        Similarity("dot"),
        Similarity("cosine"),
        Similarity("rbf", heads={9}),
    ]
    assert Setting.of(edits, 0, 0, "encoder", "self") == Setting(
        rescale=(None,),
        temperature=3.0,
        masks=(causal, window(4), block(2), ~custom([(2, 1)])),
        own_mask=False,
        cut_after=frozenset({(3, 1), (3, 2)}),
        ablate="mean",
        similarity="cosine",
    )
    assert Setting.of([], 0, 0, "encoder", "self") == UNEDITED


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Scale(math.nan), r"A scale is a finite number, or None for no scaling; got nan\."),
        (lambda: Temperature(0.0), r"A temperature is a finite number above 0; got 0\.0\."),
        (lambda: Temperature(-1.0), r"above 0; got -1\.0\."),
        (lambda: Temperature(math.inf), r"above 0; got inf\."),
        (lambda: Temperature(math.nan), r"above 0; got nan\."),
        (lambda: Cut({(1, -1)}), r"A position is a whole number from 0 to 2147483647; got -1\."),
        (lambda: Cut({(1, True)}), r"A position is a whole number from 0 to 2147483647; got True\."),
        (lambda: Similarity("cosine", heads={-1}), r"heads are whole numbers from 0; got -1\."),
        (lambda: Ablate(layers={-1}), r"layers are whole numbers from 0; got -1\."),
        (lambda: Ablate(heads={True}), r"heads are whole numbers from 0; got True\."),
        (lambda: Ablate(kind="both"), r"A kind is 'self' or 'cross'; got 'both'\."),
    ],
)
def test_wrong_values_are_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


WRONG = [
    "",
    "not json",
    "[" * 100_000,
    "NaN",
    "3",
    "null",
    '"scale"',
    "{}",
    '{"edit":"scale"}',
    "[3]",
    "[null]",
    '["ab"]',
    "[{}]",
    "[[]]",
    '[{"value":1}]',
    '[{"edit":"edit"}]',
    '[{"edit":"Setting"}]',
    '[{"edit":[]}]',
    '[{"edit":"scale"}]',
    '[{"edit":"scale","value":1,"colour":2}]',
    '[{"edit":"scale","value":NaN}]',
    '[{"edit":"scale","value":1e999}]',
    '[{"edit":"scale","value":1' + "0" * 400 + "}]",
    '[{"edit":"scale","value":' + "9" * 5000 + "}]",
    '[{"edit":"scale","value":[1]}]',
    '[{"edit":"temperature","value":0}]',
    '[{"edit":"temperature","value":"hot"}]',
    '[{"edit":"temperature","value":true}]',
    '[{"edit":"mask"}]',
    '[{"edit":"mask","pattern":5}]',
    '[{"edit":"mask","pattern":null}]',
    '[{"edit":"mask","pattern":"__import__(\'os\')"}]',
    '[{"edit":"mask","pattern":"causal","replace":"yes"}]',
    '[{"edit":"cut","pairs":5}]',
    '[{"edit":"cut","pairs":[5]}]',
    '[{"edit":"cut","pairs":[[1]]}]',
    '[{"edit":"cut","pairs":[["a","b"]]}]',
    '[{"edit":"cut","pairs":[[[1],2]]}]',
    '[{"edit":"cut","pairs":["12"]}]',
    '[{"edit":"ablate","how":"half"}]',
    '[{"edit":"ablate","how":{}}]',
    '[{"edit":"ablate","how":{"name":"0123456789ab"}}]',
    '[{"edit":"ablate","how":{"name":"<img src=x>","count":2}}]',
    '[{"edit":"ablate","how":{"name":["0123456789ab"],"count":2}}]',
    '[{"edit":"ablate","how":{"name":"0123456789ab","count":true}}]',
    '[{"edit":"ablate","how":{"name":"0123456789ab","count":2,"values":{}}}]',
    '[{"edit":"similarity"}]',
    '[{"edit":"similarity","how":null}]',
    '[{"edit":"similarity","how":["dot"]}]',
    '[{"edit":"similarity","how":"dot","variance":2}]',
    '[{"edit":"ablate","layers":"1"}]',
    '[{"edit":"ablate","layers":[[1]]}]',
    '[{"edit":"ablate","layers":' + "[" * 500 + "]" * 500 + "}]",
    '[{"edit":"ablate","heads":-1}]',
    '[{"edit":"ablate","part":[1]}]',
    '[{"edit":"ablate","kind":{}}]',
]


EXPECTED = {
    '[{"edit":"scale","value":true}]': "A scale is a finite number, or None for no scaling; got True.",
    '[{"edit":"scale","value":"1"}]': "A scale is a finite number, or None for no scaling; got '1'.",
    '[{"edit":"temperature","value":null}]': "A temperature is a finite number above 0; got None.",
    '[{"edit":"mask","pattern":5}]': "A mask is a pattern, such as causal or window(4); got 5.",
    '[{"edit":"mask","pattern":"causal","replace":1}]': "replace is True or False; got 1.",
    '[{"edit":"cut","pairs":[[1,0]],"renormalise":0}]': "renormalise is True or False; got 0.",
    '[{"edit":"cut","pairs":[[1,2,3]]}]': "A pair is (query, key), two positions; got (1, 2, 3).",
    '[{"edit":"cut","pairs":[[1,true]]}]': "A position is a whole number from 0 to 2147483647; got True.",
    '[{"edit":"ablate","how":"half"}]': "An ablation is 'zero', 'mean', or the means over texts; got 'half'.",
    '[{"edit":"similarity","how":"Cosine"}]': "A similarity is 'dot', 'cosine' or 'rbf'; got 'Cosine'.",
    '[{"edit":"similarity","how":{}}]': "A similarity is 'dot', 'cosine' or 'rbf'; got {}.",
    '[{"edit":"ablate","heads":1.5}]': "heads are whole numbers from 0; got 1.5.",
    '[{"edit":"ablate","layers":"12"}]': "layers are whole numbers from 0; got '1'.",
    '[{"edit":"ablate","part":3}]': "A part is a name, such as 'encoder' or 'decoder'; got 3.",
    '[{"edit":"ablate","colour":3}]': "The edit ablate has layers, heads, part, kind, how; could not read "
    "{'colour': 3, 'edit': 'ablate'}.",
}


def refusals(texts: list[str]) -> list[str]:
    """What `from_json` says to each text: the kind of its error and the sentence."""
    said = []
    for text in texts:
        try:
            said.append(f"accepted {from_json(text)}")
        except Exception as error:
            said.append(f"{type(error).__name__} {error}")
    return said


NO_PAIRS = ["None", "5", "[1, 2]", "[[1, None]]", "'ab'", "[(1, 2, 3)]"]


@pytest.mark.slow
def test_what_is_no_pair_is_refused_in_one_sentence():
    """As a notebook calls them: without beartype, which would be the first to refuse."""
    lines = ["from selfattn import Cut", "from selfattn.maths.masks import custom"]
    for make in ("Cut", "custom"):
        for wrong in NO_PAIRS:
            lines += ["try:", f"    {make}({wrong})", "except ValueError as error:", "    print(error)"]
        lines.append(f"print(sorted({make}([[1, 2], [3, 4]]).pairs))")
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert len(said) == 2 * (len(NO_PAIRS) + 1)
    for *refusals, taken in (said[: len(NO_PAIRS) + 1], said[len(NO_PAIRS) + 1 :]):
        assert taken == "[(1, 2), (3, 4)]"
        assert all(
            re.fullmatch(r"(A pair is|A position is|Pairs: expected|Positions: expected) .*; got .*\.", each)
            for each in refusals
        )


@functools.cache
def unchecked_refusals() -> list[str]:
    """What it says to all in a process without beartype, which readers do not have: there we refuse alone."""
    code = (
        "import json, sys; from tests.recording.test_edits import refusals; "
        "print(json.dumps(refusals(json.load(sys.stdin))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps([*WRONG, *EXPECTED]), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "read",
    [lambda: refusals(WRONG), pytest.param(unchecked_refusals, marks=pytest.mark.slow)],
    ids=["checked", "unchecked"],
)
def test_json_that_is_no_edit_is_refused_with_one_sentence(read):
    for text, said in zip(WRONG, read()[: len(WRONG)], strict=True):
        assert said.startswith("ValueError "), (text, said)
        assert said.endswith("."), (text, said)
        assert "\n" not in said, (text, said)
        assert "__init__" not in said, (text, said)
        assert len(said) < 600, (text, said)


@pytest.mark.slow
def test_each_refusal_says_what_arrived_and_what_was_expected():
    assert unchecked_refusals()[len(WRONG) :] == [f"ValueError {sentence}" for sentence in EXPECTED.values()]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["scale", "mask"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["edit", "value", "pattern", "pairs", "layers", "heads", "part", "kind", "how", "replace"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
likely = st.fixed_dictionaries(
    {"edit": st.sampled_from(["scale", "temperature", "mask", "cut", "ablate", "similarity"])}
).flatmap(
    lambda edit: st.dictionaries(
        st.sampled_from(["value", "pattern", "pairs", "layers", "heads", "part", "kind", "how", "replace"]),
        json_values,
        max_size=2,
    ).map(lambda rest: rest | edit)
)


@settings(deadline=None, max_examples=80)
@given(json_values | st.lists(likely, max_size=2))
def test_any_json_is_edits_or_a_value_error(value):
    try:
        edits = from_json(json.dumps(value))
    except ValueError as refusal:
        if type(refusal) is not ValueError:  # a kind of it, such as UnicodeError, is an accident
            raise
    else:
        assert all(isinstance(edit, Edit) for edit in edits)
        assert from_json(to_json(edits)) == edits
