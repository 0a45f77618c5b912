"""The door into attention: exact, silent while nothing is edited, and right where something is."""

import copy
import threading
from contextvars import copy_context

import pytest
import torch

import selfattn
from selfattn import Ablate, Cut, Mask, Model, Scale, Temperature
from selfattn.maths.masks import causal, custom, global_tokens, padding, window
from selfattn.models.names import names
from selfattn.recording.interface import Recorder, recording
from tests import slow, tiny
from tests.tolerance import assert_close

PADDINGS = pytest.mark.parametrize("padded", [False, True], ids=["whole", "padded"])
ARCHITECTURES = pytest.mark.parametrize("name", tiny.ARCHITECTURES)


def recorded_logits(model: Model, inputs: dict[str, torch.Tensor], edits: tuple[object, ...] = ()) -> torch.Tensor:
    with torch.inference_mode(), recording(Recorder(model.names, edits)):
        return model.network(**inputs, use_cache=False).logits


def own_weights(output: object, call: object) -> torch.Tensor:
    """The weights that the eager model itself reports for that call, (head, query, key)."""
    if getattr(output, "attentions", None):
        return output.attentions[call.layer][0]
    stack = output.cross_attentions if call.kind == "cross" else getattr(output, f"{call.part}_attentions")
    return stack[call.layer][0]


@PADDINGS
@ARCHITECTURES
def test_weights_are_the_models_own(name, padded):
    network = tiny.network(name)
    inputs = tiny.inputs(network, padded)
    eager = copy.deepcopy(network)
    eager.set_attn_implementation("eager")
    with torch.inference_mode():
        plain = network(**inputs, use_cache=False).logits
        own = eager(**inputs, use_cache=False, output_attentions=True)
    model = Model.wrap(network, name=name)
    trace = selfattn.trace(model, inputs)
    for call in trace.calls:
        for head in range(call.heads):
            stages = call.stages(head)
            assert_close(stages.weights, own_weights(own, call)[head], within=1e-5)
            assert_close(call.stages(head, slice(2, 5)).weights, stages.weights[2:5], within=1e-6)
    assert len(trace.calls) == sum(each.layers for each in model.attentions)
    assert trace.fidelity < 1e-5
    assert torch.equal(recorded_logits(model, inputs), plain), "recording changed the output"
    with torch.inference_mode():
        assert torch.equal(model.network(**inputs, use_cache=False).logits, plain), "the door changed the output"


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


CAUSAL = ("gpt2", "opt", "llama", "mistral", "gemma2", "gpt_oss")
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


@PADDINGS
@ARCHITECTURES
def test_edits_agree_with_a_slow_implementation(name, padded):
    network = tiny.network(name)
    inputs = tiny.inputs(network, padded)
    model = Model.wrap(copy.deepcopy(network), name=name)
    plain = recorded_logits(model, inputs)
    # A padding token's own row is nobody's: where all its keys are hidden, models differ in what they put there.
    real = inputs["attention_mask"][0].bool() if plain.shape[1:2] == (11,) else slice(None)
    assert_close(slow.run(network, inputs, ())[0][real], plain[0][real], within=1e-4)
    for label, edits in EDITS.items():
        edited = recorded_logits(model, inputs, edits)
        assert_close(edited[0][real], slow.run(network, inputs, edits)[0][real], within=1e-4)
        # T5 never scales, and a causal model hides the future by itself; elsewhere each edit reaches the output.
        if not (name == "t5" and label == "no scale") and not (name in CAUSAL and label == "causal"):
            assert not torch.equal(edited, plain), f"{label} did not reach the output"


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


def test_a_model_outside_the_interface_is_refused():
    import transformers as hf

    config = hf.GPTNeoConfig(
        hidden_size=32, num_layers=2, attention_types=[[["global", "local"], 1]], num_heads=4, vocab_size=101
    )
    with pytest.raises(ValueError, match="outside Transformers' attention interface"):
        Model.wrap(hf.GPTNeoForCausalLM(config))


def test_a_model_without_attention_is_refused():
    import transformers as hf

    config = hf.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], num_channels=3)
    with pytest.raises(ValueError, match="ResNet"):
        Model.wrap(hf.ResNetModel(config))


def test_an_unknown_scale_cannot_be_edited(monkeypatch):
    from selfattn.recording import interface

    monkeypatch.setattr(interface, "PRESCALED", set())
    model = Model.wrap(tiny.network("opt"), name="opt")
    inputs = tiny.inputs(model.network, padded=False)
    assert selfattn.trace(model, inputs).calls[0].prescale is None
    with pytest.raises(ValueError, match="could not be told apart"):
        selfattn.trace(model, inputs, [Scale(None)])
