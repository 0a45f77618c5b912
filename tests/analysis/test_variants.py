"""Every variant on heads of real models: where it is exact, what it leaves out, what it costs, and what it tells."""

import contextlib
import io
import math
from dataclasses import replace

import pytest
import torch

import selfattn
from selfattn.analysis.variants import costs
from selfattn.analysis.variants.costs import HeadShape, cost
from selfattn.analysis.variants.other_attentions import VARIANTS, sinks_and_recent
from selfattn.analysis.variants.variant import (
    Exact,
    Found,
    VariantSettings,
    compute,
    curve,
    even,
    exact_of,
    measure,
    why_not,
)
from selfattn.figures.palette import LIGHT
from selfattn.figures.variants import curve_figure
from selfattn.maths.attend import attend
from selfattn.models.loading.library import Choice
from selfattn.ui.caches import Run
from selfattn.ui.place import Head
from selfattn.ui.shell.examples import files
from selfattn.ui.variants.export import as_python
from tests.tools.tolerance import assert_close

TEXT = "The plot was dull, but the acting was not bad at all."
WRITTEN = "the cat sat on the mat because the cat sat on the"
MANY = VariantSettings(k=999, landmarks=999, exact_inverse=True, window=999, block=999, sinks=0)


@pytest.fixture(scope="module")
def sentence():
    return selfattn.trace("sentiment", TEXT)


@pytest.fixture(scope="module")
def continued():
    return selfattn.trace("induction", WRITTEN)


@pytest.fixture(scope="module")
def date():
    model = selfattn.load("dates")
    return selfattn.trace(model, "14 July 1789", written=[3, 4, 5, 6])


def head(trace, layer=0, number=0, part=None, kind=None) -> Exact:
    return exact_of(trace, trace.call(layer, part, kind), number)


def error(name: str, exact: Exact, settings: VariantSettings = MANY) -> float:
    return measure(compute(VARIANTS[name], exact, settings), exact).error


@pytest.mark.parametrize("name", ["scaled-dot", "softmax", "top-k", "nystrom", "local", "block", "sinks"])
@pytest.mark.parametrize("layer", [0, 1])
def test_a_variant_that_may_look_everywhere_is_the_models_own_head(sentence, name, layer):
    exact = head(sentence, layer, 2)
    found = compute(VARIANTS[name], exact, MANY)
    assert_close(found.weights, sentence.stages(layer, 2).weights, within=2e-6)
    assert_close(found.context, sentence.stages(layer, 2).context, within=2e-6)
    assert measure(found, exact).variation < 1e-5


@pytest.mark.parametrize("name", ["scaled-dot", "softmax", "top-k", "local", "block", "sinks"])
def test_under_a_causal_mask_too(continued, name):
    for layer, number in ((0, 1), (1, 2)):
        assert error(name, head(continued, layer, number)) < 1e-6


@pytest.mark.parametrize("name", ["top-k", "local", "block", "sinks"])
def test_a_variant_that_may_look_at_one_key_is_another_head(continued, name):
    assert error(name, head(continued, 1, 0), VariantSettings(k=1, window=1, block=1)) > 0.1


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in ("nystrom", "linformer")])
def test_nothing_reads_the_future(continued, name):
    exact = head(continued, 1, 2)
    found = compute(VARIANTS[name], exact, VariantSettings())
    assert_close(found.weights.triu(1), 0.0, within=0)
    value = exact.stages.value.clone()
    value[-1] += 100.0
    changed = compute(VARIANTS[name], replace(exact, stages=replace(exact.stages, value=value)), VariantSettings())
    assert_close(changed.context[:-1], found.context[:-1], within=1e-9)


@pytest.mark.parametrize("name", ["nystrom", "linformer"])
def test_what_cannot_be_causal_says_so(continued, sentence, name):
    assert "computed without the mask" in compute(VARIANTS[name], head(continued), VariantSettings()).note
    assert "without the mask" not in compute(VARIANTS[name], head(sentence), VariantSettings()).note


@pytest.mark.parametrize("name", VARIANTS)
def test_padding_changes_no_real_row(name):
    model = selfattn.load("sentiment")
    plain, padded = (head(selfattn.trace(model, TEXT, pad=pad), 1, 1) for pad in (0, 5))
    a, b = (compute(VARIANTS[name], exact, VariantSettings()) for exact in (plain, padded))
    n = len(plain.real)
    assert_close(b.context[:n], a.context, within=1e-4)
    assert measure(b, padded).error == pytest.approx(measure(a, plain).error, abs=1e-5)
    if b.weights is not None:
        assert_close(b.weights[:n, n:], 0.0, within=0)


