"""The figures that are made of words: headings, gauges, facts and notices, as HTML."""

from collections.abc import Sequence
from html import escape


def bars(rows: Sequence[tuple[str, float, float]], colour: str) -> str:
    """Bars between 0 and 1, each with its number and a tick at what it is compared with. NaN is written as a dash."""
    cells = []
    for name, value, baseline in rows:
        known = value == value
        width = 100 * min(max(value, 0.0), 1.0) if known else 0
        tick = ""
        if baseline == baseline:
            tick = f'<b style="left:calc({100 * min(max(baseline, 0.0), 1.0):.2f}% - 1px)"></b>'
        label = f"{name} {value:.3f}, compared with {baseline:.3f}"
        cells.append(
            f'<span class="sa-name" title="{escape(name)}">{escape(name)}</span>'
            f'<div class="sa-bar" role="img" aria-label="{escape(label)}">'
            f'<i style="width:{width:.2f}%;background:{colour}"></i>{tick}</div>'
            f'<span class="sa-number">{f"{value:.3f}" if known else "–"}</span>'
        )
    return f'<div class="sa-bars">{"".join(cells)}</div>'


def heading(text: str, note: str = "", colour: str = "inherit") -> str:
    """The small heading of a panel, in a symbol's colour where it names one, with a quiet note beside it."""
    beside = f' <span class="sa-beside">{escape(note)}</span>' if note else ""
    return f'<div class="sa-heading" style="color:{colour}">{escape(text)}{beside}</div>'


def question(text: str, answer: str) -> str:
    """A page's question, and its answer in one line."""
    return f'<h1 class="sa-question">{escape(text)}</h1><p class="sa-answer">{escape(answer)}</p>'


def note(sentence: str) -> str:
    """A quiet sentence below what it is about."""
    return f'<p class="sa-note">{escape(sentence)}</p>'


def colours(most: float, low: str, middle: str, high: str) -> str:
    """Which colour is which number, from -most over 0 to most."""
    across = f"linear-gradient(to right, {low}, {middle}, {high})"
    return f'<p class="sa-colours">\u2212{most:.2g}<i style="background:{across}"></i>{most:.2g}</p>'


def notice(sentence: str) -> str:
    """What went wrong and what to do. It may quote what a reader typed: that is shown as text, never run."""
    return f'<div class="sa-notice" role="alert">{escape(sentence)}</div>'


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Small facts, one a line."""
    lines = "".join(f"<div><b>{escape(name)}</b> {escape(value)}</div>" for name, value in rows)
    return f'<div class="sa-facts">{lines}</div>'


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A calm table: the first column names its rows, the others are set under their headings."""
    # The corner over the rows' names is no heading where it says nothing.
    head = "".join(f"<th scope=col>{escape(name)}</th>" if name else "<td></td>" for name in names)
    head = f"<thead><tr>{head}</tr></thead>" if any(names) else ""
    body = "".join(
        f"<tr><th scope=row>{escape(first)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        for first, *cells in rows
    )
    return f'<div class="sa-table" tabindex=0><table>{head}<tbody>{body}</tbody></table></div>'


def badge(text: str, wrong: bool = False) -> str:
    """A small sign, such as the fidelity of what is shown; what is wrong has another colour."""
    return f'<span class="sa-badge{" sa-wrong" if wrong else ""}">{escape(text)}</span>'
