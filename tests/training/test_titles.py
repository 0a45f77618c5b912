"""Names of runs and sweeps: what may be one, how a run is called without one, and that a damaged one breaks none."""

import json

import pytest

from selfattn.training import titles
from selfattn.training.data.corpora import Corpus
from selfattn.training.run.prepare import prepare
from selfattn.training.run.run import all_runs, open_run, rename
from selfattn.training.run.settings import Settings
from selfattn.training.search import sweeps
from selfattn.training.search.ranges import ranges_of
from selfattn.training.work import add_line

TINY = Settings(layers=1, heads=1, d_model=6, d_ff=5, vocabulary=300, batch=16, epochs=1)
TEXTS = [f"{number} {word}" for number in range(30) for word in ("good", "bad")]


def corpus(name: str = "tickets.csv") -> Corpus:
    return Corpus(name, TEXTS, [0, 1] * 30, ("bad", "good"))


def write(run, **changes):
    about = json.loads((run.folder / "about.json").read_text()) | changes
    (run.folder / "about.json").write_text(json.dumps({name: each for name, each in about.items() if each is not None}))


def test_a_run_is_called_by_its_data_and_layers_until_it_is_renamed(tmp_path):
    run = prepare(tmp_path / "run", corpus(), TINY)
    assert run.title == "tickets, 1 layer"
    rename(run, "  by another name ")
    assert open_run(run.folder).title == "by another name"
    assert run.about["name"] == "tickets.csv"
    assert prepare(tmp_path / "named", corpus(), TINY, title="the small one").title == "the small one"
    write(run, title=None)  # as runs were made before they had names
    assert open_run(run.folder).title == "tickets, 1 layer"


@pytest.mark.parametrize(
    "title", ["", "  ", "a" * 61, "a\nb", "a\tb", "a\0b", "a\u202eb", "a\u2028b", "a\ud800", None, 7, ["a"], {"a": 1}]
)
def test_what_is_no_name_is_refused_and_in_a_folder_it_is_passed_over(tmp_path, title):
    with pytest.raises(ValueError, match="A name"):
        titles.checked(title)
    run = prepare(tmp_path / "run", corpus(), TINY)
    write(run, title=title)
    assert run.title == "tickets, 1 layer"


@pytest.mark.parametrize("title", ["票务 🎟️", "👩\u200d💻 run", "<b>bold</b> & [link](http://a.b)", "a" * 60])
def test_any_line_that_can_be_seen_is_a_name(title):
    assert titles.checked(title) == title


def test_a_name_that_is_taken_gets_a_number():
    assert titles.free("a", []) == "a"
    assert titles.free("a", ["a", "a (2)", "b"]) == "a (3)"
    assert titles.checked(titles.free("a" * 60, ["a" * 60])).endswith("a (2)")
    for data in ("\x00\x01", "", "…/etc/passwd", "a" * 300):
        assert titles.checked(titles.sensible(data, "24 layers"))


@pytest.mark.parametrize(
    "damage",
    [
        {"created": None},
        {"created": "yesterday"},
        {"created": "2026-11-27T10:00:00"},  # of no zone: it could not be put in order with others
        {"created": 7},
        {"created": "9999-12-31T23:59:59+00:00"},
        {"name": ["a"]},
        {"watched": []},
        {"watched": [1]},
        {"labels": "ab"},
        {"rows": "many"},
        {"parameters": -1},
    ],
    ids=str,
)
def test_a_damaged_run_is_left_out_of_the_list(tmp_path, damage):
    sound, damaged = (prepare(tmp_path / name, corpus(), TINY) for name in ("sound", "damaged"))
    write(damaged, **damage)
    assert all_runs(tmp_path) == [sound]
    with pytest.raises(ValueError, match=r"holds no run|do not fit together"):
        open_run(damaged.folder)
    (damaged.folder / "about.json").write_text("[" * 100_000)
    assert all_runs(tmp_path) == [sound]


@pytest.mark.slow
def test_a_sweep_and_its_trials_have_names_and_a_damaged_one_is_left_out(tmp_path):
    sweep = sweeps.prepare(tmp_path / "sweep", corpus(), TINY, ranges_of("learning_rate"), 2)
    assert sweep.title == "tickets, a sweep"
    sweeps.run(sweep)
    assert sweep.of(1).title == "tickets, a sweep, trial 2"
    sweeps.rename(sweep, "rates")
    assert [sweep.title, sweep.of(0).title, sweep.of(1).title] == ["rates", "rates, trial 1", "rates, trial 2"]
    assert sweeps.all_sweeps(tmp_path) == [sweep]
    (sweep.folder / "trials.jsonl").write_text('{"number": 0, "values": {}, "accuracy": "high", "seconds": 1}\n')
    assert sweeps.all_sweeps(tmp_path) == []
    sweeps.delete(sweep)
    assert not sweep.folder.exists()


def test_ties_are_said_as_ties(tmp_path):
    sweep = sweeps.prepare(tmp_path / "sweep", corpus(), TINY, ranges_of("heads"), 7)
    assert sweep.verdict() == ""
    for number, accuracy in enumerate([0.5, None, 1.0, 0.75]):
        add_line(
            sweep.folder / "trials.jsonl",
            {"number": number, "values": {"heads": number}, "accuracy": accuracy, "seconds": 1.0, "sentence": ""},
        )
    assert sweep.verdict() == "Best: heads 2, held-out accuracy 1.000"
    for number in (4, 5, 6):
        add_line(
            sweep.folder / "trials.jsonl",
            {"number": number, "values": {"heads": number}, "accuracy": 1.0, "seconds": 1.0, "sentence": ""},
        )
    assert sweep.verdict() == "Four trials tie at held-out accuracy 1.000; the first of them: heads 2"
