"""What is given to a model on the command line: a text, the file that it names, and what goes with it."""

from pathlib import Path
from typing import Any

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
SOUNDS = (".wav", ".flac", ".ogg", ".mp3")


def given(text: str, second: str | None = None) -> Any:
    """A text, or what is in the file that it names after @; with a `second` text, a pair."""
    from selfattn.models.inputs.given import Pair, Picture, Sound

    ending = Path(text).suffix.lower()
    made = Picture if ending in PICTURES else Sound if ending in SOUNDS else None
    if not text.startswith("@") or (made is None and ending != ".safetensors"):
        return text if second is None else Pair(text, second)
    if second is not None:
        raise ValueError(f"--second goes with a text; got {text!r}.")
    return _tensors(text[1:]) if made is None else made(_bytes(text[1:]), text[1:])


def spoken(given: Any, chat: bool, system: str, source: str, target: str) -> Any:
    """A text in the model's chat template, or from a language into another, where that is asked for."""
    from selfattn.models.inputs.given import Chat, Translation

    asked = {"--chat": chat, "--system": system, "--source": source, "--target": target}
    named = [name for name, value in asked.items() if value]
    if named and not isinstance(given, str):
        raise ValueError(f"{named[0]} goes with one text; got something else.")
    if system and not chat:
        raise ValueError("--system is the system text of a chat; add --chat.")
    if chat and (source or target):
        raise ValueError("--chat and a language do not go together; leave one of them out.")
    return Chat(given, system) if chat else Translation(given, source, target) if source or target else given


def illustrated(given: Any, picture: str | None) -> Any:
    """A text with the picture in a file, where one is named."""
    from selfattn.models.inputs.given import Illustrated, Picture

    if picture is None:
        return given
    if not isinstance(given, str):
        raise ValueError("--picture goes with one text; got something else.")
    return Illustrated(given, Picture(_bytes(picture), picture))


def _bytes(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ValueError(f"{file!r} could not be read: {error.strerror}.") from error


def _tensors(file: str) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{file!r} could not be read as tensors: {error}") from error
