"""The app's style sheet, in the colours of one theme."""

import dataclasses
from pathlib import Path

from selfattn.figures.palette import PRINT, Palette

RULES = Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def sheet(palette: Palette) -> str:
    """The rules of `style.css`, and the palette as the variables that they use, beside that of saved pictures."""
    colours = {f"--sa-{name}": colour for name, colour in dataclasses.asdict(palette).items()}
    colours |= {f"--sa-print-{name}": colour for name, colour in dataclasses.asdict(PRINT).items()}
    variables = "; ".join(f"{name}: {colour}" for name, colour in colours.items())
    return f"<style>:root {{ {variables} }}\n{RULES}</style>"
