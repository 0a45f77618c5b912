"""The layout that `docs/DESIGN.md` prints is that of the tree, and no folder holds more than can be looked over."""

import re
import textwrap
from pathlib import Path

from selfattn.places import HOME

MOST = 20
ROOMS = ("pages", "selfattn", "tests", "docs")
SOURCE = {".py", ".js", ".css", ".json", ".jsonc", ".md"}


def tree() -> dict[str, list[str]]:
    """Every folder with its files; those of Python without their suffix."""
    found: dict[str, list[str]] = {}
    for file in sorted(path for room in ROOMS for path in (HOME / room).rglob("*")):
        if file.suffix in SOURCE and file.name != "__init__.py" and "shipped" not in file.parts:
            folder = file.parent.relative_to(HOME).as_posix()
            found.setdefault(folder, []).append(file.stem if file.suffix == ".py" else file.name)
    return found


def printed(found: dict[str, list[str]]) -> str:
    """The layout as the document has it."""
    lines = []
    for folder, files in sorted(found.items()):
        lines += textwrap.wrap(f"{folder + '/':<38} {' '.join(files)}", 120, subsequent_indent=" " * 39)
    return "\n".join(lines)


def test_the_document_prints_the_tree():
    (block,) = re.findall(r"^## Layout\n.*?```\n(.*?)\n```", Path(HOME / "docs/DESIGN.md").read_text(), re.S | re.M)
    assert block == printed(tree()), f"docs/DESIGN.md should print:\n{printed(tree())}"


def test_a_folder_can_be_looked_over():
    assert {folder: len(files) for folder, files in tree().items() if len(files) > MOST} == {}
