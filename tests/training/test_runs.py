"""A run: what it leaves, how it stops, and that nothing is lost when it dies."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import selfattn
from selfattn.training import locks
from selfattn.training.data import encoded
from selfattn.training.data.corpora import Corpus
from selfattn.training.run import checkpoints, loop, progress
from selfattn.training.run import run as runs
from selfattn.training.run.prepare import prepare
from selfattn.training.run.progress import Status
from selfattn.training.run.run import all_runs, open_run
from selfattn.training.run.settings import Settings
from selfattn.training.run.train import start, train
from selfattn.training.writing import DiskFullError
from tests.tools.tolerance import assert_close

# As small as can be: a second on one core.
SMALL = Settings(layers=1, heads=2, d_model=16, d_ff=32, vocabulary=300, longest=24, batch=8, epochs=4, warm_up=4)
WORDS = ["red", "green", "blue", "old", "new", "big", "small", "round"]


def corpus(rows: int = 96) -> Corpus:
    """Two labels, told apart by one word."""
    texts = [f"{WORDS[row % 7]} {('cat', 'dog')[row % 2]} {WORDS[row % 5]} {row}" for row in range(rows)]
    return Corpus("pets.csv", texts, [row % 2 for row in range(rows)], ("a cat 🐈", "a dog"))


def weights(run: runs.Run) -> dict[str, torch.Tensor]:
    return load_file(run.checkpoint)


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def wait(run: runs.Run, until, seconds: float = 120.0) -> progress.Status:
    end = time.monotonic() + seconds
    while not until(run.status):
        assert time.monotonic() < end, (run.status, (run.folder / "log.txt").read_text())
        time.sleep(0.02)
    return run.status


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run that was trained to its end in one go."""
    run = prepare(tmp_path_factory.mktemp("runs") / "whole", corpus(), replace(SMALL, epochs=12, patience=0))
    assert train(run).state == "done"
    return run


@pytest.mark.slow
def test_a_separable_corpus_is_learned_to_the_last_text(trained):
    assert max(each.accuracy for each in trained.metrics()) == 1.0
    assert max(each.f1 for each in trained.metrics()) == 1.0


@pytest.mark.slow
def test_the_best_model_is_the_one_with_most_held_out_texts_right(trained):
    metrics, status = trained.metrics(), trained.status
    best = max(metrics, key=lambda each: (each.accuracy, -each.held_out_loss))
    assert (status.best, status.best_step) == (best.held_out_loss, best.step)
    data = encoded.read(trained.data)
    network = AutoModelForSequenceClassification.from_pretrained(trained.model)
    loss, count = 0.0, 0
    for row in data.rows(held_out=True).tolist():
        loss += network(data.text(row)[None], labels=data.labels[row][None]).loss.item()
        count += 1
    assert_close(loss / count, best.held_out_loss, within=1e-5)


@pytest.mark.slow
def test_the_model_opens_everywhere_and_says_what_the_run_said(trained):
    texts = corpus().texts
    opened = selfattn.load(trained.model)
    found = dict(selfattn.trace(opened, texts[0]).prediction.top(2))
    network = AutoModelForSequenceClassification.from_pretrained(trained.model)
    tokenizer = AutoTokenizer.from_pretrained(trained.model)
    logits = network(**tokenizer(texts[0], return_tensors="pt")).logits[0]
    for number, name in enumerate(("a cat 🐈", "a dog")):
        assert network.config.id2label[number] == name
        assert_close(found[name], logits.softmax(-1)[number].item(), within=1e-5)
    card = (trained.model / "README.md").read_text()
    assert "pets.csv" in card
    assert f"{trained.status.best:.4f}" in card


@pytest.mark.slow
def test_two_labels_are_one_number_and_its_sigmoid(trained):
    network = AutoModelForSequenceClassification.from_pretrained(trained.model)
    assert network.config.sigmoid
    assert network.classifier.out_features == 1


@pytest.mark.slow
def test_every_evaluation_measures_all_that_is_drawn(trained):
    for each in trained.metrics():
        assert len(each.entropy) == trained.settings.layers
        assert all(0 < entropy <= 1 for entropy in each.entropy)
        assert each.gradient_norm > 0
        assert 0 <= each.learning_rate <= trained.settings.learning_rate
    steps = [each.step for each in trained.metrics()]
    assert steps == sorted(set(steps))
    assert steps[-1] == trained.status.steps
    assert trained.history().steps[0] == 0


def test_equal_texts_are_never_on_both_sides_of_the_split(tmp_path):
    twice = replace(corpus(48), texts=corpus(48).texts * 3, labels=list(corpus(48).labels) * 3)
    data = encoded.read(prepare(tmp_path / "run", twice, SMALL).data)
    sides = [{tuple(data.text(row).tolist()) for row in data.rows(held_out=side).tolist()} for side in (False, True)]
    assert not sides[0] & sides[1]
    assert {data.labels[row].item() for row in data.rows(held_out=True).tolist()} == {0, 1}


