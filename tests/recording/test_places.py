"""Where each call stands in its model: layers by the model's own numbers, parts by its towers, kinds, positions."""

import copy

import pytest
import torch
import transformers as hf

import selfattn
from selfattn import Ablate, Cut, Mask, Model, Temperature
from selfattn.analysis.model.anatomy import anatomy
from selfattn.maths.masks import causal, window
from selfattn.models.attention import ranges
from selfattn.recording.doors import Recorder, door, recording
from selfattn.tracing.audit import audited
from tests.tools import hybrids, tiny
from tests.tools.tolerance import assert_close

IDS = {"input_ids": torch.arange(4, 15)[None]}


MIXERS = {
    "jamba": "a state-space model (JambaMambaMixer)",
    "qwen3_next": "linear attention (Qwen3NextGatedDeltaNet)",
    "lfm2": "a convolution (Lfm2ShortConv)",
    "bamba": "a state-space model (BambaMixer)",
    "granite_hybrid": "a state-space model (GraniteMoeHybridMambaLayer)",
    "zamba": "a state-space model (ZambaMambaMixer)",
    "recurrent_gemma": "a recurrence (RecurrentGemmaRecurrentBlock)",
}


def silenced(network, path, head, inputs):
    """The output where a plain hook zeroes a head's slice before the output projection of that very module."""
    module = network.get_submodule(path)
    names = ("o_proj", "out_proj", "proj")
    project = next(found for name in names if (found := getattr(module, name, None)) is not None)
    size = project.in_features // 4

    def zero(_, arguments):
        context = arguments[0].clone()
        context[..., head * size : (head + 1) * size] = 0.0
        return (context, *arguments[1:])

    hook = project.register_forward_pre_hook(zero)
    with torch.inference_mode():
        output = network(**inputs, use_cache=False)["logits"]
    hook.remove()
    return output


def edited(model, inputs, *edits):
    """The output under edits."""
    with torch.inference_mode(), recording(Recorder(model.names, edits)):
        return model.network(**inputs, use_cache=False)["logits"]


@pytest.mark.parametrize("name", hybrids.HYBRIDS)
def test_layers_of_a_hybrid_have_the_models_own_numbers(name):
    model = Model.wrap(hybrids.network(name), name=name)
    trace = selfattn.trace(model, IDS)
    paths = {call.name: call.layer for call in trace.calls}
    assert paths == {path: int(path.split(".")[2]) for path in paths}
    assert [call.layer for call in trace.calls] == list(model.attention().numbers) == [1, 3]
    assert trace.stages(3, 0).weights.shape == (11, 11)
    found = edited(model, IDS, Ablate(layers={3}, heads={2}))
    assert_close(found, silenced(model.network, trace.call(3).name, 2, IDS), within=1e-6)
    assert not torch.equal(found, edited(model, IDS))
    with pytest.raises(ValueError, match=f"Ablate names layer 0; {name} has layers 1, 3."):
        selfattn.trace(model, IDS, [Ablate(layers={0})])
    with pytest.raises(ValueError, match=r"Layer 0 was asked for; .* has layers 1, 3 in"):
        trace.stages(0, 0)


@pytest.mark.parametrize(("name", "mixer"), MIXERS.items())
def test_what_the_other_layers_do_is_said_in_one_line(name, mixer):
    found = anatomy(Model.wrap(hybrids.network(name)))
    assert dict(found.facts)["other layers"] == f"layers 0, 2: {mixer}, not shown"
    assert [group.title for group in found.groups("decoder", "self")] == ["layers 1, 3"]
    turns = name in ("qwen3_next", "lfm2", "bamba", "recurrent_gemma")
    assert dict(found.facts)["positions"].startswith("rotary" if turns else "none")


def test_numbers_in_words():
    assert ranges(range(12)) == "0 to 11"
    assert ranges([7, 3]) == "3, 7"
    assert ranges([0, 1, 2, 5, 8, 9]) == "0 to 2, 5, 8 to 9"


def test_values_that_meet_the_same_weights_are_one_call():
    network = hybrids.fresh(hf.DiffLlamaForCausalLM(hf.DiffLlamaConfig(**tiny.GROUPED)))
    eager = copy.deepcopy(network)
    eager.set_attn_implementation("eager")
    with torch.inference_mode():
        own = eager(**IDS, output_attentions=True).attentions
    model = Model.wrap(network)
    trace = selfattn.trace(model, IDS)
    said = [(call.title, call.value.shape[-1]) for call in trace.calls]
    assert said == [("decoder layer 0", 16), ("decoder layer 1", 16)]
    for call, weights in zip(trace.calls, own, strict=True):
        assert_close(call.weights(), weights[0], within=1e-6)
    assert trace.fidelity < 1e-5
    assert selfattn.trace(model, IDS, [Temperature(2.0, layers={1})]).fidelity < 1e-5
    given = {(1, 2): torch.zeros(11, 16)}
    put, zero = selfattn.trace(model, IDS, contexts=given), selfattn.trace(model, IDS, [Ablate(layers={1}, heads={2})])
    assert_close(put.prediction.logits, zero.prediction.logits, within=1e-6)


