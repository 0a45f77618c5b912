"""A trace: what it holds, what it refuses, and what it says before it is run."""

import copy
import re
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import transformers as hf

import selfattn
from selfattn import Ablate, Cut, Mask, Model, Scale, Temperature
from selfattn.analysis.interventions import effects
from selfattn.exports import data
from selfattn.maths.masks import causal
from selfattn.models.answers.generation import continuation
from selfattn.models.budgets import budget
from selfattn.models.encoder import SelfAttentionConfig, SelfAttentionForCausalLM, SelfAttentionForMaskedLM
from selfattn.models.inputs.given import Pair, entrance
from selfattn.models.probe import probes
from selfattn.recording.doors import Recorder
from selfattn.tracing import passes
from selfattn.tracing.audit import audit
from tests.tools import made, tiny
from tests.tools.tolerance import assert_close

TEXT = "the cat sat on the mat"


@pytest.fixture(scope="module")
def t5():
    return Model.wrap(tiny.network("t5"), made.word_level(), "t5")


@pytest.fixture(scope="module")
def uneven():
    """Six layers of four heads that read, two of eight that write."""
    torch.manual_seed(3)
    sizes = {"encoder_layers": 6, "decoder_layers": 2, "decoder_attention_heads": 8}
    return Model.wrap(hf.BartForConditionalGeneration(hf.BartConfig(**tiny.TWO_STACKS | sizes)), name="uneven")


def local(kind=SelfAttentionForMaskedLM, **config: object) -> Model:
    torch.manual_seed(5)
    network = kind(SelfAttentionConfig(**tiny.SMALL, **config))
    with torch.no_grad():
        for block in network.encoder.blocks:
            block.attention.query_key_value.weight.mul_(20)
    return Model.wrap(network, made.word_level(), "local")


def test_stages_are_of_the_head_that_was_asked_for(bert):
    trace = selfattn.trace(bert, TEXT)
    call = trace.calls[1]
    assert (call.layer, call.part, call.kind) == (1, "encoder", "self")
    stages = trace.stages(1, 2)
    assert torch.equal(stages.query, call.query[0, 2])
    assert_close(stages.weights, (stages.query @ stages.key.T / 8**0.5).softmax(-1))
    assert_close(stages.context, stages.weights @ call.value[0, 2], within=1e-5)
    assert_close(trace.stages(1, 2, rows=slice(2, 5)).weights, stages.weights[2:5])


def test_each_part_and_kind_has_its_own_layers(t5):
    trace = selfattn.trace(t5, TEXT)
    assert [(each.part, each.kind, each.layers) for each in t5.attentions] == [
        ("encoder", "self", 2),
        ("decoder", "self", 2),
        ("decoder", "cross", 2),
    ]
    assert trace.stages(1, 0).weights.shape == (8, 8)
    assert trace.stages(1, 0, part="decoder").weights.shape == (1, 1)
    assert trace.stages(1, 0, kind="cross").weights.shape == (1, 8)
    assert trace.call(1, kind="cross").name == "decoder.block.1.layer.1.EncDecAttention"


