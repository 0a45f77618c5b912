"""A change of the formula in chosen layers and heads: scale, temperature, mask, similarity, or pairs that are cut."""

from collections.abc import Callable
from typing import Any, Literal

import streamlit as st

from selfattn.analysis.interventions.edit_list import Edits, pairs_of
from selfattn.canvas.view import COLDEST, HOTTEST
from selfattn.figures import pieces
from selfattn.maths.masks import parse
from selfattn.models.attention import Attention
from selfattn.recording.edits import Cut, Edit, Mask, Scale, Similarity, Temperature
from selfattn.ui.shell import in_model
from selfattn.ui.shell.frame import Study

SIMILARITIES: tuple[Literal["dot", "cosine", "rbf"], ...] = ("dot", "cosine", "rbf")


def add_change(study: Study, attention: Attention, edits: Edits) -> None:
    """The form, which opens where it is asked for."""
    with st.popover("Add a change", key="add_change"):
        kind = st.selectbox("What", _KINDS, key="new_kind")
        make = _KINDS[kind]()
        columns = st.columns(2)
        layers = columns[0].multiselect("Layers", attention.numbers, placeholder="all", key="new_layers")
        heads = columns[1].multiselect("Heads", range(attention.heads), placeholder="all", key="new_heads")
        where: dict[str, Any] = {"layers": set(layers) or None, "heads": set(heads) or None}
        if len(study.model.attentions) > 1:
            where |= {"part": attention.part, "kind": attention.kind}
        if st.button("Add", type="primary", key="new_add"):
            try:
                in_model.EDITS.put((*edits, make(**where)))
            except ValueError as error:
                st.html(pieces.notice(str(error)))
            else:
                st.rerun()


def _temperature() -> Callable[..., Edit]:
    value = st.slider("Temperature", COLDEST, HOTTEST, 2.0, 0.1, key="new_temperature")
    return lambda **where: Temperature(value, **where)


def _scale() -> Callable[..., Edit]:
    value = st.number_input("Scale", value=None, placeholder="none: raw scores", format="%g", key="new_scale")
    return lambda **where: Scale(value, **where)


def _mask() -> Callable[..., Edit]:
    pattern = st.text_input("Pattern", "causal & window(4)", key="new_pattern", help="Combined by & | and ~.")
    alone = st.checkbox("In place of the model's own mask", key="new_replace")
    return lambda **where: Mask(parse(pattern), replace=alone, **where)


def _similarity() -> Callable[..., Edit]:
    how = st.selectbox("Similarity", SIMILARITIES, 1, key="new_similarity")
    return lambda **where: Similarity(how, **where)


def _cut() -> Callable[..., Edit]:
    written = st.text_input("Pairs of positions", placeholder="5>3, 8>0", key="new_pairs")
    later = st.checkbox("After the softmax", key="new_later")
    return lambda **where: Cut(pairs_of(written), renormalise=not later, **where)


_KINDS: dict[str, Callable[[], Callable[..., Edit]]] = {
    "Temperature": _temperature,
    "Scale": _scale,
    "Mask": _mask,
    "Similarity": _similarity,
    "Cut pairs": _cut,
}
