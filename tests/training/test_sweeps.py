"""A sweep proposes, trains and remembers; stopped and taken up again it is the sweep that it would have been."""

import json
import sys
import time

import pytest

from selfattn.figures.palette import DARK, LIGHT
from selfattn.figures.sweeps import parallel_figure
from selfattn.training.data.generated import generate
from selfattn.training.run.settings import Settings
from selfattn.training.search import sweeps
from selfattn.training.search.ranges import Range, ranges_of

TINY = Settings(layers=1, heads=1, d_model=6, d_ff=5, vocabulary=300, batch=16, epochs=1)
SEARCHED = "learning_rate=0.001:0.1, heads=1/3, scaling, dropout=0:0.3"


@pytest.fixture
def made(tmp_path):
    """Prepare a sweep of three trials in a folder of this name."""
    corpus = generate("hard", 80, 0)
    return lambda name: sweeps.prepare(tmp_path / name, corpus, TINY, ranges_of(SEARCHED), 3)


def told(sweep):
    return [(trial.values, trial.accuracy) for trial in sweep.results()]


@pytest.mark.slow
def test_three_trials_are_seeded_and_go_on_after_a_stop(made):
    whole = made("whole")
    assert (whole.state, whole.best()) == ("ready", None)
    assert sweeps.run(whole) == "done"
    found = told(whole)
    assert len({json.dumps(values) for values, _ in found}) == 3
    assert all(0.001 <= values["learning_rate"] <= 0.1 and values["heads"] in (1, 3) for values, _ in found)
    for number, (values, accuracy) in enumerate(found):
        trial = whole.of(number)
        settings = trial.settings
        assert {name: getattr(settings, name) for name in values} == values
        assert accuracy == next(each.accuracy for each in trial.metrics() if each.step == trial.status.best_step)
    assert whole.best().accuracy == max(accuracy for _, accuracy in found)

    parts = made("parts")
    assert sweeps.run(parts, lambda trial: parts.ask("cancel")) == "cancelled"
    assert (parts.state, len(parts.results())) == ("cancelled", 1)
    assert parts.of(1).status.state == "paused"  # stopped inside
    assert sweeps.run(sweeps.open_sweep(parts.folder)) == "done"
    assert told(parts) == found


@pytest.mark.slow
def test_a_process_of_its_own_runs_it(made):
    sweep = made("own")
    sweeps.start(sweep)
    assert sweep.state == "running"
    with pytest.raises(ValueError, match="is being trained already"):
        sweeps.start(sweep)
    end = time.monotonic() + 120
    while sweep.state == "running" and time.monotonic() < end:
        time.sleep(0.1)
    assert sweep.state == "done"


def test_settings_that_do_not_go_together_fail_and_the_sweep_goes_on(tmp_path):
    sweep = sweeps.prepare(tmp_path / "s", generate("hard", 80, 0), TINY, {"heads": Range(among=(5,))}, 1)
    sweeps.run(sweep)
    assert sweep.best() is None
    assert "5 heads do not divide a d_model of 6" in sweep.results()[0].sentence


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("", "needs one setting at least"),
        ("seed", "A sweep searches .*; got 'seed'"),
        ("heads=a/b", "The range of heads is LOW:HIGH or A/B/C"),
        ("layers=1:99", "The range of layers"),
        ("dropout=0.3:0.1", "goes from a number to a larger one"),
        ("norm=pre:post", "goes from a number to a larger one"),
        ("scaling=maybe", "The range of scaling"),
    ],
)
def test_a_range_that_is_none_is_one_sentence(written, sentence):
    with pytest.raises(ValueError, match=sentence):
        ranges_of(written)


def test_without_optuna_one_sentence_says_how_to_get_it(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ValueError, match=r'needs Optuna: pip install "selfattn\[training\]"'):
        made("none")


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_the_figure_holds_the_numbers(palette):
    trials = [{"learning_rate": 0.001, "norm": "pre"}, {"learning_rate": 0.1, "norm": "post"}]
    figure = parallel_figure(trials, [0.5, 0.75], frozenset({"learning_rate"}), palette)
    rates, norms, accuracies = figure.data[0].dimensions
    assert rates["values"] == pytest.approx((-3, -1))
    assert rates["ticktext"][0] == "0.001"
    assert [norms["ticktext"][at] for at in norms["values"]] == ["pre", "post"]
    assert tuple(accuracies["values"]) == tuple(figure.data[0].line.color) == (0.5, 0.75)
    assert figure.data[0].labelfont.color == palette.ink
