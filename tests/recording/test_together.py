"""Edited heads that go together: what each gives is what a slow loop gives, by one call of PyTorch's kernel."""

import copy
from collections import Counter

import pytest
import torch
import transformers as hf
from torch.nn.functional import scaled_dot_product_attention
from torch.utils._python_dispatch import TorchDispatchMode

from selfattn import Ablate, Cut, Mask, Model, Scale, Similarity, Temperature
from selfattn.maths.masks import causal, padding, window
from selfattn.recording import together
from selfattn.recording.call import Call
from selfattn.recording.doors import Recorder, recording
from selfattn.recording.edits import UNEDITED, Setting
from tests.tools import slow, tiny
from tests.tools.tolerance import assert_close

TEXTS, TOKENS = 2, 11
MIXED = (
    Temperature(2.5, heads={0, 1, 5}),
    Temperature(0.7, heads={2}),
    Scale(0.2, heads={3}),
    Scale(-0.3, heads={4}),
    Scale(0.0, heads={6}),
    Mask(window(3), heads={1, 3, 7}),
    Mask(padding & window(4), replace=True, heads={8}),
    Similarity("cosine", heads={5, 9}),
    Similarity("rbf", heads={10}),
    Cut({(2, 1), (5, 0), (6, 6)}, renormalise=False, heads={11}),
    Ablate("zero", heads={12}),
    Ablate("mean", heads={13, 14}),
    Temperature(1.5, heads={14}),
)
EDITS = {
    "temperature": (Temperature(2.5),),
    "another temperature in each head": tuple(Temperature(0.5 + head / 4, heads={head}) for head in range(16)),
    "scale": (Scale(None),),
    "window": (Mask(window(3)),),
    "causal": (Mask(causal),),
    "causal window": (Mask(causal), Mask(window(4))),
    "cosine": (Similarity("cosine"), Scale(4.0)),
    "mean": (Ablate("mean"),),
    "mixed": MIXED,
}


def drawn(*shape, dtype=torch.float64, seed=5):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def hidden(kind, heads, dtype):
    """The model's own mask, as `Call` takes it."""
    real = torch.ones(TEXTS, 1, TOKENS, TOKENS, dtype=torch.bool)
    real[1, ..., -3:] = False
    match kind:
        case "none" | "flag":
            return None
        case "padded":
            return real
        case "sliding":
            return (real & torch.ones(TOKENS, TOKENS, dtype=torch.bool).tril().triu(-3))[:1]
        case "a term of each head":
            term = drawn(TEXTS, heads, TOKENS, TOKENS, dtype=dtype, seed=7)
            return term.masked_fill(~real, torch.finfo(dtype).min)
    raise ValueError(kind)


def made(heads, key_heads, mask="none", dtype=torch.float64, **rest):
    """A call of random tensors, 5 numbers a query and 7 a value."""
    return Call(
        0,
        "encoder",
        "self",
        "",
        drawn(TEXTS, TOKENS, heads, 5, dtype=dtype).transpose(1, 2),
        drawn(TEXTS, TOKENS, key_heads, 5, dtype=dtype, seed=6).transpose(1, 2),
        drawn(TEXTS, TOKENS, key_heads, 7, dtype=dtype, seed=8).transpose(1, 2),
        hidden(mask, heads, dtype),
        mask == "flag",
        **{"scale": 0.6, "prescale": 1.0} | rest,
        settings=(UNEDITED,) * heads,
    )


def by_a_slow_loop(call, edits, head, text):
    """What one head gives, by `tests.tools.slow` from the definitions."""
    bare = call.with_edits(())
    term, keep = None, torch.ones(TOKENS, TOKENS, dtype=torch.bool)
    if call.mask is not None:
        plane = call.mask.expand(TEXTS, -1, -1, -1)[text, head % call.mask.shape[1]]
        keep = plane if plane.dtype == torch.bool else plane > torch.finfo(plane.dtype).min
        term = None if plane.dtype == torch.bool else plane.masked_fill(~keep, 0.0)
    bias = None if call.position_bias is None else call.position_bias[0, head % call.position_bias.shape[1]]
    shared = head // (call.heads // call.key_heads)
    return slow.context(
        call.query[text, head] / (call.prescale or 1.0),
        call.key[text, shared],
        call.value[text, shared],
        keep.tril() if call.causal else keep,
        [edit for edit in edits if edit.heads is None or head in edit.heads],
        scale=bare.own_scale(head),
        bias=bias,
        added=term,
        cap=call.softcap,
        sink=None if call.sink is None else float(call.sink[head]),
    )


