"""The page of all heads: computing them layer by layer, their pictures, and the same numbers as a table."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import streamlit as st
import torch

from selfattn.analysis.all_heads import atlas, on_repeats
from selfattn.analysis.all_heads.atlas import Atlas, Heads
from selfattn.analysis.all_heads.on_repeats import ON_REPEATS
from selfattn.analysis.all_heads.patterns import PATTERNS
from selfattn.analysis.interventions.effects import SEED
from selfattn.canvas import component
from selfattn.canvas.all_heads import atlas_payload
from selfattn.exports.data import rows_as_csv
from selfattn.models.attention import Attention
from selfattn.recording.call import Call
from selfattn.ui import caches, controls, link, steps
from selfattn.ui.link import KEEP, QUOTED, Linked
from selfattn.ui.shell import exporting
from selfattn.ui.shell.frame import Study
from selfattn.ui.shell.source import source
from selfattn.ui.turns import turn

View = dict[str, str | float]
Layer = TypeVar("Layer")
NAMES = (*PATTERNS, ON_REPEATS.name)
OPENING: View = {"pattern": "", "order": "model", "least": 0.0}
# Every rerun is a thread of its own, and would first start a team of PyTorch's: for texts up to so many tokens that
# costs more than the team saves.
ALONE = 512
# Seconds of computing after which what is done is drawn, and the session's key of the layer that is looked at.
SLICE, LOOKED = 0.7, "atlas_looked_at"
EDITED, AS_IT_IS = "With the edits", "As it is"


def found(study: Study, attention: Attention, whole: bool = False) -> Atlas:
    """The heads of the attention that are computed by now, those that are looked at first; `whole`: all of them.

    What takes long shows how far it is, and may be stopped and gone on with.
    """
    trace, done = study.trace(), _done(study, attention)
    calls = _calls(study, attention)
    looked = st.session_state.get(LOOKED, 0)
    left = sorted(range(len(calls)), key=lambda row: (abs(calls[row].layer - looked), row))
    steps.walk(
        ((row, atlas.heads_of(trace, calls[row])) for row in left if row not in done),
        done,
        len(calls),
        _named(study, attention),
        "layers",
        _team(calls[0].shape),
        None if whole else SLICE,
    )
    found = atlas.bound(trace, calls, dict(done))
    scored = caches.repeats(study.run)
    return on_repeats.beside(found, scored) if scored else found


def go_on(study: Study, attention: Attention) -> None:
    """Come again for the layers that are left; once there are none, score induction on repeats.

    That is done when the rest is drawn: the text may have nothing to copy.
    """
    done = _done(study, attention)
    if steps.going_on(_named(study, attention), done, attention.layers):
        st.rerun()
    if len(done) == attention.layers:
        _score_on_repeats(study)


def _done(study: Study, attention: Attention) -> dict[int, Heads]:
    return caches.heads(study.run, attention.part, attention.kind)


def _named(study: Study, attention: Attention) -> str:
    return steps.name(study.run, attention.part, attention.kind)


def _calls(study: Study, attention: Attention) -> list[Call]:
    trace = study.trace()
    return [trace.call(layer, attention.part, attention.kind) for layer in attention.numbers]


def _team(shape: tuple[int, int]) -> int | None:
    return 1 if max(shape) <= ALONE else None


def edits_or_not(study: Study) -> Study:
    """The model with the edits that are in it, or as it is: a switch, where there are edits."""
    if study.run == study.plain:
        return study
    shown = st.segmented_control(
        "The model",
        [EDITED, AS_IT_IS],
        default=EDITED,
        required=True,
        key="atlas_of",
        label_visibility="collapsed",
        **KEEP,
    )
    return study if shown == EDITED else replace(study, run=study.plain)


def _score_on_repeats(study: Study) -> None:
    scored = caches.repeats(study.run)
    if not scored and on_repeats.applies(study.model):
        with turn(), st.spinner("Scoring induction on repeated random tokens …"):
            generator = torch.Generator().manual_seed(SEED)
            scored |= on_repeats.scores(study.model, generator, edits=study.run.edits)
        st.rerun()


def layer_by_layer(
    run: tuple[object, ...], done: dict[int, Layer], count: int, compute: Callable[[int], Layer], shape: tuple[int, int]
) -> list[Layer]:
    """What `compute` gives for each layer, kept in `done`; a long one shows how far it is, and may be stopped."""
    left = ((layer, compute(layer)) for layer in range(count) if layer not in done)
    steps.walk(left, done, count, steps.name(*run), "layers", _team(shape))
    return [done[layer] for layer in range(len(done))]


def pictures(study: Study, found: Atlas, attention: Attention) -> None:
    """The live grid, with room for the layers that are to come. A head opens on the page of one head."""
    view = VIEW.get()
    if "atlas" not in st.session_state:
        # The component keeps the view from here on: what it sends back is not sent to it again.
        st.session_state.atlas_opening = view
    component.mount(
        "all_heads",
        key="atlas",
        data=atlas_payload(found, st.session_state.atlas_opening, attention.numbers),
        source=source(study.model, study.run),
        on_open_change=_open,
        on_view_change=_keep_view,
        on_look_change=_look,
    )
    st.html(
        f'<p class="sa-answer">{_reading(found)} In a picture rows attend to columns, and colour grows with the '
        "square root of the weight.</p>"
    )


def _open(asked: Mapping[str, Any]) -> None:
    """Lead to the page of one head."""
    layer, head = int(asked["layer"]), int(asked["head"])
    controls.open_head(layer, head)
    link.go("one_head", layer=layer, head=head)


def _look(asked: Mapping[str, Any]) -> None:
    """Compute the layers around this one first."""
    st.session_state[LOOKED] = int(asked["layer"])


def _reading(found: Atlas) -> str:
    """What a badge needs, how many heads have one, and what the averages leave out."""
    badged = len({(badge.layer, badge.head) for badge in found.badges()})
    heads = found.table.shape[0] * found.table.shape[1]
    return (
        "A badge needs half of the way from what even attention under the same mask would give to all of the weight: "
        f"{badged or 'none'} of these {heads} heads {'have' if badged != 1 else 'has'} one. "
        "Padding tokens leave every average."
    )


def _keep_view(view: Mapping[str, Any]) -> None:
    VIEW.put(_checked({name: str(view[name]) for name in OPENING})[0])


def _checked(asked: Mapping[str, str]) -> tuple[View, list[str]]:
    """A view of what there is, and a sentence for whatever else a link asks for."""
    view, notes = dict(OPENING), []
    for name, text in asked.items():
        if not _FITS[name][0](text):
            notes.append(f"{name.capitalize()} {text[:QUOTED]} was asked for; it is {_FITS[name][1]}.")
        else:
            view[name] = float(text) if name == "least" else text
    return view, notes


def _as_link(view: View) -> dict[str, str]:
    changed = {name: value for name, value in view.items() if value != OPENING[name]}
    return {name: f"{value:g}" if isinstance(value, float) else value for name, value in changed.items()}


_FITS: dict[str, tuple[Callable[[str], object], str]] = {
    "pattern": (lambda text: text in ("", *NAMES), f"one of {', '.join(NAMES)}"),
    "order": (lambda text: text in ("model", "layer", "all"), "model, layer or all"),
    "least": (lambda text: re.fullmatch(r"\d{1,5}(\.\d{1,20})?", text), "a number from 0"),
}
VIEW = Linked(tuple(OPENING), _checked, _as_link)


# Pixels of a row of the table, and of the whole.
ROW, HIGHEST = 35, 560


def table(study: Study, found: Atlas) -> None:
    """The numbers of the pictures, a line a head; each pattern beside its uniform baseline."""
    columns = _columns(found)
    numbers = {name: st.column_config.NumberColumn(format="%.3f") for name in columns}
    for name in ("layer", "head"):
        numbers[name] = st.column_config.NumberColumn(pinned=True, width=60)
    numbers["badges"] = st.column_config.TextColumn(width=170)
    height = min(HIGHEST, ROW * (1 + len(columns["layer"])) + 3)
    st.dataframe(columns, column_config=numbers, hide_index=True, height=height, key="heads_table")
    st.download_button(
        "CSV",
        lambda: rows_as_csv(columns, zip(*columns.values(), strict=True)),
        file_name=exporting.file_name(f"{study.model.name}-heads.csv"),
        mime="text/csv",
    )
    st.html(f'<p class="sa-answer">{_reading(found)} Distance is in tokens.</p>')


def _columns(found: Atlas) -> dict[str, list[object]]:
    """The table by its columns; a number that is not there is None."""
    places = [(layer, head) for layer in found.layers for head in range(found.table.shape[1])]
    badges: dict[tuple[int, int], list[str]] = {place: [] for place in places}
    for badge in found.badges():
        badges[badge.layer, badge.head].append(f"{badge.pattern} {badge.value:.2f}")
    columns: dict[str, list[object]] = {
        "layer": [layer for layer, _ in places],
        "head": [head for _, head in places],
        "badges": [", ".join(badges[place]) for place in places],
    }
    for at, pattern in enumerate(found.patterns):
        for title, numbers in ((pattern.name, found.table), (f"{pattern.name}, uniform", found.baselines)):
            column = [float(number) for number in numbers[..., at].flatten()]
            if not all(map(math.isnan, column)):
                columns[title] = [None if math.isnan(number) else number for number in column]
    return columns
