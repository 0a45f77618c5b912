"""The app's style sheet, in the colours of one theme."""

import dataclasses
from pathlib import Path

from selfattn.figures.palette import Palette

RULES = Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def sheet(palette: Palette) -> str:
    """The rules of `style.css`, and the palette as the variables that they use."""
    colours = "; ".join(f"--sa-{name}: {colour}" for name, colour in dataclasses.asdict(palette).items())
    return f"<style>:root {{ {colours} }}\n{RULES}</style>"


def chips(weights: list[float]) -> str:
    """Colour the n-th token's chip by the weight that it gets from the pinned token."""
    most = max([*weights, 1e-9])
    rules = "".join(
        f".st-key-from button:nth-of-type({place}) {{ background: color-mix(in srgb, var(--sa-weights) "
        f"{75 * weight / most:.0f}%, var(--sa-panel)); }}"
        for place, weight in enumerate(weights, start=1)
    )
    return f"<style>{rules}</style>"
