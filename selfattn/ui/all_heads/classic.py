"""BertViz's head view and model view of the text: the familiar pictures, in a frame that cannot reach the app."""

import streamlit as st
import torch

from selfattn.figures import bertviz, pieces
from selfattn.figures.bertviz import Page
from selfattn.models.attention import Attention
from selfattn.ui.link import KEEP
from selfattn.ui.shell.frame import Study

VIEWS = {"Head view": "head", "Model view": "model"}
READ = {
    "head": "Lines run from the token that attends, on the left, to those it attends to; a line is as strong as the "
    "weight, divided by the number of heads shown. Point at a token for its lines alone; click a colour to hide "
    "a head, double-click it to see that head alone.",
    "model": "One small picture a head, layers from top to bottom: lines run from the token that attends, on the left, "
    "to those it attends to, and are as strong as the weight. Click a picture to enlarge it.",
}


def classic(study: Study, attention: Attention) -> None:
    """Choose a view, and draw it; where it cannot be drawn, say why and where to look instead."""
    with st.container(horizontal=True, key="classic_controls"):
        chosen = st.segmented_control("View", VIEWS, default="Head view", required=True, key="classic", **KEEP)
        view = VIEWS[chosen]
        layer = attention.numbers[0]
        if view == "head":
            layer = st.selectbox("Layer", attention.numbers, key="classic_layer", width=80, **KEEP)
    try:
        page = _page(study, attention, view, layer)
    except ValueError as error:
        st.html(pieces.notice(f"{error} The atlas and the page of one head show every number."))
        return
    st.caption(READ[view] + " Weights have four digits here.")
    layers = f"layer {layer}" if view == "head" else f"{attention.layers} layers"
    title = f"BertViz's {view} view, {attention.part} ({attention.kind}-attention): {layers}, {attention.heads} heads"
    st.iframe(bertviz.sealed(page.html, title), height=page.height, alt=title)


def _page(study: Study, attention: Attention, view: str, layer: int) -> Page:
    layers = [layer] if view == "head" else attention.numbers
    trace = study.trace()
    calls = [trace.call(each, attention.part, attention.kind) for each in layers]
    bertviz.check(view, len(calls) * attention.heads, max(calls[0].shape))
    queries, keys = trace.labels(calls[0])
    weights = torch.stack([torch.stack([call.stages(head).weights for head in range(call.heads)]) for call in calls])
    if view == "head":
        return bertviz.head_view(weights[0], layer, queries, keys, study.palette)
    return bertviz.model_view(weights, queries, keys, study.palette, layers)
