"""The app's script without a browser: models of every shape run through the page."""

from types import SimpleNamespace

import pytest
import transformers as hf
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from selfattn.models.loading.names import names
from selfattn.places import HOME
from selfattn.ui.shell import frame
from tests.tools import tiny

VOCABULARY = {"vocab_size": 4900}


def made(name: str) -> hf.PreTrainedModel:
    match name:
        case "t5":
            return hf.T5ForConditionalGeneration(hf.T5Config(**tiny.T5 | VOCABULARY))
        case "bart":
            config = hf.BartConfig(**tiny.TWO_STACKS | VOCABULARY, max_position_embeddings=64)
            return hf.BartForConditionalGeneration(config)
        case _:
            return hf.LlamaForCausalLM(hf.LlamaConfig(**tiny.GROUPED | VOCABULARY))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Tiny random models with the tokenizer of a shipped one."""
    tokenizer = hf.AutoTokenizer.from_pretrained(names()["sentiment"])
    home = tmp_path_factory.mktemp("models")
    for name in ("t5", "bart", "llama"):
        made(name).save_pretrained(home / name)
        tokenizer.save_pretrained(home / name)
    return home


def app(model: object, page: str = "", **link: str) -> AppTest:
    at = AppTest.from_file(str(HOME / "app.py"), default_timeout=60)
    if page:
        at._page_hash = calc_hash(page)
    at.query_params["model"] = str(model)
    for name, value in link.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def notices(at: AppTest) -> list[str]:
    return [each.proto.body for each in at.main if each.type == "html" and 'class="sa-notice"' in each.proto.body]


@pytest.mark.parametrize("part", ["encoder, self", "decoder, self", "decoder, cross"])
@pytest.mark.parametrize("name", [pytest.param("t5", marks=pytest.mark.slow), "bart"])
def test_every_part_of_an_encoder_decoder_opens(folders, name, part):
    at = app(folders / name, part=part, text="A small film.", temperature="2.0", reach="in the model")
    assert notices(at) == []
    assert at.selectbox(key="part").value == part


def test_grouped_heads_open(folders):
    at = app(folders / "llama", head="3", text="A small film.")
    assert notices(at) == []
    assert at.selectbox(key="head").value == 3


def test_more_tokens_than_positions_is_one_sentence(folders):
    (notice,) = notices(app(folders / "bart", text="film " * 100))
    assert "positions for 64" in notice


@pytest.mark.parametrize(("exact", "mark"), [(True, "✓"), (False, "✗")])
def test_the_tick_is_for_what_is_exact(exact, mark):
    said = frame._badge(SimpleNamespace(exact=exact, exactness="so and so"))
    assert f">{mark} so and so<" in said
    assert ("sa-wrong" in said) is not exact


ODD = ["a", "\x00\x01 x", "e\u0301\u0302\u0323", "🙂", "好", "\u202e\u0645\u0631", "*" * 300, "\n\n a \t b"]


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("model", [pytest.param("sentiment", marks=pytest.mark.slow), "induction"])
def test_odd_texts_open(model, text):
    assert notices(app(model, text=text)) == []


@pytest.mark.slow
def test_induction_is_scored_on_repeats_at_once():
    """On a text that repeats nothing, without a ranking; and a rule for badges that a text of four tokens can pass."""
    at = app("induction", "all_heads", text="red green blue yellow", shown="Table")
    assert notices(at) == []
    table = at.dataframe[0].value
    assert "induction" not in table
    assert table["on repeats"].max() > 0.8
    assert "on repeats" in table["badges"][table["on repeats"].argmax()]
    assert "half of the way from what even attention" in at.main.get("html")[-1].proto.body
