"""Make a specimen again: `python -m selfattn.training.specimens NAME [--out FOLDER]`."""

import importlib
from pathlib import Path
from typing import Annotated

import typer

from selfattn.places import SPECIMENS

NAMES = ("sentiment", "induction", "dates", "digits", "tones", "pairs", "brackets")


def make(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write to; the shipped specimen by default.")] = None,
) -> None:
    """Train a shipped model from its seed and write its weights, tokenizer and card."""
    if name not in NAMES:
        raise typer.BadParameter(f"There is no specimen {name!r}; there are {', '.join(NAMES)}.")
    importlib.import_module(f"selfattn.training.specimens.{name}").make(out or SPECIMENS / name)


if __name__ == "__main__":
    typer.run(make)
