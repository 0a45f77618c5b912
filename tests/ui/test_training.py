"""The training page without a browser: whose run a link opens, what a bad file says, the curves, the estimate."""

import csv
import math
import os
import re
from collections import Counter
from urllib.parse import unquote

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from selfattn import places
from selfattn.figures import training as figures
from selfattn.figures.palette import LIGHT
from selfattn.training.data import encoded, generated
from selfattn.training.data.corpora import Corpus
from selfattn.training.locks import acquire
from selfattn.training.run import estimates, references
from selfattn.training.run.prepare import prepare
from selfattn.training.run.settings import Settings
from selfattn.training.run.train import train
from selfattn.ui.shell.machine import is_local
from selfattn.ui.training import choices, result, runs
from selfattn.ui.training import data as training_data
from tests.tools.app import app
from tests.tools.tolerance import assert_close
from tests.ui.test_app import notices

TINY = Settings(layers=1, heads=2, d_model=12, d_ff=10, vocabulary=300, epochs=3, batch=11)
HERE = {"Host": "localhost:8501", "Origin": "http://localhost:8501"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "RUNS", tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture
def hard():
    return generated.generate("hard", 130, 0)


def page(**link: str) -> AppTest:
    at = app("training", **link).run()
    assert not at.exception
    return at


def rows_of(at: AppTest) -> str:
    return "".join(each.proto.body for each in at.main if each.type == "html")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.0.1:80", "[::1]:8501"])
def test_a_loopback_address_is_this_machine(host):
    assert is_local(None, {"Host": host, "Origin": f"http://{host}"})


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("192.168.0.7", HERE),
        (None, {}),
        (None, {"Host": "localhost"}),
        (None, HERE | {"Host": "attacker.example"}),
        (None, HERE | {"Origin": "https://attacker.example"}),
        (None, HERE | {"Origin": "https://localhost.attacker.example"}),
        (None, HERE | {"Origin": "https://localhost@attacker.example"}),
        (None, HERE | {"Origin": "null"}),
        (None, HERE | {"Host": "["}),
        (None, HERE | {"X-Forwarded-For": "10.0.0.1"}),
    ],
)
def test_anything_else_is_another_machine(address, headers):
    assert not is_local(address, headers)


@pytest.mark.parametrize("asked", ["", ".", "..", "../runs", "a/b", "A", "a\n", "a" * 65, "nothing", "linked", "empty"])
def test_a_link_opens_nothing_but_a_run(home, hard, asked):
    run = prepare(home / "real", hard, TINY)
    (home / "linked").symlink_to(run.folder)
    (home / "empty").mkdir()
    assert runs.named("real") == run
    with pytest.raises(ValueError, match=r"link asks for a run|holds no run"):
        runs.named(asked)


def test_a_reader_sees_the_runs_of_their_links_alone(home, hard):
    for name in ("mine", "theirs"):
        prepare(home / name, Corpus(f"texts {name}", hard.texts, hard.labels, hard.names), TINY)
    said = rows_of(page(run="mine"))
    assert "texts mine" in said
    assert "texts theirs" not in said
    at = page(run="../theirs")
    assert len(notices(at)) == 1
    assert "texts theirs" not in rows_of(at)
    assert at.button(key="train_start")


def test_who_sits_at_the_machine_sees_all_runs_and_removes_one(home, hard, monkeypatch):
    monkeypatch.setattr("selfattn.ui.shell.machine.is_local", lambda *_: True)
    for name in ("one", "two"):
        prepare(home / name, hard, TINY)
    at = page(run="one")
    at.button(key="remove_one").click().run()
    assert not at.exception
    assert [each.name for each in home.iterdir()] == ["two"]
    assert "run" not in at.query_params
    assert at.button(key="look_two")


def test_one_training_at_a_time(home, hard):
    run, other = (prepare(home / name, hard, TINY) for name in ("one", "two"))
    lock = acquire(other.folder / "lock")
    assert lock is not None
    with pytest.raises(ValueError, match="one at a time"):
        runs.start(run)
    os.close(lock)
    runs.check_free()


def test_a_bad_file_is_one_sentence_and_what_was_typed_stays(home, tmp_path, monkeypatch):
    monkeypatch.setattr("selfattn.ui.training.data.on_this_machine", lambda: True)
    file = tmp_path / "reviews.csv"
    file.write_text("review,stars\n" + "good film,five\n" * 7)
    at = page(train_from="a path", train_layers="3")
    at.text_input(key="train_path").set_value(str(file)).run()
    assert ["label" in each for each in notices(at)] == [True]
    assert at.text_input(key="train_path").value == str(file)
    assert at.number_input(key="train_layers").value == 3
    file.write_text("review,stars\n" + "good film,five\nbad <b>film</b>,![x](http://example.com)\n" * 7)
    at.run()
    assert notices(at) == []
    assert "bad &lt;b&gt;film&lt;/b&gt;" in rows_of(at)
    assert at.selectbox(key=f"train_label_{file}").value == "stars"
    at.text_input(key="train_path").set_value(str(tmp_path / "nothing.csv")).run()
    assert len(notices(at)) == 1


def test_choices_that_do_not_go_together_are_one_sentence(home):
    at = page(train_heads="3")
    (said,) = notices(at)
    assert "3 heads do not divide" in said
    assert not [each for each in at.button if each.key == "train_start"]


