"""Figures: the right numbers in the right cells, and nothing that a reader typed is markup."""

import subprocess
import sys

import numpy as np
import pytest

from selfattn.figures import palette, pieces, scaling
from selfattn.figures.thumbnails import thumbnail

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


HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    "html",
    [
        pieces.notice(HOSTILE),
        pieces.badge(HOSTILE),
        pieces.heading(HOSTILE, HOSTILE),
        pieces.facts([(HOSTILE, HOSTILE)]),
        pieces.bars([(HOSTILE, 0.5, 0.25)], "#000000"),
    ],
)
def test_typed_text_is_never_markup(html):
    assert "<img" not in html
    assert "&lt;img" in html


def test_bars_are_as_long_as_their_numbers():
    html = pieces.bars(
        [("half", 0.5, 0.25), ("none", float("nan"), float("nan")), ("more", 1.7, float("nan"))], "#000000"
    )
    assert "width:50.00%" in html
    assert "calc(25.00% - 1px)" in html
    assert ">–<" in html
    assert "width:100.00%" in html
    assert html.count("<b style") == 1


def test_a_thumbnail_grows_with_the_square_root():
    small = thumbnail(np.array([[1.0, 0.25], [0.0, 1.0]]), palette.LIGHT)
    assert small.shape == (96, 96, 3)
    assert (small[0, 0] == palette.rgb(palette.LIGHT.weights)).all()
    assert (small[95, 0] == 255).all()
    middle = [(a + b) / 2 for a, b in zip((255, 255, 255), palette.rgb(palette.LIGHT.weights), strict=True)]
    assert np.abs(small[0, 95] - np.array(middle)).max() <= 1


def test_curves_hold_their_numbers():
    sweep = scaling.sweep_figure([1, 2], {False: [0.1, 0.2], True: [0.3, 0.4]}, "g", 2, palette.LIGHT)
    assert [list(trace.y) for trace in sweep.data] == [[0.1, 0.2], [0.3, 0.4]]
    heads = scaling.heads_figure([0.1, 0.2], [0.8, 0.9], "g", palette.LIGHT)
    assert list(heads.data[-1].x) == [0.8, 0.9]
    line = np.array([0.5, 0.3, 0.2])
    assert list(scaling.ranked_figure(line, True, palette.LIGHT).data[0].y) == list(line)
    assert list(scaling.density_figure(line, line, 1.0, False, palette.LIGHT).data[0].x) == list(line)


BESIDE_ANOTHER = """
import sys, threading
from selfattn.figures.cost import plan_figure
from selfattn.figures.palette import LIGHT
threading.Thread(target=__import__, args=("pandas",)).start()
while "pandas" not in sys.modules:
    pass
plan_figure([("weights", 1000, "weights")], 10**9, LIGHT).to_json()
"""


@pytest.mark.slow
def test_a_figure_is_made_while_another_readers_page_imports_pandas():
    done = subprocess.run([sys.executable, "-c", BESIDE_ANOTHER], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
