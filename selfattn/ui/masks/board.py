"""The page of masks: what a reader draws in the browser, kept in the link and put into the model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st

from selfattn import Mask, Trace
from selfattn.analysis.masks import reach
from selfattn.canvas import component
from selfattn.canvas.masks import mask_payload, unpainted
from selfattn.canvas.prediction import prediction_of
from selfattn.canvas.view import UNCHANGED
from selfattn.exports import data, python
from selfattn.maths.masks import Both, Either, MaskPattern, parse
from selfattn.models.attention import Attention
from selfattn.recording.call import Call
from selfattn.ui import caches, controls, link
from selfattn.ui.link import QUOTED, Linked
from selfattn.ui.place import Head
from selfattn.ui.shell import exporting, writing
from selfattn.ui.shell.examples import HEADS
from selfattn.ui.shell.frame import UNITS, Study
from selfattn.ui.shell.source import source

KEY = "mask"
OPENING = "causal & window(3)"
EVERYWHERE, LAYER, HEAD = "every layer", "this layer alone", "this head alone"
DEEPEST = 99  # layers that a link may ask for
# Tokens of a text whose mask the browser computes with.
LONGEST_LIVE = 1024


@dataclass(frozen=True)
class Place:
    """Where the mask is put: the head whose weights are shown, the attention that it belongs to, and how far."""

    at: Head
    attention: Attention
    where: str

    def edit(self, pattern: MaskPattern) -> Mask:
        """The mask as an edit of the forward pass; the model's own mask stays."""
        layers = None if self.where == EVERYWHERE else {self.at.layer}
        heads = {self.at.head} if self.where == HEAD else None
        return Mask(pattern, layers=layers, heads=heads, part=self.at.part, kind="self")


@dataclass(frozen=True)
class Drawn:
    """A mask, as it is written, and after how many layers its reach is shown: None for all of them."""

    pattern: MaskPattern
    written: str
    after: int | None


def place(study: Study) -> Place:
    """The controls: which head's weights are shown, and which layers get the mask."""
    model = study.model
    named = {each.part: each for each in model.attentions if each.kind == "self"}
    part = next(iter(named))
    if len(named) > 1:
        part = st.selectbox("Self-attention", named, key="mask_part", width=240, **link.KEEP)
    attention = named[part]
    worth, layer, head = HEADS.get(model.name, ("", 0, 0))
    layer, head = (layer, head) if worth in ("", f"{part}, self") else (0, 0)
    layer, head = controls.layer_and_head(attention, layer, head, model)
    where = st.selectbox("Put it into", [EVERYWHERE, LAYER, HEAD], key="mask_in", width=250, **link.KEEP)
    return Place(Head(part, "self", layer, head), attention, where)


def drawn(study: Study, place: Place) -> Drawn:
    """The mask that the reader has drawn, or that their link asks for. What was painted belongs to its sentence."""
    state, found = st.session_state, MASK.get()
    names = study.trace().labels(_call(study, place))[0]
    if state.setdefault("mask_tokens", names) != names and found == state.mask_known:
        found = _of(unpainted(found.pattern), found.after)
    if found.after is None:
        found = replace(found, after=place.attention.layers)
    if found != state.get("mask_known"):
        # The browser holds the mask while the reader draws: it takes another one only with a new revision.
        state.mask_known, state.mask_revision = found, state.get("mask_revision", -1) + 1
    state.mask_tokens = names
    MASK.put(found)
    return found


def _of(pattern: MaskPattern, after: int | None) -> Drawn:
    """A mask in its own words, without the brackets around them."""
    written = str(pattern)
    return Drawn(pattern, written[1:-1] if isinstance(pattern, Both | Either) else written, after)


def _read(asked: Mapping[str, str]) -> tuple[Drawn, list[str]]:
    """The mask that a link asks for, and a sentence for what of it could not be read."""
    written, after, sentences = asked.get("keep", OPENING), asked.get("after", ""), []
    if after and not re.fullmatch(r"\d{1,2}", after):
        quoted = after[:QUOTED]
        sentences.append(f"After {quoted} layers was asked for; it is a whole number up to {DEEPEST}. All are used.")
        after = ""
    try:
        pattern = parse(written)
    except ValueError as error:
        sentences.append(f"{error} {OPENING} is used.")
        pattern = parse(OPENING)
    return _of(pattern, int(after) if after else None), sentences


