"""What a model is: its facts against its config, its verdict against a model that was broken on purpose."""

import csv
import io
from dataclasses import replace

import pytest
import torch
import transformers as hf

import selfattn
from selfattn.analysis.model.anatomy import COLUMNS, Anatomy, anatomy, columns, positions
from selfattn.models.encoder import SelfAttentionConfig, SelfAttentionForMaskedLM
from selfattn.models.model import Model
from selfattn.models.self_test import HALF_TOLERANCE, tolerance
from selfattn.recording.doors import Recorder
from tests.tools import tiny


def of(name: str) -> Anatomy:
    return anatomy(Model.wrap(tiny.network(name), name=name))


def test_layers_are_what_the_config_says():
    found = of("gemma2")
    config = hf.Gemma2Config(**tiny.FAMILIES["gemma2"][1])
    assert len(found.layers) == config.num_hidden_layers
    for layer, kind in zip(found.layers, config.layer_types, strict=True):
        assert (layer.heads, layer.key_heads, layer.d_head) == (4, 2, 8)
        assert layer.window == (config.sliding_window if kind == "sliding_attention" else None)
        assert layer.scale == pytest.approx(config.query_pre_attn_scalar**-0.5)
        assert layer.softcap == config.attn_logit_softcapping
        assert not layer.sink


def test_layers_that_are_alike_are_one_group():
    found = of("llama")
    (group,) = found.groups("decoder", "self")
    assert (group.title, group.layer.factor) == ("layers 0 to 1", "1/√8")
    assert group.layer.difference == max(layer.difference for layer in found.layers)
    assert [each.title for each in of("gpt_oss").groups("decoder", "self")] == ["layer 0", "layer 1"]


def test_columns_that_say_nothing_are_left_out():
    assert {"window", "soft cap", "sink"}.isdisjoint(columns(of("llama").layers))
    assert {"window", "sink"} <= set(columns(of("gpt_oss").layers))


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("llama", "rotary"),
        ("bert", "learned"),
        ("gpt2", "learned"),
        ("vit", "learned"),
        ("t5", "T5 buckets"),
        ("marian", "sinusoidal"),
        ("swin", "relative"),
        ("wav2vec2", "convolution"),
    ],
)
def test_positions(name, at):
    assert positions(Model.wrap(tiny.network(name))) == at


@pytest.mark.parametrize(
    ("own", "at"),
    [("none", "none"), ("rope", "rotary"), ("alibi", "ALiBi"), ("t5", "T5 buckets"), ("learned", "learned")],
)
def test_positions_of_the_local_encoder(own, at):
    network = SelfAttentionForMaskedLM(SelfAttentionConfig(**tiny.SMALL, positions=own))
    assert positions(Model.wrap(network)) == at


def test_a_model_that_never_scales_says_so():
    found = of("t5")
    assert dict(found.facts)["scale"] == "this model never scales its scores, by design"
    assert {COLUMNS["scale"](layer) for layer in found.layers} == {"none, by design"}
    assert "scale" not in dict(of("bert").facts)


def test_parameters_and_bytes_are_counted(bert):
    facts = dict(anatomy(bert).facts)
    count = sum(parameter.numel() for parameter in bert.network.parameters())
    assert facts["parameters"] == f"{count:,}, {4 * count / 1e3:.0f} kB"
    assert facts["numbers"] == "float32 on cpu"
    assert facts["vocabulary"] == "101 tokens"
    assert facts["seen through"] == "interface"


def test_the_verdict_of_each_kind(bert):
    assert anatomy(bert).verdict.startswith("2 layers, 8 heads, all exact to ")
    assert anatomy(bert).verdict.endswith("; tokens see both ways, by design.")
    assert of("llama").verdict.endswith("; no token sees the future.")
    assert of("bart").verdict.endswith("; no token of the decoder sees the future.")


def test_a_causal_model_that_sees_the_future_is_told(monkeypatch):
    network = tiny.network("llama")
    model = Model.wrap(network)
    assert anatomy(model).sound
    monkeypatch.setattr(
        "transformers.models.llama.modeling_llama.create_causal_mask", lambda *_, **__: torch.ones(1, 1, 7, 7).bool()
    )
    found = anatomy(model)
    assert not found.sound
    assert found.verdict.endswith("; decoder layer 0 SEES THE FUTURE.")


def test_a_layer_that_is_not_exact_is_told(bert):
    found = anatomy(bert)
    wrong = replace(found.layers[1], difference=0.25)
    found = replace(found, layers=(found.layers[0], wrong))
    assert not found.sound
    assert "1 not exact, encoder layer 1 by 2.5e-01" in found.verdict
    nan = replace(found, layers=(replace(wrong, difference=float("nan")),))
    assert not nan.sound


@pytest.mark.parametrize("name", ["splinter", "speech_to_text"])
def test_half_precision_is_measured_by_the_largest_context(name):
    model = Model.wrap(tiny.network(name).to(torch.bfloat16))
    trace = selfattn.trace(model, tiny.inputs(model.network, padded=False))
    found = anatomy(model, trace)
    assert found.fidelity > HALF_TOLERANCE
    assert found.sound
    contexts = [call.stages(head).context.abs().max() for call in trace.calls for head in range(call.heads)]
    assert found.allowed == pytest.approx(HALF_TOLERANCE * max(contexts).item(), rel=0.01)


def test_a_context_that_overflowed_is_no_measure():
    recorder = Recorder({}, samples=[(torch.arange(1), torch.tensor([[[torch.inf, -10.0, torch.nan]]]))])
    assert tolerance(torch.float16, recorder) == pytest.approx(0.5)
    assert tolerance(torch.float32, recorder) == 1e-4
    small = Recorder({}, samples=[(torch.arange(1), torch.full((1, 1, 1), 0.01))])
    assert tolerance(torch.bfloat16, small) == HALF_TOLERANCE


def test_it_is_measured_on_the_run_that_is_given(bert):
    trace = selfattn.trace(bert, "the cat sat")
    found = anatomy(bert, trace)
    assert found.fidelity == trace.fidelity
    assert found.tokens == len(trace.tokens)


def test_the_csv_has_every_layer(bert):
    rows = list(csv.DictReader(io.StringIO(anatomy(bert).csv())))
    assert [row["layer"] for row in rows] == ["0", "1"]
    assert all(float(row["difference"]) < 1e-5 and row["heads"] == "4" for row in rows)