@pytest.mark.parametrize(
    ("layer", "head", "place", "said"),
    [
        (2, 0, {}, "Layer 2 was asked for; tiny has layers 0 to 1"),
        (-1, 0, {}, "Layer -1 was asked for"),
        (0, 4, {}, "Head 4 was asked for; layer 0 of tiny has heads 0 to 3"),
        (0, -1, {}, "Head -1 was asked for"),
        (0, 0, {"part": "vision"}, r"no vision with any-attention; it has encoder \(self\)"),
        (0, 0, {"kind": "cross"}, "no part with cross-attention"),
    ],
)
def test_what_is_not_there(bert, layer, head, place, said):
    with pytest.raises(ValueError, match=said):
        selfattn.trace(replace(bert, name="tiny"), TEXT).stages(layer, head, **place)


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"input_ids": torch.full((2, 3), 5)}, "follows one text; got a batch of 2"),
        ({"input_ids": torch.full((0, 3), 5)}, "got a batch of 0"),
        ({"attention_mask": torch.ones(1, 3)}, "reads input_ids; the tensors given are attention_mask"),
        ({}, "the tensors given are none"),
        ({"input_ids": torch.full((1, 3), 5000)}, "could not read these tensors"),
        ({"input_ids": torch.full((1, 600), 5)}, "could not read these tensors"),
        ({"input_ids": torch.ones(1, 3)}, "could not read these tensors"),
    ],
)
def test_tensors_that_the_model_cannot_read(bert, tensors, said):
    with pytest.raises(ValueError, match=said):
        selfattn.trace(bert, tensors)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["the cat", "a dog"], r"A trace follows one text; got a list of texts: .* Pair\(first, second\)\."),
        (("the cat",), "A trace follows one text; got a tuple of texts: `selfattn.traces` takes them"),
        ([5, 6, 7], r'a tensor by its name, {"input_ids": torch.tensor\(\[ids\]\)}; got a list of num'),
        (torch.tensor([[5, 6]]), 'A tensor is given by its name, {"input_ids": tensor}; got one without'),
        (
            [],
            "A model reads a text, a Pair, a Chat, a Translation, an Illustrated, a Picture, a Sound or tensors; got a",
        ),
        ([[5, 6]], "a Sound or tensors; got a list"),
        (None, "a Sound or tensors; got None"),
        (b"the cat", "a Sound or tensors; got a bytes"),
        (7, "a Sound or tensors; got an int"),
        (Pair("the cat", 7), "A Pair is of two texts; got a str and an int"),
        (Pair(["the cat"], "a dog"), "A Pair is of two texts; got a list and a str"),
        ({"input_ids": [5, 6]}, "input_ids is a list: make it a tensor of 1 row"),
        ({"input_ids": torch.tensor([[5]]), "attention_mask": None}, "attention_mask is None: make it a tensor"),
    ],
    ids=str,
)
def test_what_is_no_input(bert, given, said):
    with pytest.raises(ValueError, match=said):
        selfattn.trace(bert, given)


def test_a_network_is_no_model(bert):
    with pytest.raises(ValueError, match=r"hub id; got a BertForMaskedLM: Model\.wrap\(network, tokenizer\) makes"):
        selfattn.load(bert.network)
    with pytest.raises(ValueError, match=r"hub id; got a Model\."):
        selfattn.load(bert)
    with pytest.raises(ValueError, match=r"a name, a folder or a hub id; got a NoneType\."):
        selfattn.trace(None, TEXT)


def test_a_single_edit_is_a_list_of_one(bert):
    one, several = (selfattn.trace(bert, TEXT, each) for each in (Scale(0.1), [Scale(0.1)]))
    assert one.edits == several.edits == (Scale(0.1),)
    assert torch.equal(one.calls[1].query, several.calls[1].query)
    plain = selfattn.trace(bert, TEXT)
    assert torch.equal(plain.stages(1, 2, edits=Scale(0.1)).weights, plain.stages(1, 2, edits=[Scale(0.1)]).weights)


@pytest.mark.parametrize(
    ("edits", "got"), [(None, "None"), ("ablate", "'ablate'"), ([{"edit": "ablate"}], "{'edit': 'ablate'}"), (5, "5")]
)
def test_what_is_no_edit(bert, edits, got):
    said = f"Edits are a list of Scale, Temperature, Mask, Cut, Ablate, Similarity; got {got} in it."
    with pytest.raises(ValueError, match=re.escape(said)):
        selfattn.trace(bert, TEXT, edits)


