"""Versions run together are what each is by itself: on every architecture, and where they cannot share a batch."""

import copy
import threading
from dataclasses import replace

import pytest
import torch
import transformers as hf

import selfattn
from selfattn import Ablate, Model, Temperature
from selfattn.analysis.interventions import effects
from selfattn.models.inputs.given import uncached
from selfattn.recording.doors import Recorder, recording
from selfattn.recording.replay import keeping
from selfattn.recording.rows import Rows, Version
from selfattn.tracing import versions
from selfattn.tracing.versions import Manner, Many
from tests.tools import exactness, tiny
from tests.tools.tolerance import assert_close

# WavLM hands PyTorch a mask of booleans and a bias of numbers.
pytestmark = pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")
# Its blocks hand their tokens on with the batch behind them, which replaying does not guess.
UNFIT = {"xlnet"}
TEXT = "The plot was dull, but the acting was not bad at all."


@pytest.fixture(autouse=True)
def batches_of_four(monkeypatch):
    """Batches so small that there are several, of which the later begin above the first block."""
    monkeypatch.setattr(versions, "MOST", 5)
    monkeypatch.setattr(versions, "FEW", 2)


class Passes:
    """One input of a network, and its versions: one by one, with a count of them, and together."""

    def __init__(self, network, name="tiny", padded=True):
        self.model = Model.wrap(network, name=name)
        self.inputs, self.count = tiny.inputs(network, padded), 0
        recorder = Recorder(self.model.names)
        self.plain = self.run(recorder)
        self.calls = recorder.calls
        self.many = Many(self.model, self.inputs, self.calls, exactness.result, torch.Tensor.float, self.alone)

    def run(self, recorder):
        with torch.inference_mode(), recording(recorder):
            return exactness.result(self.model.network(**self.inputs, **uncached(self.model.network)))

    def alone(self, version):
        self.count += 1
        return self.run(Recorder(self.model.names, version.edits, contexts=version.contexts))

    def versions(self):
        """Each head silenced, in both ways, and flattened; and a head of each call patched."""
        for place, call in enumerate(self.calls):
            for head in range(call.heads):
                where = {"layers": {call.layer}, "heads": {head}, "part": call.part, "kind": call.kind}
                yield Version((Ablate(**where),))
                yield Version((Ablate("mean", **where), Temperature(3.0, layers={call.layer})))
            yield Version(contexts={(place, 0): call.context(1) * 1.5})


def check(passes, close=1e-5):
    """The number by which versions move the output, once all are what they are alone."""
    versions = list(passes.versions())
    together = list(passes.many.outcomes(iter(versions)))
    counted, moved = passes.count, 0.0
    assert len(together) == len(versions)
    for found, version in zip(together, versions, strict=True):
        alone = passes.alone(version)
        assert_close(found.float(), alone.float(), within=close * max(1.0, alone.abs().max().item()))
        moved = max(moved, (alone - passes.plain).abs().max().item())
    return counted, moved


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in tiny.ARCHITECTURES else pytest.mark.slow)
        for name in [*tiny.ARCHITECTURES, *(each for each in tiny.FAMILIES if each not in tiny.ARCHITECTURES)]
    ],
)
def test_together_is_alone_on_every_architecture(name):
    passes = Passes(tiny.network(name), name)
    counted, moved = check(passes)
    assert moved > 1e-3, "a version that changes nothing proves nothing"
    assert counted == 1, "one by itself, to compare with"
    assert passes.many.manner is (Manner.TOGETHER if name in UNFIT else Manner.ABOVE)
    if name not in UNFIT and len(passes.many.kept.blocks) > 1:
        assert max(passes.many._proved) > 0, "some batch began above a block"


@pytest.mark.parametrize("name", ["albert", "xlnet", "funnel", "t5", "mixtral", "swin", "wav2vec2"])
def test_shared_layers_experts_windows_and_two_stacks(name):
    passes = Passes(tiny.network(name), name)
    check(passes)
    assert passes.count == 1 + len(list(passes.versions())), "one by itself; the others are what they are compared with"


@pytest.mark.parametrize("name", ["llama", "bert", "t5"])
def test_half_precision_within_its_own_rounding(name):
    passes = Passes(tiny.network(name).to(torch.bfloat16), name)
    check(passes, close=versions.CLOSE[torch.bfloat16])
    assert passes.many.manner is Manner.ABOVE


