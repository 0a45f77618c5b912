"""A link that asks for what is not there gets one sentence, on each page, and the text that it brings stays."""

import pytest

from tests.tools.app import app

TEXT = "The film was not good."
NO_EDIT = '[{"edit":"pickle"}]'
ONE_HEAD = [
    ({"model": "nobody"}, "no model on this machine"),
    ({"model": "/etc"}, "holds no config.json"),
    ({"model": "<b>x</b>"}, "no hub id"),
    ({"text": ""}, "The text is empty"),
    ({"layer": 7}, "layers 0 to 1"),
    ({"head": "x"}, "heads 0 to 3"),
    ({"temperature": "nan"}, "it goes from 0.1 to 5"),
    ({"temperature": "inf"}, "it goes from 0.1 to 5"),
    ({"pairs": "1-2"}, "such as 5&gt;3"),
    ({"mask": "nonsense"}, "one or more of own, causal, padding, window"),
    ({"show": "everything"}, "one of stages, map, lines, table"),
    ({"edits": NO_EDIT}, "An edit is an object"),
    ({"pad": "1e309"}, "Padding tokens 1e309 was asked for; it goes from 0 to 16"),
    ({"pad": "17"}, "from 0 to 16. 0 is used"),
]
ALL_HEADS = [
    ({"pattern": "<b>"}, "&lt;b&gt; was asked for"),
    ({"order": "7"}, "7 was asked for"),
    ({"least": "nan"}, "nan was asked for"),
    ({"least": "-3"}, "-3 was asked for"),
]
COMPARE = [
    ({"text_b": " "}, "B&#x27;s text is empty"),
    ({"with": "head", "head_b": 9}, "heads 0 to 3"),
    ({"with": "model", "model_b": "nobody"}, "no model on this machine"),
    ({"with": "model", "model": "minilm", "model_b": "sentiment", "layer": 5}, "is not in sentiment"),
    ({"text_b": "good " * 1100}, "B&#x27;s input has 1,102 tokens"),
]
OTHERS = [
    ("scaling", {"data": "the model's own", "head": 99}, "heads 0 to 3"),
    ("masks", {"keep": "__import__('os')"}, "__import__"),
    ("masks", {"keep": "causal", "after": "deep"}, "deep"),
    ("interventions", {"edits": NO_EDIT}, "An edit is an object"),
    ("mistakes", {"exhibit": "Dropout still on", "draw": "1e309"}, "Draw 1e309"),
    ("cost", {"layers_this_model_sentiment": "-1e309"}, "Layers -1e309"),
    ("cost", {"costs": "Measured here", "cost_heads_sentiment": "nan"}, "Heads nan"),
    ("training", {"train_rows": "1e309"}, "Texts 1e309"),
    ("variants", {"variant": "nobody"}, "nobody"),
    ("variants", {"variant": "top-k", "variant_k": "many"}, "many"),
]
LINKS = [
    *[("", *each) for each in ONE_HEAD],
    *[("all_heads", *each) for each in ALL_HEADS],
    *[("compare", *each) for each in COMPARE],
    *OTHERS,
]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "link", "sentence"), LINKS)
def test_it_gets_one_sentence_and_the_text_stays(page, link, sentence):
    at = app(page, **{"text": TEXT} | link).run()
    assert not at.exception
    said = [each.proto.body for each in at.main if each.type == "html" and 'class="sa-notice"' in each.proto.body]
    assert len(said) == 1
    assert sentence in said[0]
    if page not in ("cost", "training"):  # which read no text
        assert at.text_input(key="text").value == link.get("text", TEXT)


# One of several, of which one is chosen always: an empty value asks for none of them.
CHOICES = [
    ("training", "train_from"),
    ("mistakes", "way"),
    ("masks", "masks_or_positions"),
    ("masks", "scheme"),
    ("all_heads", "classic"),
    ("cost", "plan"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "name"), CHOICES)
def test_an_empty_choice_is_the_first(page, name):
    beside = {"scheme": {"masks_or_positions": "Positions"}, "classic": {"shown": "Classic (BertViz)"}}.get(name, {})
    at = app(page, **{name: ""} | beside).run()
    assert not at.exception
    assert name not in at.query_params
    assert [each for each in at.main if each.type == "html" and 'class="sa-notice"' in each.proto.body] == []
    chosen = next(each for each in at.button_group if each.key == name)
    assert chosen.value
