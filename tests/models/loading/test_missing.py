"""Tensors that a file of weights lacks: only those that inference never reads may be missing, and prefixes come off."""

import re
from pathlib import Path

import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

import selfattn
from tests.tools import tiny
from tests.tools.tolerance import assert_close


def saved(network: hf.PreTrainedModel, place: Path, without: str = "(?!)", prefix: str = "") -> Path:
    """A network saved as its weights may be found: without some, or with something before every name."""
    network.save_pretrained(place)
    file = place / "model.safetensors"
    weights = {f"{prefix}{name}": tensor for name, tensor in load_file(file).items() if not re.search(without, name)}
    save_file(weights, file, metadata={"format": "pt"})
    return place


def same(folder: Path, network: hf.PreTrainedModel) -> None:
    """The folder opens, and gives what the whole network gives."""
    model = selfattn.load(folder)
    inputs = tiny.inputs(network, padded=False)
    with torch.inference_mode():
        got, wanted = model.network(**inputs), network.eval()(**inputs)
    assert_close(got[0], wanted[0], within=0)


def headless(name: str, **more: object) -> hf.PreTrainedModel:
    torch.manual_seed(13)
    return getattr(hf, name)(getattr(hf, name).config_class(**more))


@pytest.mark.parametrize(
    ("network", "without"),
    [
        (lambda: tiny.network("wav2vec2"), "masked_spec_embed"),
        (lambda: tiny.network("hubert"), "masked_spec_embed"),
        (lambda: headless("ViTModel", **tiny.PICTURE), "pooler"),
        (lambda: headless("BertModel", **tiny.SMALL), "pooler"),
        (lambda: tiny.network("dinov2"), "mask_token"),
    ],
    ids=["wav2vec2", "hubert", "vit", "bert", "dinov2"],
)
def test_what_inference_never_reads_may_be_missing(tmp_path, network, without):
    made = network()
    same(saved(made, tmp_path / "model", without), made)


@pytest.mark.parametrize(
    ("network", "without", "said"),
    [
        (
            lambda: tiny.network("bert"),
            r"layer\.1.*key\.bias",
            "a tensor that it needs, bert.encoder.layer.1.attention",
        ),
        (lambda: tiny.network("wav2vec2"), "masked_spec_embed|lm_head.bias", "a tensor that it needs, lm_head.bias"),
        (lambda: tiny.network("bert"), "token_type", "a tensor that it needs, bert.embeddings.token_type_embeddings"),
        (lambda: tiny.network("mixtral"), "experts", "tensors that it needs, such as model.layers.0."),
        (lambda: tiny.network("llama"), r"layers\.1\.mlp", "lack 3 tensors that it needs, such as model.layers.1.mlp"),
        (lambda: headless("BertForSequenceClassification", **tiny.SMALL), "pooler", "such as bert.pooler"),
        (
            lambda: headless("DPRQuestionEncoder", **tiny.SMALL),
            r"layer\.1\.output\.dense\.bias",
            "a tensor that it needs",
        ),
        (lambda: headless("XLMModel", **tiny.XLM, n_langs=2), "lang_embeddings", "a tensor that it needs, lang_embedd"),
    ],
    ids=["key bias", "head", "token types", "experts", "layer", "pooler", "only a pooler", "not run"],
)
def test_what_it_reads_is_not_made_up(tmp_path, network, without, said):
    with pytest.raises(ValueError, match=said):
        selfattn.load(saved(network(), tmp_path / "model", without))


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod.", "student.net."])
@pytest.mark.parametrize("name", ["bert", "gpt2", "llama"])
def test_a_prefix_of_who_saved_it_comes_off(tmp_path, name, prefix):
    network = tiny.network(name)
    same(saved(network, tmp_path / "model", prefix=prefix), network)


def test_a_prefix_of_some_is_none(tmp_path):
    folder = saved(tiny.network("bert"), tmp_path / "model", prefix="module.")
    weights = load_file(folder / "model.safetensors")
    weights["bert.embeddings.LayerNorm.bias"] = weights.pop("module.bert.embeddings.LayerNorm.bias")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lack 4\d tensors that it needs"):
        selfattn.load(folder)


def test_what_lies_beside_a_prefix_says_nothing(tmp_path):
    network = tiny.network("bert")
    folder = saved(network, tmp_path / "model", prefix="model.")
    weights = load_file(folder / "model.safetensors")
    save_file(weights | {"loss.weight": torch.ones(3)}, folder / "model.safetensors", metadata={"format": "pt"})
    same(folder, network)
    twice = {f"ema_{name}": tensor + 1 for name, tensor in weights.items()}
    save_file(weights | twice, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"are there under ema_model\. and under model\.; save one of them alone"):
        selfattn.load(folder)
