"""The door into attention: exact, silent while nothing is edited, and right where something is."""

import copy
import threading
from contextvars import copy_context
from dataclasses import replace

import pytest
import torch

import selfattn
from selfattn import Ablate, Cut, Mask, Model, Scale, Temperature
from selfattn.maths.masks import causal, custom, global_tokens, padding, window
from selfattn.models.loading.names import names
from selfattn.recording.call import Call
from selfattn.recording.doors import Recorder, door, recording
from tests.tools import slow, tiny
from tests.tools.tolerance import assert_close

ARCHITECTURES = pytest.mark.parametrize("name", tiny.ARCHITECTURES)


def recorded_logits(model: Model, inputs: dict[str, torch.Tensor], edits: tuple[object, ...] = ()) -> torch.Tensor:
    with torch.inference_mode(), recording(Recorder(model.names, edits)):
        return model.network(**inputs, use_cache=False).logits


@pytest.mark.parametrize("pad", [0, 3], ids=["whole", "padded"])
@pytest.mark.parametrize("name", ["sentiment", "induction", "minilm"])
def test_weights_of_trained_models_are_their_own(name, pad):
    model = selfattn.load(name)
    trace = selfattn.trace(model, "The plot was dull, but the acting was not bad at all.", pad=pad)
    eager = type(model.network).from_pretrained(names()[name], attn_implementation="eager").eval()
    with torch.inference_mode():
        own = eager(**trace.inputs, output_attentions=True)
        plain = type(model.network).from_pretrained(names()[name]).eval()(**trace.inputs)[0]
        through = model.network(**trace.inputs)[0]
        with recording(Recorder(model.names)):
            recorded = model.network(**trace.inputs)[0]
    assert torch.equal(through, plain)
    assert torch.equal(recorded, plain)
    for call in trace.calls:
        for head in range(call.heads):
            assert_close(call.stages(head).weights, own.attentions[call.layer][0, head], within=1e-5)


EDITS = {
    "no scale": (Scale(None),),
    "scale": (Scale(0.2, layers={1}),),
    "hot": (Temperature(2.5),),
    "cold head": (Temperature(0.4, layers={1}, heads={2}),),
    "window": (Mask(window(3)),),
    "causal": (Mask(causal & padding),),
    "replaced": (Mask(window(4) | global_tokens([0]), replace=True, heads={0, 3}),),
    "emptied row": (Mask(~custom([(0, k) for k in range(20)])),),
    "cut": (Cut({(2, 1), (5, 0), (6, 6)}, heads={1}),),
    "cut after softmax": (Cut({(2, 1), (5, 0), (6, 6)}, renormalise=False),),
    "zero": (Ablate("zero", layers={0}, heads={1}),),
    "mean": (Ablate("mean", heads={0, 2}),),
    "all at once": (
        Scale(0.5),
        Temperature(1.5, heads={1, 2}),
        Mask(window(5)),
        Cut({(4, 3)}),
        Ablate("mean", layers={1}, heads={3}),
    ),
}


# Where edits meet, where they reach a part of the model alone, and where they leave a query nothing.
TOGETHER = ("scale", "cold head", "emptied row", "mean", "all at once")


@tiny.PADDINGS
@ARCHITECTURES
def test_edits_that_meet_agree_with_a_slow_implementation(name, padded):
    network = tiny.network(name)
    inputs = tiny.inputs(network, padded)
    model = Model.wrap(copy.deepcopy(network), name=name)
    plain = recorded_logits(model, inputs)
    # A padding token's own row is nobody's: where all its keys are hidden, models differ in what they put there.
    real = inputs["attention_mask"][0].bool() if plain.shape[1:2] == (11,) else slice(None)
    assert_close(slow.run(network, inputs, ())[0][real], plain[0][real], within=1e-4)
    for label in TOGETHER:
        edits = EDITS[label]
        edited = recorded_logits(model, inputs, edits)
        assert_close(edited[0][real], slow.run(network, inputs, edits)[0][real], within=1e-4)
        assert not torch.equal(edited, plain), f"{label} did not reach the output"


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "bloom", "bart"])
def test_where_heads_give_their_mean_no_later_token_moves_an_earlier_prediction(name):
    network = tiny.network(name)
    model, inputs = Model.wrap(network, name=name), tiny.inputs(network, padded=False)
    read = "decoder_input_ids" if "decoder_input_ids" in inputs else "input_ids"
    other = inputs | {read: inputs[read].clone()}
    other[read][0, -1] = 100 - other[read][0, -1]
    first, second = (recorded_logits(model, each, (Ablate("mean"),))[0] for each in (inputs, other))
    assert_close(first[:-1], second[:-1], within=0)
    assert (first[-1] - second[-1]).abs().max() > 1e-3
    assert (first - recorded_logits(model, inputs)[0]).abs().max() > 1e-3


