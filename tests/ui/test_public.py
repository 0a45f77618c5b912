"""A server for strangers: only what is listed opens, nothing of the machine is looked at, and what is off says so."""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from selfattn.models.inputs.given import Chat, Illustrated, Pair, Picture
from selfattn.models.loading.library import Choice
from selfattn.ui import caches, public, turns
from selfattn.ui.caches import Run
from selfattn.ui.public import Public
from selfattn.ui.turns import Turns
from tests.tools import made
from tests.tools.app import app, go

LISTED = ("sentiment", "induction", "digits")


@pytest.fixture
def open_to_all(monkeypatch):
    """The server is for strangers."""
    monkeypatch.setattr(public, "PUBLIC", Public(LISTED))


def said(at) -> str:
    return " ".join([*(each.body for each in at.get("html")), *(each.value for each in at.caption)])


@pytest.fixture
def watched(monkeypatch):
    """The paths that are opened or listed, of those that no stranger may reach."""
    seen, forbidden = [], {"/etc", "/etc/passwd", str(Path("~/secret").expanduser())}

    def hook(event, given):
        if watching and event in ("open", "os.listdir", "os.scandir") and os.path.abspath(str(given[0])) in forbidden:
            seen.append((event, given[0]))

    watching = [True]
    sys.addaudithook(hook)
    yield seen
    watching.clear()


@pytest.mark.parametrize(
    "link",
    [
        {"model": "/etc"},
        {"model": "/etc/passwd"},
        {"model": "~/secret"},
        {"model": "../../../../../../etc"},
        {"model": "bert-base-uncased"},
        {"model": "someone/something"},
        {"model": "minilm"},  # it is here, and not listed
        {"model": "<img src=x onerror=alert(1)>"},
        {"model": "notebook@12"},
    ],
    ids=str,
)
def test_a_link_opens_what_is_listed_alone(open_to_all, watched, monkeypatch, link):
    monkeypatch.setattr("selfattn.models.loading.sources.on_hub", lambda *_, **__: pytest.fail("the hub was asked"))
    monkeypatch.setattr("selfattn.models.loading.sources.as_path", lambda _: pytest.fail("a path was looked at"))
    monkeypatch.setattr("selfattn.ui.shell.loading.as_path", lambda _: pytest.fail("a path was looked at"))
    at = app("", **link).run()
    assert not at.exception
    assert "This server opens " in said(at)
    assert "<img src=x" not in said(at)
    assert watched == []


@pytest.mark.parametrize(
    "link",
    [
        {"adapter": "/etc"},
        {"adapter": "someone/lora"},
        {"revision": "main"},
        {"dtype": "float64"},
        {"device": "cuda:7"},
        {"bits": "4"},
    ],
    ids=str,
)
def test_a_model_is_loaded_in_its_usual_way_alone(open_to_all, watched, link):
    at = app("", model="sentiment", **link).run()
    assert not at.exception
    assert "float32 on cpu" in said(at)
    assert watched == []
    with pytest.raises(ValueError, match="in the usual way alone"):
        caches.model(Choice("sentiment", **link | ({"bits": 4} if "bits" in link else {})))


def test_a_folder_of_the_server_opens_under_its_listed_name_alone(monkeypatch, tmp_path):
    folder = made.folder(tmp_path / "secret", "bert", made.word_level())
    monkeypatch.setenv("SELFATTN_MODELS", f'{{"legal": "{folder}"}}')
    monkeypatch.setattr(public, "PUBLIC", Public(("legal",)))
    at = app("", model="legal").run()
    assert not at.exception
    assert at.selectbox(key="model").options == ["legal"]
    assert str(tmp_path) not in said(at)
    assert "This server opens legal" in said(app("", model=folder).run())


@pytest.mark.parametrize("page", ["compare", "interventions", "all_heads", "model", "masks", "scaling", "mistakes"])
def test_every_page_works_for_strangers(open_to_all, page):
    at = app(page).run()
    assert not at.exception
    assert "This server opens" not in said(at)


def test_the_second_model_is_one_of_the_listed_too(open_to_all, watched):
    at = app("compare", compare="model", model_b="/etc").run()
    assert not at.exception
    assert watched == []


@pytest.mark.parametrize(
    ("page", "link", "what"),
    [
        ("training", {}, "training is off"),
        ("training", {"train_from": "a path", "run": "../../etc", "training_of": "A sweep"}, "training is off"),
        ("cost", {"costs": "Measured here"}, "measuring this machine is off"),
        ("", {}, "other models and ways to load them are off"),
    ],
    ids=["training", "a link to training", "measuring", "models"],
)
def test_what_is_off_says_so(open_to_all, page, link, what):
    at = app(page, **link).run()
    assert not at.exception
    assert what in said(at)
    assert not at.get("file_uploader")
    assert not {"measure", "train_name"} & {button.key for button in at.button}


