"""Where a model comes from: a folder or the hub, checked before any library opens a file of it."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, RemoteEntryNotFoundError
from huggingface_hub.utils.tqdm import tqdm
from transformers.models.auto import modeling_auto as auto

from selfattn.models.loading import steps
from selfattn.models.loading.steps import Step

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
# What is read of a model beside its weights: its config, and the files of its tokenizer or its processor.
BESIDE = (".json", ".txt", ".model", ".jinja")
TOKENIZER, POOLING = "tokenizer_config.json", "1_Pooling/config.json"
ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
# What Mistral publishes beside its models, in its own layout.
MISTRALS = "consolidated.safetensors"


def as_folder(name: str) -> Path | None:
    """The folder of that name, if it is one."""
    place = as_path(name)
    return place if place is not None and place.is_dir() else None


def as_path(name: str) -> Path | None:
    """The folder or the file of that name, if there is one."""
    try:
        place = Path(name).expanduser()
        return place if name and place.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long for a path, or the home of nobody
        return None


def read_json(file: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises ValueError where there is none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{file} could not be read as JSON ({error}); copy it again.") from error
    if not isinstance(found, dict):
        raise ValueError(f"{file} holds a {type(found).__name__}, no JSON object; copy it again.")
    return found


def in_folder(folder: Path) -> dict[str, Any]:
    """What `from_pretrained` needs to open `folder`. Raises ValueError where it holds no model that is safe to open."""
    config = read_json(folder / "config.json")
    if "auto_map" in config and str(config.get("model_type")) not in auto.CONFIG_MAPPING_NAMES:
        raise ValueError(f"{folder} wants to run code of its own, which is never done here; choose a built-in class.")
    if (folder / ADAPTER[0]).is_file():
        raise ValueError(
            f"{folder} holds a model and an adapter; move {ADAPTER[0]} and its weights to a folder of their own."
        )
    weights_file(folder)
    return {"pretrained_model_name_or_path": str(folder), "local_files_only": True}


def weights_file(folder: Path) -> str | None:
    """The one file of weights that has another name than is usual; None where the usual one is there.

    Raises ValueError where there is none that is safe to open, or where it may be one of several.
    """
    try:
        files = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise ValueError(f"{folder} could not be read ({error.strerror}); copy it again.") from error
    if any(file in files for file in WEIGHTS):
        return None
    others = [file for file in files if file.endswith(".safetensors") and file not in (ADAPTER[1], MISTRALS)]
    if len(others) == 1:
        return others[0]
    if others:
        raise ValueError(f"{folder} holds {others[0]}, {others[1]} and no {WEIGHTS[1]}, which says what lies where.")
    if MISTRALS in files:
        raise ValueError(
            f"{folder} holds {MISTRALS} alone, in Mistral's own layout; give a folder that has model.safetensors too."
        )
    pickles = [file for file in files if file.endswith(PICKLES)]
    held = f"only {pickles[0]}, a pickle that could run code" if pickles else "no weights"
    raise ValueError(f"{folder} holds {held}; save it again as safetensors with save_pretrained.")


def in_file(file: Path) -> dict[str, Any]:
    """What `from_pretrained` needs to open a GGUF file."""
    with file.open("rb") as opened:
        if opened.read(4) != b"GGUF":
            raise ValueError(f"{file} is no GGUF file; copy it again.")
    return {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name, "local_files_only": True}


def on_hub(name: str, revision: str | None, adapter: bool = False) -> Path:
    """The folder that a model of the hub was downloaded to, or an adapter, where one is wanted or there is no model.

    Nothing is asked of the hub for what is here; else it is asked once which files there are, and those that are
    needed, and could run no code, are downloaded.
    """
    _check(name, revision)
    for known in (ADAPTER[0],) if adapter else ("config.json", ADAPTER[0]):
        if _is_cached(name, revision, known):
            return _cached(name, revision, known)
    sizes = _sizes(name, revision)
    whole = [] if adapter else ["model.safetensors"] if "model.safetensors" in sizes else filter(SHARD.fullmatch, sizes)
    shards, known = [*whole], "config.json"
    if not shards and set(ADAPTER) <= set(sizes):
        shards, known = [ADAPTER[1]], ADAPTER[0]
    if not shards and adapter:
        raise ValueError(f"{name} on the hub is no adapter with {' and '.join(ADAPTER)}; check its name.")
    if not shards:
        gguf = any(file.endswith(".gguf") for file in sizes)
        held = "GGUF files: download one, and give its path" if gguf else "formats that could run code"
        raise ValueError(f"{name} has no safetensors weights on the hub, only {held}.")
    beside = {file for file in sizes if file == POOLING or ("/" not in file and file.endswith(BESIDE))}
    # What Transformers finds beside a model it puts into it unasked.
    beside -= {ADAPTER[0]} - {known}
    # The weights come last, and the list of their shards after them: who has it has everything.
    files = sorted({*beside, *shards, TOKENIZER}, key=lambda file: (file in shards, file == WEIGHTS[1], file))
    _download(name, revision, {file: sizes.get(file, 0) for file in files})
    return _cached(name, revision, known)


def adapter_in(folder: Path) -> Path:
    """The folder of an adapter, checked. Raises ValueError where it is not safe to open."""
    if missing := [file for file in ADAPTER if not (folder / file).is_file()]:
        raise ValueError(
            f"The adapter {folder} has no {missing[0]}; save it with PEFT's save_pretrained. No pickle is opened."
        )
    return folder


def is_adapter(folder: Path) -> bool:
    """Does a folder hold an adapter, and no model of its own?"""
    return (folder / ADAPTER[0]).is_file() and not any((folder / file).is_file() for file in WEIGHTS)


def base_of(folder: Path) -> tuple[str, str | None]:
    """The model that an adapter was made for, and its revision, as its config names them."""
    config = read_json(folder / ADAPTER[0])
    base, revision = config.get("base_model_name_or_path"), config.get("revision")
    if not isinstance(base, str) or not base:
        raise ValueError(f"The adapter {folder} names no model that it is for; give that one, and this as its adapter.")
    return base, revision if isinstance(revision, str) and as_path(base) is None else None


def _check(name: str, revision: str | None) -> None:
    if not re.fullmatch(r"[\w-][\w.-]{,95}(/[\w-][\w.-]{,95})?", name) or "--" in name or ".." in name:
        raise ValueError(
            f"There is no folder {name[:80]!r}, and it is no hub id such as bert-base-uncased or owner/model."
        )
    if revision is not None and (not re.fullmatch(r"\w[\w./-]{,99}", revision) or ".." in revision):
        raise ValueError(f"A revision is a branch, a tag or a commit, such as main; got {revision[:80]!r}.")


def _sizes(name: str, revision: str | None) -> dict[str, int]:
    """The files that the hub has of a model, and their bytes."""
    steps.tell(Step(f"Asking the hub for {name}"))
    try:
        found = HfApi().model_info(name, revision=revision, timeout=10, files_metadata=True).siblings or []
    except HfHubHTTPError as error:
        raise ValueError(f"The hub has no model {name!r} that can be read from here; check its name.") from error
    except Exception as error:  # no network, a proxy, a time-out: to the reader they are one thing
        raise ValueError(
            f"{name!r} is no model on this machine, and the hub could not be reached; check the name or the network, "
            "or give a folder."
        ) from error
    return {sibling.rfilename: sibling.size or 0 for sibling in found}


def _download(name: str, revision: str | None, files: Mapping[str, int]) -> None:
    """Download files one by one, telling how far each is."""
    for number, (file, size) in enumerate(files.items(), 1):
        start = Step(f"Downloading {file}, file {number} of {len(files)}", 0, size)
        steps.tell(start)
        try:
            # That there is no tokenizer is remembered by the hub's library, once it was asked for.
            with suppress(RemoteEntryNotFoundError):
                hf_hub_download(name, file, revision=revision, tqdm_class=_bar(start))
        except Exception as error:  # the network went, or the disk is full
            raise ValueError(f"The download of {name} broke off at {file}; try again. ({error})"[:400]) from error


def _bar(start: Step) -> type[tqdm] | None:
    """A progress bar, as the hub's library wants one, that tells its steps; the library's own where nobody listens."""
    found = steps.listener()
    if found is None:
        return None
    listener: steps.Listener = found

    class Bar(tqdm):
        def __init__(self, *arguments: Any, **keywords: Any) -> None:
            super().__init__(*arguments, **keywords | {"disable": True})
            self.done = int(keywords.get("initial") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            self.done += int(n or 0)
            listener(Step(start.doing, self.done, start.whole))
            return None

    return Bar


def _is_cached(name: str, revision: str | None, known: str) -> bool:
    """Was it downloaded to its end? A file that is known to be missing there counts as asked for."""

    def here(file: str) -> bool:
        return isinstance(try_to_load_from_cache(name, file, revision=revision), str)

    if not here(known) or try_to_load_from_cache(name, TOKENIZER, revision=revision) is None:
        return False
    if known == ADAPTER[0]:
        return here(ADAPTER[1])
    if here(WEIGHTS[0]) or not here(WEIGHTS[1]):
        return here(WEIGHTS[0])
    index = read_json(_cached(name, revision, WEIGHTS[1]) / WEIGHTS[1])
    return all(here(str(file)) for file in set(index.get("weight_map", {}).values()))


def _cached(name: str, revision: str | None, file: str) -> Path:
    """The folder in the cache that a file lies in."""
    return Path(str(try_to_load_from_cache(name, file, revision=revision))).parent
