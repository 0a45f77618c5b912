"""What a saved picture is called: letters of any script, and nothing that is a path."""

import re

import plotly.graph_objects as go
import pytest

from selfattn.canvas.source import Source, in_a_name
from selfattn.ui.shell import charts


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The plot was dull, but the acting was not bad.", "The-plot-was-dull-but"),
        ("我不喜欢这部电影", "我不喜欢这部电影"),
        ("هذا الفِلمُ جيد", "هذا-الفِلمُ-جيد"),
        ("यह फिल्म अच्छी है", "यह-फिल्म-अच्छी-है"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\CON .hidden~ <b>&\"'`$(x)", "C-CON-hidden-b-x"),
        ("a\u202egnp.exe\u0000\n", "a-gnp-exe"),
        ("👩‍👩‍👧 🎉", ""),
        ("", ""),
        ("w" * 500, "w" * 24),
        ("e\u0301te\u0301", "été"),
    ],
)
def test_a_text_in_a_name(text, name):
    assert in_a_name(text, 24) == name


@pytest.mark.parametrize("text", ["", "🎉", "../..", "字" * 500, "x " * 500])
def test_a_file_has_a_name_and_not_too_long_a_one(text):
    for model in ("sentiment", "google-bert/bert-base-uncased", "..", text):
        name = Source(model, text, "decoder, cross-attention, layer 11, head 11", "decoder-cross-L11H11").file_name(
            "all-heads"
        )
        assert re.fullmatch(r"[\w-]{1,80}", name)
        assert name.encode().__len__() < 250


def test_the_example_of_the_page():
    assert Source("sentiment", "The plot was", "layer 0, head 0", "L0H0").file_name("stages") == (
        "sentiment_L0H0_stages_The-plot-was"
    )


def test_a_caption_says_what_is_in_the_model_and_names_what_nobody_can_see():
    told = Source("a\u202eb", "not\x00 good", "layer 0, head 1", "L0H1", ("No scaling",)).as_json()
    assert told["before"] == ["a⟨202E⟩b", "layer 0, head 1"]
    assert told["after"] == ["in the model: No scaling", "“not␀ good”"]


def test_a_figure_of_plotly_is_saved_by_what_it_shows(monkeypatch):
    configs = []
    monkeypatch.setattr(charts.st, "plotly_chart", lambda *_, config, **__: configs.append(config))
    charts.chart(go.Figure(), "mistake", "", Source("sentiment", "Not bad.", "layer 1, head 0", "L1H0"))
    charts.chart(go.Figure(), "sweep-trials", "")
    named = [config["toImageButtonOptions"]["filename"] for config in configs]
    assert named == ["sentiment_L1H0_mistake_Not-bad", "selfattn-sweep-trials"]
