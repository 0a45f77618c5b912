"""The gate: format, lint and types."""

import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parent.parent.parent
GATES = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
}


@pytest.mark.parametrize("gate", ["format", "lint", pytest.param("types", marks=pytest.mark.slow)])
def test_gate(gate):
    done = subprocess.run([sys.executable, "-m", *GATES[gate]], cwd=HOME, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