BIAS = drawn(1, 16, TOKENS, TOKENS, seed=9)


@pytest.mark.parametrize("key_heads", [16, 4, 1])
@pytest.mark.parametrize("mask", ["none", "flag", "padded", "sliding", "a term of each head"])
@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS)
def test_what_each_head_gives_is_what_a_slow_loop_gives(edits, mask, key_heads):
    call = made(16, key_heads, mask).with_edits(edits)
    edited = [head for head, setting in enumerate(call.settings) if setting != UNEDITED]
    contexts = call.contexts(edited, {})
    for text in range(TEXTS):
        for place, head in enumerate(edited):
            expected = by_a_slow_loop(call, edits, head, text)
            real = call.real_queries(text)  # where nothing else is seen, models differ in what they put there
            assert_close(contexts[text, :, place][real], expected[real], within=1e-9)


@pytest.mark.parametrize(
    "rest",
    [
        {"softcap": 2.0},
        {"sink": drawn(16, seed=3)},
        {"position_bias": BIAS},
        {"position_bias": BIAS[:, :1]},
        {"head_scales": tuple(0.1 + head / 16 for head in range(16))},
        {"prescale": 0.25},
        {"prescale": 0.6, "position_bias": BIAS, "softcap": 3.0},
    ],
    ids=lambda rest: ", ".join(rest),
)
@pytest.mark.parametrize("mask", ["flag", "padded"])
def test_what_models_add_stays(rest, mask):
    call = made(16, 4, mask, **rest).with_edits(MIXED)
    edited = [head for head, setting in enumerate(call.settings) if setting != UNEDITED]
    contexts = call.contexts(edited, {})
    for place, head in enumerate(edited):
        assert_close(contexts[0, :, place], by_a_slow_loop(call, MIXED, head, 0), within=1e-9)


def test_settings_of_heads_are_those_of_each_and_shared():
    settings = Setting.of_heads(MIXED, 0, 16, "encoder", "self")
    assert settings == tuple(Setting.of(MIXED, 0, head, "encoder", "self") for head in range(16))
    assert settings[15] is UNEDITED
    (only,) = {*map(id, Setting.of_heads((Temperature(2.0), Ablate(layers={3})), 0, 9, "encoder", "self"))}
    assert only


@pytest.fixture
def asked(monkeypatch):
    """What the kernel is asked for by edits: its tensors and flags."""
    calls = []

    def kernel(query, key, value, attn_mask=None, **rest):
        calls.append((query, key, value, attn_mask, rest))
        return scaled_dot_product_attention(query, key, value, attn_mask, **rest)

    monkeypatch.setattr(together, "scaled_dot_product_attention", kernel)
    return calls


@pytest.fixture
def llama():
    """Two layers of four heads, two of which share a key."""
    return Model.wrap(tiny.network("llama"), name="llama")


def run(model, *edits):
    with torch.inference_mode(), recording(Recorder(model.names, edits)) as recorder:
        return model.network(**tiny.inputs(model.network, padded=False), use_cache=False).logits, recorder


def of_model(tensor, own):
    return tensor.untyped_storage().data_ptr() == own.untyped_storage().data_ptr()


@pytest.mark.parametrize(
    "edits",
    [(Temperature(2.0),), (Scale(0.3),), tuple(Temperature(1.5 + h, heads={h}) for h in range(4))],
    ids=["temperature", "scale", "another in each head"],
)
def test_a_factor_is_one_call_a_layer_whose_future_is_hidden_by_a_flag(llama, asked, edits):
    _, recorder = run(llama, *edits)
    assert len(asked) == len(recorder.calls) == 2
    for call, (query, key, value, term, rest) in zip(recorder.calls, asked, strict=True):
        assert call.causal
        assert term is None
        assert rest["is_causal"]
        assert query.shape[1] == 4
        assert key.shape[1] == value.shape[1] == 2
        assert of_model(key, call.key)
        assert of_model(value, call.value)


def test_a_mask_is_one_term_for_all_layers_and_no_key_is_repeated(llama, asked, monkeypatch):
    terms = []
    term = together._term
    monkeypatch.setattr(together, "_term", lambda *given: terms.append(term(*given)) or terms[-1])
    _, recorder = run(llama, Mask(window(3)))
    assert len(terms) == 1
    assert terms[0].shape == (1, 1, 11, 11)
    assert len(asked) == 2
    for call, (_, key, value, _, rest) in zip(recorder.calls, asked, strict=True):
        assert not rest["is_causal"]
        assert of_model(key, call.key)
        assert of_model(value, call.value)


