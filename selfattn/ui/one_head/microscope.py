"""The one-head picture on the page: what the reader sets in the browser, kept in the link and sent into the model."""

from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any, cast
from uuid import uuid4

import streamlit as st

from selfattn import Model, Trace
from selfattn.canvas import component, view
from selfattn.canvas.payload import pack
from selfattn.canvas.prediction import prediction_of
from selfattn.canvas.view import View
from selfattn.figures import pieces
from selfattn.recording.edits import Edit, to_json
from selfattn.ui import caches
from selfattn.ui.interventions.experiments import edits_in_model
from selfattn.ui.place import Head
from selfattn.ui.shell import writing
from selfattn.ui.shell.frame import Study

KEY = "microscope"
# How a head is shown first, by what its model reads.
PICTURES = {"picture": "image", "sound": "sound"}
# Tokens of a text whose matrices the browser computes whole; a longer one is a map of tiles.
LONGEST_LIVE = 1024
_NAMES = [view.LINK_NAMES.get(name, name) for name in View.__dataclass_fields__]


def read_link(model: Model) -> tuple[Edit, ...]:
    """Take from the link what it asks for where that is new; returns the edits that the reader put into the model.

    Going to another page takes the view out of the link, and coming back puts it there again.
    """
    state = st.session_state
    arrived = state.page != state.page_before
    _heard(getattr(state.get(KEY), "view", None))
    asked = {name: st.query_params[name] for name in _NAMES if name in st.query_params}
    if "view" not in state or (asked != state.written_view and not (arrived and not asked)):
        state.view, notes = view.from_link(asked)
        _open()
        for note in notes:
            st.html(pieces.notice(note))
    elif arrived:
        _open()
    _open_on_its_picture(model, asked)
    _write(state.view)
    return edits_in_model()


def _open_on_its_picture(model: Model, asked: dict[str, str]) -> None:
    """A model of pictures or sounds opens on those, unless the link says otherwise."""
    state, wants = st.session_state, model.task.reads[0]
    if state.get("drawn_for") != wants and wants in PICTURES and "show" not in asked:
        state.view = replace(state.view, show=PICTURES[wants])
        _open()
    state.drawn_for = wants


def _heard(told: dict[str, Any] | None) -> bool:
    """Take what the browser tells of its view, where that is new."""
    state = st.session_state
    if told is None or told == state.get("told_view"):
        return False
    state.told_view = told
    state.view, _ = view.read(told)
    _write(state.view)
    return True


def _open() -> None:
    """The browser holds the view while the reader moves it: it takes another one only with a new revision."""
    state = st.session_state
    state.opened_view, state.opening_view = state.get("opened_view", -1) + 1, state.view


def _write(current: View) -> None:
    link = current.as_link()
    for name in _NAMES:
        if name not in link:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != link[name]:
            st.query_params[name] = link[name]
    st.session_state.written_view = link


def microscope(study: Study, before: Trace, after: Trace | None, at: Head, temperature: float) -> View:
    """The picture itself: one message with the head's numbers; what moves after that moves in the browser.

    `temperature` divides the logits of the model's next token.
    Returns what the reader has set there.
    """
    state, trace = st.session_state, after or before
    (about, planes), identity = _payload(study, trace, at)
    about = {
        **about,
        "id": identity,
        "applied": _as_applied(trace.edits, state.opening_view, at) if after else None,
        "prediction": {
            **prediction_of(before, after, temperature),
            **writing.wording(study.run, trace.edits, study.model),
            "writable": writing.goes_on(study.model),
        },
        "view": state.opening_view.as_json(),
        "revision": state.opened_view,
        "session": state.setdefault("session", uuid4().hex),
    }
    told = component.mount(
        "one_head",
        key=KEY,
        data=pack(about, planes),
        on_view_change=lambda: None,
        on_apply_change=partial(_apply, at),
        on_undo_change=_undo,
        on_write_change=partial(_write_on, study.run),
    ).view
    # After a lost connection a new session hears of the browser's view only now.
    if _heard(told):
        st.rerun()
    return cast(View, state.view)


def _payload(study: Study, trace: Trace, at: Head) -> tuple[caches.Payload, str]:
    """What the browser needs of a head, and a name for it. Of a long text Python makes the overview for each view."""
    run = study.run.under(trace.edits)
    if max(trace.call(at.layer, at.part, at.kind).shape) <= LONGEST_LIVE:
        return caches.head_payload(run, at), _name(run, at)
    alone = to_json(st.session_state.view.edits())
    return caches.long_payload(run, at, alone), _name(run, at, alone)


def _name(*what: object) -> str:
    """A short name for what is drawn: the browser keeps its state while this stays the same."""
    return sha256(repr(what).encode()).hexdigest()


def _as_applied(edits: tuple[Edit, ...], opening: View, at: Head) -> dict[str, Any]:
    """How far the edits in the model reach, and whether they are what the picture opens on."""
    reach = "model" if all(edit.layers is None for edit in edits) else "head"
    return {"reach": reach, "is_view": edits == opening.edits(**_where(at, reach))}


def _where(at: Head, reach: str) -> dict[str, Any]:
    if reach == "model":
        return {}
    return {"layers": {at.layer}, "heads": {at.head}, "part": at.part, "kind": at.kind}


def _apply(at: Head) -> None:
    """The reader put what is set into the model: into this head, or into every head."""
    asked = st.session_state[KEY].apply
    chosen, _ = view.read(asked.get("view", {}))
    st.query_params["edits"] = to_json(chosen.edits(**_where(at, asked.get("reach", ""))))


def _write_on(run: caches.Run) -> None:
    """The reader chose how the text goes on."""
    index = st.session_state[KEY].write
    if isinstance(index, int):
        writing.choose(run, index)


def _undo() -> None:
    """The reader takes out of the model what was put in."""
    st.query_params.pop("edits", None)