def _write(drawn: Drawn) -> dict[str, str]:
    return {"keep": drawn.written, "after": str(drawn.after)}


MASK = Linked(("keep", "after"), _read, _write, noun="This mask")


def _call(study: Study, place: Place) -> Call:
    call = study.trace().call(place.at.layer, place.at.part, "self")
    queries, keys = call.shape
    if queries != keys:
        raise ValueError(
            f"Here {queries} queries read {keys} pooled keys; which token reaches which is asked of tokens that "
            "read tokens. Choose another layer."
        )
    if queries > LONGEST_LIVE:
        raise ValueError(
            f"The text has {queries:,} tokens; masks are drawn up to {LONGEST_LIVE:,}. Shorten it, or use "
            "Mask in Python on this text."
        )
    return call


def picture(study: Study, place: Place, drawn: Drawn) -> None:
    """The mask, its reach, its cost, the head's weights and the prediction, live."""
    state, attention = st.session_state, place.attention
    masked = study.run.under((*study.run.edits, place.edit(drawn.pattern)))
    before, after = study.trace(), caches.trace(masked)
    known, planes = caches.head_payload(study.run, place.at)
    about = {
        "expression": drawn.written,
        "revision": state.mask_revision,
        "after": drawn.after,
        "done": state.get("mask_done", 0),
        "unit": UNITS[study.model.task.reads[0]],
        "layer": place.at.layer,
        "number": place.at.head,
        "layers": attention.layers,
        "heads": attention.heads,
        "where": place.where,
        "prediction": {**prediction_of(before, after), **writing.wording(study.run, masked, study.model)},
        "sentences": _sentences(study, place),
        "changes": [place.where],
        "unchanged": UNCHANGED.as_json(),
    }
    of = source(study.model, study.run, place.at)
    component.mount("masks", key=KEY, data=mask_payload(known, planes, about), source=of, on_draw_change=_draw)


def _sentences(study: Study, place: Place) -> list[str]:
    """What has to be known about what the model says under the mask."""
    found = [f"With this mask in {place.where}, beside the model as it is."]
    if len(study.model.attentions) > 1:
        found.append(f"The mask is in the {place.at.part}'s self-attention; the others stay as they are.")
    return found


def _draw(told: Mapping[str, Any]) -> None:
    """Take what the reader has drawn; what cannot be read is said, and the mask before it stays."""
    state = st.session_state
    state.mask_done = told["at"]
    state.mask_known = replace(MASK.get(), after=min(max(int(told["after"]), 0), DEEPEST))
    try:
        state.mask_known = replace(state.mask_known, pattern=parse(told["expression"]), written=str(told["expression"]))
    except ValueError as error:
        link.note("keep", str(error))
    MASK.put(state.mask_known)


def export(study: Study, place: Place, drawn: Drawn) -> None:
    """The expression, the Python of the edit, and the mask as numbers, in the sidebar's menu."""
    run, at = study.run, place.at
    where = (at.layer, at.head, at.part, at.kind)
    edit = place.edit(drawn.pattern)
    code = {
        "The mask as an expression": drawn.written,
        "The Python that puts it into the model": python.of_head(
            run.choice, run.given, [*run.edits, edit], *where, run.pad, run.written
        ),
    }
    made = ("Mask, reach and weights as CSV", partial(_csv, study, place, drawn.pattern))
    exporting.menu({f"{study.model.name}-mask.csv": made}, code)


def _csv(study: Study, place: Place, pattern: MaskPattern) -> bytes:
    """One line a pair: may it attend, the first layer at which it has heard, its weight in this head alone."""
    before: Trace = study.trace()
    call = before.call(place.at.layer, place.at.part, "self").with_edits([*study.trace().edits, Mask(pattern)])
    stages = call.stages(place.at.head)
    names = [data.cell(name) for name in before.labels(call)[0]]
    first = reach.first_layers(stages.keep.cpu())
    numbers: list[list[list[Any]]] = [each.tolist() for each in (stages.keep.int(), first, stages.weights)]
    columns = ["query", "key", "attends_from", "attends_to", "may_attend", "heard_after_layers", "weight"]
    rows = (
        [i, j, names[i], names[j], numbers[0][i][j], None if numbers[1][i][j] < 0 else numbers[1][i][j], weight]
        for i, row in enumerate(numbers[2])
        for j, weight in enumerate(row)
    )
    return data.rows_as_csv(columns, rows)
