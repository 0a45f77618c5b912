"""The floors of the house: a module imports only from floors below its own, and from its own package."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FLOORS = {
    "selfattn.places": 0,
    "selfattn.threads": 0,
    "selfattn.notebook": 0,
    "selfattn.maths": 1,
    "selfattn.recording": 2,
    "selfattn.models": 3,
    "selfattn.tracing": 4,
    "selfattn.analysis": 5,
    "selfattn.training": 5,
    # The public names: between the library and what is made with it.
    "selfattn": 5.5,
    "selfattn.exports": 6,
    "selfattn.canvas": 6,
    "selfattn.figures": 6,
    "selfattn.cli": 7,
    "selfattn.ui": 7,
    "app": 8,
    "pages": 8,
}
# Neighbours on one floor that may see each other, one way; and `show` and `save_weights`, imported when asked for.
ALSO = {("selfattn.training", "selfattn.analysis"), ("selfattn", "selfattn.cli"), ("selfattn", "selfattn.exports")}
# Training measures what it made: it needs none of the forward pass's records.
NEVER = {("selfattn.training", "selfattn.tracing"), ("selfattn.cli", "selfattn.figures")}
DRAWS = ("selfattn.ui", "selfattn.canvas", "selfattn.cli.show", "app", "pages")
FILES = sorted([*ROOT.glob("app.py"), *ROOT.glob("pages/**/*.py"), *ROOT.glob("selfattn/**/*.py")])


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def place_of(module: str) -> str:
    """The entry of FLOORS that a module of ours belongs to."""
    parts = module.split(".")
    place = ".".join(parts[:2]) if parts[0] == "selfattn" else parts[0]
    assert place in FLOORS, f"{module} has no floor: give it one in tests/test_floors.py."
    return place


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file that stands."""
    package = module_of(file).split(".")
    package = package if file.name == "__init__.py" else package[:-1]
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            # `from selfattn import places` means the module, `from selfattn import trace` the public name.
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                yield whole if module == "selfattn" and whole in FLOORS else module


def faults(file: Path) -> list[str]:
    here, found = place_of(module_of(file)), []
    for module in imports(file):
        outside = module.split(".")[0]
        if outside == "streamlit" and not {here, module_of(file)} & {*DRAWS}:
            found.append("Streamlit belongs to the screen")
        if here in ("app", "pages") and outside in ("torch", "plotly"):
            found.append(f"a page neither computes nor draws, yet imports {outside}")
        if outside not in ("selfattn", "app", "pages"):
            continue
        there = place_of(module)
        allowed = there == here or FLOORS[there] < FLOORS[here] or (here, there) in ALSO
        if not allowed or (here, there) in NEVER:
            found.append(f"{here} (floor {FLOORS[here]}) imports {there} (floor {FLOORS[there]})")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_module_imports_from_the_floors_below(file):
    assert faults(file) == []


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("selfattn/maths/new.py", "from selfattn.recording.edits import Edit"),
        ("selfattn/maths/new.py", "from ..recording import edits"),
        ("selfattn/maths/new.py", "from selfattn import tracing"),
        ("selfattn/maths/new.py", "import selfattn"),
        ("selfattn/models/loading/new.py", "from selfattn.tracing.trace import Trace"),
        ("selfattn/models/new.py", "def f():\n    import selfattn.analysis.all_heads.patterns"),
        ("selfattn/tracing/new.py", "from selfattn.analysis.one_head import gauges"),
        ("selfattn/training/run/new.py", "from selfattn.tracing.trace import trace"),
        ("selfattn/training/run/new.py", "from selfattn.tracing.audit import audit"),
        ("selfattn/analysis/new.py", "from selfattn.training import fit"),
        ("selfattn/figures/new.py", "from selfattn.canvas.payload import pack"),
        ("selfattn/figures/new.py", "import streamlit as st"),
        ("selfattn/cli/new.py", "from streamlit.web import cli"),
        ("selfattn/cli/new.py", "from selfattn.figures import matrix"),
        ("selfattn/cli/new.py", "from selfattn.ui import caches"),
        ("selfattn/__init__.py", "import selfattn.ui.sidebar"),
        ("selfattn/ui/new.py", "import app"),
        ("pages/new.py", "import plotly.graph_objects as go"),
        ("pages/new.py", "from torch import Tensor"),
    ],
)
def test_a_step_up_is_seen(tmp_path, monkeypatch, place, line):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.write_text(line)
    assert len(faults(file)) == 1


@pytest.mark.slow
def test_the_formulas_need_pytorch_alone():
    code = "import sys, selfattn.maths.attend; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "torch" in loaded
    assert not loaded & {"transformers", "streamlit", "plotly"}
