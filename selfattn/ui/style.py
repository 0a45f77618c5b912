"""The app's style sheet: what Streamlit's theme options cannot say."""

from selfattn.figures import words
from selfattn.figures.palette import Palette


def sheet(palette: Palette) -> str:
    """Panels, the text's chips, the strip of stages and the small heads, in the colours of one theme."""
    return (
        words.style(palette)
        + f"""<style>
    .stMainBlockContainer {{ padding: 1.4rem 2rem 3rem; max-width: 1500px; }}
    [data-testid=stMainBlockContainer] > div {{ gap: .75rem; }}
    header[data-testid=stHeader] {{ background: transparent; height: 2.2rem; }}
    [data-testid=stSidebar] [data-testid=stVerticalBlock] {{ gap: .7rem; }}
    .st-key-header input {{ font-size: 1.08rem; padding: .7rem .9rem; }}
    .st-key-header .stTextInput {{ flex: 1 1 20rem; }}
    .st-key-from button {{ padding: .15rem .6rem; min-height: 1.9rem; border-radius: 6px; border-color: {palette.line}; }}
    .st-key-from button p {{ font-size: .95rem; white-space: pre; }}
    .st-key-board {{ align-items: flex-start; }}
    .st-key-board > div:has(> .st-key-stages) {{ flex: 1 1 660px; min-width: min(660px, 100%); }}
    .st-key-board > div:has(> .st-key-side) {{ flex: 1 1 280px; }}
    .st-key-stages {{ overflow-x: auto; }}
    .st-key-stages > div {{ min-width: 720px; }}
    .st-key-side {{ gap: .75rem; flex-flow: row wrap; }}
    .st-key-side > div {{ flex: 1 1 250px; }}
    [class*=st-key-panel] {{ background: {palette.panel}; border: 1px solid {palette.line}; border-radius: 10px;
        padding: .85rem 1rem; }}
    .st-key-heads img {{ image-rendering: pixelated; border: 1px solid {palette.line}; border-radius: 4px; width: 100%;
        aspect-ratio: 1; }}
    </style>"""
    )


def chips(weights: list[float], palette: Palette) -> str:
    """Colour the n-th token's chip by the weight that it gets from the pinned token."""
    most = max([*weights, 1e-9])
    rules = "".join(
        f".st-key-from button:nth-of-type({place}) {{ background: color-mix(in srgb, {palette.weights} "
        f"{75 * weight / most:.0f}%, {palette.panel}); }}"
        for place, weight in enumerate(weights, start=1)
    )
    return f"<style>{rules}</style>"
