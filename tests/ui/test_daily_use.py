"""What a page says beside its picture, and what it starts from: read off the app's script, without a browser."""

import json

import pytest

from selfattn import Scale
from selfattn.recording.edits import to_json
from selfattn.ui.compare.sides import variant
from tests.tools.app import app

TEXT = "The film was not good."


def said(at) -> str:
    assert not at.exception
    return "".join(each.proto.body for each in at.main if each.type == "html")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "text", "sentence"),
    [
        ("sentiment", "我不喜欢这部电影", "24 tokens are the bytes of 8 letters"),
        ("minilm", "喜欢吃苹果", "is [UNK], unknown, to this model"),
        ("sentiment", "A naïve café.", None),
    ],
)
def test_a_script_that_the_model_never_met_is_said_to_be_so(model, text, sentence):
    words = said(app(model=model, text=text).run())
    if sentence is None:
        assert "means little here" not in words
    else:
        assert sentence in words
        assert "means little here" in words


@pytest.mark.slow
@pytest.mark.parametrize("page", ["model", "scaling", "variants", "mistakes"])
def test_a_page_that_shows_the_model_without_its_changes_says_so(page):
    at = app(page, text=TEXT, edits=to_json([Scale(None)]), data="the model's own").run()
    assert "In the model, but not on this page:" in said(at)
    assert at.button(key="take_out_0").label.startswith("No scaling in all heads")
    at.button(key="take_out_0").click().run()
    assert "In the model" not in said(at)


@pytest.mark.slow
def test_a_text_keeps_its_lines():
    text = "system\nBe brief.\nuser\n"
    at = app(text=text).run()
    assert at.text_area(key="text").value == text
    assert at.query_params["text"] in (text, [text])
    at.text_area(key="text").set_value("One line.").run()
    assert at.text_input(key="text").value == "One line."


@pytest.mark.slow
def test_raw_and_divided_scores_stand_on_one_axis():
    at = app("scaling", d=256).run()
    assert not at.exception
    figures = [json.loads(each.proto.spec) for each in at.get("plotly_chart")]
    axes = [
        figure["layout"]["xaxis"]["range"]
        for figure in figures
        if "score" in figure["layout"]["xaxis"].get("title", {}).get("text", "")
    ]
    assert len(axes) == 2
    assert axes[0] == axes[1]
    # The raw scores have 16 times the spread, and all of them are in sight.
    assert axes[0][1] > 3.5 * 16


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("The acting was not bad at all.", "The acting was not good at all."),
        ("It was a surprise.", "It was not a surprise."),
        ("It isn't a surprise", "It is a surprise"),
        ("We can't wait", "We can wait"),
        ("我不喜欢这部电影", "我喜欢这部电影"),
        ("这部电影很有意思", "这部电影不有意思"),
        (
            "I really loved the food but hated the service",
            "It is not true that I really loved the food but hated the service",
        ),
        ("Badly made things", "Badly made"),
    ],
)
def test_the_other_text_is_a_sentence_too(text, other):
    assert variant(text) == other


def test_the_other_text_keeps_its_lines_too():
    text = "The food was good.\nThe waiter was rude."
    at = app("compare", text=text, **{"with": "text"}).run()
    assert not at.exception
    assert at.text_area(key="text_b").value == "The food was bad.\nThe waiter was rude."
    at.text_area(key="text_b").set_value("The food was\nawful.").run()
    assert at.query_params["text_b"] == "The food was\nawful."
    at.text_area(key="text_b").set_value("One line.").run()
    assert at.text_input(key="text_b").value == "One line."
