"""What a path means that is no model folder itself: a file of one, or a folder around one."""

import re
from pathlib import Path

from selfattn.models.loading.sources import ADAPTER, PICKLES, WEIGHTS, read_json, weights_file

# The names that a sentence lists.
LISTED = 4


def meant(place: Path) -> Path:
    """The model folder, the adapter's folder or the GGUF file that a path can only mean.

    Itself, if it is one; the folder of a file of a model; the one model that lies in a folder, such as the cache of a
    hub id, the folder of a training run, or an old one of Sentence Transformers. Raises ValueError, with what to give
    instead, where it may mean several or none.
    """
    if place.is_file():
        return _of_file(place)
    if _is_model(place):
        return place
    found = _first_module(place) or _snapshots(place) or _inside(place)
    if len(found) == 1:
        return found[0]
    if found:
        names = [str(each.relative_to(place)) for each in found]
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        raise ValueError(f"{place} holds {', '.join(names[:LISTED])}{more}; give one of them, such as {found[-1]}.")
    if any(place.glob("*.safetensors")):
        raise ValueError(f"{place} holds weights and no config.json; copy the model's beside them.")
    raise ValueError(f"{place} holds no config.json, so it is no model folder; save one with save_pretrained.")


def _is_model(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("config.json", ADAPTER[0]))


def _of_file(file: Path) -> Path:
    """The model of which a file was named."""
    folder = file.parent
    if file.suffix == ".gguf":
        return file
    if file.suffix in PICKLES:
        raise ValueError(f"{file} is a pickle, which could run code; give the folder of a model saved as safetensors.")
    if file.suffix not in (".safetensors", ".json"):
        raise ValueError(f"{file} is no file that a model is opened with; give its folder, or a .gguf file.")
    if not _is_model(folder):
        raise ValueError(f"{file} lies beside no config.json, which says what the model is; copy the model's there.")
    if file.suffix == ".safetensors" and (opened := _opened_with(folder)) and file.name not in opened:
        raise ValueError(f"{folder} is not opened with {file.name}, but with {opened[0]}; give the folder.")
    return folder


def _opened_with(folder: Path) -> list[str]:
    """The files of weights that a folder is opened with."""
    if (folder / WEIGHTS[1]).is_file() and not (folder / WEIGHTS[0]).is_file():
        return sorted({str(shard) for shard in read_json(folder / WEIGHTS[1]).get("weight_map", {}).values()})
    if (folder / WEIGHTS[0]).is_file():
        return [WEIGHTS[0]]
    if (folder / ADAPTER[1]).is_file():
        return [ADAPTER[1]]
    return [weights_file(folder) or ""]


def _first_module(folder: Path) -> list[Path]:
    """Where an old folder of Sentence Transformers keeps its network, such as 0_Transformer."""
    return [child for child in sorted(folder.glob("0_*")) if (folder / "modules.json").is_file() and _is_model(child)]


def _snapshots(folder: Path) -> list[Path]:
    """What lies in the cache of a hub id: the revision that `main` was, else all."""
    folder = folder.parent if folder.name == "snapshots" else folder
    main = folder / "refs" / "main"
    if main.is_file() and _is_model(current := folder / "snapshots" / main.read_text(encoding="utf-8").strip()):
        return [current]
    return [each for each in sorted(folder.glob("snapshots/*")) if _is_model(each)]


def _inside(folder: Path) -> list[Path]:
    """The models in a folder: GGUF files, and folders by their numbers, the last one last."""
    folders = [child for child in folder.iterdir() if child.is_dir() and _is_model(child)]
    found = sorted([*folder.glob("*.gguf"), *folders])
    return sorted(found, key=lambda each: [int(number) for number in re.findall(r"\d+", each.name)])
