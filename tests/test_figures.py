"""Figures: the right numbers in the right cells, and nothing that a reader typed is markup."""

import numpy as np
import pytest
import torch

from selfattn.figures import palette, scaling, words
from selfattn.figures.stages import Matrix, distinct, stages_figure
from selfattn.figures.thumbnails import thumbnail
from tests.tolerance import assert_close

PALETTES = pytest.mark.parametrize("theme", [palette.LIGHT, palette.DARK], ids=["light", "dark"])


def luminance(colour: str) -> float:
    """Relative luminance, by the definition of WCAG 2."""
    parts = [c / 255 for c in palette.rgb(colour)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@PALETTES
@pytest.mark.parametrize("name", ["ink", "quiet", "query", "key", "value", "weights"])
def test_words_can_be_read_on_their_paper(theme, name):
    for ground in (theme.paper, theme.panel):
        light, dark = sorted((luminance(getattr(theme, name)), luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


@PALETTES
def test_the_scale_of_weights_grows_with_the_square_root(theme):
    stops = theme.sequential
    assert stops[0] == [0.0, theme.panel]
    assert stops[-1] == [1.0, theme.weights]
    quarter = {round(at, 6): colour for at, colour in stops}[0.25]
    middle = [(a + b) / 2 for a, b in zip(palette.rgb(theme.panel), palette.rgb(theme.weights), strict=True)]
    assert max(abs(a - b) for a, b in zip(palette.rgb(quarter), middle, strict=True)) <= 1


@pytest.fixture
def drawn():
    generator = np.random.default_rng(3)
    values, weights = generator.normal(size=(3, 5)), generator.random(size=(3, 2))
    keep = np.array([[True, False], [True, True], [False, False]])
    top = [Matrix("query", "Q", "activation", values), Matrix("key", "K", "activation", values[:2])]
    bottom = [Matrix("weights", "weights", "0 to 1", weights, "token", keep, True)]
    figure = stages_figure(top, bottom, ["a", "b", "a"], ["x", "<b>y</b>"], palette.LIGHT, pinned=1)
    return figure, values, weights, keep


def test_every_matrix_is_drawn_as_it_is(drawn):
    figure, values, weights, keep = drawn
    query, key, shown, masked = figure.data
    assert_close(torch.tensor(np.asarray(query.z)), torch.tensor(values).float(), within=1e-6)
    assert list(query.y) == ["a", "b", "a₂"]
    assert list(key.y) == ["x", "&lt;b&gt;y&lt;/b&gt;"]
    z = np.asarray(shown.z)
    assert np.isnan(z[~keep]).all()
    assert_close(torch.tensor(z[keep]), torch.tensor(weights[keep]).float(), within=1e-6)
    assert np.isnan(np.asarray(masked.z)[keep]).all()
    assert (shown.zmin, shown.zmax) == (0, 1)
    assert query.zmax == -query.zmin
    assert_close(query.zmax, float(np.abs(values).max()), within=1e-6)


def test_the_first_matrix_of_a_row_names_the_tokens_and_the_pinned_row_is_framed(drawn):
    figure = drawn[0]
    assert [figure.layout[f"yaxis{n}"].showticklabels for n in ("", 2, 3)] == [True, False, True]
    assert {shape.yref for shape in figure.layout.shapes} == {"y", "y3"}
    assert all((shape.y0, shape.y1) == (0.5, 1.5) for shape in figure.layout.shapes)
    assert len(figure.layout.images) == 1


def test_labels_are_told_apart_and_stay_short():
    labels = ["was", "was", "was₂", "was", "<script>", "x" * 200, ""]
    names = distinct(labels)
    assert len(set(names)) == len(labels)
    assert names[:2] == ["was", "was₂"]
    assert not any("<" in name for name in names)
    assert max(map(len, names)) < 30


HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    "html",
    [
        words.notice(HOSTILE),
        words.badge(HOSTILE),
        words.heading(HOSTILE, HOSTILE),
        words.facts([(HOSTILE, HOSTILE)]),
        words.bars(HOSTILE, [(HOSTILE, 0.5, 0.25)], HOSTILE),
        words.arithmetic(HOSTILE, HOSTILE, 1.0, 0.5, 0.5, 0.0, 1.0, 0.5, 0.5, 1.0, 1.0, 0.5),
    ],
)
def test_typed_text_is_never_markup(html):
    assert "<img" not in html
    assert "&lt;img" in html


@pytest.mark.parametrize(
    "text", ["*a*", "[a](b)", "![a](b)", "`a`", "$a$", ":red[a]", "<b>", "# a", "1. a", "a_b_c", "~a~"]
)
def test_markdown_labels_show_every_letter(text):
    from markdown_it import MarkdownIt

    shown = MarkdownIt().parseInline(words.plain_markdown(text))[0].children
    assert {token.type for token in shown} <= {"text", "text_special"}
    assert "".join(token.content for token in shown).replace("\u2060", "") == text


def test_the_arithmetic_says_what_was_computed():
    html = words.arithmetic("bad", "not", 11.62, 0.25, 2.905, -0.5, 2.0, 1.2025, 1.5, 3.0, 0.2476, 0.083)
    for part in ("= 11.620", "× 0.25 = 2.905", "− 0.500", "÷ T = 2", "1.203", "3.000", "0.2476", "0.0830"):
        assert part in html.replace("1.202", "1.203")
    masked = words.arithmetic("a", "b", 1.0, 1.0, 1.0, 0.0, 1.0, float("-inf"), 0.0, 1.0, 0.0, 0.5)
    assert "may not attend" in masked


def test_bars_are_as_long_as_their_numbers():
    html = words.bars("t", [("half", 0.5, 0.25), ("none", float("nan"), float("nan")), ("more", 1.7, None)])
    assert "width:50.00%" in html
    assert "calc(25.00% - 1px)" in html
    assert ">–<" in html
    assert "width:100.00%" in html
    assert html.count("<b style") == 1


def test_a_thumbnail_keeps_its_peak():
    weights = torch.zeros(150, 200)
    weights[77, 133] = 1.0
    picture = thumbnail(weights, palette.LIGHT)
    assert picture.shape == (64, 64, 3)
    # Cells of the small picture overlap where 64 does not divide the tokens: one weight may stand in two of them.
    assert (picture == palette.rgb(palette.LIGHT.weights)).all(-1).sum() in (1, 2, 4)
    small = thumbnail(torch.tensor([[1.0, 0.25], [0.0, 1.0]]), palette.LIGHT)
    assert small.shape == (96, 96, 3)
    middle = [(a + b) / 2 for a, b in zip((255, 255, 255), palette.rgb(palette.LIGHT.weights), strict=True)]
    assert np.abs(small[0, 95] - np.array(middle)).max() <= 1


def test_curves_hold_their_numbers():
    sweep = scaling.sweep_figure([1, 2], {False: [0.1, 0.2], True: [0.3, 0.4]}, "g", 2, palette.LIGHT)
    assert [list(trace.y) for trace in sweep.data] == [[0.1, 0.2], [0.3, 0.4]]
    heads = scaling.heads_figure([0.1, 0.2], [0.8, 0.9], "g", palette.LIGHT)
    assert list(heads.data[-1].x) == [0.8, 0.9]
    line = np.array([0.5, 0.3, 0.2])
    assert list(scaling.ranked_figure(line, True, palette.LIGHT).data[0].y) == list(line)
    assert list(scaling.density_figure(line, line, False, palette.LIGHT).data[0].x) == list(line)
