"""The patterns of all heads in one file: those of the stages, and what they belong to."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file

import selfattn
from selfattn import Ablate, Cut, Model, Temperature
from selfattn.exports import weights
from selfattn.tracing import heads
from tests.tools import made, tiny
from tests.tools.tolerance import assert_close

TEXT = "the [MASK] sat on the mat"
EDITS = (Temperature(2.0, layers={1}, heads={3}), Ablate(layers={0}, heads={1}), Cut({(2, 1)}, renormalise=False))


@pytest.fixture(scope="module")
def t5():
    return selfattn.trace(Model.wrap(tiny.network("t5"), made.word_level(), "t5"), TEXT, EDITS[1])


def read(file):
    """The arrays and what is said about them."""
    if file.suffix == ".npz":
        with np.load(file, allow_pickle=False) as archive:
            arrays = dict(archive)
        return arrays, json.loads(arrays.pop("about").item())
    with safe_open(file, "np") as opened:
        return load_file(file), json.loads(opened.metadata()["about"])


@pytest.mark.parametrize("name", ["bert", "llama", "gpt_oss", "bloom", "deberta_v2"])
@pytest.mark.parametrize("edits", [(), EDITS], ids=["plain", "edited"])
def test_the_weights_of_a_layer_are_those_of_its_heads(name, edits, monkeypatch):
    trace = selfattn.trace(Model.wrap(tiny.network(name), made.word_level(), name), TEXT, edits)
    alone = torch.stack([trace.stages(1, head).weights for head in range(4)])
    assert_close(trace.weights(1), alone)
    assert_close(trace.weights(1, rows=slice(2, 7, 2)), alone[:, 2:7:2])
    cooler = torch.stack([trace.stages(1, head, edits=Temperature(0.5)).weights for head in range(4)])
    assert_close(trace.weights(1, edits=Temperature(0.5)), cooler)
    monkeypatch.setattr(heads, "BLOCK", 1)
    assert_close(trace.weights(1), alone)


def test_weights_of_each_part_and_kind(t5):
    assert t5.weights(0).shape == (4, 8, 8)
    assert t5.weights(1, kind="cross").shape == (4, 1, 8)
    with pytest.raises(ValueError, match="Layer 7 was asked for"):
        t5.weights(7)


def test_weights_that_fit_nowhere_are_refused_with_the_number(bert, monkeypatch):
    trace = selfattn.trace(bert, TEXT)
    monkeypatch.setattr("selfattn.models.budgets.free", lambda model: 1000)
    with pytest.raises(
        ValueError, match=r"all heads of a layer, 256 numbers, need 1 kB, and 1 kB may be used; ask for"
    ):
        trace.weights(0)


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_a_file_holds_every_head_of_the_model(ending, bert, tmp_path):
    trace = selfattn.trace(bert, TEXT, EDITS)
    names = selfattn.save_weights(trace, tmp_path / f"all{ending}")
    arrays, about = read(tmp_path / f"all{ending}")
    assert {*arrays} == {*names} == {"encoder.self.0", "encoder.self.1"}
    for layer in range(2):
        for head in range(4):
            assert_close(arrays[f"encoder.self.{layer}"][head], trace.stages(layer, head).weights)
    assert (about["model"], about["text"], about["fidelity"]) == ("bert", TEXT, trace.fidelity)
    assert [each["edit"] for each in about["edits"]] == ["temperature", "ablate", "cut"]
    assert about["encoder.self.0"]["attends_to"] == ["[CLS]", *TEXT.split(), "[SEP]"]
    assert about["encoder.self.1"] == "encoder.self.0"  # the same tokens


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_a_file_of_a_layer_a_part_or_a_kind(ending, t5, tmp_path):
    file = tmp_path / f"some{ending}"
    assert selfattn.save_weights(t5, file, layer=1) == ["encoder.self.1"]
    assert_close(read(file)[0]["encoder.self.1"][2], t5.stages(1, 2).weights)
    assert selfattn.save_weights(t5, file, kind="cross") == ["decoder.cross.0", "decoder.cross.1"]
    arrays, about = read(file)
    assert_close(arrays["decoder.cross.1"][3], t5.stages(1, 3, kind="cross").weights)
    assert len(about["decoder.cross.0"]["attends_from"]) == 1
    assert len(selfattn.save_weights(t5, file)) == 6
    assert [*read(file)[0]["decoder.self.0"].shape] == [4, 1, 1]


def test_what_cannot_be_written_is_one_sentence(t5, tmp_path):
    with pytest.raises(ValueError, match=r"go into \.npz or \.safetensors; got 'x.csv'"):
        selfattn.save_weights(t5, "x.csv")
    with pytest.raises(ValueError, match="has no vision with any-attention"):
        selfattn.save_weights(t5, tmp_path / "x.npz", part="vision")
    with pytest.raises(ValueError, match="Layer 9 was asked for"):
        selfattn.save_weights(t5, tmp_path / "x.npz", 9)
    with pytest.raises(ValueError, match=r"could not be written: No such file or directory\."):
        selfattn.save_weights(t5, tmp_path / "nowhere" / "x.npz")
    assert list(tmp_path.iterdir()) == []


def test_half_precision_is_written_in_single(tmp_path):
    trace = selfattn.trace(Model.wrap(tiny.network("bert").to(torch.bfloat16), made.word_level(), "half"), TEXT)
    selfattn.save_weights(trace, tmp_path / "x.safetensors")
    assert_close(read(tmp_path / "x.safetensors")[0]["encoder.self.0"], trace.weights(0))
    assert set(weights.WRITERS) == {".npz", ".safetensors"}