@pytest.mark.slow
def test_a_run_that_was_killed_ends_with_the_same_weights(tmp_path):
    settings = replace(SMALL, epochs=16, patience=0)
    whole = prepare(tmp_path / "whole", corpus(), settings)
    train(whole)
    killed = prepare(tmp_path / "killed", corpus(), settings)
    start(killed)
    wait(killed, lambda status: status.step > 60)
    assert killed.status.state == "running"
    process = _process_of(killed)
    os.kill(process, signal.SIGKILL)
    status = wait(killed, lambda status: status.state != "running")
    assert status.state == "paused"
    lost = status.step - checkpoints.step_of(killed.checkpoint)
    assert lost <= loop.CHECKPOINT_EVERY
    assert checkpoints.step_of(killed.checkpoint) > 0
    start(killed)
    assert killed.status.state == "running"
    assert wait(killed, lambda status: status.state != "running").state == "done"
    assert same(weights(killed), weights(whole))
    assert same(load_file(killed.model / "model.safetensors"), load_file(whole.model / "model.safetensors"))
    assert killed.metrics() == whole.metrics()
    assert killed.history().steps == whole.history().steps


def _process_of(run: runs.Run) -> int:
    import psutil

    (found,) = (
        each.pid for each in psutil.Process().children() if str(run.folder.resolve()) in " ".join(each.cmdline())
    )
    return found


def test_another_process_may_not_train_it_too(tmp_path):
    run = prepare(tmp_path / "run", corpus(), SMALL)
    with locks.locked(run.folder / "lock"):
        assert run.status.state == "running"
        for act in (start, train, runs.delete):
            with pytest.raises(ValueError, match="is being trained"):
                act(run)
    assert run.status.state == "ready"


@pytest.mark.slow
def test_pause_is_heard_at_the_next_step_and_nothing_is_lost(tmp_path, trained):
    settings = trained.settings
    run = prepare(tmp_path / "run", corpus(), settings)

    def pause(status, measured):
        if measured is not None and status.step < 40:
            run.ask("pause")

    for _ in range(20):
        status = train(run, pause)
        if status.state == "done":
            break
        assert status.state == run.status.state == "paused"
        assert checkpoints.step_of(run.checkpoint) == status.step
    assert status.state == "done"
    assert same(weights(run), weights(trained))


def test_cancel_ends_a_run_and_keeps_its_model(tmp_path):
    run = prepare(tmp_path / "run", corpus(), SMALL)
    status = train(run, lambda status, measured: run.ask("cancel") if measured else None)
    assert status.state == run.status.state == "cancelled"
    assert selfattn.load(run.model).fidelity < 1e-5
    with pytest.raises(ValueError, match="is cancelled; prepare another"):
        train(run)
    ready = prepare(tmp_path / "ready", corpus(), SMALL)
    ready.ask("cancel")
    assert ready.status.state == "cancelled"