def test_files_of_texts_are_off_where_a_mean_is_over_texts(open_to_all):
    at = app("interventions", edits='[{"kind": "ablate", "layers": [0], "heads": [0], "how": "mean"}]').run()
    assert not at.exception
    assert not at.get("file_uploader")


@pytest.mark.parametrize("text", ["a " * 2001, "\U0001f600" * 4001, "word " * 500_000], ids=["words", "emoji", "2 MB"])
def test_a_long_text_is_refused_before_it_is_cut(open_to_all, monkeypatch, text):
    given = app("").run().text_input(key="text")
    given.set_value(text)
    at = given.run()
    assert not at.exception
    assert f"The text has {len(text.strip()):,} characters, and this server reads up to 4,000" in said(at) or (
        f"The text has {len(text):,} characters, and this server reads up to 4,000" in said(at)
    )


@pytest.mark.parametrize(
    "given",
    [
        "x" * 4001,
        Pair("x", "x" * 4001),
        Chat("x", "x" * 4001),
        Picture(b"x" * 5_000_001),
        Illustrated("x", Picture(b"x" * 5_000_001)),
        Illustrated("x" * 4001, Picture(b"x")),
    ],
    ids=["text", "second", "system", "picture", "with a text", "with a long text"],
)
def test_whatever_runs_a_model_reads_no_more(open_to_all, given):
    for run in (caches.trace, lambda run: caches.continuation(run, 1)):
        with pytest.raises(ValueError, match="this server reads up to"):
            run(Run(Choice("sentiment"), given))


def test_at_home_nothing_is_bounded_so(monkeypatch):
    monkeypatch.setattr(public, "PUBLIC", None)
    assert len(caches.trace(Run(Choice("sentiment"), "good " * 20)).tokens) > 20
    at = app("training").run()
    assert "is off" not in said(at)


def test_nobody_sits_at_a_public_machine(open_to_all):
    """Behind a proxy everybody seems to."""
    from selfattn.ui.shell import machine

    assert not machine.on_this_machine()


def test_turns_come_in_order_and_each_reader_works_once():
    order, together, most, told = Turns(2), [], [], []

    def work(reader):
        with order.turn(reader, told.append):
            together.append(reader)
            most.append(sorted(together))
            time.sleep(0.05)
            together.remove(reader)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, [*"aaaa", *"bbbb", *"cccc"]))
    assert len(most) == 12
    assert max(map(len, most)) == 2
    assert all(len(set(each)) == len(each) for each in most)


def test_who_waits_hears_how_many_are_before_and_may_leave(monkeypatch):
    monkeypatch.setattr(turns, "BEAT", 0.02)
    order, begun, end = Turns(1), threading.Event(), threading.Event()

    def work():
        with order.turn("first", lambda _: None):
            begun.set()
            end.wait(10)

    class LeftError(Exception):
        pass

    def leave(before):
        assert before == 1
        raise LeftError

    first = threading.Thread(target=work)
    first.start()
    begun.wait(10)
    with pytest.raises(LeftError), order.turn("second", leave):
        pytest.fail("it was not its turn")
    end.set()
    first.join()
    with order.turn("third", lambda _: pytest.fail("nobody is before it")):
        pass


def test_work_that_fails_gives_its_turn_back():
    order = Turns(1)
    with pytest.raises(ZeroDivisionError), order.turn("a", lambda _: None):
        _ = 1 / 0
    with order.turn("b", lambda _: pytest.fail("nobody is before it")):
        pass


def test_a_ranking_waits_for_its_turn_and_says_so(open_to_all, monkeypatch):
    """One reader computes at length; another sees how many are before them, and goes elsewhere meanwhile."""
    monkeypatch.setattr(turns, "TURNS", Turns(1))
    monkeypatch.setattr(turns, "BEAT", 0.05)
    shown = []
    note = turns.pieces.note
    begun, end = threading.Event(), threading.Event()

    def other():
        with turns.TURNS.turn("other", lambda _: None):
            begun.set()
            end.wait(60)

    def seen(sentence):
        shown.append(sentence)
        if sentence.startswith("Waiting for 1 reader"):
            end.set()
        return note(sentence)

    monkeypatch.setattr(turns.pieces, "note", seen)
    thread = threading.Thread(target=other)
    thread.start()
    begun.wait(10)
    try:
        at = app("all_heads", text="a text that nobody has looked at before this one").run()
    finally:
        end.set()
        thread.join()
    assert not at.exception
    assert any(each.startswith("Waiting for 1 reader") for each in shown)
    go(at, "model")
