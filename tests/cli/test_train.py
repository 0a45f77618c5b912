"""`selfattn train`: the whole way from a file to a model that opens, its errors, and Ctrl-C."""

import csv
import re
import signal
import subprocess
import sys
from dataclasses import fields

import pytest

import selfattn
from selfattn.cli import main
from selfattn.training.data.generated import generate
from selfattn.training.run import run as runs
from selfattn.training.run.settings import Settings

TINY = ["--layers", "1", "--heads", "1", "--d-model", "6", "--d-ff", "5", "--vocabulary", "300"]


@pytest.fixture
def run(monkeypatch, capfd):
    """Run the command line as the shell does: (exit code, stdout, stderr)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["selfattn", "train", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main.main()
        return stop.value.code or 0, *capfd.readouterr()

    return run


@pytest.fixture
def table(tmp_path):
    """A file of opinions: column `said` of texts, column `meant` of labels."""
    corpus = generate("sentiment", 120, 0)
    file = tmp_path / "opinions.csv"
    with file.open("w", newline="", encoding="utf-8") as lines:
        rows = csv.writer(lines)
        rows.writerow(["said", "meant"])
        rows.writerows((text, corpus.names[at]) for text, at in zip(corpus.texts, corpus.labels, strict=True))
    return file


def test_from_a_file_to_a_model_that_opens(run, table, tmp_path):
    out = tmp_path / "run"
    columns = ["--text", "said", "--label", "meant", "--watch", "It was not bad."]
    code, said, _ = run(table, *columns, *TINY, "--epochs", 2, "--no-scaling", "--name", "small", "--out", out)
    assert code == 0
    assert "\r" not in said
    made = runs.open_run(out)
    assert (made.settings.epochs, made.settings.scaling, made.settings.d_ff) == (2, False, 5)
    assert (made.title, made.about["watched"]) == ("small", ["It was not bad."])
    best = next(each for each in made.metrics() if each.step == made.status.best_step)
    for line in (f"encoder                 {best.accuracy:.3f}", "bag of words            0.", f"--model {out}/model"):
        assert line in said
    found = selfattn.trace(selfattn.load(str(out / "model")), "It was not bad.").prediction.top(2)
    assert {name for name, _ in found} == {"negative", "positive"}
    assert run("--resume", "--out", out)[0] == 2


def test_a_run_knows_its_device(run, table, tmp_path):
    columns = ["--text", "said", "--label", "meant"]
    assert run(table, *columns, *TINY, "--epochs", 1, "--device", "cpu", "--out", tmp_path / "run")[0] == 0
    assert runs.open_run(tmp_path / "run").device == "cpu"
    code, _, told = run(table, *columns, *TINY, "--device", "cuda:77", "--out", tmp_path / "other")
    assert code == 2
    assert told.startswith("selfattn: The device 'cuda:77' cannot be used: ")
    assert not (tmp_path / "other").exists()
    assert run("--resume", "--device", "cpu", "--out", tmp_path / "run")[0] == 2


def test_every_setting_is_an_option_with_its_help(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    code, said, _ = run("--help")
    assert code == 0
    for field in fields(Settings):
        line = next(line for line in said.splitlines() if f" --{field.name.replace('_', '-')} " in line)
        assert field.metadata["help"] in line


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.csv"], "no file or folder 'nowhere.csv', and the generated corpora are hard, sentiment, repeats"),
        ([], "DATA is missing"),
        (["hard:many"], "takes a whole number of rows, such as hard:10000; got 'hard:many'"),
        (["hard:90", "--text", "said"], "--text and --label name columns of a file; 'hard' is generated"),
        (["hard:90", "--heads", "7"], "7 heads do not divide a d_model of 64"),
        (["hard:90", "--resume"], "give nothing but --out"),
        (["--resume"], "holds no run"),
        (["repeats:90", "--task", "classification"], "classification"),
        (["hard:90", "--sweep", "seed"], "A sweep searches learning_rate, .*; got 'seed'"),
    ],
)
def test_what_a_reader_got_wrong_is_one_sentence(run, tmp_path, arguments, sentence):
    code, _, error = run(*arguments, "--out", tmp_path / "run")
    assert code == 2
    assert error.startswith("selfattn: ")
    assert error.count("\n") == 1
    assert re.search(sentence, error)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_ctrl_c_writes_a_checkpoint_and_the_run_goes_on(tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "selfattn.cli.main", "train", "--out", str(out)]
    begun = [*command, "hard:300", *TINY, "--batch", "4", "--epochs", "6", "--patience", "0"]
    with subprocess.Popen(begun, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith("step"))
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
        assert process.wait() == 130
    status = runs.open_run(out).status
    assert status.state == "paused"
    assert f"Paused at step {status.step:,}. To go on: selfattn train --resume --out {out}" in said
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=True)
    assert f"going on from step {status.step:,}" in done.stdout
    assert runs.open_run(out).status.state == "done"


def test_without_scikit_learn_the_end_says_how_to_get_it(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    code, said, _ = run("hard:60", *TINY, "--epochs", 1, "--out", tmp_path / "run")
    assert code == 0
    assert 'pip install "selfattn[training]"' in said