def test_padding_changes_no_real_token(bert):
    plain, padded = selfattn.trace(bert, TEXT), selfattn.trace(bert, TEXT, pad=3)
    assert padded.tokens.text[-3:] == ("[PAD]",) * 3
    stages = padded.stages(1, 3)
    assert_close(stages.weights[:8, :8], plain.stages(1, 3).weights, within=1e-5)
    assert_close(stages.weights[:, 8:], 0.0, within=0)


@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "none"])
def test_the_layer_input_makes_the_query_of_the_local_encoder(positions):
    model = local(positions=positions)
    trace = selfattn.trace(model, TEXT, [Scale(None)])
    for layer, block in enumerate(model.network.encoder.blocks):
        with torch.no_grad():
            made_again = block.attention.query_key_value(trace.layer_input(layer))
        for head in range(4):
            for third, name in enumerate(("query", "key", "value")):
                columns = slice(32 * third + 8 * head, 32 * third + 8 * head + 8)
                assert_close(getattr(trace.stages(layer, head), name), made_again[:, columns], within=1e-5)


def test_the_layer_input_makes_query_key_and_value_of_bert(bert):
    trace = selfattn.trace(bert, TEXT, [Temperature(3.0)])
    for layer, block in enumerate(bert.network.bert.encoder.layer):
        x = trace.layer_input(layer)
        for name in ("query", "key", "value"):
            projection = getattr(block.attention.self, name)
            with torch.no_grad():
                expected = (x @ projection.weight.T + projection.bias).view(8, 4, 8)
            for head in range(4):
                assert_close(getattr(trace.stages(layer, head), name), expected[:, head], within=1e-4)


def test_labels_name_the_rows_and_the_columns(t5, bert):
    trace = selfattn.trace(t5, TEXT)
    words = ("[CLS]", *TEXT.split(), "[SEP]")
    assert trace.labels(trace.call(0)) == (words, words)
    assert trace.labels(trace.call(0, "decoder")) == (("[PAD]",), ("[PAD]",))
    assert trace.labels(trace.call(0, kind="cross")) == (("[PAD]",), words)


def test_labels_without_tokens_are_positions():
    model = Model.wrap(tiny.network("wav2vec2"))
    trace = selfattn.trace(model, tiny.inputs(model.network, padded=False))
    assert trace.labels(trace.calls[0])[0] == tuple(map(str, range(12)))


def test_an_edit_reaches_the_prediction(bert):
    text = "the [MASK] sat"
    plain = selfattn.trace(bert, text).prediction.probabilities
    for edit in (Scale(None), Ablate("zero", layers={0}), Mask(causal)):
        assert (selfattn.trace(bert, text, [edit]).prediction.probabilities - plain).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("name", "edit", "said"),
    [
        ("bert", Ablate(layers={99}), "Ablate names layer 99; bert has layers 0 to 1."),
        ("bert", Temperature(2.0, layers={1, 2}), "Temperature names layer 2; bert has layers 0 to 1."),
        ("bert", Ablate(heads={12}), "Ablate names head 12; bert has heads 0 to 3."),
        ("bert", Cut({(0, 1)}, layers={1}, heads={4}), "Cut names head 4; bert has heads 0 to 3 there."),
        ("bert", Scale(None, part="decoder"), "bert has no decoder with any-attention; it has encoder (self)."),
        ("bert", Scale(None, kind="cross"), "bert has no part with cross-attention; it has encoder (self)."),
        (
            "uneven",
            Ablate(layers={5}, part="decoder"),
            "Ablate names layer 5; uneven has layers 0 to 1 in its decoder.",
        ),
        ("uneven", Ablate(layers={3}, heads={7}), "Ablate names head 7; uneven has heads 0 to 3 there."),
        ("uneven", Ablate(layers={6}), "Ablate names layer 6; uneven has layers 0 to 5."),
        ("swin", Ablate(layers={0}, heads={3}), "Ablate names head 3; swin has heads 0 to 1 there."),
    ],
    ids=str,
)
def test_an_edit_that_would_reach_nothing_is_refused(bert, uneven, name, edit, said, monkeypatch):
    model = {"bert": bert, "uneven": uneven}.get(name) or Model.wrap(tiny.network(name), name=name)
    given = next(probes(model.network))
    monkeypatch.setattr(Recorder, "attend", None)  # nothing may run
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        selfattn.trace(model, given, [Scale(0.5), edit])