def test_a_causal_mask_on_an_encoder_is_a_flag(asked):
    model = Model.wrap(tiny.network("bert"))
    with torch.inference_mode(), recording(Recorder(model.names, (Mask(causal),))):
        model.network(input_ids=torch.arange(5, 12)[None])
    assert [(given[3], given[4]["is_causal"]) for given in asked] == [(None, True)] * 2


@pytest.mark.parametrize("scale", [-0.3, 0.0])
def test_the_kernel_is_given_a_positive_scale(llama, asked, scale):
    # It takes the largest of the products for the largest of the scores, which a negative scale turns around.
    run(llama, Scale(scale))
    assert all(given[4]["scale"] > 0 for given in asked)


def test_zeros_ask_the_kernel_for_nothing(llama, asked):
    run(llama, Ablate("zero"))
    assert asked == []


class Operations(TorchDispatchMode):
    """How often each operation of PyTorch ran."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        self.counts[function.overloadpacket.__name__] += 1
        return function(*arguments, **(keywords or {}))


def test_recording_takes_a_sample_of_each_layer_and_no_other_operation(llama):
    inputs = tiny.inputs(llama.network, padded=False)
    run(llama)  # what is made once for all passes

    def counts(through):
        with torch.no_grad(), Operations() as operations:
            through()
        return operations.counts

    plain = counts(lambda: llama.network(**inputs, use_cache=False))

    def recorded():
        with recording(Recorder(llama.names)):
            llama.network(**inputs, use_cache=False)

    assert counts(recorded) - plain == {"detach": 2, "select": 2, "index_select": 2}


@pytest.mark.parametrize("edits", [(Temperature(1.37),), tuple(Temperature(1.0 + h / 7, heads={h}) for h in range(8))])
def test_a_factor_rounds_no_query_of_half_precision(edits):
    # Float32 on the same numbers is what readers are shown.
    query, key, value = (drawn(1, 8, 128, 64, dtype=torch.bfloat16, seed=seed) * 2 for seed in range(3))
    call = Call(0, "encoder", "self", "", query, key, value, None, False, 0.125, 1.0, ()).with_edits(edits)
    bare = call.with_edits(())

    def error(of, contexts):
        return max((of.stages(head).context - contexts[:, head]).abs().max().item() for head in range(8))

    kernels_own = error(bare, scaled_dot_product_attention(query, key, value, scale=0.125)[0].transpose(0, 1))
    assert error(call, call.contexts([*range(8)], {})[0]) < 1.2 * kernels_own


def test_edits_of_half_precision_are_near_float32():
    network = tiny.network("llama")
    given = tiny.inputs(network, padded=False)
    whole, half = Model.wrap(copy.deepcopy(network)), Model.wrap(network.to(torch.bfloat16))
    for edits in EDITS.values():
        reach = [edit for edit in edits if edit.heads is None or max(edit.heads) < 4]
        found = []
        for model in (whole, half):
            with torch.inference_mode(), recording(Recorder(model.names, reach)) as recorder:
                model.network(**given, use_cache=False)
            found.append(recorder)
        assert max(found[0].differences()) < 1e-5
        assert max(found[1].differences()) < 5e-2


def test_two_texts_of_grouped_heads_with_masks_of_their_own(asked):
    call = made(16, 4, "padded").with_edits([Mask(window(3))])
    call.contexts([*range(16)], {})
    assert len(asked) == TEXTS
    assert all(of_model(given[1], call.key) and given[1].stride(1) == 0 for given in asked)


def test_a_network_that_attends_in_windows_and_in_full_keeps_a_term_of_each():
    torch.manual_seed(13)
    config = hf.Gemma3TextConfig(**tiny.GROUPED | {"sliding_window": 3, "num_hidden_layers": 4})
    config.layer_types = ["sliding_attention", "full_attention"] * 2
    network = hf.Gemma3ForCausalLM(config).eval()
    given = tiny.inputs(network, padded=True)
    for edits in ((Mask(window(5)),), (Temperature(1.5),)):
        expected = slow.run(copy.deepcopy(network), given, edits)
        model = Model.wrap(copy.deepcopy(network))
        with torch.inference_mode(), recording(Recorder(model.names, edits)):
            edited = model.network(**given, use_cache=False).logits
        real = given["attention_mask"][0].bool()
        assert_close(edited[0][real], expected[0][real], within=1e-5)
