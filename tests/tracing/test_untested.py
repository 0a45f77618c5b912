"""A model for which no small input can be made: it opens untested, says so, and its first input is its test."""

import math

import pytest
import torch
import transformers as hf

import selfattn
from selfattn import Ablate, Illustrated, Model
from selfattn.analysis.model.anatomy import anatomy
from selfattn.models import model as models
from selfattn.models import self_test
from tests.tools import illustrated, made, tiny

TEXT = "the cat sat on the mat"


@pytest.fixture
def without_probes(monkeypatch):
    """No config says how to feed its network."""
    monkeypatch.setattr(self_test, "probes", lambda network: iter(()))


@pytest.fixture
def untested(without_probes, monkeypatch):
    monkeypatch.setattr(models, "processed", lambda *parts: iter(()))
    return Model.wrap(tiny.network("bert"), made.word_level(), "bert")


def test_it_says_so(untested):
    assert (untested.tested, untested.attentions) == (False, ())
    assert math.isnan(untested.fidelity)
    said = "untested: its first input is its test"
    assert untested.exactness == said
    assert said in repr(untested)
    assert said in untested._repr_html_()
    assert "exact to" not in repr(untested)
    why = "it reads input_ids, which this version cannot make"
    with pytest.raises(ValueError, match=f"^bert is untested, for {why}; give an input that it reads.$"):
        anatomy(untested)
    with pytest.raises(ValueError, match="bert is untested: its layers are known from its first trace"):
        untested.attention()


def test_what_the_network_said_is_in_brackets(monkeypatch):
    monkeypatch.setattr(self_test, "probes", lambda network: iter([{"input_ids": torch.tensor([[10**6]])}]))
    model = Model.wrap(tiny.network("bert"))
    said = "it runs on none of the small inputs that this version makes (index out of range in self)"
    assert model.why_untested == said


def test_a_network_that_asserts_what_it_reads_is_tested_on_that(monkeypatch):
    """As timm's do, on the height of a picture; of other tensors it is said that it cannot read them."""
    network = tiny.network("bert")
    own = network.forward

    def picky(input_ids, **rest):
        assert input_ids.shape[1] == 5
        return own(input_ids, **rest)

    monkeypatch.setattr(network, "forward", picky)
    ids = torch.arange(4, 9)[None]
    monkeypatch.setattr(self_test, "probes", lambda network: iter([{"input_ids": ids[:, :3]}, {"input_ids": ids}]))
    model = Model.wrap(network)
    assert model.attentions[0].layers == 2
    with pytest.raises(ValueError, match="BertForMaskedLM could not read these tensors: "):
        selfattn.trace(model, {"input_ids": ids[:, :3]})


def test_a_network_whose_attention_did_not_run_has_some_all_the_same(monkeypatch):
    network = tiny.network("bert")
    monkeypatch.setattr(network, "forward", lambda input_ids, **_: None)
    said = "no small input that this version makes reaches its attention"
    assert Model.wrap(network).why_untested == said


def test_a_network_without_attention_is_refused_whatever_it_reads(without_probes):
    config = hf.MobileNetV1Config(depth_multiplier=0.25, min_depth=1)
    with pytest.raises(ValueError, match=r"^small \(MobileNetV1Model\) has no attention that can be recorded.$"):
        Model.wrap(hf.MobileNetV1Model(config), name="small")


def test_its_first_input_is_its_test(untested):
    trace = selfattn.trace(untested, TEXT)
    assert untested.tested
    assert untested.fidelity == trace.fidelity < 1e-5
    assert untested.exactness == f"exact to {trace.fidelity:.1e}"
    again = Model.wrap(tiny.network("bert"), made.word_level(), "bert")
    assert untested.attentions == selfattn.trace(untested, TEXT).model.attentions
    assert (untested.attentions[0].numbers, untested.attentions[0].heads) == ((0, 1), 4)
    assert anatomy(untested, trace).sound
    assert again.why_untested != ""


def test_an_edit_of_what_is_not_there_is_refused_in_its_first_trace(untested):
    with pytest.raises(ValueError, match="Ablate names layer 7"):
        selfattn.trace(untested, TEXT, [Ablate(layers={7})])


def test_what_is_not_exact_is_not_shown(untested, monkeypatch):
    monkeypatch.setattr(self_test, "TOLERANCE", {torch.float32: 0.0})
    with pytest.raises(ValueError, match=r"The attention of bert \(BertForMaskedLM\) differs by .* so it is not shown"):
        selfattn.trace(untested, TEXT)
    assert not untested.tested


@pytest.mark.parametrize("name", ["clip", "llava", "trocr"])
def test_its_processor_makes_the_test(name, without_probes, tmp_path):
    model = selfattn.load(illustrated.folder(tmp_path / name, name), device="cpu")
    assert model.tested
    assert model.fidelity < 1e-5
    assert {each.part for each in model.attentions} > {"vision"} or name == "trocr"
    assert model.probe["pixel_values"].shape[-3:] == (3, 12, 12)


def test_what_no_probe_fits_is_tested_on_what_is_given(without_probes, monkeypatch, tmp_path):
    monkeypatch.setattr(models, "processed", lambda *parts: iter([{"pixel_values": torch.zeros(1, 1, 3, 3)}]))
    model = selfattn.load(illustrated.folder(tmp_path / "siglip", "siglip"), device="cpu")
    assert "SiglipModel" not in model.why_untested
    assert not model.tested
    trace = selfattn.trace(model, Illustrated(TEXT, illustrated.picture()))
    assert (model.tested, trace.exact) == (True, True)
    assert model.shape == "2 × 4 heads (vision) + 1 × 4 heads (vision, cross) + 2 × 4 heads (text)"


@pytest.mark.parametrize(("dtype", "rounding"), [("bfloat16", True), ("float16", True), ("float32", False)])
def test_in_half_precision_it_is_said_what_it_is_measured_against(dtype, rounding, tmp_path):
    model = selfattn.load(made.folder(tmp_path / "bert", "bert", made.word_level()), dtype=dtype, device="cpu")
    words = f", within the rounding of {dtype}"
    trace = selfattn.trace(model, TEXT)
    assert model.exactness == f"exact to {model.fidelity:.1e}" + words * rounding
    assert trace.exactness == f"exact to {trace.fidelity:.1e}" + words * rounding


def test_a_processor_of_another_model_is_said():
    network, processor = illustrated.MADE["siglip2"]()
    network.config.vision_config.patch_size = 8
    model = Model.wrap(type(network)(network.config), processor.tokenizer, "odd", processor)
    assert not model.tested
    with pytest.raises(ValueError, match=r"The network of odd could not read what its processor made \(mat1 and mat2"):
        selfattn.trace(model, Illustrated(TEXT, illustrated.picture()))
