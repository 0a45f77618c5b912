"""What many tests share: the one real model that needs no download, and a tiny one saved with its tokenizer."""

from pathlib import Path

import pytest

import selfattn
from tests import made


@pytest.fixture(scope="session")
def minilm() -> selfattn.Model:
    return selfattn.load("minilm")


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with a tokenizer of words, on disk: copy it before breaking it."""
    return made.folder(tmp_path_factory.mktemp("models") / "bert", "bert", made.word_level())


@pytest.fixture(scope="session")
def bert(bert_folder: Path) -> selfattn.Model:
    return selfattn.load(bert_folder)