def test_windows_of_a_picture_are_one_layer():
    network, inputs = hybrids.qwen_vl()
    model = Model.wrap(network)
    trace = selfattn.trace(model, inputs)
    vision = [call for call in trace.calls if call.part == "vision"]
    assert [(call.layer, call.shape, call.name) for call in vision] == [
        (layer, (36, 36), f"model.visual.blocks.{layer}.attn") for layer in (0, 1)
    ]
    assert trace.fidelity < 1e-6
    # Windows of 4 x 4 patches in a picture of 6 x 6.
    sizes = [16, 8, 8, 4]
    assert torch.equal(vision[0].keep(), torch.block_diag(*(torch.ones(n, n) for n in sizes)).bool())
    assert vision[1].keep().all()
    found = edited(model, inputs, Ablate(layers={0}, heads={1}, part="vision"))
    assert_close(found, silenced(network, vision[0].name, 1, inputs), within=1e-6)
    # Positions are those of the whole picture: in the second window too.
    row = selfattn.trace(model, inputs, [Cut({(17, 18)}, layers={0}, part="vision")])
    assert row.fidelity < 1e-6
    weights = row.stages(0, 2, part="vision").weights
    changed = (weights - trace.stages(0, 2, part="vision").weights).abs().sum(-1) > 1e-6
    assert weights[17, 18] == 0.0
    assert changed.nonzero().flatten().tolist() == [17]
    assert selfattn.trace(model, inputs, [Mask(causal, part="vision")]).fidelity < 1e-6
    with pytest.raises(ValueError, match="vision layer 0 attends within windows"):
        selfattn.trace(model, inputs, [Ablate("mean", part="vision")])


def test_parts_are_towers_and_grow_with_what_a_trace_sees():
    network, inputs = hybrids.paligemma()
    model = Model.wrap(network)
    (language,) = model.attentions
    text = selfattn.trace(model, IDS)
    assert {(call.part, call.name.split(".")[1]) for call in text.calls} == {(language.part, "language_model")}
    with pytest.raises(ValueError, match="has no vision"):
        selfattn.trace(model, IDS, [Ablate(part="vision")])
    trace = selfattn.trace(model, inputs, [Ablate(heads={1}, layers={0}, part="vision")])
    vision = [call for call in trace.calls if call.part == "vision"]
    assert [(call.layer, call.name) for call in vision] == [
        (layer, f"model.vision_tower.encoder.layers.{layer}.self_attn") for layer in (0, 1)
    ]
    assert model.attention("vision").numbers == (0, 1)
    assert model.attention() == language
    assert trace.stages(1, 3, part="vision").weights.shape == (4, 4)
    assert trace.stages(0, 0).weights.shape == (7, 7)
    # As many patches as tokens: they are not called by the names of those.
    alike = selfattn.trace(model, inputs | {"input_ids": torch.full((1, 4), 100)})
    assert alike.labels(alike.call(0, "vision"))[0] == ("0,0", "0,1", "1,0", "1,1")
    assert [len(each) for each in alike.sides(alike.call(0, "vision"))] == [0, 0]
    with pytest.raises(ValueError, match=r"names layer 2; .* has layers 0 to 1 in its vision"):
        selfattn.trace(model, inputs, [Ablate(layers={2}, part="vision")])


@pytest.mark.parametrize("make", [hybrids.nllb_moe, hybrids.seamless])
def test_cross_attention_is_where_keys_come_from_another_stream(make):
    network, inputs = make()
    trace = selfattn.trace(Model.wrap(network), inputs)
    for call in trace.calls:
        assert (call.kind == "cross") is call.name.endswith("cross_attention")
        assert call.part == ("decoder" if "decoder" in call.name else "encoder")
        assert call.layer == int(call.name.split("layers.")[1][0])
    assert [each.layers for each in trace.model.attentions] == [2, 2, 2]
    found = edited(trace.model, inputs, Ablate(layers={1}, heads={0}, kind="cross"))
    assert_close(found, silenced(network, trace.call(1, kind="cross").name, 0, inputs), within=1e-6)


@pytest.mark.parametrize("make", [hybrids.t5gemma_2, hybrids.deepseek_v4, hybrids.hiera])
def test_fewer_queries_than_keys_are_no_cache(make):
    network, inputs = make()
    trace = selfattn.trace(Model.wrap(network), inputs)
    call = next(call for call in trace.calls if call.shape[0] < call.shape[1])
    assert call.positions.tolist() == list(range(call.shape[0]))
    where = {"layers": {call.layer}, "part": call.part}
    cut = selfattn.trace(trace.model, inputs, [Cut({(2, 1)}, **where)])
    at = next(each for each in cut.calls if each.name == call.name)
    assert at.stages(0).weights[2, 1] == 0.0 < call.stages(0).weights[2, 1]
    others = [row for row in range(call.shape[0]) if row != 2]
    assert_close(at.stages(0).weights[others], call.stages(0).weights[others], within=1e-6)
    assert all(row.future_hidden is not False for row in audited(trace))


