"""What lies around a model folder: opened where it can only mean one model, else said what to give instead."""

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

import selfattn
from selfattn.models.loading.neighbours import meant
from tests.tools import made


@pytest.fixture
def around(tmp_path):
    return tmp_path / "around"


def put(bert_folder: Path, place: Path) -> Path:
    return Path(shutil.copytree(bert_folder, place))


def cached(bert_folder: Path, around: Path, *commits: str) -> Path:
    """The cache of a hub id, as the hub's own library lays it out."""
    home = around / "models--me--tiny"
    for commit in commits:
        put(bert_folder, home / "snapshots" / commit)
    (home / "refs").mkdir()
    return home


def test_the_cache_of_a_hub_id(bert_folder, around):
    home = cached(bert_folder, around, "c1", "c2")
    (home / "refs" / "main").write_text("c2")
    assert meant(home) == meant(home / "snapshots") == home / "snapshots" / "c2"
    model = selfattn.load(home)
    assert model.name == "me/tiny"
    assert model.inputs("the cat")[1]["input_ids"].tolist() == [[1, 5, 7, 2]]


def test_a_cache_without_a_branch(bert_folder, around):
    home = cached(bert_folder, around, "c1")
    assert meant(home) == home / "snapshots" / "c1"
    put(bert_folder, home / "snapshots" / "c2")
    with pytest.raises(
        ValueError, match=r"holds snapshots/c1, snapshots/c2; give one of them, such as .*/snapshots/c2\."
    ):
        meant(home)


def test_the_checkpoints_of_a_training(bert_folder, around):
    put(bert_folder, around / "checkpoint-90")
    (around / "logs").mkdir()
    assert meant(around) == around / "checkpoint-90"
    for step in (100, 1000, 200, 300):
        put(bert_folder, around / f"checkpoint-{step}")
    said = (
        r"holds checkpoint-90, checkpoint-100, checkpoint-200, checkpoint-300 and 1 more; "
        r"give one of them, such as .*/checkpoint-1000\."
    )
    with pytest.raises(ValueError, match=said):
        selfattn.load(around)


@pytest.mark.parametrize(("mode", "pooling"), [("mean", "mean"), ("cls", "cls")])
def test_an_old_folder_of_sentence_transformers(tmp_path, mode, pooling):
    folder = made.of_sentences(tmp_path / "old", mode, inside="0_Transformer")
    model = selfattn.load(folder)
    assert (model.name, model.pooling) == ("old", pooling)
    assert selfattn.trace(model, selfattn.Pair("the cat", "a dog")).prediction.kind == "similarity"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_file_of_a_model_means_its_folder(bert_folder, name):
    assert meant(bert_folder / name) == bert_folder
    assert selfattn.load(bert_folder / name).fidelity < 1e-5


def test_weights_of_another_name(bert_folder, around):
    put(bert_folder, around)
    (around / "model.safetensors").rename(around / "bert-tiny.fp16.safetensors")
    saved = load_file(around / "bert-tiny.fp16.safetensors")
    for named in (around, around / "bert-tiny.fp16.safetensors"):
        network = selfattn.load(named).network
        assert all((tensor == network.state_dict()[name]).all() for name, tensor in saved.items())
    save_file(saved, around / "other.safetensors")
    with pytest.raises(ValueError, match=r"holds bert-tiny\.fp16\.safetensors, other\.safetensors and no model\.safet"):
        selfattn.load(around)


@pytest.mark.parametrize(
    ("files", "named", "said"),
    [
        ((), "", "holds no config.json, so it is no model folder; save one with save_pretrained"),
        (("model.safetensors",), "", "holds weights and no config.json"),
        (("model.safetensors",), "model.safetensors", "lies beside no config.json"),
        (("config.json", "consolidated.safetensors"), "", "in Mistral's own layout"),
        (("config.json", "consolidated.safetensors"), "consolidated.safetensors", "in Mistral's own layout"),
        (("config.json", "model.safetensors", "x.safetensors"), "x.safetensors", "but with model.safetensors"),
        (("config.json", "pytorch_model.bin"), "pytorch_model.bin", "is a pickle, which could run code"),
        (("config.json", "model.pt"), "", "holds only model.pt, a pickle"),
        (("README.md",), "README.md", "is no file that a model is opened with"),
        (("a.gguf", "b.gguf"), "", "holds a.gguf, b.gguf; give one of them"),
        (("unet/config.json", "vae/config.json"), "", "holds unet, vae; give one of them"),
        (("model.gguf",), "model.gguf", "is no GGUF file; copy it again"),
    ],
)
def test_what_has_no_one_meaning_is_told_what_to_give(around, files, named, said):
    around.mkdir()
    for file in files:
        (around / file).parent.mkdir(exist_ok=True)
        (around / file).write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match=said) as caught:
        selfattn.load(around / named)
    assert "\n" not in str(caught.value)


def test_a_config_cannot_name_a_pickle(bert_folder, around):
    put(bert_folder, around)
    (around / "model.safetensors").rename(around / "adapter_model.bin")
    config = (around / "config.json").read_text().replace("{", '{"transformers_weights": "adapter_model.bin",', 1)
    (around / "config.json").write_text(config)
    with pytest.raises(ValueError, match=r"holds only adapter_model\.bin, a pickle"):
        selfattn.load(around)
