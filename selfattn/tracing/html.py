"""What a notebook shows of a trace: one piece of HTML that needs no script, and fetches nothing."""

from html import escape
from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    from selfattn.tracing.trace import Trace

# Tokens of a text whose weights are written as a table; a longer one would not be read.
LONGEST = 24
# Tokens that are listed.
LISTED = 200
PREDICTIONS = 3
_STYLE = """
.sa-trace { --ink: #1C1B1A; --quiet: #6B6862; --line: #E4E0D8; --paper: #FBFAF7; --weight: 122, 63, 160;
  color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem;
  font: 14px/1.5 'Segoe UI', Optima, Candara, 'Noto Sans', sans-serif; width: fit-content; max-width: 100%;
  box-sizing: border-box; overflow-x: auto; }
@media (prefers-color-scheme: dark) { .sa-trace { --ink: #ECEBE8; --quiet: #9B99A0; --line: #303036;
  --paper: #151518; --weight: 200, 155, 240; } }
.sa-trace p { margin: .15rem 0; } .sa-trace .quiet { color: var(--quiet); }
.sa-trace i { font-style: normal; border: 1px solid var(--line); border-radius: 4px; padding: 0 .3rem;
  margin: 0 .2rem .2rem 0; display: inline-block; white-space: pre; }
.sa-trace table { border-collapse: separate; border-spacing: 1px; margin: .5rem 0; font-size: 12px; }
.sa-trace th { color: var(--quiet); font-weight: 400; white-space: pre; text-align: right; padding: 0 .4rem;
  background: none; }
.sa-trace thead th { writing-mode: sideways-lr; text-align: left; padding: .2rem 0; }
.sa-trace td { min-width: 2.3em; text-align: center; padding: .1rem .2rem; color: var(--ink);
  font-variant-numeric: tabular-nums; background: rgba(var(--weight), calc(.75 * var(--w))); }
.sa-trace td.hidden { background: none; color: var(--quiet); }
.sa-trace code { font-size: 12px; }
"""


def trace_html(trace: "Trace") -> str:
    """A trace for a notebook: tokens, prediction, fidelity, and one head's weights where the text is short."""
    call = trace.calls[0]
    stages = call.stages(0)
    labels = trace.labels(call)
    shape = " + ".join(
        f"{each.layers} × {each.heads} heads ({each.part}{', cross' if each.kind == 'cross' else ''})"
        for each in trace.model.attentions
    )
    edits = f", {len(trace.edits)} edit{'s' if len(trace.edits) > 1 else ''} in the model" if trace.edits else ""
    parts = [
        f"<p><b>{escape(trace.model.name)}</b> <span class=quiet>{escape(shape)}{edits}, "
        f"exact to {trace.fidelity:.1e}</span></p>",
        _tokens(trace.tokens.text),
        _prediction(trace),
    ]
    if max(call.shape) <= LONGEST:
        parts.append(f"<p class=quiet>weights of {escape(call.title)}, head 0: rows attend to columns</p>")
        parts.append(_table(stages.weights, stages.keep, *labels))
    parts.append("<p class=quiet>any head: <code>trace.stages(layer, head).weights</code></p>")
    return f"<style>{_STYLE}</style><div class=sa-trace>{''.join(parts)}</div>"


def _tokens(text: tuple[str, ...]) -> str:
    shown = "".join(f"<i>{escape(token)}</i>" for token in text[:LISTED])
    more = f" and {len(text) - LISTED:,} more" if len(text) > LISTED else ""
    return f"<p>{shown}{more}</p>" if text else ""


def _prediction(trace: "Trace") -> str:
    said = trace.prediction
    if said is None:
        return ""
    best = ", ".join(f"{escape(repr(name))} {probability:.3f}" for name, probability in said.top(PREDICTIONS))
    return f"<p><span class=quiet>{escape(said.kind)}</span> {best}</p>"


def _table(
    weights: Float[Tensor, "query key"], keep: Tensor, attends_from: tuple[str, ...], attends_to: tuple[str, ...]
) -> str:
    """Weights as cells, the darker the larger; a key that may not be attended to has none."""
    head = "".join(f"<th scope=col>{escape(token)}</th>" for token in attends_to)
    rows = []
    for token, row, allowed in zip(attends_from, weights.tolist(), keep.tolist(), strict=True):
        cells = "".join(
            f'<td style="--w:{weight:.3f}">{weight:.2f}</td>' if may else "<td class=hidden>·</td>"
            for weight, may in zip(row, allowed, strict=True)
        )
        rows.append(f"<tr><th scope=row>{escape(token)}</th>{cells}</tr>")
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
