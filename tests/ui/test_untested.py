"""A model that no small input could be made for: its badge says so, and its first input is its test, on any page."""

import pytest

from selfattn.models import self_test
from selfattn.ui import caches
from tests.tools.app import app

TEXT = "the cat sat on the mat"


@pytest.fixture(autouse=True)
def nothing_to_test_on(monkeypatch, bert_folder):
    def none(*_):
        raise RuntimeError("no small input")

    monkeypatch.setattr(self_test, "first_that_runs", none)
    caches.MODELS.drop(str(bert_folder))
    yield
    caches.MODELS.drop(str(bert_folder))


def said(at) -> list[str]:
    assert not at.exception
    return [each.proto.body for each in at.get("html") if each.proto.body.startswith('<span class="sa-badge')]


def test_the_badge_says_that_it_is_untested_until_it_has_run(bert_folder):
    (badge,) = said(app("", model=bert_folder, text=" ").run())
    assert ">untested: its first input is its test<" in badge
    assert "sa-wrong" in badge
    (badge,) = said(app("", model=bert_folder, text=TEXT).run())
    assert "✓ exact to" in badge


def test_a_page_that_reads_nothing_tests_it_first(bert_folder):
    (badge,) = said(app("cost", model=bert_folder, text=TEXT).run())
    assert "✓ exact to" in badge
    assert said(app("cost", model=bert_folder).run()) == []
