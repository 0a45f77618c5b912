"""Every head of the layer as a small picture, under the one that is looked at."""

import streamlit as st

from selfattn.figures import pieces
from selfattn.figures.thumbnails import thumbnail
from selfattn.ui import caches, controls
from selfattn.ui.place import Head
from selfattn.ui.shell.frame import Study


def heads_of_layer(study: Study, at: Head) -> None:
    """The heads with the edits in the model; a button opens one."""
    maps = caches.small_maps(study.run, at.place)
    st.html(pieces.heading(f"The {len(maps)} heads of this layer"))
    with st.container(key="heads"):
        for head, column in enumerate(st.columns(len(maps), gap="small")):
            with column:
                st.image(thumbnail(maps[head], study.palette), alt=f"Weights of head {head}", width="stretch")
                st.button(
                    str(head),
                    key=f"open_{head}",
                    type="primary" if head == at.head else "secondary",
                    width="stretch",
                    on_click=controls.open_head,
                    args=(at.layer, head),
                )