@ARCHITECTURES
def test_some_rows_are_rows_of_the_whole(name):
    model = Model.wrap(tiny.network(name), name=name)
    trace = selfattn.trace(model, tiny.inputs(model.network, padded=True))
    assert len(trace.calls) == sum(each.layers for each in model.attentions)
    for call in trace.calls:
        for head in range(call.heads):
            assert_close(call.stages(head, slice(2, 5)).weights, call.stages(head).weights[2:5], within=1e-6)


@pytest.mark.parametrize("name", ["swin", "beit"])
def test_a_mask_that_replaces_one_with_a_position_bias_in_it_drops_the_bias(name):
    model = Model.wrap(tiny.network(name))
    call = selfattn.trace(model, tiny.inputs(model.network, padded=False)).calls[0]
    bare = call.with_edits([Mask(causal | ~causal, replace=True)])
    for head in range(call.heads):
        assert (call.stages(head).logits - call.stages(head).scaled).abs().max() > 0.1
        assert_close(bare.stages(head).logits, bare.stages(head).scaled, within=0)


@pytest.mark.parametrize("setting", [(), (Mask(window(3)),), (Cut({(4, 3)}, renormalise=False),)], ids=str)
def test_a_mask_and_a_bias_that_were_made_on_another_device_come_to_the_query(setting):
    # The device of tensors without numbers: PyTorch refuses to mix it with another, as it does for those of real ones.
    query = torch.empty(1, 4, 7, 8, device="meta")
    mask, bias = torch.ones(1, 1, 7, 7, dtype=torch.bool), torch.zeros(1, 4, 7, 7)
    call = Call(0, "encoder", "self", "", query, query, query, mask, False, 0.5, 1.0, (), position_bias=bias)
    call = call.with_edits(setting)
    rows = torch.arange(3, device="meta")
    for made in (call.context(1), call.keep(1, rows), call.stages(1, rows).weights, call.weights(rows)):
        assert made.device == query.device


@ARCHITECTURES
def test_neutral_edits_change_nothing(name):
    model = Model.wrap(tiny.network(name), name=name)
    inputs = tiny.inputs(model.network, padded=True)
    call = selfattn.trace(model, inputs).calls[0]
    neutral = (Scale(call.scale), Temperature(1.0), Mask(padding), Mask(causal | ~causal))
    kinds = {call.scale for call in selfattn.trace(model, inputs).calls}
    assert len(kinds) == 1
    assert_close(recorded_logits(model, inputs, neutral), recorded_logits(model, inputs), within=1e-4)


def test_stages_show_the_edit_that_the_model_ran():
    model = Model.wrap(tiny.network("bert"), name="bert")
    inputs = tiny.inputs(model.network, padded=True)
    for edits in EDITS.values():
        assert selfattn.trace(model, inputs, edits).fidelity < 1e-5