@pytest.mark.parametrize("edit", [Ablate(layers={5}), Ablate(heads={7}), Ablate(layers={1, 5}, heads={2, 7}), Ablate()])
def test_an_edit_without_a_part_reaches_whatever_has_its_layers_and_heads(uneven, edit):
    trace = selfattn.trace(uneven, next(probes(uneven.network)), [edit])
    for call in trace.calls:
        silenced = [head for head, setting in enumerate(call.settings) if setting.ablate]
        layer, heads = edit.layers is None or call.layer in edit.layers, edit.heads or range(call.heads)
        assert silenced == ([head for head in range(call.heads) if head in heads] if layer else [])


@pytest.mark.parametrize("nowhere", [{"layers": set()}, {"heads": set()}, {"layers": set(), "heads": {3}}], ids=str)
def test_to_silence_no_head_changes_nothing(bert, nowhere):
    plain, same = (selfattn.trace(bert, TEXT, edits) for edits in ((), Ablate(**nowhere)))
    assert torch.equal(plain.calls[1].query, same.calls[1].query)


def test_layers_of_other_heads_can_be_named():
    model = Model.wrap(tiny.network("swin"))
    trace = selfattn.trace(model, next(probes(model.network)), [Ablate(heads={3})])
    assert [sum(setting.ablate is not None for setting in call.settings) for call in trace.calls] == [0, 0, 1]


def test_writing_and_repeats_refuse_such_edits_too():
    model = Model.wrap(tiny.network("gpt2"), made.word_level(), "gpt2")
    with pytest.raises(ValueError, match=r"Ablate names layer 9; gpt2 has layers 0 to 1\."):
        continuation(model, TEXT, [Ablate(layers={9})])
    with pytest.raises(ValueError, match=r"Ablate names layer 9; gpt2 has layers 0 to 1\."):
        effects.on_repeats(model, torch.Generator().manual_seed(0), half=3).effect((Ablate(layers={9}),))


@pytest.mark.parametrize("edit", [Scale(1e38), Temperature(1e-42), Scale(-1e38, layers={1}, heads={2})])
@pytest.mark.parametrize("headless", [False, True])
def test_numbers_that_overflow_are_refused(bert, minilm, headless, edit):
    with pytest.raises(
        ValueError, match="is not finite under these edits; move the scale or the temperature towards 1"
    ):
        selfattn.trace(minilm if headless else bert, TEXT, [edit])


def test_an_output_that_overflows_by_itself_is_refused():
    network = tiny.network("bert")
    model = Model.wrap(network, made.word_level(), "bert")
    torch.nn.init.constant_(network.cls.predictions.bias, torch.inf)
    with pytest.raises(ValueError, match=r"The output of bert is not finite in torch\.float32"):
        selfattn.trace(model, TEXT)


def test_a_difference_that_is_not_a_number_is_not_stepped_over(bert):
    trace = selfattn.trace(bert, TEXT)
    rows, used = trace.recorder.samples[1]
    trace.recorder.samples[1] = (rows, torch.full_like(used, torch.nan))
    assert trace.fidelity != trace.fidelity


@pytest.fixture
def dropping():
    """A network whose dropout acts in every layer, wrapped and then trained on."""
    torch.manual_seed(3)
    network = hf.BertForMaskedLM(hf.BertConfig(**tiny.SMALL, hidden_dropout_prob=0.5))
    return Model.wrap(network, made.word_level(), "dropping")


class Broken(dict):
    """Contexts that break a forward pass off in its midst."""

    def get(self, *_: object) -> None:
        raise RuntimeError("broken off")


