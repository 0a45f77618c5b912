"""How far back each layer looks, as its mask has it, on texts longer and shorter than that."""

import pytest
import torch
import transformers as hf

import selfattn
from selfattn import Model
from selfattn.analysis.model.anatomy import anatomy
from tests.tools import tiny

LAYERS = tiny.GROUPED | {"num_hidden_layers": 4}
SLIDING, FULL = "sliding_attention", "full_attention"
CHUNKED = {"attention_chunk_size": 4, "layer_types": ["chunked_attention"] * 3 + [FULL], "no_rope_layers": [1, 1, 1, 0]}
WINDOWS = {
    "mistral": [5, 5],
    "phi3": [5, 5],
    "gemma2": [5, None],
    "gpt_oss": [5, None],
    "gpt_neo": [None, 5],
    "llama": [None, None],
    "mixtral": [5, 5],
    "starcoder2": [5, 5],
    "exaone4": [5, 5, 5, None],
    "llama4": [4, 4, 4, None],
}
MADE = {
    "mixtral": (hf.MixtralForCausalLM, tiny.WINDOWED | {"num_local_experts": 2}),
    "starcoder2": (hf.Starcoder2ForCausalLM, tiny.WINDOWED),
    "exaone4": (hf.Exaone4ForCausalLM, LAYERS | {"sliding_window": 5, "layer_types": [*[SLIDING] * 3, FULL]}),
    "llama4": (hf.Llama4ForCausalLM, LAYERS | CHUNKED | {"intermediate_size_mlp": 40, "num_local_experts": 2}),
}


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("tokens", [3, 20])
def test_the_window_of_each_layer(name, tokens):
    kind, sizes = MADE.get(name, (None, {}))
    network = kind(kind.config_class(**sizes)).eval() if kind else tiny.network(name)
    trace = selfattn.trace(Model.wrap(network), {"input_ids": torch.arange(4, 4 + tokens)[None]})
    assert [layer.window for layer in anatomy(trace.model, trace).layers] == WINDOWS[name]
    # Against the mask, row by row: the farthest key that the last token may attend to.
    for call, window in zip(trace.calls, WINDOWS[name], strict=True):
        farthest = max((row - int(keys.nonzero()[0])) + 1 for row, keys in enumerate(call.keep()))
        assert farthest == min(tokens, window or tokens)


def test_a_window_that_the_mask_does_not_have_is_none():
    model = Model.wrap(tiny.network("llama"))
    for layer in model.network.model.layers:
        layer.self_attn.sliding_window = 5
    short, long = (selfattn.trace(model, {"input_ids": torch.arange(4, 4 + n)[None]}) for n in (3, 20))
    assert [layer.window for layer in anatomy(model, long).layers] == [None, None]
    assert [layer.window for layer in anatomy(model, short).layers] == [5, 5]
