"""What does one attention head compute? Stage by stage, in the model's own numbers."""

import streamlit as st

from selfattn.figures import words
from selfattn.ui import controls, shell, views
from selfattn.ui.export import export

study = shell.study()

with st.container(horizontal=True, vertical_alignment="bottom", key="controls"), shell.refusing():
    at = controls.head_picker(study.model)
    call = study.trace().call(at.layer, at.part, at.kind)
    change = controls.change_picker(at, call)
controls.notes()

with shell.refusing():
    before = study.trace()
    after = study.trace(change.edits) if change.in_model else None
    trace = after or before
    call = trace.call(at.layer, at.part, at.kind).with_edits(change.edits)
    found = call.stages(at.head)

queries, _ = trace.labels(call)
shown = views.window_picker(len(queries))
pinned = views.token_picker(list(queries), found, shown)
views.chips(found, pinned, shown)

biased = call.position_bias is not None
st.html(words.equation(change.scaled, biased, not found.keep.all(), change.temperature != 1))
with st.container(horizontal=True, key="board"):
    views.stages(study, trace, call, at.head, found, change, shown, pinned)
    with st.container(key="side", width=290):
        with st.container(key="panel_cell"):
            views.arithmetic(trace, call, at.head, pinned)
        with st.container(key="panel_head"):
            views.gauge_bars(call, found)
        with st.container(key="panel_says"):
            views.prediction(before, after)

with st.container(key="panel_heads"):
    views.heads_of_layer(call, at, study.palette)
export(study, at, change.edits)
