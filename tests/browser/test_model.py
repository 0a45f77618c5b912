"""The page of the model as a reader sees it, and the sidebar's options and waiting in a real browser."""

import re
from urllib.parse import quote

import pytest

import selfattn
from selfattn.analysis.model.anatomy import anatomy
from tests.tools import browser, made
from tests.tools.app import app
from tests.tools.browser import DESK, Reader
from tests.tools.hub import hub
from tests.tools.looks import looks


def bodies(model: object) -> str:
    """The page's words as HTML."""
    at = app("model", model=model, text="the cat sat").run()
    assert not at.exception
    return "".join(each.proto.body for each in at.main if each.type == "html")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    home = tmp_path_factory.mktemp("models")
    for name in ("llama", "t5", "gpt_oss"):
        made.folder(home / name, name, made.word_level())
    return home


@pytest.mark.parametrize("name", ["llama", "t5", "gpt_oss"])
def test_the_page_says_what_the_anatomy_says(folders, name):
    model = selfattn.load(folders / name)
    html = bodies(folders / name)
    trace = selfattn.trace(model, "the cat sat")
    # On the text that is read: rounding differs from run to run with the sizes of the batch.
    verdict = re.sub(r"[\d.]+e-\d+", "E", anatomy(model, trace).verdict)
    assert verdict in re.sub(r"[\d.]+e-\d+", "E", html)
    assert html.count("<thead>") == len(model.attentions)
    for _, value in anatomy(model, trace).facts:
        assert f"<td>{value}</td>" in html


def test_a_long_text_is_checked_on_a_small_one(monkeypatch):
    monkeypatch.setattr("selfattn.ui.model.LONGEST", 2)
    model = selfattn.load("induction")
    assert anatomy(model).verdict in bodies("induction")


@pytest.fixture(scope="module")
def beside_a_hub(tmp_path_factory):
    """The app beside a hub, and the hub."""
    browser.require_chromium()
    home = tmp_path_factory.mktemp("hub")
    with pytest.MonkeyPatch.context() as patch, hub() as served:
        served.models["me/tiny"] = made.folder(home / "tiny", "bert", made.word_level())
        patch.setenv("HF_ENDPOINT", served.address)
        patch.setenv("HF_HUB_OFFLINE", "0")
        patch.setenv("HF_HUB_CACHE", str(home / "cache"))
        with browser.server() as address:
            yield address, served


def test_waiting_is_told_and_can_be_cancelled(beside_a_hub, chromium):
    address, served = beside_a_hub
    served.held = "model.safetensors"
    reader = Reader(chromium.new_page(viewport=DESK), address).open("/")
    box = reader.page.locator(".st-key-model input")
    box.fill("me/tiny")
    box.press("Enter")
    reader.page.locator(".st-key-loading").get_by_text("Downloading model.safetensors, file 4 of 4").wait_for()
    assert reader.page.locator(".head").filter(visible=True).count() == 0
    reader.page.get_by_role("button", name="Cancel").click()
    reader.page.locator(".head[data-ready=true]").wait_for()
    reader.settle()
    assert "model=sentiment" in reader.page.url
    assert reader.page.locator(".st-key-loading").count() == 0
    served.held = ""
    box.fill("me/tiny")
    box.press("Enter")
    reader.page.get_by_text("me/tiny", exact=True).first.wait_for()
    reader.settle()
    assert "model=me%2Ftiny" in reader.page.url or "model=me/tiny" in reader.page.url
    assert reader.page.locator(".sa-notice").count() == 0
    reader.check()
    reader.page.close()


def test_the_page_opens_without_a_fault(reader, folders):
    for _ in looks(reader, f"/model?model={quote(str(folders / 't5'))}&text=the+cat"):
        reader.page.locator(".sa-table").nth(3).wait_for()
        assert reader.page.locator(".sa-table").count() == 4


def test_an_option_is_kept_in_the_link(reader):
    reader.open("/?model=minilm")
    reader.click(".st-key-model_choice [data-testid=stPopover] button")
    reader.page.locator(".st-key-dtype").click()
    reader.page.get_by_role("option", name="bfloat16").click()
    reader.settle()
    reader.page.wait_for_function("location.search.includes('dtype=bfloat16')")
    assert "bfloat16 on cpu" in reader.text("[data-testid=stSidebar]")
    assert "adapter" not in reader.page.url
