"""What a silenced head gives in place of its context: zeros, its mean in this text, or its mean over others."""

from dataclasses import replace

import streamlit as st

from selfattn import Ablate
from selfattn.analysis.interventions.edit_list import Edits
from selfattn.analysis.interventions.effects import How
from selfattn.models.inputs.given import Text
from selfattn.recording.means import Means
from selfattn.ui.link import KEEP
from selfattn.ui.shell import data_sets, in_model
from selfattn.ui.shell.frame import Study

ZEROS, OWN, TEXTS = "zeros", "its mean", "mean over texts"
HELP = (
    "Zeros are what no head ever gives: off the model’s own distribution. Its mean in this text is gentler; in a "
    "causal model it is over the tokens so far. The mean over texts, at each position, is the one of the literature."
)


def pick(study: Study, edits: Edits) -> How:
    """What a silenced head gives: as the edits have it, else as the reader chooses."""
    names = [ZEROS, OWN, *([TEXTS] if isinstance(study.plain.given, Text) else [])]
    found = {_name(edit.how) for edit in edits if isinstance(edit, Ablate)} & set(names)
    if len(found) == 1 and st.session_state.get("how", ZEROS) not in found:
        st.session_state.how = found.pop()
    st.segmented_control(
        "Silenced heads give",
        names,
        default=ZEROS,
        required=True,
        key="how",
        on_change=_follow,
        args=(study,),
        help=HELP,
        **KEEP,
    )
    how = _chosen(study)
    if isinstance(how, Means):
        data_sets.pick(study.plain.choice, study.model)
    return how


def _chosen(study: Study) -> How:
    if st.session_state.how == TEXTS:
        return data_sets.chosen(study.plain.choice, study.model)
    return "mean" if st.session_state.how == OWN else "zero"


def _follow(study: Study) -> None:
    """Let the heads that are silenced give what is chosen now."""
    how, edits = _chosen(study), in_model.EDITS.get()
    in_model.EDITS.put(tuple(replace(edit, how=how) if isinstance(edit, Ablate) else edit for edit in edits))


def _name(how: How) -> str:
    return TEXTS if isinstance(how, Means) else OWN if how == "mean" else ZEROS