@pytest.mark.parametrize("part", ["", "bert.encoder.layer.1"])
def test_a_network_in_train_mode_is_run_in_eval_mode_and_put_back(dropping, part):
    dropping.network.eval()
    trace = selfattn.trace(dropping, TEXT)
    edited, given = selfattn.trace(dropping, trace.inputs, [Scale(None)]), trace.layer_input(1)
    trained = dropping.network.get_submodule(part)
    trained.train()
    modes = [module.training for module in dropping.network.modules()]
    again = selfattn.trace(dropping, TEXT)
    for call, other in zip(trace.calls, again.calls, strict=True):
        assert torch.equal(call.query, other.query)
    assert again.exact
    other = selfattn.trace(dropping, trace.inputs, [Scale(None)])
    assert torch.equal(other.calls[1].query, edited.calls[1].query)
    assert torch.equal(trace.layer_input(1), given)
    with pytest.raises(RuntimeError, match="broken off"):
        selfattn.trace(dropping, TEXT, contexts=Broken({(0, 0): torch.zeros(1)}))
    assert [module.training for module in dropping.network.modules()] == modes
    trained.eval()


def test_two_texts_and_writing_leave_train_mode_too():
    reader, writer = (
        Model.wrap(tiny.network("bert").bert, made.word_level()),
        local(SelfAttentionForCausalLM, is_causal=True),
    )
    alike, written = selfattn.trace(reader, Pair("the cat", "a dog")).prediction, continuation(writer, TEXT)
    for model in (reader, writer):
        model.network.train()
    assert torch.equal(selfattn.trace(reader, Pair("the cat", "a dog")).prediction.probabilities, alike.probabilities)
    assert continuation(writer, TEXT) == written
    assert reader.network.training
    assert writer.network.training


def test_the_mode_comes_back_with_the_last_of_several_threads(dropping):
    dropping.network.train()
    first, second = threading.Barrier(2), threading.Barrier(2)

    def wait(*_: object) -> None:
        first.wait(30)
        second.wait(30)

    def run() -> None:
        selfattn.trace(dropping, TEXT)

    hook = dropping.network.bert.encoder.layer[0].register_forward_pre_hook(wait)
    slow = threading.Thread(target=run)
    slow.start()
    first.wait(30)
    hook.remove()
    run()  # begins after the slow one, and ends before it
    assert not dropping.network.training
    second.wait(30)
    slow.join(30)
    assert dropping.network.training


def test_training_itself_is_not_refused(dropping):
    dropping.network.train()
    ids = torch.arange(5, 12)[None]
    assert not torch.equal(*(dropping.network(input_ids=ids).logits for _ in range(2)))


@pytest.mark.parametrize(("off", "exact"), [(1e-5, True), (1e-2, False), (1.25, False), (torch.nan, False)])
def test_what_differs_by_more_than_rounding_is_not_called_exact(bert, off, exact):
    trace = selfattn.trace(bert, TEXT)
    rows, used = trace.recorder.samples[1]
    trace.recorder.samples[1] = (rows, used + off)
    assert trace.exact is exact
    said = f"exact to {trace.fidelity:.1e}" if exact else f"NOT exact: differs by {trace.fidelity:.1e}"
    assert trace.exactness == said
    assert said in repr(trace)
    assert said in trace._repr_html_()
    assert ("exact to" in repr(trace)) is exact


@pytest.mark.parametrize(
    ("edits", "compared"),
    [
        ((), ""),
        ((Ablate(layers={1}, heads={2}),), "; 1 edited head by our own formula alone"),
        ((Temperature(2.0, layers={0}), Cut({(1, 0)}, heads={3})), "; 5 edited heads by our own formula alone"),
        ((Temperature(2.0),), ", by our own formula alone: every head is edited"),
    ],
)
def test_under_an_edit_it_is_said_what_is_compared(bert, edits, compared):
    trace = selfattn.trace(bert, TEXT, edits)
    assert trace.exactness == f"exact to {trace.fidelity:.1e}{compared}"


