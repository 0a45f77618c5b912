"""BertViz's head view and model view, each as one page that holds all it needs and asks nothing of any address.

The drawing is BertViz's own script (https://github.com/jessevig/bertviz), given its parameters as its Python part gives
them. That part would write a page that fetches its libraries from a CDN, and in which a token can close the script.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from selfattn.figures.palette import Palette, rgb
from selfattn.models.inputs.tokens import visible

# BertViz draws one line for every weight: past these the page of a 12 x 12 model is slow to open.
MOST_TOKENS = {"head": 64, "model": 24}
MOST_LINES = 150_000
DIGITS = 4
# Characters that fit beside BertViz's lines.
LONGEST_TOKEN = 14
# What BertViz asks of RequireJS, and the one name that D3 3 lacks of those that it uses.
ADAPTER = """
d3.schemeCategory10 = d3.scale.category10().range();
var requirejs = (names, draw) => draw(jQuery, d3);
"""


@dataclass(frozen=True)
class Page:
    """A whole HTML page, and the height in pixels that it fills."""

    html: str
    height: int


def head_view(
    weights: Float[Tensor, "head query key"], layer: int, queries: Sequence[str], keys: Sequence[str], palette: Palette
) -> Page:
    """The heads of one layer over each other: lines from each query's token, left, to the keys' tokens, right.

    Raises ValueError where a script is not installed.
    """
    parameters = {"layer": layer, "heads": None, "include_layers": [layer]}
    # The script's TEXT_TOP and BOXHEIGHT.
    return _page("head", parameters, weights[None], queries, keys, palette, 30 + 22.5 * max(weights.shape[1:]))


def model_view(
    weights: Float[Tensor, "layer head query key"],
    queries: Sequence[str],
    keys: Sequence[str],
    palette: Palette,
    numbers: Sequence[int] = (),
) -> Page:
    """Every head of every layer as a small picture of lines; a click enlarges one.

    Raises ValueError where a script is not installed.
    """
    layers, heads = weights.shape[:2]
    parameters = {
        "display_mode": "light",  # the sheet below turns it dark
        "include_layers": list(numbers or range(layers)),
        "include_heads": list(range(heads)),
        "total_heads": heads,
    }
    longest = max(weights.shape[2:])
    # The script's thumbnails below their axis, or its enlarged head where that is higher.
    height = max(layers * (longest * 84 / heads + 10) + 38, longest * 18 + 55)
    return _page("model", parameters, weights, queries, keys, palette, height)


def check(view: str, heads: int, tokens: int) -> None:
    """Raise ValueError, before any weight is computed, where a view of so many heads would be too slow to draw."""
    most = min(MOST_TOKENS[view], int((MOST_LINES / heads) ** 0.5))
    if tokens > most:
        raise ValueError(
            f"BertViz's {view} view draws a line for every weight: of {heads:,} heads it is shown up to {most} tokens, "
            f"and there are {tokens:,}."
        )


def sealed(page: str, title: str) -> str:
    """A page around the page: its scripts run, and reach nothing of what they are shown in."""
    return (
        f'<!doctype html><html lang="en"><title>{escape(title)}</title>'
        "<style>html, body { margin: 0; height: 100%; } iframe { border: 0; width: 100%; height: 100%; "
        "display: block; }</style>"
        f'<iframe sandbox="allow-scripts" title="{escape(title)}" srcdoc="{escape(page)}"></iframe></html>'
    )


def libraries() -> str:
    """The script of what BertViz draws with: jQuery and D3, from the packages that ship them. ValueError without."""
    jquery = _file("XStatic-jQuery", "xstatic/pkg/jquery/data/jquery.min.js")
    d3 = _file("XStatic-D3", "xstatic/pkg/d3/data/d3.js")
    return f"{jquery}\n{d3}\n{ADAPTER}"


def _page(
    view: str,
    parameters: dict[str, Any],
    weights: Float[Tensor, "layer head query key"],
    queries: Sequence[str],
    keys: Sequence[str],
    palette: Palette,
    height: float,
) -> Page:
    # Rounded as float64: a rounded float32 is written with 17 digits again.
    shown = {
        "name": None,
        "attn": weights.double().round(decimals=DIGITS).tolist(),
        "left_text": [_short(token) for token in queries],
        "right_text": [_short(token) for token in keys],
    }
    parameters = {"attention": [shown], "default_filter": "0", "root_div_id": "bertviz", **parameters}
    # No token can end the script: in JSON, "<" stands inside strings alone.
    written = json.dumps(parameters, separators=(",", ":")).replace("<", "\\u003c")
    drawing = _file("bertviz", f"bertviz/{view}_view.js")
    # What comes before sets the addresses of a CDN. The first mark is the parameters' place; a comment repeats it.
    drawing = drawing[drawing.index("requirejs(") :].replace("PYTHON_PARAMS", written, 1)
    script, sheet = f"{libraries()}\n{drawing}", _sheet(palette, weights.shape[1])
    policy = f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(sheet)}"
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>BertViz {view} view</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><style>{sheet}</style></head>'
        '<body><div id="bertviz"><select id="layer" hidden></select><div id="vis"></div></div>'
        f"<script>{script}</script></body></html>"
    )
    # The body's margins, and a scroll bar where the page is narrow.
    return Page(html, round(height) + 24 + 16)


def _short(token: str) -> str:
    shown = visible(token)
    return shown if len(shown) <= LONGEST_TOKEN else shown[: LONGEST_TOKEN - 1] + "…"


def _sheet(palette: Palette, heads: int) -> str:
    """The theme around the script's black on white, and room for the head view's row of squares."""
    # Faint lines over a dark ground come out darker than it: so what was drawn on white is turned round as a whole.
    dark = "svg { filter: invert(1) hue-rotate(180deg); mix-blend-mode: screen; }"
    return (
        f"body {{ margin: 12px; min-width: {max(340, 20 * heads)}px; background: {palette.panel}; "
        "font-family: 'Helvetica Neue', Helvetica, Arial, sans-serif; } "
        f"svg {{ display: block; background: white; }} {dark if max(rgb(palette.panel)) < 128 else ''}"
    )


def _digest(text: str) -> str:
    """By which a Content Security Policy knows one inline text, and lets no other run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _file(package: str, path: str) -> str:
    try:
        return Path(str(distribution(package).locate_file(path))).read_text("utf-8")
    except (PackageNotFoundError, OSError) as error:
        raise ValueError(
            f"BertViz's views need {package}, which is not installed; `pip install {package}` brings it."
        ) from error
