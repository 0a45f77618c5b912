"""A run travels as a zip file, and a hostile zip file gets nowhere."""

import io
import json
import zipfile
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load, load_file, save

import selfattn
from selfattn.training.run import zips
from selfattn.training.run.prepare import prepare
from selfattn.training.run.train import train
from selfattn.training.run.zips import export, import_zip
from tests.training.test_runs import SMALL, corpus, same, weights


@pytest.fixture(scope="module")
def paused(tmp_path_factory):
    """A run that was paused in the middle."""
    run = prepare(tmp_path_factory.mktemp("runs") / "half", corpus(), replace(SMALL, epochs=3, patience=0))
    assert train(run, lambda status, measured: run.ask("pause") if measured else None).state == "paused"
    return run


@pytest.fixture(scope="module")
def packed(paused):
    return export(paused)


def changed(packed: bytes, **files: bytes | None) -> io.BytesIO:
    """The same zip with some files put in, replaced, or (None) left out; `__` stands for a slash, `_DOT_` for a dot."""
    written = io.BytesIO()
    named = {name.replace("__", "/").replace("_DOT_", "."): content for name, content in files.items()}
    with zipfile.ZipFile(io.BytesIO(packed)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in named:
                new.writestr(name, old.read(name))
        for name, content in named.items():
            if content is not None:
                new.writestr(name, content)
    written.seek(0)
    return written


@pytest.mark.slow
def test_a_run_goes_on_elsewhere_and_ends_with_the_same_weights(paused, packed, tmp_path):
    run = import_zip(io.BytesIO(packed), tmp_path, "from a friend.zip")
    assert run.folder == tmp_path / "from-a-friend-zip"
    assert (run.settings, run.metrics(), run.status) == (paused.settings, paused.metrics(), paused.status)
    assert selfattn.load(run.model).fidelity < 1e-5
    assert train(run).state == "done"
    whole = prepare(tmp_path / "whole", corpus(), paused.settings)
    train(whole)
    assert same(weights(run), weights(whole))
    assert import_zip(io.BytesIO(packed), tmp_path, "from a friend.zip").folder.name == "from-a-friend-zip-2"


def test_a_zip_names_no_place_of_this_machine(paused, packed):
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        for name in archive.namelist():
            assert not name.startswith(("/", ".."))
            assert str(paused.folder.parent).encode() not in archive.read(name)


def hostile(packed: bytes) -> dict[str, tuple[io.BytesIO, str]]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        data = load(archive.read("data.safetensors"))
        about = json.loads(archive.read("about.json"))
        settings = json.loads(archive.read("settings.json"))
        status = json.loads(archive.read("status.json"))
    known = {"encoded": json.dumps({"pad": 0, "cut": 0})}
    far = save({**data, "ids": data["ids"] + 1_000_000}, known)
    backwards = save({**data, "starts": data["starts"].flip(0)}, known)

    def saying(content: dict[str, object], **wrong: object) -> bytes:
        return json.dumps({**content, **wrong}).encode()

    return {
        "a path out": (changed(packed, **{"../evil.json": b"{}"}), "no part of a run"),
        "a path out, deeper": (changed(packed, **{"model/../../evil.json": b"{}"}), "no part of a run"),
        "an absolute path": (changed(packed, **{"/tmp/evil.json": b"{}"}), "no part of a run"),
        "a pickle": (changed(packed, model__pytorch_model_DOT_bin=b"\x80\x04."), "no part of a run"),
        "code": (changed(packed, model__modeling_DOT_py=b"print()"), "no part of a run"),
        "no settings": (changed(packed, settings_DOT_json=None), "lacks settings.json"),
        "a pickle by another name": (changed(packed, checkpoint_DOT_safetensors=b"\x80\x04."), "is damaged"),
        "no json": (changed(packed, about_DOT_json=b"{"), "is damaged"),
        "ids past the vocabulary": (changed(packed, data_DOT_safetensors=far), "do not fit together"),
        "texts that end before they begin": (changed(packed, data_DOT_safetensors=backwards), "do not fit together"),
        "labels that are none": (changed(packed, about_DOT_json=saying(about, labels="ab")), "do not fit together"),
        "another format": (changed(packed, about_DOT_json=saying(about, format=2)), "of format 2"),
        "impossible settings": (
            changed(packed, settings_DOT_json=saying(settings, layers=10**9)),
            "layers lies between",
        ),
        "a state that is none": (changed(packed, status_DOT_json=saying(status, state="won")), "A state is one of"),
        "no zip": (io.BytesIO(b"PK\x03\x04 and so on"), "no zip file"),
        "a zip cut short": (io.BytesIO(packed[: len(packed) // 2]), "no zip file"),
    }


def test_a_hostile_zip_is_refused_and_leaves_nothing(packed, tmp_path):
    home = tmp_path / "home"
    for file, sentence in hostile(packed).values():
        with pytest.raises(ValueError, match=sentence):
            import_zip(file, home)
        assert list(home.iterdir()) == []
    assert [file.name for file in tmp_path.iterdir()] == ["home"]


def test_a_zip_that_unpacks_to_too_much_is_stopped(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(zips, "LARGEST_JSON", 1_000_000)
    bomb = changed(packed, tokenizer__vocab_DOT_json=b'"' + b" " * 3_000_000 + b'"')
    with pytest.raises(ValueError, match="larger than a run's may be"):
        import_zip(bomb, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_weights_that_came_in_a_zip_are_the_ones_that_went(paused, packed, tmp_path):
    run = import_zip(io.BytesIO(packed), tmp_path)
    first, second = (load_file(each.model / "model.safetensors") for each in (paused, run))
    assert all(torch.equal(first[name], second[name]) for name in first)