@pytest.mark.parametrize(("off", "exact"), [(1e-2, True), (1e3, False)])
def test_half_precision_rounds_more(off, exact):
    trace = selfattn.trace(Model.wrap(tiny.network("bert").bfloat16(), made.word_level()), TEXT)
    rows, used = trace.recorder.samples[0]
    trace.recorder.samples[0] = (rows, used + off)
    assert trace.fidelity > 1e-3
    assert trace.exact is exact


def test_memory_is_refused_with_its_number_before_anything_runs(bert, monkeypatch):
    monkeypatch.setattr("selfattn.models.budgets.psutil.virtual_memory", lambda: SimpleNamespace(available=7_000))
    monkeypatch.setattr(Recorder, "attend", None)  # nothing may run
    with pytest.raises(ValueError, match=r"8 tokens need 6 kB \(0 kB for .*, and 6 kB may be used; shorten the text"):
        selfattn.trace(bert, TEXT)


def test_an_edit_needs_room_for_all_pairs(bert, monkeypatch):
    # 2 x 4 x 3 x 8 x 4 = 768 bytes a token, and with an edit 32 a pair of tokens.
    monkeypatch.setattr("selfattn.models.budgets.psutil.virtual_memory", lambda: SimpleNamespace(available=9_000))
    assert selfattn.trace(bert, TEXT).fidelity < 1e-4
    with pytest.raises(ValueError, match=r"8 tokens need 8 kB \(2 kB for matrices of all pairs"):
        selfattn.trace(bert, TEXT, [Mask(causal)])


def test_a_whole_head_is_refused_where_its_rows_fit(bert, monkeypatch):
    trace = selfattn.trace(bert, TEXT)
    monkeypatch.setattr("selfattn.models.budgets.psutil.virtual_memory", lambda: SimpleNamespace(available=2_000))
    assert trace.stages(0, 0, rows=slice(0, 4)).weights.shape == (4, 8)
    with pytest.raises(ValueError, match=r"8 x 8 numbers each, need 2 kB, and 2 kB may be used; ask for some of its"):
        trace.stages(0, 0)
    with pytest.raises(ValueError, match=r"8 x 8 numbers each"):
        data.head_data(trace, 0, 0)


def test_an_audit_needs_room_for_a_head(bert, monkeypatch):
    monkeypatch.setattr("selfattn.models.budgets.psutil.virtual_memory", lambda: SimpleNamespace(available=9_000))
    assert len(audit(bert, TEXT)) == 2
    monkeypatch.setattr("selfattn.models.budgets.PLANES", 40)
    with pytest.raises(ValueError, match=r"8 x 8 numbers each"):
        audit(bert, TEXT)


def test_16384_tokens_are_not_refused_for_one_heads_square(monkeypatch):
    monkeypatch.setattr("selfattn.models.budgets.psutil.virtual_memory", lambda: SimpleNamespace(available=2 * 10**9))
    model = local(positions="rope")
    long = budget(model, 16_384)
    long.check()
    assert long.head > 8e9
    assert long.describe == (
        "16,384 tokens: 12.6 MB for the run; pooled 16 x 16 (maximum), exact tiles on demand; 2.4 MB to the browser."
    )
    assert "cell by cell" in budget(model, 1000).drawn


@pytest.mark.parametrize(
    "make",
    [
        lambda: local(positions="alibi"),
        lambda: local(positions="t5"),
        lambda: local(similarity="cosine"),
        lambda: Model.wrap(tiny.network("t5")),
        lambda: Model.wrap(tiny.network("gemma2")),
    ],
    ids=["alibi", "offsets", "cosine", "t5", "gemma2"],
)
def test_a_model_that_makes_all_pairs_by_itself_is_refused_at_16384_tokens(make, monkeypatch):
    monkeypatch.setattr("selfattn.models.budgets.psutil.virtual_memory", lambda: SimpleNamespace(available=4 * 10**9))
    model = make()
    budget(model, 1024).check()
    with pytest.raises(ValueError, match=r"16,384 tokens need .* GB for matrices of all pairs"):
        budget(model, 16_384).check()


