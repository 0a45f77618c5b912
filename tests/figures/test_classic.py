"""BertViz's views: drawn with the trace's weights, by no request, and by no script but its own."""

import json
import re
import warnings
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from streamlit.testing.v1 import AppTest

import selfattn
from selfattn.figures import bertviz
from selfattn.figures.palette import DARK, LIGHT
from selfattn.models.model import Model
from selfattn.recording.call import Call
from tests.tools import tiny
from tests.tools.tolerance import assert_close

HOSTILE = [
    "<img src=x onerror=window.broken=1>",
    "</script><script>window.broken=1</script>",
    "<!-- <script>",
    '"',
    "\\",
    "\u2028",
    "const params = ;",
    "PYTHON_PARAMS",
    "好🙂",
    "w" * 200,
]
HOSTILE_DRAWN = [
    "<img src=x on…",
    "</script><scr…",
    "<!-- <script>",
    '"',
    "\\",
    "␣",
    "const params …",
    "PYTHON_PARAMS",
    "好🙂",
    "w" * 13 + "…",
]
WORDS = ["The", "film", "was", "not", "good"]
NUMBERS = "[...document.querySelectorAll('#attention line')].map(line => line.__data__)"
TEXTS = "[...document.querySelectorAll('text')].map(each => each.textContent)"


def weights(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(19)).softmax(-1)


def script(study: object, attention: object) -> None:
    from selfattn.ui.all_heads.classic import classic

    classic(study, attention)


def app(trace: selfattn.Trace, part: str | None = None, kind: str | None = None) -> AppTest:
    study = SimpleNamespace(trace=lambda: trace, palette=LIGHT)
    given = {"study": study, "attention": trace.model.attention(part, kind)}
    return AppTest.from_function(script, kwargs=given).run(timeout=60)


def frame(at: AppTest) -> object:
    assert not at.exception
    (found,) = at.get("iframe")
    return found.proto


@pytest.fixture
def draw(chromium):
    """Show a page, and give it back; in the end nothing was asked of any address, went wrong, or ran unasked."""
    pages, faults = [], []

    def show(html: str) -> object:
        page = chromium.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: faults.append(request.url))
        page.set_content(html)
        pages.append(page)
        return page

    yield show
    for page in pages:
        assert [each.evaluate("window.broken") for each in page.frames] == [None] * len(page.frames)
        page.close()
    assert faults == []


def parameters(html: str) -> dict:
    return json.JSONDecoder().raw_decode(html.partition("const params = ")[2])[0]


def test_the_script_is_given_what_bertviz_gives_it():
    many = weights(2, 3, 5, 5)
    layers = [layer[None] for layer in many]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # BertViz leaves its script's file open
        from bertviz import head_view, model_view

        head = head_view(layers, WORDS, layer=1, include_layers=[1], html_action="return").data
        model = model_view(layers, WORDS, display_mode="light", html_action="return").data
    for own, theirs in [
        (bertviz.head_view(many[1], 1, WORDS, WORDS, LIGHT), head),
        (bertviz.model_view(many, WORDS, WORDS, LIGHT), model),
    ]:
        ours, expected = parameters(own.html), parameters(theirs)
        assert ours.pop("root_div_id") == "bertviz"
        assert expected.pop("root_div_id")
        assert_close(ours["attention"][0].pop("attn"), expected["attention"][0].pop("attn"), 5e-5)
        assert ours == expected


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_the_head_view_draws_hostile_tokens_as_text(draw, palette):
    drawn = bertviz.head_view(weights(3, 10, 10), 7, HOSTILE, HOSTILE, palette)
    page = draw(drawn.html)
    assert page.evaluate(TEXTS) == HOSTILE_DRAWN * 2
    assert page.locator("#attention line").count() == 3 * 10 * 10
    assert page.evaluate("document.querySelector('#layer').value") == "7"
    page.locator("text").first.hover()
    assert page.locator("line[visibility=visible]").count() == 3 * 10
    page.set_viewport_size({"width": 300, "height": drawn.height})
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_the_model_view_draws_hostile_tokens_as_text(draw):
    drawn = bertviz.model_view(weights(2, 3, 10, 10), HOSTILE, HOSTILE, DARK)
    page = draw(drawn.html)
    page.set_viewport_size({"width": 1100, "height": drawn.height})
    assert page.locator(".attn_background").count() == 2 * 3
    assert page.locator("line").count() == 2 * 3 * 10 * 10
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    page.mouse.click(500, 500)
    assert page.locator(".detail text.token").all_text_contents() == HOSTILE_DRAWN * 2
    assert page.locator("text.detail").all_text_contents() == ["Layer 1, Head 1"]


def test_nothing_is_fetched():
    html = bertviz.head_view(weights(3, 5, 5), 0, WORDS, WORDS, LIGHT).html
    assert re.findall(r"(?:src|href)=[\"']?\w*:?//", html) == []
    assert "cdnjs" not in html
    assert "default-src 'none'" in html


