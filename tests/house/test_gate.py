"""The gate: format, lint and types, and the format and lint of the scripts of the live pictures."""

import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parent.parent.parent
GATES = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "scripts": ["biome", "ci", "--config-path=tests/house", "--error-on-warnings", "--colors=off", "selfattn"],
    "types": ["mypy"],
}


@pytest.mark.parametrize("gate", ["format", "lint", "scripts", pytest.param("types", marks=pytest.mark.slow)])
def test_gate(gate):
    tool, *asked = GATES[gate]
    # The tool of this environment, whether or not it has been entered.
    there = Path(sys.executable).with_name(tool)
    done = subprocess.run([there, *asked], cwd=HOME, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
