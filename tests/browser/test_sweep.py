"""In a real browser: a sweep and its best model, and scaled beside unscaled; started, stopped, and drawn."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from selfattn.training.data.generated import generate
from selfattn.training.run.settings import Settings
from selfattn.training.search import side_by_side, sweeps
from selfattn.training.search.lookup import Lookup
from selfattn.training.search.ranges import ranges_of
from selfattn.training.search.side_by_side import PairsPlan
from tests.tools.browser import Reader

SMALL = "train_rows=200&train_layers=1&train_heads=2&train_d_model=16&train_d_ff=32&train_vocabulary=400"
LONG = "train_epochs=500&train_patience=0&train_batch=4"
SETTINGS = Settings(layers=1, heads=2, d_model=16, d_ff=32, vocabulary=400, epochs=1, batch=50)
TINY = PairsPlan(
    seeds=1, widths=(2, 6), d_model=6, d_ff=7, steps=55, every=5, batch=11, task=Lookup(letters=7, digits=3, cards=5)
)
STARTS = 90_000  # milliseconds that a process may take to import PyTorch on a machine that does other things too


@pytest.fixture
def reader(reader):
    reader.page.set_default_timeout(STARTS)
    yield reader
    reader.page.set_default_timeout(30_000)


def alternative(reader: Reader, key: str) -> str:
    """The text alternative of the chart with a key, once it is drawn."""
    reader.page.locator(f".st-key-{key} .js-plotly-plot").first.wait_for()
    return (
        reader.page.locator(f".st-key-{key}")
        .locator("[aria-label], [alt]")
        .first.evaluate("each => each.ariaLabel ?? each.getAttribute('alt')")
    )


def test_the_panels_draw_what_was_found_and_start_and_stop(reader, runs_home):
    folder = runs_home / "side-by-side"
    side_by_side.prepare(folder, TINY)
    side_by_side.run(folder)
    reader.open("/training?training_of=Scaled+or+not")
    gaps = side_by_side.gaps(TINY, side_by_side.points(folder))
    (loss, raw), (_, raw_gradient) = gaps[-1].losses, gaps[-1].gradients
    said = reader.text(".st-key-panel_pairs")
    assert f"At d_k = 6: loss after 55 steps {loss:.2g} divided, {raw:.2g} raw" in said
    assert f"against {raw_gradient:.1f}" in said
    assert f"{loss:.3f} divided, {raw:.3f} raw" in reader.text(".st-key-panel_pairs_table tbody")
    last = side_by_side.points(folder)[-1]
    assert f"raw at step 55: loss {last.loss:.3g}" in alternative(reader, "pair-6")
    assert reader.page.locator(".st-key-panel_pairs_curves .js-plotly-plot").count() == 2

    reader.page.locator(".st-key-pairs_start button").click()
    reader.page.locator(".st-key-pairs_stop button").wait_for()
    assert side_by_side.state(folder) == "running"
    assert side_by_side.plan(folder) == side_by_side.PLAN
    reader.settle().page.locator(".st-key-pairs_stop button").click()
    reader.page.locator(".st-key-pairs_start button").wait_for()
    assert side_by_side.state(folder) == "stopped"


def test_a_sweep_is_started_stopped_and_its_best_model_loaded(reader, runs_home):
    reader.open(f"/training?training_of=A+sweep&{SMALL}&{LONG}")
    reader.page.locator(".st-key-sweep_start button").click()
    reader.page.wait_for_url(re.compile(r"sweep=sweep-[0-9a-f]{16}"))
    found = sweeps.open_sweep(runs_home / parse_qs(urlsplit(reader.page.url).query)["sweep"][0])
    reader.settle().page.locator(".st-key-sweep_stop button").click()
    reader.page.locator(".st-key-sweep_resume button").wait_for()
    assert found.state != "running"
    assert "0 of 12 trials" in reader.text(".st-key-panel_sweep")

    done = sweeps.prepare(
        runs_home / f"sweep-{0:016x}",
        generate("hard", 200, 0),
        SETTINGS,
        ranges_of("learning_rate=0.0001:0.1,norm"),
        3,
    )
    sweeps.run(done)
    best = done.best()
    reader.open(f"/training?training_of=A+sweep&sweep={done.folder.name}")
    assert done.verdict() in reader.text(".st-key-panel_trials")
    assert reader.page.locator(".st-key-panel_trials tbody tr").count() == 3
    assert best.said in alternative(reader, "sweep-trials")
    reader.click(".st-key-sweep_load button")
    reader.page.wait_for_function(
        "path => decodeURIComponent(location.href).includes(path)", arg=str(done.of(best.number).model)
    )
    reader.page.locator(".head[data-ready=true]").wait_for()
    assert reader.settle().page.locator(".st-key-text input").input_value() == done.base.about["watched"][0]
