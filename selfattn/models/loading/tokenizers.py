"""The tokenizer beside a model's weights, or what is wrong with its files."""

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from selfattn.models.errors import first_line

# Where tokenizers keep their words and their settings.
VOCABULARIES = ("vocab.txt", "vocab.json", "merges.txt", "bpe.codes", "tekken.json", "vocab.model")
CONFIG, WHOLE = "tokenizer_config.json", "tokenizer.json"
PIECES = (".model", ".spm")


def tokenizer_in(place: Mapping[str, Any]) -> tuple[Any | None, str]:
    """The tokenizer, or None with what is wrong with its files; nothing is wrong where there are none."""
    folder = Path(place["pretrained_model_name_or_path"])
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    # The Auto class would read a GGUF file once more, for the name of a class that finds no vocabulary in it.
    kind = PreTrainedTokenizerFast if "gguf_file" in place else AutoTokenizer
    try:
        tokenizer = kind.from_pretrained(**place, trust_remote_code=False)
    except Exception as error:  # whatever a damaged or hostile file makes a library raise
        return None, _wrong(files, error)
    # Where the files of a tokenizer are missing, Transformers makes one of special tokens, and at most a space.
    if len(tokenizer) > len(tokenizer.all_special_ids) + 1:
        return tokenizer, ""
    there = [file.name for file in files if file.name in (WHOLE, *VOCABULARIES) or file.suffix in PIECES]
    return None, f"{there[0]} holds no words" if there else ""


def _wrong(files: list[Path], error: Exception) -> str:
    """What is wrong with a tokenizer's files: the first that cannot be read, or what the library said."""
    there = [file for file in files if file.name in (CONFIG, WHOLE, *VOCABULARIES) or file.suffix in PIECES]
    for file in there:
        if file.suffix == ".json" and (damage := _damage(file)):
            return f"{file.name} is damaged: {damage}"
    if isinstance(error, ImportError) and "tiktoken" not in str(error):
        return first_line(error)
    for file in there:
        if file.suffix in PIECES:
            missing = f"{file.name} needs sentencepiece, which is not installed: pip install sentencepiece"
            return f"{file.name} is damaged or incomplete" if find_spec("sentencepiece") else missing
    named = [file.name for file in there if file.name != CONFIG]
    if named:
        return f"{named[0]} does not fit ({first_line(error)})"
    config = next((file for file in there if file.name == CONFIG), None)
    if config is None:
        return first_line(error)
    read = json.loads(config.read_text(encoding="utf-8"))
    if isinstance(read, dict) and "auto_map" in read:
        return "it wants to run code of its own, which is never done here"
    kind = read.get("tokenizer_class") if isinstance(read, dict) else None
    return f"{CONFIG} asks for a {kind or 'tokenizer'}, and the file of its vocabulary is not there"


def _damage(file: Path) -> str:
    """Why a file is no JSON object; nothing where it is one."""
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        return f"byte {error.start} is no text"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:
        return str(error)
    if not isinstance(read, dict):
        return f"it holds a {type(read).__name__}"
    return "it holds no model" if file.name == WHOLE and "model" not in read else ""
