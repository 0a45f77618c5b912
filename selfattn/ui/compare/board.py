"""The page that compares: how far apart all heads read, layer by layer, and the live picture of two of them."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from selfattn.analysis.compare import comparison
from selfattn.analysis.compare.comparison import Comparison, Divergence
from selfattn.canvas import compare, component
from selfattn.canvas.compare import Compared, Side
from selfattn.canvas.payload import pack
from selfattn.ui import caches, controls
from selfattn.ui.all_heads import heads
from selfattn.ui.caches import Run
from selfattn.ui.compare.sides import Sides
from selfattn.ui.kept import kept
from selfattn.ui.link import QUOTED, Linked, linked
from selfattn.ui.place import Head
from selfattn.ui.shell.source import source

KEY = "comparison"
# Tokens of a text whose pairs are compared one by one.
LONGEST = 1024
FORMULA = (
    "Jensen-Shannon divergence of their rows in bits, the mean over queries with a choice: 0 where equal, 1 where "
    "disjoint."
)
CAVEAT = "Different attention is not yet a different computation: what is mixed, the values, counts as much."


def run(sides: Sides) -> Compared:
    """Run both. Raises ValueError for a text that is too long to be compared here."""
    return _run(sides.first, sides.second, sides.first_at, sides.second_at, sides.titles())


@kept("Running both …", holds=True)
def _run(first: Run, second: Run, first_at: Head, second_at: Head, titles: tuple[str, str]) -> Compared:
    return Compared.of(_side("A", first, first_at, titles[0]), _side("B", second, second_at, titles[1]))


def _side(name: str, run: Run, at: Head, title: str) -> Side:
    call = caches.call(run, at.place)
    longest = max(call.shape)
    if longest > LONGEST:
        raise ValueError(
            f"{name}'s input has {longest:,} tokens: {longest**2:,} weights in every head. "
            f"Up to {LONGEST:,} tokens are compared here; shorten it."
        )
    return Side(caches.trace(run), call, at.head, title)


@kept(grows=True)
def _kept(first: Run, second: Run, of_first: Head | tuple[str, str]) -> dict[int, Divergence]:
    """Where layers are kept as they are done."""
    return {}


def found(sides: Sides, pair: Compared) -> Comparison:
    """How far apart the heads read: each and its namesake, or A's head and every one of B's model."""
    at = sides.first_at
    layer, head = (at.layer, at.head) if sides.of_heads else (None, None)
    key = (sides.first, sides.second, at if sides.of_heads else (at.part, at.kind))
    calls = comparison.pairs(pair.first.trace, pair.second.trace, at.part, at.kind, layer)
    layers = heads.layer_by_layer(
        key,
        _kept(*key),
        len(calls),
        lambda n: comparison.of_layer(*calls[n], pair.queries, pair.keys, head),
        pair.first.call.shape,
    )
    return Comparison.of(layers, [second.layer for _, second in calls])


def picture(sides: Sides, pair: Compared, found: Comparison) -> None:
    """The live picture; a click in the grid of heads shows that head."""
    state = st.session_state
    query, key = CELL.get() or (None, None)
    if KEY not in state:
        # The component keeps the cell from here on: what it sends back is not sent to it again.
        state.comparison_opening = {"query": query, "key": key}
    about, planes = compare.pair_payload(pair)
    about |= {"heads": _heads(sides, pair, found), "view": state.comparison_opening}
    component.mount(
        "compare",
        key=KEY,
        data=pack(about, planes | compare.divergences(found)),
        source=source(pair.first.trace.model, sides.first, sides.first_at),
        on_open_change=partial(_open, sides),
        on_view_change=_hear,
    )
    st.html(f'<p class="sa-answer">{_sentence(sides, found)} {CAVEAT}</p>')


def _heads(sides: Sides, pair: Compared, found: Comparison) -> dict[str, Any]:
    """The words of the panel of all heads, their order, and which of them is looked at."""
    first, second = sides.first_at, sides.second_at
    note = FORMULA
    layers, count = found.bits.shape
    own = pair.first.trace.model.attention(first.part, first.kind)
    other = pair.second.trace.model.attention(second.part, second.kind)
    if not sides.of_heads and (own.numbers, own.heads) != (other.numbers, other.heads):
        note += f" Both models have these {layers} layers of {count} heads."
    share = float(found.left_out.nanmean())
    if share >= 5e-4:
        note += f" {share:.1%} of the weight lies on tokens that only one of the two has, and is left out."
    title = "Which heads read like A's?" if sides.of_heads else "Which heads differ most?"
    return {
        "title": title,
        "note": note,
        "at": (second.layer, second.head),
        "layers": found.layers,
        "ranking": _ranking(sides, found),
    }


def _ranking(sides: Sides, found: Comparison) -> list[tuple[int, int]]:
    """The heads in the order that the reader wants to see: the most unlike first; of other heads, the most alike."""
    ranked = found.ranked()
    if not sides.of_heads:
        return ranked
    itself = (sides.first_at.layer, sides.first_at.head) if sides.first == sides.second else None
    return [place for place in reversed(ranked) if place != itself]


def _sentence(sides: Sides, found: Comparison) -> str:
    ranking = _ranking(sides, found)
    if not ranking:
        return "The two have no token in common, so their heads cannot be compared."
    (layer, head), (last_layer, last_head) = ranking[0], ranking[-1]
    rows = found.layers.index(layer), found.layers.index(last_layer)
    bits, last = float(found.bits[rows[0], head]), float(found.bits[rows[1], last_head])
    if not sides.of_heads:
        return f"These maps differ most in layer {layer}, head {head}: {bits:.2f} bits; equal maps give 0."
    return (
        f"Most like A's head here is layer {layer}, head {head}, at {bits:.2f} bits; "
        f"least like it is layer {last_layer}, head {last_head}, at {last:.2f}; equal maps give 0."
    )


def _open(sides: Sides, asked: Mapping[str, Any]) -> None:
    """Show the head that was clicked: as both heads, or as B's where one head is compared with the others."""
    controls.open_head(int(asked["layer"]), int(asked["head"]), second=sides.of_heads)


def _hear(view: Mapping[str, Any]) -> None:
    query, key = view.get("query"), view.get("key")
    if isinstance(query, int) and isinstance(key, int) and min(query, key) >= 0:
        CELL.put((query, key))
    else:
        CELL.put(None)


def _cell(written: str) -> tuple[int, int]:
    asked = re.fullmatch(r"(\d{1,5})>(\d{1,5})", written)
    if asked is None:
        raise ValueError(f"Cell {written[:QUOTED]} was asked for; it is two positions from 0, such as 5>3.")
    return int(asked[1]), int(asked[2])


# The pinned cell: query and key.
CELL: Linked[tuple[int, int] | None] = linked("cell", _cell, lambda cell: cell and f"{cell[0]}>{cell[1]}", None)
