"""What a reader has begun is found again: a sweep after another page, each step of a text whose words come again."""

import pytest

from selfattn import places
from selfattn.training.data.generated import generate
from selfattn.training.run.settings import Settings
from selfattn.training.search import sweeps
from selfattn.training.search.ranges import ranges_of
from tests.tools.app import app, go

TINY = Settings(layers=1, heads=1, d_model=6, d_ff=5, vocabulary=300, batch=16, epochs=1)
HERE = {"Host": "localhost:8501", "Origin": "http://localhost:8501"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "RUNS", tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture
def prepared(home):
    return sweeps.prepare(home / "sweep-7777777777777777", generate("hard", 80, 0), TINY, ranges_of("learning_rate"), 3)


def text_of(at) -> str:
    return "".join(each.proto.body for each in at.main if each.type == "html")


def test_a_sweep_is_there_again_after_another_page(prepared):
    at = app("training", training_of="A sweep", sweep="sweep-7777777777777777").run()
    assert "hard, a sweep" in text_of(at)
    go(at, "model")
    assert "hard, a sweep" not in text_of(at)
    go(at, "training")
    assert not at.exception
    assert "hard, a sweep" in text_of(at)
    assert at.query_params["sweep"] == "sweep-7777777777777777"


def test_who_sits_at_the_machine_finds_a_sweep_in_the_list(prepared, monkeypatch):
    monkeypatch.setattr("selfattn.ui.shell.machine.is_local", lambda *_: True)
    at = app("training", training_of="A sweep").run()
    at.button(key="look_sweep-7777777777777777").click().run()
    assert "hard, a sweep" in text_of(at)
    assert at.query_params["sweep"] == "sweep-7777777777777777"


def test_what_is_no_sweep_is_said(home):
    at = app("training", training_of="A sweep", sweep="../../etc").run()
    assert not at.exception
    assert "The link asks for a sweep that is none" in text_of(at)


def test_each_step_of_a_text_whose_tokens_come_again_can_be_looked_at():
    written = app(model="induction", text="blue red green blue red green blue red green")
    at = written.run()
    for _ in range(2):
        next(each for each in at.button if each.label == "Write on").click().run()
    steps = at.segmented_control(key="step")
    names = [option.content for option in steps.proto.options]
    assert len(names) == len({*names}) > 4
    # The fourth token is the first that came before.
    for step in range(6):
        at.segmented_control(key="step").set_value(step).run()
        assert not at.exception
        assert at.segmented_control(key="step").value == step
        assert at.query_params["step"] == str(step)
