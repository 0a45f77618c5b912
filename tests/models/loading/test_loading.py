"""A load that takes long: told step by step, shared by who waits, stopped without a trace, and bounded."""

import dataclasses
import shutil
import threading
import time
from pathlib import Path

import huggingface_hub.constants as hub_settings
import psutil
import pytest
import torch

import selfattn
from selfattn.models.budgets import share_of_memory
from selfattn.models.loading import memory, sources, steps
from selfattn.models.loading.library import Choice
from selfattn.ui import caches
from selfattn.ui.shell.loads import Shelf
from tests.tools import made
from tests.tools.hub import hub
from tests.tools.tolerance import assert_close
from tests.ui.test_app import app, notices


@pytest.fixture
def local_hub(monkeypatch, tmp_path, bert_folder):
    """A hub on this machine with one model, whose cache is empty."""
    with hub() as served:
        served.models["me/tiny"] = bert_folder
        monkeypatch.setattr(hub_settings, "ENDPOINT", served.address)
        template = served.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(hub_settings, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(hub_settings, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(hub_settings, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(hub_settings, "DOWNLOAD_CHUNK_SIZE", 4096)
        yield served


def test_a_download_tells_every_file_and_byte(local_hub, bert_folder, bert):
    told: list[steps.Step] = []
    with steps.telling(told.append):
        model = selfattn.load("me/tiny")
    whole = (bert_folder / "model.safetensors").stat().st_size
    bytes_told = [step.done for step in told if step.doing == "Downloading model.safetensors, file 4 of 4"]
    assert bytes_told == sorted(bytes_told)
    assert (bytes_told[0], bytes_told[-1]) == (0, whole)
    assert len(bytes_told) > whole // 4096
    assert [step.doing for step in told if "weights" in step.doing or "itself" in step.doing][-1].startswith("Testing")
    assert model.name == "me/tiny"
    inputs = bert.inputs("the cat")[1]
    with torch.inference_mode():
        assert_close(model.network(**inputs).logits, bert.network(**inputs).logits, within=0)


def test_what_was_downloaded_is_not_asked_for_again(local_hub):
    selfattn.load("me/tiny")
    assert any("resolve" in asked for asked in local_hub.asked)
    local_hub.asked.clear()
    selfattn.load("me/tiny")
    assert local_hub.asked == []


def test_a_model_without_a_tokenizer_is_not_asked_for_again(local_hub, tmp_path):
    local_hub.models["me/vit"] = made.folder(tmp_path / "vit", "vit")
    assert selfattn.load("me/vit").tokenizer is None
    local_hub.asked.clear()
    selfattn.load("me/vit")
    assert local_hub.asked == []


def test_only_what_is_read_is_downloaded(local_hub, bert_folder, tmp_path):
    folder = Path(shutil.copytree(bert_folder, tmp_path / "more"))
    for name in ("pytorch_model.bin", "mine.py", "tf_model.h5", "model.onnx"):
        (folder / name).write_bytes(b"x")
    local_hub.models["me/more"] = folder
    selfattn.load("me/more")
    given = {asked.rpartition("/")[2] for asked in local_hub.asked if "/resolve/" in asked}
    assert given == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


def test_a_repository_of_gguf_files_alone(local_hub, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "model.Q4_0.gguf").write_bytes(b"GGUF")
    local_hub.models["me/files"] = tmp_path / "files"
    with pytest.raises(ValueError, match="only GGUF files: download one, and give its path"):
        selfattn.load("me/files")
    assert not any("/resolve/" in asked for asked in local_hub.asked)


def test_a_stopped_download_leaves_nothing_half_loaded(local_hub, tmp_path):
    def stop(step: steps.Step) -> None:
        if step.doing.startswith("Downloading model") and step.done > 20_000:
            raise steps.Stopped

    with pytest.raises(steps.Stopped), steps.telling(stop):
        selfattn.load("me/tiny")
    assert [*(tmp_path / "cache").rglob("*.incomplete")] == []
    assert [*(tmp_path / "cache").rglob("*.safetensors")] == []
    assert selfattn.load("me/tiny").fidelity < 1e-5


def test_a_download_that_breaks_off_is_one_sentence(local_hub, monkeypatch):
    def broken(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(sources, "hf_hub_download", broken)
    with pytest.raises(ValueError, match=r"The download of me/tiny broke off at config.json; try again"):
        selfattn.load("me/tiny")


@pytest.mark.parametrize("revision", ["../main", "a b", "", "x" * 200, "-x"])
def test_a_revision_that_is_none(local_hub, revision):
    with pytest.raises(ValueError, match="A revision is a branch, a tag or a commit"):
        selfattn.load("me/tiny", revision=revision)
    assert local_hub.asked == []


def test_the_revision_asked_for_is_the_revision_fetched(local_hub):
    selfattn.load("me/tiny", revision="v1")
    assert all("/v1" in asked for asked in local_hub.asked if "me/tiny" in asked)


class Slow:
    """Loads that wait until they are let go; stands in for `Choice.load`."""

    def __init__(self, monkeypatch, model) -> None:
        self.begun: list[str] = []
        self.go, self.fail = threading.Event(), ""
        monkeypatch.setattr(Choice, "load", lambda choice: self.load(choice, model))

    def load(self, choice, model):
        self.begun.append(choice.source)
        for step in range(500):
            steps.tell(steps.Step("Working", step, 500))
            if self.go.wait(0.01):
                break
        if self.fail:
            raise ValueError(self.fail)
        return model


@pytest.fixture
def slow(monkeypatch, bert):
    monkeypatch.setattr("selfattn.ui.shell.loads.share_of_memory", lambda _: 1.0)
    return Slow(monkeypatch, bert)


def shelf(released: list[str] | None = None) -> Shelf:
    """With room for two models and a half."""
    return Shelf(2.5, at_once=2, release=lambda left: released is not None and released.append("left"))


def test_two_readers_share_one_load(slow, bert):
    models = shelf()
    first, second = models.ask(Choice("a"), "one"), models.ask(Choice("a"), "two")
    assert first is second
    assert not first.wait(0.05)
    assert first.step.doing == "Working"
    slow.go.set()
    assert first.wait(5)
    assert models.model(Choice("a")) is bert
    assert slow.begun == ["a"]


def test_who_cancels_does_not_stop_it_for_another(slow, bert):
    models = shelf()
    load = models.ask(Choice("a"), "one")
    models.ask(Choice("a"), "two")
    models.leave(Choice("a"), "one")
    slow.go.set()
    assert load.wait(5)
    assert load.model is bert


def test_a_load_that_nobody_wants_ends_and_is_begun_anew(slow):
    models = shelf()
    load = models.ask(Choice("a"), "one")
    load.wait(0.05)
    models.leave(Choice("a"), "one")
    assert load.wait(5)
    assert load.model is None
    assert "cancelled" in load.error
    assert models.ask(Choice("a"), "one") is not load


def test_another_choice_leaves_the_one_before(slow):
    models = shelf()
    load = models.ask(Choice("a"), "one")
    load.wait(0.05)
    models.ask(Choice("b"), "one")
    assert load.wait(5)
    assert load.model is None


def test_at_most_two_load_at_once(slow):
    models = shelf()
    loads = [models.ask(Choice(name), name) for name in "abc"]
    time.sleep(0.1)
    assert sorted(slow.begun) == ["a", "b"]
    assert loads[2].step.doing.startswith("Waiting")
    slow.go.set()
    assert all(load.wait(5) for load in loads)


def test_the_model_used_longest_ago_leaves(slow):
    slow.go.set()
    released: list[str] = []
    models = shelf(released)
    for name in "ab":
        models.model(Choice(name))
    models.model(Choice("a"))
    assert released == []
    models.model(Choice("c"))
    assert released == ["left"]
    models.model(Choice("a"))
    assert slow.begun == ["a", "b", "c"]
    models.model(Choice("b"))
    assert slow.begun == ["a", "b", "c", "b"]


def test_models_leave_by_what_they_take_and_the_last_one_stays(slow, monkeypatch, bert):
    slow.go.set()
    takes = {"a": 1.0, "b": 1.0, "c": 0.4, "large": 9.0, "d": 0.1}
    of_each = {name: dataclasses.replace(bert, name=name) for name in takes}
    monkeypatch.setattr(Choice, "load", lambda choice: slow.load(choice, of_each[choice.source]))
    monkeypatch.setattr("selfattn.ui.shell.loads.share_of_memory", lambda model: takes[model.name])
    released: list[str] = []
    models = shelf(released)
    for name in "abc":
        models.model(Choice(name))
    assert released == []
    assert models.model(Choice("large")) is not None
    assert released == ["left"]
    for name in ("large", "d", "large"):
        models.model(Choice(name))
    # Whatever it takes, the one used last stays; the small one before it was too much beside it.
    assert slow.begun == ["a", "b", "c", "large", "d", "large"]


def test_the_share_of_memory_is_that_of_its_weights(bert):
    size = sum(parameter.numel() * parameter.element_size() for parameter in bert.network.parameters())
    assert share_of_memory(bert) == size / psutil.virtual_memory().total


def test_a_failed_load_is_told_and_forgotten(slow, bert):
    slow.go.set()
    slow.fail = "It is broken."
    models = shelf()
    with pytest.raises(ValueError, match=r"It is broken\."):
        models.model(Choice("a"))
    slow.fail = ""
    assert models.model(Choice("a")) is bert


def test_a_refused_model_keeps_its_name_and_is_not_asked_for_again(monkeypatch):
    asked = []

    def load(choice):
        asked.append(choice)
        raise ValueError("No such model.")

    monkeypatch.setattr(Choice, "load", load)
    at = app("nobody/none-such")
    at.run()
    (notice,) = notices(at)
    assert "No such model." in notice
    assert at.selectbox(key="model").value == "nobody/none-such"
    assert len(asked) == 1
    next(button for button in at.button if button.label == "Try again").click().run()
    assert len(asked) == 2


def test_the_way_back_from_a_refusal():
    at = app("/nowhere/at-all", adapter="me/adapter", text="A film.")
    assert "There is no folder" in notices(at)[0]
    next(button for button in at.button if button.label == "Back to sentiment").click().run()
    assert notices(at) == []
    assert at.selectbox(key="model").value == "sentiment"
    assert at.text_input(key="adapter").value == ""
    assert not at.exception


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ({"dtype": "int8"}, "dtype is auto, float32"),
        ({"bits": "8"}, "need a CUDA device"),
        ({"bits": "many"}, "bits is 8 or 4"),
        ({"spread": "nonsense"}, "spread is no or yes; got"),
        ({"device": "toaster"}, "cannot be used"),
        ({"adapter": "/nowhere/x"}, "There is no folder"),
        ({"revision": "v2"}, "has no revisions"),
    ],
)
def test_nonsense_in_a_link_is_one_sentence(link, said):
    (notice,) = notices(app("sentiment", text="A film.", **link))
    assert said in notice


def test_an_option_stands_in_the_link_alone_when_it_is_chosen():
    at = app("sentiment", text="A film.", dtype="bfloat16")
    assert notices(at) == []
    assert caches.model(Choice("sentiment", dtype="bfloat16")).network.dtype == torch.bfloat16
    assert "adapter" not in at.query_params
    assert at.selectbox(key="dtype").value == "bfloat16"


def test_a_model_in_memory_has_a_name_of_its_own_each_time(bert):
    first, second = memory.keep(bert), memory.keep(bert)
    assert first != second
    assert selfattn.load(first) is bert
    assert notices(app(first, text="the cat")) == []
    memory.forget(first)
    with pytest.raises(ValueError, match="was shown from memory and is there no more"):
        selfattn.load(first)
    for _ in range(memory.MOST):
        memory.keep(bert)
    assert memory.get(second) is None
    for name in memory.names():
        memory.forget(name)