def test_the_budget_is_linear_in_what_is_kept_and_square_in_one_head(bert):
    # 2 layers x 4 heads x (q, k, v) x 8 numbers of 4 bytes a token; 8 planes of 4 bytes a pair.
    one, ten = budget(bert, 10), budget(bert, 100)
    assert (one.recording, ten.recording) == (2 * 4 * 3 * 8 * 4 * 10, 2 * 4 * 3 * 8 * 4 * 100)
    assert (one.head, ten.head) == (8 * 4 * 10**2, 8 * 4 * 100**2)


def test_the_budget_counts_shared_keys_once():
    model = Model.wrap(tiny.network("llama"))
    assert budget(model, 10).recording == 2 * (4 + 2 * 2) * 8 * 4 * 10


def test_the_budget_is_what_a_trace_keeps(minilm):
    trace = selfattn.trace(minilm, "word " * 126)
    kept = {
        t.untyped_storage().data_ptr(): t.untyped_storage().nbytes()
        for c in trace.calls
        for t in (c.query, c.key, c.value)
    }
    assert_close(sum(kept.values()) / budget(minilm, 128).recording, 1.0, within=1e-6)


@pytest.mark.parametrize(("main", "device"), [("input_ids", "cuda:1"), ("pixel_values", "cuda:0")])
def test_the_inputs_of_a_model_on_several_devices_go_to_its_first_layer(main, device):
    first, words = (SimpleNamespace(is_meta=False, device=torch.device(name)) for name in ("cuda:0", "cuda:1"))
    network = SimpleNamespace(
        main_input_name=main,
        forward=lambda input_ids=None, pixel_values=None: None,
        get_input_embeddings=lambda: SimpleNamespace(weight=words),
        parameters=lambda: iter([first, words]),
    )
    assert entrance(network) == torch.device(device)


def test_every_input_goes_there(bert, monkeypatch):
    tensors = bert.inputs(TEXT)[1]
    for module in ("inputs.given", "model"):
        monkeypatch.setattr(f"selfattn.models.{module}.entrance", lambda network: torch.device("meta"))
    for given in (tensors, bert.inputs(tensors)[1], bert.inputs(TEXT)[1], next(probes(bert.network))):
        assert {each.is_meta for each in given.values()} == {given is not tensors}


def test_an_offloaded_model_says_the_same(bert):
    from accelerate import cpu_offload

    network = copy.deepcopy(bert.network)
    cpu_offload(network, execution_device=torch.device("cpu"))
    assert network.get_input_embeddings().weight.is_meta
    model = Model.wrap(network, bert.tokenizer)
    assert [str(device) for device in model.devices] == ["meta"]
    here, there = (selfattn.trace(each, "the [MASK] sat").prediction for each in (bert, model))
    assert torch.equal(here.probabilities, there.probabilities)


def test_the_free_memory_is_that_of_the_device_that_has_the_least(bert, monkeypatch):
    devices = {torch.device("cuda:0"): 7_000_000, torch.device("cuda:1"): 2_000}
    monkeypatch.setattr("selfattn.models.budgets.psutil.virtual_memory", lambda: SimpleNamespace(available=9_000))
    assert budget(bert, 8).free == 9_000
    monkeypatch.setattr(Model, "devices", (torch.device("cpu"), *devices))
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (devices[device], 10**9))
    assert budget(bert, 8).free == 2_000
    with pytest.raises(ValueError, match="and 2 kB may be used"):
        selfattn.trace(bert, TEXT)