def test_rbf_is_exact_where_all_keys_have_one_length(sentence):
    exact = head(sentence)
    key = 3 * exact.stages.key / exact.stages.key.norm(dim=-1, keepdim=True)
    stages = attend(exact.stages.query, key, exact.stages.value)
    alike = replace(exact, stages=stages)
    assert error("rbf", alike, VariantSettings(spread=1.0)) < 1e-9
    assert error("rbf", alike, VariantSettings(spread=2.0)) > 0.01
    assert error("rbf", exact, VariantSettings(spread=1.0)) > 0.1


def test_windows_are_what_their_formula_says(sentence, continued):
    n = 12
    for exact in (head(sentence), head(continued)):
        for name, near in {
            "local": lambda i, j: abs(i - j) < 3,
            "dilated": lambda i, j: abs(i - j) < 3 and (i - j) % 2 == 0,
            "block": lambda i, j: i // 5 == j // 5,
            "sinks": lambda i, j: j < 2 or abs(i - j) < 3,
        }.items():
            found = compute(VARIANTS[name], exact, VariantSettings(window=3, step=2, block=5, sinks=2))
            for i in range(n):
                for j in range(n):
                    own = bool(exact.stages.keep[i, j])
                    assert bool(found.keep[i, j]) == (own and near(i, j)), (name, i, j)
            assert_close(found.weights.sum(-1), 1.0, within=1e-12)


def test_sinks_and_recent_under_a_causal_mask_is_streaming_llm():
    keep = sinks_and_recent(2, 3, 7).keep(7, 7) & torch.ones(7, 7, dtype=torch.bool).tril()
    for i in range(7):
        assert keep[i].nonzero()[:, 0].tolist() == sorted({*range(min(2, i + 1)), *range(max(0, i - 2), i + 1)})


def test_untrained_weights_are_the_seeds_and_say_so(sentence):
    exact = head(sentence)
    for name in ("additive", "bilinear", "linformer"):
        first, again, other = (compute(VARIANTS[name], exact, VariantSettings(seed=seed)) for seed in (0, 0, 1))
        assert torch.equal(first.context, again.context)
        assert (first.context - other.context).abs().max() > 0.01
        assert "untrained" in first.note
        assert "seed 1" in other.note


def test_plain_similarity_is_that_of_the_layers_input(sentence):
    x = sentence.layer_input(1).double()
    found = compute(VARIANTS["plain"], head(sentence, 1, 3), VariantSettings())
    assert_close(found.weights, (x @ x.T).softmax(-1), within=1e-9)
    assert_close(found.context, (x @ x.T).softmax(-1) @ sentence.stages(1, 3).value.double(), within=1e-5)


def test_cross_attention_has_what_has_a_meaning_there(date):
    exact = head(date, 1, 3, "decoder", "cross")
    without = {name for name, variant in VARIANTS.items() if why_not(variant, exact)}
    assert without == {"plain", "local", "dilated", "block", "sinks"}
    for name in VARIANTS.keys() - without:
        found = compute(VARIANTS[name], exact, VariantSettings())
        assert found.context.shape == exact.stages.context.shape
    with pytest.raises(ValueError, match="reads from one text in another"):
        compute(VARIANTS["local"], exact, VariantSettings())


@pytest.mark.parametrize(("model", "kind"), [("digits", "picture"), ("tones", "sound")])
def test_pictures_and_sounds_have_every_variant(model, kind):
    from selfattn.models.inputs.given import Picture, Sound

    name, data = next(iter(files(model, kind).items()))
    given = (Picture if kind == "picture" else Sound)(data(), name)
    exact = head(selfattn.trace(model, given), 1, 3)
    for variant in VARIANTS.values():
        assert measure(compute(variant, exact, VariantSettings()), exact).error >= 0


def test_the_measures_are_their_formulas(sentence):
    exact = head(sentence)
    found = compute(VARIANTS["linear"], exact, VariantSettings())
    own, other = exact.stages.weights.tolist(), found.weights.tolist()
    rows = [sum(abs(p - q) for p, q in zip(a, b, strict=True)) / 2 for a, b in zip(own, other, strict=True)]
    squares = lambda matrix: math.sqrt(sum(x * x for row in matrix.tolist() for x in row))  # noqa: E731
    expected = squares(found.context - exact.stages.context) / squares(exact.stages.context)
    measured = measure(found, exact)
    assert measured.variation == pytest.approx(max(rows))
    assert measured.error == pytest.approx(expected)
    own = Found(exact.stages.weights, exact.stages.context, exact.stages.keep)
    assert measure(own, exact).error == measure(own, exact).variation == 0
    assert_close(even(exact).weights, 1 / 16, within=1e-12)


def test_a_curve_falls_to_nothing_where_the_method_is_exact(sentence):
    exact = head(sentence)
    for name, last in (("top-k", 16), ("local", 16), ("nystrom", 16)):
        found = curve(VARIANTS[name], exact, VariantSettings(exact_inverse=True), (2, last))
        assert found.error[0] > 0.05 > 1e-6 > found.error[1]
        assert found.least == found.error == found.most
    drawn = curve(VARIANTS["performer"], exact, VariantSettings(), (4, 64))
    assert all(a < b < c for a, b, c in zip(drawn.least, drawn.error, drawn.most, strict=True))
    figure = curve_figure(drawn, "m", 64, 0.9, LIGHT)
    assert list(figure.data[-1].x) == [4, 64]
    assert_close(torch.tensor(figure.data[-1].y), torch.tensor(drawn.error))


