"""A tokenizer that cannot be opened: the model still loads, and says what is wrong with which file."""

import importlib.util
import json
import shutil

import pytest

import selfattn
from selfattn.models.inputs.tokens import encode
from selfattn.models.loading import tokenizers
from tests.tools import made

WHOLE, CONFIG = "tokenizer.json", "tokenizer_config.json"


def asks_for(folder, kind, **more):
    (folder / WHOLE).unlink()
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | {"tokenizer_class": kind} | more))


def without_words(folder):
    read = json.loads((folder / WHOLE).read_text())
    read["model"]["vocab"] = {}
    (folder / WHOLE).write_text(json.dumps(read))


def damaged_pieces(folder):
    asks_for(folder, "LlamaTokenizer")
    (folder / "tokenizer.model").write_bytes(b"\x0a\x03abc" * 9)


CASES = {
    "cut": (lambda at: (at / WHOLE).write_text((at / WHOLE).read_text()[:200]), r"tokenizer.json is damaged: Expect"),
    "empty": (lambda at: (at / WHOLE).write_text(""), "tokenizer.json is damaged: Expecting value"),
    "list": (lambda at: (at / WHOLE).write_text("[]"), "tokenizer.json is damaged: it holds a list"),
    "another": (lambda at: (at / WHOLE).write_text('{"a": 1}'), "tokenizer.json is damaged: it holds no model"),
    "bytes": (lambda at: (at / WHOLE).write_bytes(b"{\xff\xfe"), "tokenizer.json is damaged: byte 1 is no text"),
    "deep": (lambda at: (at / WHOLE).write_text("[" * 100_000), "tokenizer.json is damaged"),
    "wrong": (lambda at: (at / WHOLE).write_text('{"model": 7}'), r"tokenizer.json does not fit \("),
    "settings": (lambda at: (at / CONFIG).write_text("{"), "tokenizer_config.json is damaged"),
    "no words": (without_words, "tokenizer.json holds no words"),
    "no files": (
        lambda at: asks_for(at, "MarianTokenizer"),
        "tokenizer_config.json asks for a MarianTokenizer, and the file of its vocabulary is not there",
    ),
    "pieces": (damaged_pieces, "tokenizer.model is damaged or incomplete"),
    "code": (
        lambda at: asks_for(at, "My", auto_map={"AutoTokenizer": ["own.My", None]}),
        "it wants to run code of its own, which is never done here",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_with_a_tokenizer_is_said(bert_folder, tmp_path, case):
    damage, said = CASES[case]
    folder = shutil.copytree(bert_folder, tmp_path / "bert")
    damage(folder)
    model = selfattn.load(folder)
    with pytest.raises(ValueError, match=rf"The tokenizer of bert could not be opened \({said}.*reads tensors alone"):
        selfattn.trace(model, "the cat")


def test_a_package_that_is_missing_is_named(bert_folder, tmp_path, monkeypatch):
    folder = shutil.copytree(bert_folder, tmp_path / "bert")
    damaged_pieces(folder)
    monkeypatch.setattr(tokenizers, "find_spec", lambda name: None)
    _, why = tokenizers.tokenizer_in({"pretrained_model_name_or_path": str(folder)})
    assert why == "tokenizer.model needs sentencepiece, which is not installed: pip install sentencepiece"
    if importlib.util.find_spec("sacremoses") is None:
        (folder / "tokenizer.model").unlink()
        (folder / "vocab.json").write_text("{}")
        (folder / "merges.txt").write_text("")
        (folder / CONFIG).write_text('{"tokenizer_class": "XLMTokenizer"}')
        _, why = tokenizers.tokenizer_in({"pretrained_model_name_or_path": str(folder)})
        assert "You need to install sacremoses" in why


def test_a_folder_without_a_tokenizer_has_none(bert_folder, tmp_path):
    folder = shutil.copytree(bert_folder, tmp_path / "bert")
    for name in (WHOLE, CONFIG):
        (folder / name).unlink()
    with pytest.raises(ValueError, match="bert has no tokenizer, so it reads tensors and no text"):
        selfattn.trace(folder, "the cat")


def test_a_tokenizer_that_breaks_on_a_text_is_one_sentence(tmp_path):
    tokenizer = made.slow("m2m100", tmp_path)
    tokenizer.unk_token = "[UNK]"
    with pytest.raises(ValueError, match=r"The M2M100Tokenizer of this model could not read the text \(KeyError"):
        encode(tokenizer, "喜")