@pytest.mark.parametrize("name", ["mistral", "gemma3"])
def test_positions_are_those_of_the_text_where_a_cache_lets_tokens_go(name):
    made = Model.wrap(tiny.network(name)).network
    edits = (Mask(window(3), layers={1}), Cut({(12, 10)}, heads={1}), Temperature(1.5))
    how = {"max_new_tokens": 4, "min_new_tokens": 4, "do_sample": False, "pad_token_id": 0}
    runs = []
    for cached in (True, False):
        with torch.inference_mode(), recording(Recorder({}, edits)) as recorder:
            tokens = made.generate(**IDS, **how, use_cache=cached)
        runs.append((tokens, recorder.calls))
    (quick, steps), (long, whole) = runs
    assert torch.equal(quick, long)
    for step, full in zip(steps[2:], whole[2:], strict=True):
        assert step.positions.tolist() == [full.shape[0] - 1]
        for head in range(step.heads):
            here, there = step.stages(head).weights[-1], full.stages(head).weights[-1]
            assert_close(here, there[step.start :], within=1e-5)
            assert there[: step.start].abs().sum() == 0.0


def test_a_layer_that_pools_its_queries_takes_no_mask_by_positions():
    network, inputs = hybrids.hiera()
    model = Model.wrap(network)
    with pytest.raises(ValueError, match="encoder layer 1 pools its queries: 16 of them ask 64 tokens"):
        selfattn.trace(model, inputs, [Mask(causal)])
    trace = selfattn.trace(model, inputs, [Mask(causal, layers={0, 2})])
    assert trace.fidelity < 1e-6
    assert [call.asks_itself for call in trace.calls] == [True, False, True]


def test_a_cache_still_moves_positions():
    network = tiny.network("llama")
    model = Model.wrap(network)
    with torch.inference_mode(), recording(Recorder(model.names)) as recorder:
        first = network(IDS["input_ids"][:, :8], use_cache=True)
        cache = first.get("cache", first.get("past_key_values"))
        network(IDS["input_ids"][:, 8:], **{"cache" if "cache" in first else "past_key_values": cache})
    assert recorder.calls[-1].positions.tolist() == [8, 9, 10]


def test_what_sees_both_ways_by_design_is_no_leak():
    network, inputs = hybrids.gemma_3()
    model = Model.wrap(network)
    text, picture = (audited(selfattn.trace(model, given)) for given in (IDS, inputs))
    assert [row.future_hidden for row in text] == [True, True]
    assert {row.future_hidden for row in picture} == {None}
    sizes = {"vocab_size": 101, "hidden_size": 32, "num_attention_heads": 4, "dim_head": 8, "dim_ff": 37}
    ant = hf.CpmAntForCausalLM(hf.CpmAntConfig(**sizes, num_hidden_layers=2, prompt_length=4, segment_types=8)).eval()
    assert {row.future_hidden for row in audited(selfattn.trace(Model.wrap(ant), IDS))} == {None}


@pytest.mark.parametrize("name", ["llama", "bert"])
def test_an_attention_function_that_was_changed_is_led_through_the_door_again(name):
    network = tiny.network(name)
    model = Model.wrap(network)
    before = selfattn.trace(model, IDS)
    network.set_attn_implementation("eager")
    after = selfattn.trace(model, IDS)
    assert door(network) == "interface (eager)"
    assert [call.title for call in after.calls] == [call.title for call in before.calls]
    assert after.fidelity < 1e-5
    assert_close(after.stages(1, 2).weights, before.stages(1, 2).weights, within=1e-5)


def test_a_run_without_attention_is_refused():
    network = tiny.network("llama")
    model = Model.wrap(network, name="mine")
    for layer in network.model.layers:
        layer.forward = lambda hidden_states, *_, **__: hidden_states
    with pytest.raises(ValueError, match="mine ran without a call of attention that could be recorded"):
        selfattn.trace(model, IDS)


def test_two_stacks_of_one_model_are_two_parts():
    torch.manual_seed(0)
    shape = {"num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 37}
    network = hf.MimiModel(
        hf.MimiConfig(**shape, num_key_value_heads=4, head_dim=16, num_filters=4, upsample_groups=64)
    ).eval()
    model = Model.wrap(network)
    assert [(each.part, each.numbers) for each in model.attentions] == [("encoder", (0, 1)), ("decoder", (0, 1))]
