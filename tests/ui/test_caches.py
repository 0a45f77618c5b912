"""What is kept between reruns: nothing that holds a model which has left, and nothing that changes under a reader."""

import ast
import gc
import re
import weakref
from types import SimpleNamespace

import pytest
import torch
from streamlit.testing.v1 import AppTest

from selfattn.analysis.interventions.effects import Effect
from selfattn.analysis.variants.variant import VariantSettings
from selfattn.maths.masks import causal, window
from selfattn.models.loading.library import Choice
from selfattn.places import HOME
from selfattn.recording.edits import Ablate, Mask, Scale, Temperature
from selfattn.recording.means import Means
from selfattn.ui import caches, model
from selfattn.ui.caches import Run
from selfattn.ui.interventions import experiments, ranking
from selfattn.ui.interventions.asked import On
from selfattn.ui.mistakes import exhibit
from selfattn.ui.place import Head
from tests.tools import made

TEXT = "the cat sat on the mat"


@pytest.fixture
def folders(tmp_path):
    return [made.folder(tmp_path / name, "gpt2", made.word_level()) for name in "abc"]


def looked_at_everywhere(choice: Choice) -> weakref.ref:
    """Every page has shown something of it."""
    from selfattn.ui.compare import board as compare  # these mount a component, which needs the app
    from selfattn.ui.compare.sides import Sides
    from selfattn.ui.variants import board as variants

    run, found = Run(choice, TEXT), caches.model(choice)
    part, kind = found.attentions[0].part, found.attentions[0].kind
    at = Head(part, kind, 0, 1)
    caches.trace(run)
    caches.head_payload(run, at)
    caches.small_maps(run, at.place)
    compare.run(Sides(run, Run(choice, "the dog sat on the mat"), at, at, ("text",)))
    variants.rows(run, at, VariantSettings())
    exhibit.made(run, at, 0, 0, 0)
    model.found(run)
    experiments.ranking(run, On(), found.attentions[0], "zero")
    return weakref.ref(found.network)


@pytest.mark.slow
def test_a_model_that_leaves_the_shelf_leaves_memory(folders, monkeypatch):
    monkeypatch.setattr(caches.MODELS, "_share", 0.0)
    AppTest.from_file(str(HOME / "app.py"), default_timeout=60).run()
    first, *others = (Choice(str(folder)) for folder in folders)
    network = looked_at_everywhere(first)
    assert network() is not None
    for other in others:
        looked_at_everywhere(other)
    gc.collect()
    assert network() is None


def test_room_that_old_traces_hold_is_made_before_a_run_is_refused(folders, monkeypatch):
    choice = Choice(str(folders[0]))
    first = weakref.ref(caches.trace(Run(choice, TEXT)))
    cleared = []
    release = caches._release
    monkeypatch.setattr(caches, "_release", lambda: cleared.append(True) or release())
    free = lambda: SimpleNamespace(available=2 * 10**9 if cleared else 7_000, total=10**10)  # noqa: E731
    monkeypatch.setattr("selfattn.models.budgets.psutil.virtual_memory", free)
    assert len(caches.trace(Run(choice, "the dog sat on the mat")).tokens) == 8
    assert cleared == [True]
    assert first() is None


def test_a_run_that_has_no_room_at_all_is_still_refused(folders, monkeypatch):
    free = lambda: SimpleNamespace(available=7_000, total=10**10)  # noqa: E731
    monkeypatch.setattr("selfattn.models.budgets.psutil.virtual_memory", free)
    with pytest.raises(ValueError, match="shorten the text"):
        caches.trace(Run(Choice(str(folders[0])), "the dog sat on the film"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Scale(3.0), Temperature(3.0)),
        (Mask(causal & window(2)), Mask(causal | window(2))),
        (Ablate(Means.named([TEXT])), Ablate(Means.named([TEXT, "a dog was not good ="]))),
    ],
    ids=["numbers", "patterns", "data sets"],
)
def test_edits_that_hold_the_same_and_are_not(folders, first, second):
    run = Run(Choice(str(folders[0])), TEXT)
    effects = {}
    for edit in (first, second):
        assert caches.trace(run.under((edit,))).edits == (edit,)
        effects[edit] = experiments.effect(run, On(), (edit,))
        assert effects[edit] == experiments.measure(run, On()).effect((edit,))
    assert effects[first] != effects[second]


def test_what_is_made_of_runs_is_kept_by_all_that_a_run_depends_on():
    """What is kept takes runs by `kept` alone, by which an edit is what it is, and none inside of another value."""
    wrong, seen = [], 0
    for path in sorted((HOME / "selfattn" / "ui").rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            kept = [name for each in function.decorator_list if re.search(r"cache|^kept", name := ast.unparse(each))]
            takes = {
                word
                for each in function.args.args
                if each.annotation
                for word in re.findall(r"\w+", ast.unparse(each.annotation))
            }
            # The `Run` of training is a folder, and another class.
            if not kept or not takes & {"Run", "Edit", "Edits", "Sides", "Study"} or "training" in path.parts:
                continue
            seen += 1
            if kept[0].split("(")[0] != "kept" or takes & {"Sides", "Study"}:
                wrong.append(f"{path.name}: {function.name} ({kept[0]})")
    assert wrong == []
    assert seen > 15


def test_a_ranking_that_grows_while_it_is_drawn(folders, monkeypatch):
    """Another reader's heads come in between two looks at the same numbers."""
    choice = Choice(str(folders[0]))
    run, attention = Run(choice, TEXT), caches.model(choice).attentions[0]
    experiments.ranking(run, On(), attention, "zero")
    whole = experiments.alone(run, On(), attention, "zero")
    columns = ranking._columns

    def while_another_measures(alone):
        found = columns(alone)
        experiments._alone(run, On(), attention, "zero")[99, 0] = Effect(0.0, 1.0, 1.0)
        return found

    monkeypatch.setattr(ranking, "_columns", while_another_measures)
    ranking.table(SimpleNamespace(run=run, plain=run, model=caches.model(choice)), attention, "zero", On())
    assert len(experiments.alone(run, On(), attention, "zero")) == len(whole) + 1


def test_a_second_reader_takes_up_what_the_first_has_begun(folders):
    choice = Choice(str(folders[0]))
    run, attention = Run(choice, "the film was not good"), caches.model(choice).attentions[0]
    place = (0, 0)
    experiments._alone(run, On(), attention, "zero")[place] = begun = Effect(0.25, 0.5, 0.125)
    assert experiments.ranking(run, On(), attention, "zero")
    found = experiments.alone(run, On(), attention, "zero")
    assert found[place] == begun
    assert len(found) == attention.layers * attention.heads
    assert torch.tensor([each.moved for each in found.values()]).isfinite().all()
