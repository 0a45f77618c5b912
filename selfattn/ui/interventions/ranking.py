"""Every head silenced, one by one, and as many at random beside the chosen ones: measured while the reader looks on."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from selfattn.analysis.interventions import effects
from selfattn.analysis.interventions.edit_list import Edits
from selfattn.analysis.interventions.effects import REPEATS, Effect, How, Place
from selfattn.exports.data import rows_as_csv
from selfattn.figures import interventions as figures
from selfattn.figures import pieces
from selfattn.models.attention import Attention
from selfattn.ui.interventions import experiments
from selfattn.ui.interventions.asked import On
from selfattn.ui.link import KEEP
from selfattn.ui.shell import exporting
from selfattn.ui.shell.frame import Study

# Heads of a model small enough to silence each one by itself while a reader waits.
FEW = 16


def wanted(attention: Attention) -> tuple[bool, bool]:
    """What the reader wants measured in a model of many heads: the control, and each head alone."""
    heads = attention.layers * attention.heads
    if heads <= FEW:
        return True, True
    ranked = st.toggle(f"Silence each of {heads} heads, one by one", key="ranked", **KEEP)
    return st.toggle("Compare with random heads", key="compared", **KEEP), ranked


def measure_at_once(study: Study, attention: Attention, edits: Edits, how: How, on: On) -> None:
    """In a model of few heads, measure before the picture is drawn."""
    if attention.layers * attention.heads <= FEW:
        _measure(study, attention, edits, how, on, (True, True))


def measure(study: Study, attention: Attention, edits: Edits, how: How, on: On, wanted: tuple[bool, bool]) -> None:
    """Measure what is wanted below the picture, and draw that again with what is found."""
    if _measure(study, attention, edits, how, on, wanted):
        st.rerun()


def _measure(study: Study, attention: Attention, edits: Edits, how: How, on: On, wanted: tuple[bool, bool]) -> bool:
    """True where something was measured that had not been."""
    compared, ranked = wanted
    silenced = effects.silenced(edits, attention)
    known = _known(study, attention, how, on, silenced)
    if compared and 0 < len(silenced) <= attention.layers * attention.heads - len(silenced):
        experiments.control(study.plain, on, attention, how, silenced)
    if ranked:
        experiments.ranking(study.plain, on, attention, how)
    return _known(study, attention, how, on, silenced) != known


def _known(study: Study, attention: Attention, how: How, on: On, silenced: frozenset[Place]) -> tuple[int, int]:
    alone = experiments.alone(study.plain, on, attention, how)
    return len(alone), len(experiments.drawn(study.plain, on, attention, how, silenced))


def table(study: Study, attention: Attention, how: How, on: On) -> None:
    """Every head by what silencing it alone does, beside how much that differs from head to head."""
    alone = experiments.alone(study.plain, on, attention, how)
    if not alone:
        return
    found = experiments.measure(study.plain, on)
    columns = _columns(alone)
    st.html(pieces.heading("Every head, silenced alone", _beside(alone, found.name)))
    scores = experiments.induction(study.plain) if on.where == REPEATS else {}
    if scores:
        columns["induction score"] = [scores[place] for place in alone]
        st.html(f'<p class="sa-answer">{figures.seen_and_needed(scores, alone)}</p>')
    numbers: dict[str, Any] = {name: st.column_config.NumberColumn(format="%.4f") for name in list(columns)[2:]}
    order = sorted(range(len(alone)), key=lambda row: -abs(columns["change"][row]))
    shown = {name: [column[row] for row in order] for name, column in columns.items()}
    st.dataframe(shown, column_config=numbers, hide_index=True, height=min(38 + 35 * len(alone), 300), key="effects")
    st.download_button(
        "CSV",
        lambda: rows_as_csv(shown, zip(*shown.values(), strict=True)),
        file_name=exporting.file_name(f"{study.model.name}-silenced.csv"),
        mime="text/csv",
    )
    st.caption(f"Moved: {found.moved}.")


def _beside(alone: Mapping[Place, Effect], name: str) -> str:
    found = effects.spread(alone.values())
    return f"change of the {name}; all {found.draws}: {figures.signed(found.mean)} ± {found.deviation:.3f}"


def _columns(alone: Mapping[Place, Effect]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        "layer": [layer for layer, _ in alone],
        "head": [head for _, head in alone],
        "change": [each.change for each in alone.values()],
        "before": [each.before for each in alone.values()],
        "after": [each.after for each in alone.values()],
        "moved": [each.moved for each in alone.values()],
    }
    logits = [each.logit for each in alone.values()]
    if None not in logits and logits != columns["change"]:
        columns["change of the logit"] = logits
    return columns
