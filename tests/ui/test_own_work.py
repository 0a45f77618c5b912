"""What a reader has trained is found again: by its name, in every list, by who may see it, and nothing is pretended."""

import json
import shutil

import pytest

import selfattn
from selfattn import places
from selfattn.canvas.training import history_payload
from selfattn.models.loading.library import Choice
from selfattn.training.data.corpora import Corpus
from selfattn.training.run.prepare import prepare
from selfattn.training.run.run import open_run
from selfattn.training.run.settings import Settings
from selfattn.training.run.train import train
from selfattn.training.search import sweeps
from selfattn.training.search.ranges import ranges_of
from selfattn.ui import caches
from tests.tools.app import app, go
from tests.ui.test_app import notices

pytestmark = pytest.mark.slow

TINY = Settings(layers=1, heads=2, d_model=12, d_ff=10, vocabulary=300, epochs=1, batch=20)
WATCHED = ["my printer ![x](http://a.b/c.png) is on fire", "please reset it"]
ONE, TWO, SWEEP = "a" * 16, "b" * 16, f"sweep-{7:016x}"


def corpus() -> Corpus:
    texts = [f"{number} {word} ticket" for number in range(40) for word in ("late", "early")]
    return Corpus("tickets.csv", texts, [0, 1] * 40, ("late", "early"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two runs that are done, the second a copy that was made later, and a sweep whose two trials tie."""
    home = tmp_path_factory.mktemp("made")
    first = prepare(home / ONE, corpus(), TINY, watched=WATCHED)
    assert train(first).state == "done"
    shutil.copytree(first.folder, home / TWO)
    about = first.about | {"title": "the <b>second</b>", "created": "2126-01-02T03:04:05+00:00"}
    (home / TWO / "about.json").write_text(json.dumps(about))
    sweep = sweeps.prepare(home / SWEEP, corpus(), TINY, ranges_of("heads=1/2"), 2)
    assert sweeps.run(sweep) == "done"
    lines = [json.loads(line) | {"accuracy": 1.0} for line in (sweep.folder / "trials.jsonl").read_text().splitlines()]
    (sweep.folder / "trials.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return home


@pytest.fixture
def home(made, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "RUNS", shutil.copytree(made, tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def here(monkeypatch):
    """The reader sits at the machine."""
    monkeypatch.setattr("selfattn.ui.shell.machine.is_local", lambda *_: True)


def opened(page: str = "", **link: object):
    at = app(page, **link).run()
    assert not at.exception
    return at


def click(at, key: str):
    at.button(key=key).click().run()
    assert not at.exception
    return at


def models_of(at) -> list[str]:
    return [name for name in at.selectbox(key="model").options if name.startswith("Yours")]


def html(at, place: str = "main") -> str:
    return "".join(each.proto.body for each in getattr(at, place) if each.type == "html")


def order(at, *words: str) -> list[str]:
    """These words in the order in which they stand on the page."""
    text = html(at)
    return sorted(words, key=text.index)


def test_who_sits_at_the_machine_finds_runs_and_sweeps_by_their_names(home, here):
    at = opened("training")
    named = ["Yours: the <b>second</b>", "Yours: tickets, a sweep, trial 1", "Yours: tickets, 1 layer"]
    assert sorted(models_of(at)) == sorted(named)
    text = html(at)
    assert "the &lt;b&gt;second&lt;/b&gt;" in text
    assert "1 × 2 heads, d_model 12 · learning rate 0.003" in text
    assert "02 Jan 2126, 03:04" in text
    assert order(at, "induction", "on this machine", "tickets, 1 layer") == [
        "on this machine",
        "tickets, 1 layer",
        "induction",
    ]


def test_another_reader_finds_what_their_link_names_alone(home):
    at = opened("training")
    assert models_of(at) == []
    assert "tickets" not in html(at)
    at = opened("training", run=TWO).run()
    assert models_of(at) == ["Yours: the <b>second</b>"]
    assert "tickets, 1 layer" not in html(at)
    # The model's own link says which it is, and puts nothing into a list.
    at = opened("one_head", model=str((home / ONE / "model").resolve()))
    assert models_of(at) == []
    assert at.selectbox(key="model").options[-1] == "tickets, 1 layer"


def test_a_run_opens_its_model_by_name_with_texts_of_its_own_data(home, here):
    at = opened("training", run=ONE)
    assert "Done in" in html(at)
    best, least = open_run(home / ONE).best().accuracy, 0.5
    assert f"held-out accuracy {best:.3f} (bag of words" in html(at)
    assert f"most frequent {least:.3f})" in html(at)
    click(at, "run_open")
    assert at.text_input(key="text").value == WATCHED[0]
    assert "<b>tickets, 1 layer</b>" in html(at, "sidebar")
    offered = [each.label for each in at.button if (each.key or "").startswith("example_")]
    assert len(offered) == 2
    assert "![" not in offered[0]  # no picture of the outside is fetched
    # Another model starts from its own text: nobody typed this one.
    go(at, "one_head").selectbox(key="model").set_value("sentiment").run()
    assert at.text_input(key="text").value.startswith("The plot")


def test_a_run_is_renamed_and_called_so_everywhere(home, here):
    at = opened("training", run=ONE)
    source = str((home / ONE / "model").resolve())
    at.selectbox(key="model").set_value(source).run()
    assert "<b>tickets, 1 layer</b>" in html(at, "sidebar")
    at.text_input(key=f"title_{ONE}").set_value("fires").run()
    assert open_run(home / ONE).title == "fires"
    assert "Yours: fires" in models_of(at)
    assert "<b>fires</b>" in html(at, "sidebar")
    at.text_input(key=f"title_{ONE}").set_value("the <b>second</b>").run()
    assert open_run(home / ONE).title == "the <b>second</b> (2)"
    at.text_input(key=f"title_{ONE}").set_value("a\u202eb").run()
    assert len(notices(at)) == 1
    assert open_run(home / ONE).title == "the <b>second</b> (2)"


def test_two_runs_are_compared_from_the_list(home, here):
    at = click(opened("training", run=ONE), f"compare_{TWO}")
    assert at.query_params["model_b"] == str((home / ONE / "model").resolve())
    assert "Yours: the <b>second</b>" in at.selectbox(key="model_b").options
    assert at.selectbox(key="model").value == str((home / TWO / "model").resolve())


def test_models_with_one_name_are_told_apart_in_the_list(home, here):
    for name in (ONE, TWO):
        about = open_run(home / name).about
        del about["title"]
        (home / name / "about.json").write_text(json.dumps(about))
    names = models_of(opened("training"))
    assert len({*names}) == 3
    assert {"Yours: tickets, 1 layer", "Yours: tickets, 1 layer (2)"} <= {*names}


def test_a_sweep_is_listed_opened_and_removed_and_its_ties_are_said(home, here):
    at = click(opened("training", training_of="A sweep"), f"look_{SWEEP}")
    assert "Two trials tie at held-out accuracy 1.000; the first of them: heads" in html(at)
    at.text_input(key=f"title_{SWEEP}").set_value("heads").run()
    assert "Yours: heads, trial 1" in models_of(at)
    there = click(at, "sweep_load")
    own = sweeps.open_sweep(home / SWEEP).base.about["watched"]
    assert there.text_input(key="text").value == own[0]
    assert "<b>heads, trial 1</b>" in html(there, "sidebar")
    at = opened("training", training_of="A sweep", sweep=SWEEP)
    click(at, f"remove_{SWEEP}")
    assert not (home / SWEEP).exists()
    assert "sweep" not in at.query_params


def test_a_new_run_and_a_new_sweep_are_asked_for_their_names(home, here):
    at = opened("training", train_layers=3)
    assert at.text_input(key="train_title").placeholder == "hard, 3 layers"
    at = opened("training", training_of="A sweep")
    assert at.text_input(key="sweep_title").placeholder == "hard, a sweep"


@pytest.mark.parametrize("damage", ["", "[1]", "{", '{"format": 1}', "[" * 100_000])
def test_a_damaged_folder_breaks_no_list(home, here, damage):
    (home / ONE / "about.json").write_text(damage)
    (home / TWO / "metrics.jsonl").write_text("{}\n")
    (home / SWEEP / "trials.jsonl").write_text('{"number": []}\n')
    at = opened("training")
    assert models_of(at) == ["Yours: the <b>second</b>"]
    assert notices(at) == []


def test_a_damaged_trial_breaks_no_list(home, here):
    (home / SWEEP / "trial-000" / "about.json").write_text("{")
    at = opened("training", training_of="A sweep")
    assert sorted(models_of(at)) == ["Yours: the <b>second</b>", "Yours: tickets, 1 layer"]
    assert at.button(key=f"look_{SWEEP}")


def test_what_the_model_reads_is_not_asked_for_where_it_has_no_say(home):
    at = opened(text="a very good film")
    assert at.text_input(key="text").value == "a very good film"
    for page in ("training", "cost", "scaling"):
        go(at, page)
        assert not at.exception
        assert [each.key for each in at.text_input if each.key in ("text", "second")] == []
    at.segmented_control(key="data").set_value("the model's own").run()
    assert at.text_input(key="text").value == "a very good film"
    go(at, "training")
    go(at, "one_head")
    assert at.text_input(key="text").value == "a very good film"
    go(at, "training")
    at.selectbox(key="model").set_value("digits").run()
    assert not at.exception
    assert "<b>induction</b>" not in html(at, "sidebar")


def test_the_player_names_its_model_and_opens_on_the_step_of_the_link(home, monkeypatch):
    sent = []
    at = opened("training")  # Streamlit knows the component once the app has run
    monkeypatch.setattr(
        "selfattn.ui.training.learning.history_payload", lambda *given: sent.append(given) or history_payload(*given)
    )
    at = opened("training", model="digits", training_step=600)
    assert "induction" in html(at)
    assert sent[-1][1] == 600
    assert at.query_params["training_step"] == "600"
    at = opened("training", training_step="soon")
    assert sent[-1][1] is None
    assert ["Training step soon was asked for" in each for each in notices(at)] == [True]


def test_a_model_keeps_its_folder_in_python(home):
    source = str((home / ONE / "model").resolve())
    assert selfattn.load(source).name == "model"
    assert caches.model(Choice(source)).name == "tickets, 1 layer"