@pytest.mark.slow
def test_it_stops_when_the_held_out_accuracy_no_longer_rises(tmp_path):
    scrambled = replace(corpus(), labels=[(row * row // 3) % 2 for row in range(96)])
    run = prepare(tmp_path / "run", scrambled, replace(SMALL, epochs=200, patience=3))
    status = train(run)
    assert status.state == "done"
    assert status.step < status.steps
    assert "the held-out accuracy had been no better for 3 evaluations" in status.sentence
    metrics = run.metrics()
    best = max(metrics, key=lambda each: (each.accuracy, -each.held_out_loss))
    assert best.step == metrics[-4].step == status.best_step


@pytest.mark.slow
def test_a_loss_that_is_no_number_stops_it_and_says_why(tmp_path, monkeypatch):
    run = prepare(tmp_path / "run", corpus(), SMALL)
    honest = loop.Descent.step

    def step(descent, batch):
        if descent.done == 20:
            with torch.no_grad():
                descent.network.classifier.bias += torch.nan
        return honest(descent, batch)

    monkeypatch.setattr(loop.Descent, "step", step)
    status = train(run)
    assert status.state == "failed"
    assert status.sentence.startswith("The loss became NaN at step 21; the best model, of step ")
    assert "Try a smaller learning rate" in status.sentence
    assert all(tensor.isfinite().all() for tensor in weights(run).values())
    assert selfattn.load(run.model).fidelity < 1e-5
    monkeypatch.undo()
    assert train(run).state == "done"


@pytest.mark.slow
def test_a_full_disk_stops_it_with_the_last_checkpoint_whole(tmp_path):
    run = prepare(tmp_path / "run", corpus(), replace(SMALL, patience=0))
    whole = prepare(tmp_path / "whole", corpus(), replace(SMALL, patience=0))
    train(run, lambda status, measured: run.ask("pause") if measured and status.step > 10 else None)
    before = run.checkpoint.read_bytes()
    # A process that may write no file as large as a checkpoint.
    code = (
        "import resource, sys; from pathlib import Path; from selfattn.training.run.run import open_run; "
        "from selfattn.training.run.train import train; "
        "import torch; run = open_run(Path(sys.argv[1])); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) // 2},) * 2); print(train(run).sentence)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(run.folder)], capture_output=True, text=True, check=True)
    assert "The disk is full at step" in done.stdout
    assert "Free some space and start it again." in done.stdout
    assert run.status.state == "failed"
    assert run.checkpoint.read_bytes() == before
    assert not list(run.folder.rglob("*.new"))
    assert train(run).state == train(whole).state == "done"
    assert same(weights(run), weights(whole))


@pytest.mark.slow
def test_a_repeating_text_is_learned_by_next_token_prediction(tmp_path):
    text = "one two three four five six seven eight nine ten "
    texts = [text[start:] + text * 3 for start in range(40)]
    settings = replace(SMALL, task="next token", epochs=30, d_model=32, learning_rate=1e-2, patience=0)
    run = prepare(tmp_path / "run", Corpus("count.txt", texts, None, ()), settings)
    assert train(run).state == "done"
    assert run.metrics()[-1].accuracy > 0.9
    assert run.metrics()[-1].f1 is None
    found = selfattn.trace(selfattn.load(run.model), "one two three four five six").prediction.top(1)
    assert found[0][0].strip() == "seven"


def test_an_existing_tokenizer_can_be_used(tmp_path, bert_folder):
    run = prepare(tmp_path / "run", corpus(), replace(SMALL, epochs=1), tokenizer=str(bert_folder))
    assert run.tokenizer().get_vocab() == AutoTokenizer.from_pretrained(bert_folder).get_vocab()
    assert train(run).state == "done"
    with pytest.raises(ValueError, match="has no tokenizer that could be opened"):
        prepare(tmp_path / "other", corpus(), SMALL, tokenizer=str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "choice",
    [
        {"similarity": "rbf", "positions": "t5", "pooling": "attention"},
        {"similarity": "additive", "positions": "learned", "norm": "post"},
        {"scaling": False, "positions": "alibi", "pooling": "cls"},
    ],
    ids=str,
)
def test_every_choice_trains(tmp_path, choice):
    run = prepare(tmp_path / "run", corpus(), replace(SMALL, epochs=1, **choice))
    assert train(run).state == "done"
    assert selfattn.load(run.model).fidelity < 1e-4


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"heads": 3}, "3 heads do not divide a d_model of 16"),
        ({"positions": "round"}, "positions is one of none, sinusoidal"),
        ({"learning_rate": 0.0}, "learning_rate lies between"),
        ({"batch": 2.5}, "batch is a whole number; got 2.5"),
        ({"heads": 16}, "rope positions turn pairs of numbers"),
        ({"task": "next token"}, "takes no labels"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused_in_a_sentence(tmp_path, wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        prepare(tmp_path / "run", corpus(), replace(SMALL, **wrong))
    assert not (tmp_path / "run").exists()


def test_runs_are_found_and_others_are_told_apart(tmp_path):
    first, second = (prepare(tmp_path / name, corpus(), SMALL) for name in ("b", "a"))
    (tmp_path / "else").mkdir()
    assert all_runs(tmp_path) == [second, first]
    assert open_run(first.folder).settings == SMALL
    with pytest.raises(ValueError, match="holds no run"):
        open_run(tmp_path / "else")
    about = json.loads((first.folder / "about.json").read_text()) | {"format": 99}
    (first.folder / "about.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match="a run of format 99"):
        open_run(first.folder)
    with pytest.raises(ValueError, match="is not empty"):
        prepare(second.folder, corpus(), SMALL)


def test_a_run_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def full(*_, **__):
        raise DiskFullError(errno.ENOSPC, "data.safetensors did not fit")

    monkeypatch.setattr(encoded, "write", full)
    with pytest.raises(ValueError, match=r"could not be written .*did not fit.*; free some space"):
        prepare(tmp_path / "run", corpus(), SMALL)
    assert not (tmp_path / "run").exists()


def test_a_run_that_ends_while_it_is_looked_at_is_no_paused_one(tmp_path, monkeypatch):
    run = prepare(tmp_path / "run", corpus(), SMALL)
    running = Status("running", 3, 9)
    progress.write_status(run.folder / "status.json", running)

    def held(lock):
        progress.write_status(run.folder / "status.json", replace(running, state="done"))
        return False

    monkeypatch.setattr(locks, "held", held)
    assert run.status.state == "done"
