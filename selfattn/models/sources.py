"""Where a model comes from: a folder or the hub, checked before any library opens a file of it."""

import json
import re
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError
from transformers.models.auto import modeling_auto as auto

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")


def as_folder(name: str) -> Path | None:
    """The folder of that name, if it is one."""
    try:
        folder = Path(name).expanduser()
        return folder if name and folder.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # too long for a path, or the home of nobody
        return None


def in_folder(folder: Path) -> dict[str, Any]:
    """What `from_pretrained` needs to open `folder`. Raises ValueError where it holds no model that is safe to open."""
    try:
        files = {path.name for path in folder.iterdir()}
        if "config.json" not in files:
            raise ValueError(f"{folder} holds no config.json, so it is no model folder; save one with save_pretrained.")
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{folder}/config.json could not be read as JSON ({error}); copy it again.") from error
    if not isinstance(config, dict):
        raise ValueError(f"{folder}/config.json holds a {type(config).__name__}, no JSON object; copy it again.")
    if "auto_map" in config and str(config.get("model_type")) not in auto.CONFIG_MAPPING_NAMES:
        raise ValueError(f"{folder} wants to run code of its own, which is never done here; choose a built-in class.")
    if not any(file.endswith(".safetensors") for file in files):
        pickles = sorted(file for file in files if file.endswith(PICKLES))
        held = f"only {pickles[0]}, a pickle that could run code" if pickles else "no weights"
        raise ValueError(f"{folder} holds {held}; save it again as safetensors with save_pretrained.")
    return {"pretrained_model_name_or_path": str(folder), "local_files_only": True}


def on_hub(name: str, revision: str | None) -> dict[str, Any]:
    """What `from_pretrained` needs to open a model of the hub: nothing is asked of the hub for one that is here.

    Else the hub is asked once whether there is such a model, with weights that are no pickle, before any download.
    """
    if not re.fullmatch(r"[\w-][\w.-]{,95}(/[\w-][\w.-]{,95})?", name) or "--" in name or ".." in name:
        raise ValueError(
            f"There is no folder {name[:80]!r}, and it is no hub id such as bert-base-uncased or owner/model."
        )
    place = {"pretrained_model_name_or_path": name, "revision": revision}
    if _is_cached(name, revision):
        return place | {"local_files_only": True}
    try:
        files = {
            sibling.rfilename for sibling in HfApi().model_info(name, revision=revision, timeout=10).siblings or []
        }
    except HfHubHTTPError as error:
        raise ValueError(f"The hub has no model {name!r} that can be read from here; check its name.") from error
    except Exception as error:  # no network, a proxy, a time-out: to the reader they are one thing
        raise ValueError(
            f"{name!r} is no model on this machine, and the hub could not be reached; check the name or the network, "
            "or give a folder."
        ) from error
    if not any(file.endswith(".safetensors") for file in files):
        raise ValueError(f"{name} has no safetensors weights on the hub, only formats that could run code.")
    return place


def _is_cached(name: str, revision: str | None) -> bool:
    """Was the model downloaded to its end? A file that is known to be missing there counts as asked for."""
    asked = [try_to_load_from_cache(name, file, revision=revision) for file in ("config.json", "tokenizer_config.json")]
    weights = [try_to_load_from_cache(name, file, revision=revision) for file in WEIGHTS]
    return None not in asked and any(isinstance(path, str) for path in weights)
