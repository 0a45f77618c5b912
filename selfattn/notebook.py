"""What a notebook shows of a value: one piece of HTML that needs no script, and fetches nothing."""

from collections.abc import Sequence
from html import escape

from jaxtyping import Bool, Float
from torch import Tensor

# Tokens of a text whose weights are written as a table; a longer one would not be read.
LONGEST = 24
# Tokens that are listed.
LISTED = 200
PREDICTIONS = 3
_STYLE = """
.sa-value { --ink: #1C1B1A; --quiet: #6B6862; --line: #E4E0D8; --paper: #FBFAF7; --weight: 122, 63, 160;
  color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem;
  font: 14px/1.5 'Segoe UI', Optima, Candara, 'Noto Sans', sans-serif; width: fit-content; max-width: 100%;
  box-sizing: border-box; overflow-x: auto; }
@media (prefers-color-scheme: dark) { .sa-value { --ink: #ECEBE8; --quiet: #9B99A0; --line: #303036;
  --paper: #151518; --weight: 200, 155, 240; } }
.sa-value p { margin: .15rem 0; } .sa-value .quiet { color: var(--quiet); }
.sa-value i { font-style: normal; border: 1px solid var(--line); border-radius: 4px; padding: 0 .3rem;
  margin: 0 .2rem .2rem 0; display: inline-block; white-space: pre; }
.sa-value table { border-collapse: separate; border-spacing: 1px; margin: .5rem 0; font-size: 12px; }
.sa-value th { color: var(--quiet); font-weight: 400; white-space: pre; text-align: right; padding: 0 .4rem;
  background: none; }
.sa-value thead th { writing-mode: sideways-lr; text-align: left; padding: .2rem 0; }
.sa-value td { min-width: 2.3em; text-align: center; padding: .1rem .2rem; color: var(--ink);
  font-variant-numeric: tabular-nums; background: rgba(var(--weight), calc(.75 * var(--w))); }
.sa-value td.hidden { background: none; color: var(--quiet); }
.sa-value code { font-size: 12px; }
"""


def page(*parts: str) -> str:
    """Lines, tokens and tables in one frame, light or dark as the notebook is."""
    return f"<style>{_STYLE}</style><div class=sa-value>{''.join(parts)}</div>"


def line(bold: str, quiet: str) -> str:
    """A name, and what there is to say of it."""
    return f"<p><b>{escape(bold)}</b> <span class=quiet>{escape(quiet)}</span></p>"


def hint(words: str, code: str) -> str:
    """How to go on."""
    return f"<p class=quiet>{escape(words)} <code>{escape(code)}</code></p>"


def tokens(text: Sequence[str], notes: Sequence[str]) -> str:
    """A text, token by token; under the pointer a note on each."""
    shown = "".join(
        f'<i title="{escape(note)}">{escape(token)}</i>' for token, note in zip(text[:LISTED], notes, strict=False)
    )
    more = f" and {len(text) - LISTED:,} more" if len(text) > LISTED else ""
    return f"<p>{shown}{more}</p>" if text else ""


def said(kind: str, best: Sequence[tuple[str, float]]) -> str:
    """What a model says: a few answers with their probabilities."""
    answers = ", ".join(f"{escape(repr(name))} {probability:.3f}" for name, probability in best)
    return f"<p><span class=quiet>{escape(kind)}</span> {answers}</p>"


def matrix(
    title: str,
    weights: Float[Tensor, "query key"],
    keep: Bool[Tensor, "#query key"],
    attends_from: Sequence[str],
    attends_to: Sequence[str],
) -> str:
    """Weights as cells, the darker the larger; a key that may not be attended to has none. Nothing of a long text."""
    if max(weights.shape) > LONGEST:
        return ""
    head = "".join(f"<th scope=col>{escape(token)}</th>" for token in attends_to)
    rows = []
    allowed_rows = keep.expand(weights.shape).tolist()
    for token, row, allowed in zip(attends_from, weights.tolist(), allowed_rows, strict=True):
        cells = "".join(
            f'<td style="--w:{weight:.3f}">{weight:.2f}</td>' if may else "<td class=hidden>·</td>"
            for weight, may in zip(row, allowed, strict=True)
        )
        rows.append(f"<tr><th scope=row>{escape(token)}</th>{cells}</tr>")
    table = f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f"<p class=quiet>{escape(title)}: rows attend to columns</p>{table}"