def test_blocks_that_give_what_lay_in_a_state_are_not_left_out():
    """The second block takes what the first laid beside it, and without a word does without where there is none."""
    network = tiny.network("llama")
    first, second = network.model.layers
    plain, state = (first.mlp.forward, second.mlp.forward), {}

    def lays(hidden):
        state["kept"] = hidden.mean(1, keepdim=True)
        return plain[0](hidden)

    first.mlp.forward = lays
    second.mlp.forward = lambda hidden: plain[1](hidden + state.pop("kept", 0.0))
    passes = Passes(network)
    check(passes)
    assert passes.many.manner is Manner.TOGETHER


def test_what_is_taken_over_a_batch_is_run_one_by_one():
    network = tiny.network("llama")
    norm = network.model.layers[1].input_layernorm
    plain = norm.forward
    norm.forward = lambda hidden: plain(hidden) / hidden.std(0, correction=0).add(1).mean()
    passes = Passes(network)
    counted, _ = check(passes)
    assert passes.many.manner is Manner.ALONE
    assert counted == len(list(passes.versions()))


def test_rows_that_lie_otherwise_are_seen():
    """A network that turns all of its batch but the last about gives each version the numbers of another."""
    network = tiny.network("gpt2")
    head = network.lm_head
    plain = head.forward
    head.forward = lambda hidden: plain(torch.cat([hidden[:-1].flip(0), hidden[-1:]]))
    passes = Passes(network)
    check(passes)
    assert passes.many.manner is Manner.ALONE


def test_variants_are_asked_for_as_their_batch_is_due():
    passes, asked = Passes(tiny.network("gpt2")), []

    def versions():
        for number, version in enumerate(passes.versions()):
            asked.append(number)
            yield version

    steps = passes.many.outcomes(versions())
    for taken in range(1, 14):
        next(steps)
        assert taken <= len(asked) <= taken + 4


def test_who_stops_goes_on_with_what_is_left():
    model = selfattn.load("sentiment")
    runs = []

    def run(edits):
        runs.append(edits)
        return selfattn.trace(model, TEXT, edits)

    measure, attention = effects.on_text(run), model.attention()
    whole = dict(effects.silencing(measure, attention))
    assert len(runs) == 2, "without edits, and one head by itself"
    done, steps = {}, effects.silencing(measure, attention)
    for _ in range(3):
        place, effect = next(steps)
        done[place] = effect
    left = dict(effects.silencing(measure, attention, done=done))
    assert list({**done, **left}) == list(whole)
    assert not done.keys() & left.keys()
    for place, effect in {**done, **left}.items():
        assert_close(effect.after, whole[place].after, within=1e-6)
        assert_close(effect.after, measure.effect(effects.silence([place], attention)).after, within=1e-5)


def test_edits_that_all_have_stay():
    """Versions of a pass that is edited: a head that is silenced already stays so."""
    model = selfattn.load("sentiment")
    base, runs = (Temperature(2.0), Ablate("mean", layers={0}, heads={1})), []

    def run(edits):
        runs.append(edits)
        return selfattn.trace(model, TEXT, (*base, *edits))

    measure, attention = effects.on_text(run), model.attention()
    found = dict(effects.silencing(measure, attention, "mean"))
    assert len(runs) == 2, "without edits, and one head by itself"
    for place, effect in found.items():
        assert_close(effect.after, measure.effect(effects.silence([place], attention, "mean")).after, within=1e-5)
    assert abs(found[0, 1].change) < 1e-6


def test_a_batch_is_as_large_as_there_is_room(monkeypatch):
    monkeypatch.setattr(versions, "MOST", 64)
    sizes = {}
    for room in (1 << 14, 1 << 19, 1 << 30):
        monkeypatch.setattr(versions, "free", lambda _, room=room: room)
        passes = Passes(tiny.network("gpt2"))
        sizes[room] = passes.many._size
        check(passes)
    assert sizes[1 << 14] == 1
    assert 1 < sizes[1 << 19] < 63
    assert sizes[1 << 30] == 63
    monkeypatch.setattr(versions, "TOKENS", 33)
    assert Passes(tiny.network("gpt2")).many._size == 2, "three shares of eleven tokens, one of them the proof"