def test_the_performer_comes_near_where_vectors_are_short(sentence):
    exact = head(sentence)
    short = replace(exact, stages=attend(exact.stages.query / 4, exact.stages.key / 4, exact.stages.value))
    errors = curve(VARIANTS["performer"], short, VariantSettings(), (16, 2048)).error
    assert errors[1] < errors[0] / 4 < 0.1  # 1 / sqrt(128) is a tenth


COUNTED = HeadShape(queries=11, keys=7, d=5, d_v=3, d_model=20, causal=False)


@pytest.mark.parametrize(
    ("name", "multiply_adds", "numbers"),
    [
        ("softmax", 11 * 7 * 5 + 11 * 7 * 3, 77),
        ("plain", 11 * 7 * 20 + 11 * 7 * 3, 77),
        ("top-k", 11 * 7 * 5 + 11 * 2 * 3, 77),
        ("linear", 7 * 5 * 4 + 11 * 5 * 4, 11 * 5 + 7 * 5 + 5 * 4),
        ("performer", (11 + 7) * 5 * 8 + (11 + 7) * 8 * 4, 11 * 8 + 7 * 8 + 8 * 4),
        ("nystrom", (11 * 4 * 5 + 4 * 4 * 5 + 4 * 7 * 5) + 4**3 + (4 * 7 + 4 * 4 + 11 * 4) * 3, 11 * 4 + 4 * 4 + 4 * 7),
        ("linformer", 2 * 7 * (5 + 3) + 11 * 2 * (5 + 3), 2 * 2 * 7 + 11 * 2 + 2 * (5 + 3)),
        ("local", 11 * 5 * (5 + 3), 55),
        ("block", 11 * 4 * (5 + 3), 44),
        ("sinks", 11 * 6 * (5 + 3), 66),
    ],
)
def test_costs_counted_by_hand(name, multiply_adds, numbers):
    settings = VariantSettings(k=2, features=8, landmarks=4, projected=2, window=3, block=4, sinks=1)
    found = cost(name, COUNTED, settings)
    assert (found.multiply_adds, found.numbers) == (multiply_adds, numbers)


@pytest.mark.parametrize("causal", [False, True])
def test_every_formula_of_a_cost_gives_its_number(causal):
    settings = VariantSettings(k=2, features=8, landmarks=4, projected=2, window=3, step=2, block=4)
    shape = replace(COUNTED, causal=causal)
    names = {"N": 11, "M": 7, "d": 5, "v": 3, "D": 20, "k": 2, "m": 8, "r": 2, "w": 3, "b": 4, "s": 1}
    for name in VARIANTS:
        found = cost(name, shape, settings)
        for formula, number in ((found.operations, found.multiply_adds), (found.memory, found.numbers)):
            code = formula.replace("d_model", "D").replace("dᵥ", "v").replace("d²", "d^2").replace("c³", "c^3")
            code = code.replace("−", "-").replace("⌊(w - 1) / c⌋", "1").replace("2M", "2 M").replace("2w", "2 w")
            code = code.replace("21", "2 1").replace("2⌊", "2 ⌊").replace(" ", "*").replace("^", "**")
            for sign in "+-":
                code = code.replace(f"*{sign}*", sign)
            value = eval(code, {"c": 4 if name == "nystrom" else 2, **names})
            assert value == number, (name, formula)


def test_at_4096_tokens_the_cheaper_ones_are_cheaper():
    shape = replace(COUNTED, d=16, d_v=16).long()
    assert (shape.queries, shape.keys) == (costs.LONG,) * 2
    whole = cost("softmax", shape, VariantSettings())
    for name, variant in VARIANTS.items():
        if variant.group == "Cheaper":
            found = cost(name, shape, VariantSettings())
            assert found.multiply_adds < whole.multiply_adds / 10 or name == "performer"
            assert found.numbers < whole.numbers / 10


def test_a_long_text_is_refused():
    trace = selfattn.trace("sentiment", "good " * 511)
    with pytest.raises(ValueError, match=r"up to 512 tokens; this input has 513"):
        head(trace)


def test_the_python_prints_the_numbers_on_screen(sentence):
    at, settings = Head("encoder", "self", 1, 2), VariantSettings(features=8, seed=3, orthogonal=False)
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard):
        exec(as_python(Run(Choice("sentiment"), TEXT), at, VARIANTS["performer"], settings), {})
    exact = head(sentence, 1, 2)
    assert heard.getvalue().strip() == str(measure(compute(VARIANTS["performer"], exact, settings), exact))
