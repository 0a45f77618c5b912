"""No circle between files: whatever a file imports, also late or for types alone, can be read before it."""

import ast
import graphlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.house.test_floors import FILES, module_of


def imported(text: str, modules: Iterable[str]) -> set[str]:
    """The modules that a file imports, of those given: `from package import module` means the module."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in modules else node.module)
    return found & {*modules}


def order(texts: dict[str, str]) -> list[str]:
    """An order in which the files can be read, each after all that it imports. CycleError where there is none."""
    return [*graphlib.TopologicalSorter({name: imported(text, texts) for name, text in texts.items()}).static_order()]


def test_every_file_can_be_read_after_what_it_imports():
    texts = {module_of(file): Path(file).read_text() for file in FILES}
    assert {*order(texts)} == {*texts}


@pytest.mark.parametrize(
    "late",
    [
        "from a import first",
        "def f():\n    from a import first",
        "if TYPE_CHECKING:\n    from a.first import thing",
    ],
)
def test_a_circle_is_seen(late):
    with pytest.raises(graphlib.CycleError):
        order({"a.first": "from a import second", "a.second": late})