def test_six_threads_share_one_model():
    model = Model.wrap(tiny.network("llama"), name="llama")
    inputs = tiny.inputs(model.network, padded=False)
    chosen = list(EDITS.values())[:6]
    alone = [recorded_logits(model, inputs, edits) for edits in chosen]
    together: dict[int, list[torch.Tensor]] = {}
    start = threading.Barrier(len(chosen))

    def work(index: int) -> None:
        start.wait()
        together[index] = [recorded_logits(model, inputs, chosen[index]) for _ in range(20)]

    threads = [threading.Thread(target=copy_context().run, args=(work, index)) for index in range(len(chosen))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, expected in enumerate(alone):
        assert all(torch.equal(got, expected) for got in together[index])


def test_half_precision_is_recomputed_in_float32():
    model = Model.wrap(tiny.network("bert").to(torch.bfloat16), name="bert")
    trace = selfattn.trace(model, tiny.inputs(model.network, padded=False))
    assert trace.stages(0, 1).weights.dtype == torch.float32
    assert 1e-6 < trace.fidelity < 5e-2


def test_generation_with_a_cache_is_generation_without():
    model = Model.wrap(tiny.network("llama"))
    made, names = model.network, model.names
    inputs = tiny.inputs(made, padded=False)
    edits = (Mask(window(4), layers={1}), Cut({(12, 9)}), Cut({(13, 11)}, renormalise=False), Temperature(1.5))
    rest = {"max_new_tokens": 5, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    with torch.inference_mode(), recording(Recorder(names, edits)) as cached:
        quick = made.generate(**inputs, **rest, use_cache=True)
    with torch.inference_mode(), recording(Recorder(names, edits)) as whole:
        long = made.generate(**inputs, **rest, use_cache=False)
    assert torch.equal(quick, long)
    assert [call.layer for call in cached.calls] == [0, 1] * 5
    for step, full in zip(cached.calls[2:], whole.calls[2:], strict=True):
        queries, keys = step.shape
        assert (queries, int(step.positions)) == (1, keys - 1)
        for head in range(step.heads):
            assert_close(step.stages(head).weights[0], full.stages(head).weights[-1], within=1e-5)
        assert_close(step.weights()[:, 0], full.weights()[:, -1], within=1e-5)


def test_queries_that_are_the_last_tokens_hide_the_future_of_their_places():
    model = Model.wrap(tiny.network("llama"))
    whole = selfattn.trace(model, tiny.inputs(model.network, padded=False)).calls[0]
    last = replace(whole, query=whole.query[:, :, -3:])
    assert whole.causal
    assert whole.mask is None
    assert_close(last.stages(1).weights, whole.stages(1).weights[-3:])
    assert_close(last.stages(1, slice(1, 3)).weights, whole.stages(1).weights[-2:])
    mean = last.with_edits([Ablate("mean")]).context(1)
    assert_close(mean[2], whole.stages(1).context[-3:].mean(0), within=1e-5)


def test_an_eager_model_without_a_mask_sees_everything():
    import transformers as hf

    torch.manual_seed(13)
    model = Model.wrap(hf.SplinterModel(hf.SplinterConfig(**tiny.SMALL)))
    assert door(model.network) == "interface (eager)"
    assert model.fidelity < 1e-5
    assert not selfattn.trace(model, tiny.inputs(model.network, padded=False)).calls[0].causal


def test_a_scale_that_goes_onto_the_query_before_it_is_rotated_is_undone():
    import transformers as hf

    torch.manual_seed(13)
    config = hf.EsmConfig(**tiny.SMALL, pad_token_id=0, mask_token_id=3, position_embedding_type="rotary")
    model = Model.wrap(hf.EsmForMaskedLM(config))
    call = selfattn.trace(model, tiny.inputs(model.network, padded=False)).calls[0]
    assert call.scale == call.prescale == 8**-0.5
    assert door(model.network) == "interface"


def test_a_model_without_attention_is_refused():
    import transformers as hf

    config = hf.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], num_channels=3)
    with pytest.raises(ValueError, match="ResNet"):
        Model.wrap(hf.ResNetModel(config))


def test_an_unknown_scale_cannot_be_edited(monkeypatch):
    from selfattn.recording import modules

    monkeypatch.setattr(modules, "PRESCALED", set())
    model = Model.wrap(tiny.network("opt"), name="opt")
    inputs = tiny.inputs(model.network, padded=False)
    assert selfattn.trace(model, inputs).calls[0].prescale is None
    with pytest.raises(ValueError, match="could not be told apart"):
        selfattn.trace(model, inputs, [Scale(None)])