def test_every_choice_has_a_control_which_starts_where_the_library_does():
    def script() -> None:
        import streamlit as st

        from selfattn.ui.training import choices

        st.session_state.found = choices.choose(task="classification", vocabulary=4000)

    at = AppTest.from_function(script).run()
    assert at.session_state.found == Settings(vocabulary=4000)
    shown = {each.key for kind in (at.number_input, at.selectbox, at.toggle) for each in kind}
    assert shown == {f"train_{name}" for name in vars(Settings())} - {"train_task", "train_vocabulary"}
    assert Settings().task == choices.CLASSIFIER


def test_the_watched_sentences_are_short_and_of_two_labels(hard):
    first, second = training_data.sentences(hard)
    assert {hard.labels[hard.texts.index(each)] for each in (first, second)} == {0, 1}
    assert max(len(each.split()) for each in (first, second)) < 14
    assert len(training_data.sentences(Corpus("one", ["a b"] * 2, None, ()))) == 2


def test_the_estimate_counts_what_a_run_counts(home, hard):
    run = prepare(home / "one", hard, TINY)
    found = estimates.estimate(hard, estimates.cut(hard.texts, str(run.folder / "tokenizer"), TINY), TINY)
    assert found.parameters == run.about["parameters"]
    assert found.steps == run.status.steps
    data = encoded.read(run.data)
    length = estimates.cut(hard.texts, str(run.folder / "tokenizer"), TINY).length
    assert_close(length, data.lengths.double().mean().item(), within=1e-6)
    assert found.seconds > estimates.START


@pytest.mark.parametrize("name", ["hard", "repeats"])
def test_the_majority_by_counting(home, name):
    settings = TINY if name == "hard" else Settings(**vars(TINY) | {"task": "next token"})
    data = encoded.read(prepare(home / name, generated.generate(name, 113, 0), settings).data)
    answers = {False: [], True: []}
    for row in range(len(data.lengths)):
        side = answers[bool(data.held_out[row])]
        side += [data.labels[row].item()] if name == "hard" else data.text(row)[1:].tolist()
    (most, _) = Counter(answers[False]).most_common(1)[0]
    assert_close(references.majority(data), answers[True].count(most) / len(answers[True]), within=1e-6)


def paths(html: str) -> list[str]:
    picture = re.search(r'class="sa-plot"><img src="data:image/svg\+xml,([^"]*)"', html)
    assert picture is not None
    return re.findall(r'<path d="([^"]*)"[^>]*stroke-width="2"', unquote(picture[1]))


def test_a_curve_goes_through_its_values():
    steps = np.array([5, 10, 20])
    line = figures.Curve("share", np.array([0.25, math.nan, 1.0]), "#000000")
    html = figures.curve("Quality", steps, [line], LIGHT, high=1.0, best=10)
    assert paths(html) == ["M25.00 75.00L100.00 0.00"]
    assert 'title="step 20: share 1"' in html
    assert "Quality from step 5 to 20: share 0.25 to 1" in html
    assert '<i class="sa-foot" style="left:50.0%">10</i>' in html


def test_a_logarithmic_curve_puts_the_geometric_mean_in_the_middle():
    values = np.array([0.1, 1.0, 10.0])
    html = figures.curve(
        "Gradient", np.array([1, 2, 3]), [figures.Curve("norm", values, "red")], LIGHT, logarithmic=True
    )
    heights = [float(point.split()[1]) for point in paths(html)[0][1:].split("L")]
    assert_close(heights[1], 50.0, within=0.01)
    assert_close(heights[0] + heights[2], 100.0, within=0.02)
    assert '"sa-side" style="top:50.0%">1</i>' in html


def test_a_long_run_is_drawn_by_few_points_and_names_are_no_html():
    steps, values = np.arange(1, 5001), np.linspace(3, 1, 5000)
    html = figures.curve("Loss", steps, [figures.Curve("<b>", values, "red")], LIGHT)
    points = paths(html)[0].split("L")
    assert len(points) == figures.MOST_DRAWN
    assert points[-1].startswith("100.00 ")
    assert "<b> " not in html
    assert "&lt;b&gt;" in html


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (59.4, "59 s"), (80.0, "1 min 20 s"), (120.0, "2 min"), (3599.0, "59 min"), (7500.0, "2 h 5 min")],
)
def test_durations_as_one_says_them(seconds, said):
    assert figures.duration(seconds) == said


def test_the_curves_as_a_table(home, hard):
    run = prepare(home / "a1", hard, TINY)
    train(run)
    rows = list(csv.DictReader(result.as_csv(run).decode().splitlines()))
    for row, measured in zip(rows, run.metrics(), strict=True):
        assert (int(row["step"]), float(row["held_out_loss"])) == (measured.step, measured.held_out_loss)
        assert float(row["entropy of layer 0"]) == measured.entropy[0]


def test_a_full_disk_is_one_sentence():
    def script() -> None:
        import errno

        from selfattn.ui.shell.refusing import refusing

        with refusing():
            raise OSError(errno.ENOSPC, "No space left on device")

    at = AppTest.from_function(script).run()
    (said,) = notices(at)
    assert "The disk could not be used: No space left on device." in said
