"""The figures that are made of words: the equation, the arithmetic of one cell, gauges and predictions, as HTML."""

import re
from collections.abc import Sequence
from html import escape

from selfattn.models.tokens import visible


def equation(scaled: bool, biased: bool, masked: bool, tempered: bool) -> str:
    """The attention equation with the stages that are on; a scaling that is off is struck out."""
    scale = " / √d<sub>k</sub>" if scaled else " <s>/ √d<sub>k</sub></s>"
    mask = " + mask" if masked else ""
    bias = " + bias" if biased else ""
    inner = f'<span class="sa-q">Q</span> <span class="sa-k">K</span>ᵀ{scale}{bias}'
    logits = f"({inner}) / T{mask}" if tempered else f"{inner}{mask}"
    return (
        f'<div class="sa-equation" role="math"><span class="sa-w">weights</span> = softmax( {logits} ) &emsp; '
        f'context = <span class="sa-w">weights</span> · <span class="sa-v">V</span></div>'
    )


def arithmetic(
    query: str,
    key: str,
    score: float,
    scale: float,
    scaled: float,
    bias: float,
    temperature: float,
    logit: float,
    largest: float,
    total: float,
    weight: float,
    uniform: float,
) -> str:
    """One cell by its numbers, from q . k to the weight. `bias` is all that is added to the scaled score."""
    names = f'<span class="sa-q">{escape(query)}</span> → <span class="sa-k">{escape(key)}</span>'
    head = f'<div class="sa-heading">{names}, by the numbers</div>'
    lines = [
        f'<span class="sa-q">q</span>·<span class="sa-k">k</span> = {score:.3f}',
        f"× {scale:.4g} = {scaled:.3f}",
    ]
    if abs(bias) > 5e-4:
        lines.append(f"{'+' if bias > 0 else '−'} {abs(bias):.3f} (position, cap) = {scaled + bias:.3f}")
    if temperature != 1.0:
        lines.append(f"÷ T = {temperature:g} → {logit:.3f}")
    if weight == 0.0 and logit == float("-inf"):
        lines.append("mask: may not attend")
    else:
        lines.append(f"e<sup>{logit:.3f} − {largest:.3f}</sup> ÷ {total:.3f}")
    lines.append(f'<span class="sa-w">weight = {weight:.4f}</span> <span class="sa-quiet">uniform {uniform:.4f}</span>')
    return head + f'<div class="sa-arithmetic">{"<br>".join(lines)}</div>'


def bars(title: str, rows: Sequence[tuple[str, float, float | None]], note: str = "", colour: str | None = None) -> str:
    """Bars between 0 and 1, each with its number and a tick at what it is compared with. NaN is written as a dash."""
    cells = []
    paint = f";background:{colour}" if colour else ""
    for name, value, baseline in rows:
        known = value == value
        width = 100 * min(max(value, 0.0), 1.0) if known else 0
        tick = ""
        if baseline is not None and baseline == baseline:
            tick = f'<b style="left:calc({100 * min(max(baseline, 0.0), 1.0):.2f}% - 1px)"></b>'
        label = f"{name} {value:.3f}" + ("" if baseline is None else f", compared with {baseline:.3f}")
        cells.append(
            f'<span class="sa-name" title="{escape(name)}">{escape(name)}</span>'
            f'<div class="sa-bar" role="img" aria-label="{escape(label)}">'
            f'<i style="width:{width:.2f}%{paint}"></i>{tick}</div>'
            f'<span class="sa-number">{f"{value:.3f}" if known else "–"}</span>'
        )
    foot = f'<div class="sa-note">{escape(note)}</div>' if note else ""
    head = f'<div class="sa-heading">{escape(title)}</div>' if title else ""
    return f'{head}<div class="sa-bars">{"".join(cells)}</div>{foot}'


def heading(text: str, note: str = "", colour: str = "inherit") -> str:
    """The small heading of a panel, in a symbol's colour where it names one, with a quiet note beside it."""
    beside = f' <span class="sa-beside">{escape(note)}</span>' if note else ""
    return f'<div class="sa-heading" style="color:{colour}">{escape(text)}{beside}</div>'


def question(text: str, answer: str) -> str:
    """A page's question, and its answer in one line."""
    return f'<h1 class="sa-question">{escape(text)}</h1><p class="sa-answer">{escape(answer)}</p>'


def notice(sentence: str) -> str:
    """What went wrong and what to do. It may quote what a reader typed: that is shown as text, never run."""
    return f'<div class="sa-notice" role="alert">{escape(sentence)}</div>'


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Small facts, one a line."""
    lines = "".join(f"<div><b>{escape(name)}</b> {escape(value)}</div>" for name, value in rows)
    return f'<div class="sa-facts">{lines}</div>'


def plain_markdown(text: str) -> str:
    """Text as a Markdown label that shows it letter by letter: no links, pictures, formulas or icons come of it."""
    escaped = re.sub(r"([\\`*_{}\[\]()#+\-.!|~<>$&^=])", r"\\\1", visible(text))
    # A word joiner inside `:name:` keeps it from turning into an icon.
    return escaped.replace(":", ":\u2060")


def badge(text: str) -> str:
    """A small sign, such as the fidelity of what is shown."""
    return f'<span class="sa-badge">{escape(text)}</span>'
