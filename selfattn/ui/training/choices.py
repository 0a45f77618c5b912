"""Every choice of a training run as a control, in three calm groups; each explains itself, and is in the link."""

from dataclasses import fields
from functools import partial
from typing import Any

import streamlit as st

from selfattn.figures import pieces
from selfattn.training.run.settings import Settings
from selfattn.ui.link import KEEP

GROUPS = {
    "Model": ("layers", "heads", "d_model", "d_ff", "norm", "pooling"),
    "Attention": ("positions", "similarity", "attention_dropout", "longest", "scaling"),
    "Training": ("epochs", "batch", "learning_rate", "dropout", "patience"),
}
MORE = ("seed", "warm_up", "weight_decay", "word_dropout", "averaging", "clip", "held_out", "informed")
# How far one click goes, where that is not one.
STEPS = {"d_model": 16, "d_ff": 64, "batch": 16, "longest": 16, "vocabulary": 500, "warm_up": 50}
CLASSIFIER = "classification"
_FIELDS = {field.name: field for field in fields(Settings)}
_USUAL = Settings()


def choose(**known: Any) -> Settings:
    """Draw the groups beside each other; returns what is chosen, with what is `known`: the task, the vocabulary.

    It may not go together yet: see `check`.
    """
    found, task = dict(known), known["task"]
    for column, (group, names) in zip(st.columns(len(GROUPS), gap="medium"), GROUPS.items(), strict=True):
        with column:
            st.html(pieces.heading(group))
            shown = [name for name in names if task == CLASSIFIER or name != "pooling"]
            with st.grid(2, min_column_width=110, vertical_alignment="bottom", key=f"group_{group}"):
                found |= {name: choice(name) for name in shown}
                if group == "Training":
                    with st.popover("More", width="stretch", key="more_choices"):
                        found |= {name: choice(name) for name in MORE}
    return Settings(**found)


def choice(name: str) -> Any:
    """The control of one choice."""
    known, default = _FIELDS[name].metadata, getattr(_USUAL, name)
    shared: dict[str, Any] = {"key": f"train_{name}", "help": known["help"], **KEEP}
    if "among" in known:
        return st.selectbox(_label(name), known["among"], known["among"].index(default), **shared)
    if isinstance(default, bool):
        return st.toggle(_label(name), default, **shared)
    number = partial(st.number_input, _label(name), **shared)
    if isinstance(default, int):
        return number(known["least"], known["most"], default, STEPS.get(name, 1))
    return number(float(known["least"]), float(known["most"]), default, _step(default), format="%g")


def _label(name: str) -> str:
    """As the field writes it: d_model stays, others are words."""
    return name if name.startswith("d_") else name.replace("_", " ").capitalize()


def _step(number: float) -> float:
    """The power of ten at or below a number: what one click adds to it."""
    return float(f"1e{f'{number:e}'.partition('e')[2]}")
