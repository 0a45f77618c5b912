"""Training in a real browser: to its end and into the microscope; paused, resumed, cancelled, by two readers."""

import re

import pytest

import selfattn
from selfattn.places import SPECIMENS
from selfattn.training.run.history import read
from selfattn.training.run.run import all_runs, open_run
from tests.canvas.test_history import check
from tests.tools.browser import Reader
from tests.tools.looks import looks
from tests.tools.saved import saved, shade
from tests.tools.tolerance import assert_close

SMALL = "train_rows=200&train_layers=1&train_heads=2&train_d_model=16&train_d_ff=32&train_vocabulary=400"
STARTS = 90_000  # milliseconds that a process may take to import PyTorch on a machine that does other things too


@pytest.fixture(scope="module")
def home(runs_home):
    yield runs_home
    for run in all_runs(runs_home):
        run.ask("cancel")  # what a failed test left behind


@pytest.fixture
def reader(reader, home):
    reader.page.set_default_timeout(STARTS)
    yield reader
    reader.page.set_default_timeout(30_000)


def train(reader: Reader) -> str:
    """Press the button; the id of the run."""
    reader.page.locator(".st-key-train_start button").click()
    reader.page.wait_for_url(re.compile(r"run=[a-z0-9-]+"))
    reader.page.locator(".st-key-panel_run").wait_for()
    found = re.search(r"run=([a-z0-9-]+)", reader.page.url)
    assert found is not None
    return found[1]


def says(reader: Reader, words: str) -> None:
    reader.page.locator(".st-key-panel_run").get_by_text(re.compile(words)).wait_for()


def step(reader: Reader) -> int:
    found = re.search(r"step ([\d,]+) of", reader.text(".st-key-panel_run"))
    assert found is not None
    return int(found[1].replace(",", ""))


def test_a_model_is_trained_to_the_end_and_opened(reader, home, tmp_path):
    reader.open(f"/training?{SMALL}&train_epochs=2&train_batch=20")
    run = open_run(home / train(reader))
    reader.page.locator(".st-key-run_open").wait_for()
    reader.settle()
    assert run.status.state == "done"
    best = run.best()
    assert best is not None
    assert re.search(
        rf"Done in .* held-out accuracy {best.accuracy:.3f} \(bag of words \d", reader.text(".st-key-panel_run")
    )
    pictures = reader.page.locator(".st-key-curves .sa-plot img")
    assert pictures.count() == 4
    assert all(pictures.nth(at).evaluate("image => image.complete && image.naturalWidth > 0") for at in range(4))
    held_out = run.metrics()[-1].held_out_loss
    assert f"held out {held_out:.3g}" in reader.text(".st-key-curves .sa-names")
    assert "bag of words" in reader.text(".st-key-panel_result")
    with reader.page.expect_download() as download:
        reader.page.locator(".st-key-run_zip button").click()
    download.value.save_as(tmp_path / "run.zip")
    reader.settle()
    reader.page.locator(".st-key-run_open button").click()
    reader.page.locator(".head[data-ready=true]").wait_for()
    reader.settle()
    text = run.about["watched"][0]
    assert reader.page.locator(".st-key-text input").input_value() == text
    label, share = selfattn.trace(selfattn.load(run.model), text).prediction.top(1)[0]
    assert re.search(rf"{label}\s+{share:.3f}", reader.text(".head .says"))

    reader.open("/training").page.get_by_text("Import a zip").click()
    reader.page.locator(".st-key-run_import input").set_input_files(tmp_path / "run.zip")
    reader.page.wait_for_url(re.compile(r"run=[a-z0-9-]+"))
    reader.settle()
    assert f"held out {held_out:.3g}" in reader.text(".st-key-curves .sa-names")
    assert run.folder.name not in reader.page.url


