"""Work in a folder: one process does it, any process starts it, asks it to stop and reads what it has found."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfattn.training import locks, processes
from selfattn.training.writing import atomically


@dataclass(frozen=True)
class Work:
    """A folder that a process works on. Every property reads it anew."""

    folder: Path

    @property
    def held(self) -> bool:
        """Whether some living process works on it."""
        return locks.held(self.folder / "lock")

    def holding(self, descriptor: int | None = None) -> AbstractContextManager[None]:
        """Hold its lock in the block, by a descriptor that holds it already or a new one. ValueError if it is held."""
        return locks.locked(self.folder / "lock", descriptor)

    def begin(self, module: str) -> None:
        """Work on it in a process of its own, `python -m MODULE`. Raises ValueError where another does."""
        # What a process was asked that died before it heard.
        if not self.held:
            self.unask()
        processes.start(module, self.folder)

    def request(self, what: str) -> None:
        """Ask whoever works on it."""
        atomically(self.folder / "asked", what.encode())

    def unask(self) -> None:
        """Take back what was asked."""
        (self.folder / "asked").unlink(missing_ok=True)

    def asked(self) -> str | None:
        """What it was asked and has not heard yet."""
        file = self.folder / "asked"
        return file.read_text(encoding="utf-8") if file.exists() else None

    def heard(self) -> str | None:
        """What it was asked, once."""
        what = self.asked()
        self.unask()
        return what


def read_object(file: Path) -> dict[str, Any]:
    """One value of JSON."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def write_object(file: Path, content: Mapping[str, Any]) -> None:
    """One value of JSON, whole or not at all."""
    atomically(file, json.dumps(content, indent=2, ensure_ascii=False).encode())


def add_line(file: Path, content: Mapping[str, Any]) -> None:
    """One more line of JSON at the end of a file."""
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(content) + "\n")


def read_lines(file: Path) -> list[dict[str, Any]]:
    """The lines of JSON in a file that another process may be adding to: one that is not whole yet is left out."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]