def test_what_blocks_gave_is_let_go_where_there_is_no_room(monkeypatch):
    monkeypatch.setattr(versions, "free", lambda _: 1 << 13)
    passes = Passes(tiny.network("gpt2"))
    assert passes.many.kept.blocks == ()
    check(passes)


def test_others_run_the_network_meanwhile():
    passes, found = Passes(tiny.network("llama")), []

    def read():
        with torch.inference_mode():
            found.append(passes.model.network(**passes.inputs, use_cache=False).logits)

    versions = list(passes.versions())[-9:]
    steps = passes.many.outcomes(iter(versions))
    next(steps)
    with keeping(passes.model.network, passes.model.names, Rows(passes.model.names, clean=passes.calls)) as blocks:
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
        assert blocks == [], "another thread's pass is its own"
        twin = copy.deepcopy(passes.model.network)
    list(steps)
    assert torch.equal(found[0], passes.plain)
    assert not any("forward" in vars(block) for block in passes.model.network.model.layers), "forwards are put back"
    with torch.inference_mode():
        for parameter in twin.parameters():
            parameter.zero_()
        assert not twin(**passes.inputs, use_cache=False).logits.any(), "a copy computes with weights of its own"


def test_a_forward_that_was_set_on_a_block_comes_back():
    network = tiny.network("gpt2")
    block = network.transformer.h[0]
    own = block.forward
    block.forward = lambda *given, **named: own(*given, **named)
    mine, passes = block.forward, Passes(network)
    check(passes)
    assert block.forward is mine


def test_a_head_that_is_not_there_is_refused():
    model = selfattn.load("sentiment")
    measure = effects.on_text(lambda edits: selfattn.trace(model, TEXT, edits))
    attention = replace(model.attention(), heads=5)
    with pytest.raises(ValueError, match=r"names head 4; .* has heads 0 to 3"):
        dict(effects.silencing(measure, attention))


def test_two_texts_that_are_compared_run_one_by_one():
    torch.manual_seed(3)
    model = selfattn.load("minilm")
    pair = selfattn.Pair("A man plays a guitar.", "Someone makes music.")
    before = selfattn.trace(model, pair)
    runs = []
    together = Many.of(before, lambda version: runs.append(version) or selfattn.trace(model, pair, version.edits))
    edits = [(Ablate(layers={layer}),) for layer in range(3)]
    found = list(together.outcomes(map(Version, edits)))
    assert len(runs) == 3
    assert found[0].prediction.kind == "similarity"


def test_the_logits_that_nobody_reads_are_left_out():
    network = tiny.network("llama")
    model = Model.wrap(network, name="tiny")
    inputs = tiny.inputs(network, padded=False)
    before = selfattn.trace(model, inputs)
    shapes = []
    hook = network.lm_head.register_forward_hook(lambda module, given, output: shapes.append(output.shape[:2]))
    together = Many.of(before, lambda version: selfattn.trace(model, inputs, version.edits))
    edits = [(Ablate(layers={layer}, heads={head}),) for layer in range(2) for head in range(4)]
    found = list(together.outcomes(map(Version, edits)))
    hook.remove()
    assert (5, 1) in shapes
    assert shapes.count((1, 11)) == 1, "of the one by itself"
    for edit, outcome in zip(edits, found, strict=True):
        wanted = selfattn.trace(model, inputs, edit).prediction
        assert outcome.prediction.positions == wanted.positions
        assert_close(outcome.prediction.logits, wanted.logits, within=1e-4)


def test_repeats_are_measured_together():
    torch.manual_seed(5)
    network = hf.LlamaForCausalLM(hf.LlamaConfig(**tiny.GROUPED, initializer_range=0.6)).eval()
    measure = effects.on_repeats(Model.wrap(network, name="tiny"), torch.Generator().manual_seed(0), half=7)
    attention = Model.wrap(network, name="tiny").attention()
    for place, effect in effects.silencing(measure, attention):
        wanted = measure.effect(effects.silence([place], attention))
        assert_close([effect.before, effect.after], [wanted.before, wanted.after], within=3e-3)
        assert_close(effect.moved, wanted.moved, within=3e-3)
        assert effect.moved > 0.01