def test_two_readers_see_one_run_pause_go_on_and_end(reader, another, home):
    first = reader.open(f"/training?{SMALL}&train_epochs=500&train_batch=4&train_patience=0")
    run = open_run(home / train(first))
    says(first, "Running, step")
    # Who asks for another is refused, and comes to the one that runs.
    another.page.set_viewport_size({"width": 390, "height": 844})
    another.page.set_default_timeout(STARTS)
    second = another.open(f"/training?{SMALL}")
    second.page.locator(".st-key-train_start button").click()
    second.page.get_by_text("one at a time").wait_for()
    second.settle().open(f"/training?run={run.folder.name}")
    says(second, "Running, step")
    before = step(second)
    second.page.wait_for_function(
        "before => Number(document.querySelector('.st-key-panel_run').innerText"
        ".match(/step ([\\d,]+) of/)?.[1].replaceAll(',', '') ?? 0) > before",
        arg=before,
    )
    first.page.locator(".st-key-run_pause button").click()
    for reader in (first, second):
        says(reader, "Paused at step")
    assert run.status.state == "paused"
    second.settle().page.locator(".st-key-run_resume button").click()
    for reader in (first, second):
        says(reader, "Running, step")
    first.page.locator(".st-key-run_cancel button").click()
    for reader in (first, second):
        says(reader, "It was cancelled")
    assert run.status.state == "cancelled"
    assert second.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_bad_file_says_one_sentence_and_a_good_one_can_be_trained_on(reader, tmp_path):
    reader.open("/training?train_from=your+file&train_epochs=7")
    file = tmp_path / "reviews.csv"
    file.write_text("review,stars\n" + "a good film,five\n" * 9)
    upload = reader.page.locator(".st-key-train_file input")
    upload.set_input_files(file)
    reader.page.locator(".st-key-panel_data .sa-notice").wait_for()
    reader.settle()
    assert reader.page.locator(".sa-notice").count() == 1
    assert "five" in reader.text(".sa-notice")
    assert reader.page.locator(".st-key-train_epochs input").input_value() == "7"
    better = tmp_path / "better.csv"
    better.write_text("review,stars\n" + "a good film,five\na bad <b>film</b>,one\n" * 9)
    upload.set_input_files(better)
    reader.page.locator(".st-key-train_start").wait_for()
    reader.settle()
    assert reader.page.locator(".sa-notice").count() == 0
    assert "a bad <b>film</b>" in reader.text(".st-key-panel_data")
    assert reader.page.locator(".st-key-train_epochs input").input_value() == "7"


def test_the_page_opens_on_the_history_of_a_shipped_model(reader):
    history = read(SPECIMENS / "induction" / "history.safetensors")
    for _ in looks(reader, "/training"):
        reader.page.locator(".history[data-ready=true]").wait_for()
        reader.page.locator(".time input").fill(str(len(history.steps) - 1))
        reader.page.locator(f".history[data-step='{history.steps[-1]}']").wait_for()
        check(reader.page, history, len(history.steps) - 1)
        assert reader.page.title() == "Training · selfattn"
        reader.page.locator(".play").click()
        reader.page.locator(f".history:not([data-step='{history.steps[-1]}'])").wait_for()
        reader.page.locator(".play").click()
    reader.page.locator(".time input").fill(str(len(history.steps) - 1))
    reader.settle()
    picture = saved(reader)
    assert picture.name == f"induction_L1H2_step-{history.steps[-1]}"
    assert picture.caption.startswith("induction · learning · step 4,000 of 4,000 · head 1.2 · “the cat sat")
    assert {"Induction", "head 1.2", "0.5"} <= set(picture.words)
    weights = history.weights[0][-1]
    _, heads, count, _ = weights.shape
    for layer, head in ((0, 3), (1, 2)):
        cell = (count - 1, int(weights[layer, head, -1].argmax()))
        expected = shade(float(weights[layer, head][cell]), 1.0)
        assert_close(picture.colour(layer * heads + head, cell, (count, count)), expected, within=3)
    reader.page.locator(".time input").fill("7")
    reader.page.wait_for_url(re.compile(rf"training_step={history.steps[7]}\b"))
    assert reader.page.locator(".st-key-text").count() == 0
    reader.settle().page.reload()
    reader.page.locator(f".history[data-step='{history.steps[7]}']").wait_for()
    reader.settle()