def test_only_the_drawing_may_run(draw):
    html = bertviz.head_view(weights(3, 5, 5), 0, WORDS, WORDS, LIGHT).html
    smuggled = (
        "<img src=data:x onerror=window.broken=1><script>window.broken=1</script><b onclick=window.broken=1>b</b>"
    )
    page = draw(html.replace("<body>", f"<body>{smuggled}"))
    page.locator("b").click()
    assert page.locator("#attention line").count() == 3 * 5 * 5


def test_the_frame_cannot_reach_the_app(draw):
    inside = "<p>in</p><script>try { parent.broken = 1; } catch (error) { document.title = error.name; }</script>"
    page = draw(bertviz.sealed(inside, 'a "title" <b>'))
    inner = page.frames[1]
    inner.wait_for_selector("p")
    assert (inner.title(), inner.evaluate("origin")) == ("SecurityError", "null")
    assert page.title() == page.locator("iframe").get_attribute("title") == 'a "title" <b>'


def test_the_page_shows_the_weights_of_the_trace(draw, minilm):
    trace = selfattn.trace(minilm, "The film </script> was not good.", pad=2)
    at = app(trace)
    at.selectbox(key="classic_layer").select(4).run(timeout=60)
    page = draw(frame(at).srcdoc)
    page.frames[1].wait_for_selector("svg")
    call, n = trace.call(4), len(trace.tokens)
    expected = torch.stack([call.stages(head).weights for head in range(call.heads)])
    assert_close(torch.tensor(page.frames[1].evaluate(NUMBERS)).view(call.heads, n, n), expected, 5e-5)
    assert page.frames[1].evaluate(TEXTS) == list(trace.tokens.text) * 2
    assert frame(at).alt == "BertViz's head view, encoder (self-attention): layer 4, 12 heads"


def test_the_model_view_shows_every_head(draw, bert):
    trace = selfattn.trace(bert, "the film was not good")
    at = app(trace)
    at.segmented_control(key="classic").select("Model view").run(timeout=60)
    shown = parameters(draw(frame(at).srcdoc).frames[1].content())["attention"][0]["attn"]
    attention = bert.attention()
    expected = [[trace.stages(i, h).weights.tolist() for h in range(attention.heads)] for i in range(attention.layers)]
    assert_close(shown, torch.tensor(expected), 5e-5)


def test_cross_attention_has_the_tokens_of_both_sides(draw):
    model = Model.wrap(tiny.network("bart"))
    trace = selfattn.trace(model, tiny.inputs(model.network, padded=False))
    page = draw(frame(app(trace, "decoder", "cross")).srcdoc)
    page.frames[1].wait_for_selector("svg")
    queries, keys = trace.labels(trace.call(0, "decoder", "cross"))
    assert (len(queries), len(keys)) == (7, 11)
    assert page.frames[1].evaluate(TEXTS) == [*queries, *keys]


def test_the_same_picture_is_the_same_page(bert):
    trace = selfattn.trace(bert, "the film was not good")
    assert frame(app(trace)).srcdoc == frame(app(trace)).srcdoc  # the browser keeps the frame that it has


@pytest.mark.parametrize(("view", "heads", "most"), [("head", 12, 64), ("head", 64, 48), ("model", 144, 24)])
def test_caps(view, heads, most):
    bertviz.check(view, heads, most)
    with pytest.raises(ValueError, match=f"of {heads} heads it is shown up to {most} tokens, and there are {most + 1}"):
        bertviz.check(view, heads, most + 1)


def test_a_long_text_is_told_so_before_anything_is_computed(minilm, monkeypatch):
    trace = selfattn.trace(minilm, "word " * 100)
    monkeypatch.setattr(Call, "stages", lambda *_: pytest.fail("weights were computed"))
    at = app(trace)
    assert not at.get("iframe")
    assert "up to 64 tokens, and there are 102. The atlas" in at.get("html")[0].proto.body


@pytest.mark.parametrize("fault", [PackageNotFoundError("XStatic-D3"), None], ids=["no package", "no file"])
def test_a_missing_package_is_named_with_the_way_out(bert, monkeypatch, fault):
    trace = selfattn.trace(bert, "the film was not good")

    def missing(_: str) -> object:
        if fault:
            raise fault
        return SimpleNamespace(locate_file=lambda path: Path("/nowhere") / path)

    monkeypatch.setattr(bertviz, "distribution", missing)
    at = app(trace)
    assert not at.get("iframe")
    assert "`pip install bertviz`" in at.get("html")[0].proto.body


def test_a_layer_of_a_deeper_model_is_forgotten(bert):
    study = SimpleNamespace(trace=lambda: selfattn.trace(bert, "the film was not good"), palette=LIGHT)
    at = AppTest.from_function(script, kwargs={"study": study, "attention": bert.attention()})
    at.session_state["classic_layer"] = 9
    assert "layer 0" in frame(at.run(timeout=60)).alt