def test_an_audit_of_a_model_that_sees_both_ways(bert):
    rows = audit(bert, TEXT)
    assert [row.title for row in rows] == ["encoder layer 0", "encoder layer 1"]
    assert all(row.rows_sum_to_one and row.future_hidden is None and row.difference < 1e-5 for row in rows)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Model.wrap(tiny.network("gpt2"), made.word_level()),
        lambda: local(SelfAttentionForCausalLM, is_causal=True),
    ],
)
def test_an_audit_finds_a_causal_model_that_sees_the_future(make, monkeypatch):
    model = make()
    assert all(row.future_hidden for row in audit(model, TEXT))
    honest = selfattn.trace
    monkeypatch.setattr(
        "selfattn.tracing.audit.trace",
        lambda *given: honest(*given, [Mask(causal | ~causal, replace=True, layers={1})]),
    )
    assert [row.future_hidden for row in audit(model, TEXT)] == [True, False]


def test_an_audit_of_a_sink():
    model = Model.wrap(tiny.network("gpt_oss"), made.word_level())
    assert all(row.sink and not row.rows_sum_to_one and row.future_hidden for row in audit(model, TEXT))


def test_a_model_by_name_is_loaded(monkeypatch, bert):
    monkeypatch.setattr("selfattn.models.loading.library.load", lambda name: {"mine": bert, Path("here"): bert}[name])
    assert selfattn.trace("mine", TEXT).model is bert
    assert selfattn.trace(Path("here"), TEXT).model is bert


def test_a_causal_bert_is_a_decoder():
    network = hf.BertLMHeadModel(hf.BertConfig(**tiny.SMALL, is_decoder=True))
    assert [each.part for each in Model.wrap(network).attentions] == ["decoder"]


def test_an_audit_of_an_encoder_that_is_causal():
    sizes = {"hidden_size": 32, "intermediate_size": 37, "num_attention_heads": 4, "num_hidden_layers": 1}
    network = hf.CLIPTextModel(hf.CLIPTextConfig(**sizes, vocab_size=101, max_position_embeddings=19))
    (row,) = audit(Model.wrap(network), {"input_ids": torch.arange(5, 12)[None]})
    assert (row.title, row.future_hidden) == ("encoder layer 0", True)


def test_a_classifier_with_two_stacks_reads_the_text_in_both():
    torch.manual_seed(3)
    config = hf.BartConfig(**{**tiny.TWO_STACKS, "eos_token_id": made.word_level().sep_token_id, "num_labels": 3})
    model = Model.wrap(hf.BartForSequenceClassification(config), made.word_level())
    trace = selfattn.trace(model, TEXT)
    with torch.inference_mode():
        plain = model.network(**model.tokenizer(TEXT, return_tensors="pt")).logits[0]
    assert_close(trace.prediction.probabilities, plain.softmax(-1))
    assert trace.labels(trace.call(0, "decoder", "cross"))[0] == tuple("01234567")


def test_the_second_text_of_a_pair_is_weighed_as_the_first_is(minilm, monkeypatch):
    monkeypatch.setattr("selfattn.models.budgets.psutil.virtual_memory", lambda: SimpleNamespace(available=10**6))
    selfattn.trace(minilm, Pair("a cat", "a dog"))
    with pytest.raises(ValueError, match=r"302 tokens need .* shorten the text"):
        selfattn.trace(minilm, Pair("a cat", "dog " * 300))


def test_the_second_text_of_a_pair_is_not_kept(minilm, monkeypatch):
    seen = []
    recording = passes.recording
    monkeypatch.setattr(passes, "recording", lambda recorder: seen.append(recorder) or recording(recorder))
    trace = selfattn.trace(minilm, Pair("a cat", "a dog"), [selfattn.Temperature(2.0)])
    first, second = seen
    assert first is trace.recorder
    assert len(first.calls) == len(first.samples) == first.count == second.count == 6
    assert second.calls == second.samples == []
