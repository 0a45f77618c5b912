"""How a text is given: in the model's chat template, or from one language into another; by control and by link."""

import pytest
import torch
import transformers as hf

from selfattn import Model
from selfattn.models.answers.generation import continuation
from selfattn.models.inputs.given import Chat, Translation
from selfattn.models.loading import memory
from selfattn.ui import caches
from tests.tools import made, tiny
from tests.tools.app import app
from tests.ui.test_app import notices

TEMPLATE = "[CLS]{% for said in messages %}[MASK] {{ said.role }} {{ said.content }} [SEP]{% endfor %}[MASK]"


@pytest.fixture(scope="module")
def chatty():
    tokenizer = made.word_level()
    tokenizer.chat_template = TEMPLATE
    return memory.keep(Model.wrap(tiny.network("gpt2"), tokenizer, "chatty"))


@pytest.fixture(scope="module")
def translator(tmp_path_factory):
    torch.manual_seed(3)
    sizes = tiny.STACKS_OF_TEXT | {"vocab_size": 400, "init_std": 0.5}
    network = hf.M2M100ForConditionalGeneration(hf.M2M100Config(**sizes))
    return memory.keep(Model.wrap(network, made.slow("m2m100", tmp_path_factory.mktemp("m")), "translator"))


@pytest.fixture
def read(monkeypatch):
    """What the model was given, one after the other."""
    found, trace = [], caches.trace

    def watched(run):
        found.append(run.given)
        return trace(run)

    monkeypatch.setattr(caches, "trace", watched)
    return found


def test_a_link_opens_a_chat_and_a_switch_ends_it(chatty, read):
    at = app(model=chatty, text="the cat", chat=1, system="a film").run()
    assert not at.exception
    assert notices(at) == []
    assert read[-1] == Chat("the cat", "a film")
    assert at.toggle(key="chat").value
    assert at.query_params["chat"] == "1"
    at.toggle(key="chat").set_value(False).run()
    assert read[-1] == "the cat"
    assert "chat" not in at.query_params
    at.toggle(key="chat").set_value(True).run()
    at.text_area(key="system").set_value("not good").run()
    assert read[-1] == Chat("the cat", "not good")
    assert at.query_params["system"] == "not good"


def test_a_model_without_a_template_is_given_the_text(read):
    at = app(text="the film", chat=1, system="a").run()
    assert not at.exception
    assert read[-1] == "the film"
    assert {"chat", "system"}.isdisjoint(at.query_params)


def test_what_is_asked_and_cannot_be_is_said(chatty, translator, read):
    at = app(model=chatty, text="the cat", chat="yes").run()
    assert any("Chat yes was asked for; it is 1 or 0" in each for each in notices(at))
    at = app(model=translator, text="the cat", target="xx").run()
    assert any("The target xx was asked for" in each for each in notices(at))
    assert read[-1] == "the cat"


def test_a_text_that_begins_with_special_tokens_says_that_they_are_not_doubled(chatty):
    at = app(model=chatty, text="[CLS] the cat").run()
    assert any("is not added a second time" in each.proto.body for each in at.main if each.type == "html")


def test_languages_are_chosen_and_kept_in_the_link(translator, read):
    at = app(model=translator, text="the cat", source="fr", target="de").run()
    assert not at.exception
    assert read[-1] == Translation("the cat", "fr", "de")
    at.selectbox(key="target").set_value("af").run()
    assert read[-1] == Translation("the cat", "fr", "af")
    assert at.query_params["target"] == "af"
    at.selectbox(key="source").set_value("").run()
    assert read[-1] == Translation("the cat", "", "af")
    assert "source" not in at.query_params
    assert continuation(memory.get(translator), Translation("the cat", "", "af"), most=5)


@pytest.mark.parametrize("page", ["compare", "interventions"])
def test_other_pages_read_the_chat_too(chatty, read, page):
    at = app(page, model=chatty, text="the cat sat", chat=1).run()
    assert not at.exception
    assert notices(at) == []
    assert Chat("the cat sat") in read
    assert all(isinstance(given, Chat) for given in read)
