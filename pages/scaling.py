"""Why divide by the square root of d? Scaled and raw scores side by side, at random and in the model's own heads."""

import streamlit as st

from selfattn.analysis import scaling
from selfattn.figures import pieces
from selfattn.ui import caches, controls, link
from selfattn.ui import scaling as scaling_views
from selfattn.ui.shell.frame import OWN, Study, routed
from selfattn.ui.shell.refusing import refusing
from selfattn.ui.shell.source import source as source_of

DIMENSIONS = tuple(2**n for n in range(11))
RANDOM = "random q and k"


@routed
def page(study: Study) -> None:
    """Raw beside scaled, and how that goes with d."""
    st.html(
        pieces.question(
            "Why divide by √d?",
            "A sum of d products grows like √d. Undivided, the softmax picks one key and its gradient dies.",
        )
    )
    with st.container(horizontal=True, vertical_alignment="bottom"), refusing():
        source = st.segmented_control(
            "Queries and keys", [RANDOM, OWN], default=RANDOM, required=True, key="data", **link.KEEP
        )
        if source == RANDOM:
            d = st.select_slider("d", DIMENSIONS, 64, key="d", width=280, **link.KEEP)
        else:
            at = controls.head_picker(study.model)
        temperature = controls.temperature_picker(220)

    of = None if source == RANDOM else source_of(study.model, study.plain, at)
    if source == RANDOM:
        both = scaling.random_stages(d, temperature)
        measured = {scaled: scaling.saturation_of(stages) for scaled, stages in both.items()}
    else:
        call = caches.trace(study.plain).call(at.layer, at.part, at.kind)
        both = scaling.head_stages(call, at.head, temperature)
        layer = scaling.head_saturation(call, temperature)
        measured = {scaled: layer[scaled][at.head] for scaled in both}

    scaling_views.sides(both, measured, study.palette, of)
    if source == RANDOM:
        st.html(
            pieces.heading(
                "From d = 1 to 1024",
                "32 keys, 4000 queries, standard normal; the dashed line is raw, the whole line divided by √d",
            )
        )
        scaling_views.sweeps(DIMENSIONS, caches.random_saturation(DIMENSIONS, temperature), d, study.palette)
    else:
        st.html(
            pieces.heading(
                f"Every head of layer {at.layer}",
                "from raw (diamond) to the model's own scale (dot), on the same q and k",
            )
        )
        scaling_views.heads(layer, study.palette, of)
