"""The one-head picture on the page: what the reader sets in the browser, kept in the link and sent into the model."""

from functools import partial
from typing import Any

import streamlit as st

from selfattn import Trace
from selfattn.canvas import component, view
from selfattn.canvas.payload import pack
from selfattn.canvas.prediction import prediction_of
from selfattn.canvas.view import View
from selfattn.figures import words
from selfattn.recording.edits import Edit, from_json, to_json
from selfattn.ui import caches
from selfattn.ui.controls import Head
from selfattn.ui.shell import Study

KEY = "microscope"
_NAMES = [view.LINK_NAMES.get(name, name) for name in View.__dataclass_fields__]


def current_view() -> View:
    """What the reader has set: as the browser last told it, or as the link asks where that is newer."""
    state = st.session_state
    asked = {name: st.query_params[name] for name in _NAMES if name in st.query_params}
    if "view" not in state or asked != state.written_view:
        state.view, notes = view.from_link(asked)
        # The browser holds the view: it takes another one only with a new revision.
        state.revision, state.opening_view = state.get("revision", -1) + 1, state.view
        for note in notes:
            st.html(words.notice(note))
    _write(state.view)
    return state.view


def _write(current: View) -> None:
    link = current.as_link()
    for name in _NAMES:
        if name not in link:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != link[name]:
            st.query_params[name] = link[name]
    st.session_state.written_view = link


def applied() -> tuple[Edit, ...]:
    """The edits that the reader put into the model; they stand in the link."""
    return from_json(st.query_params.get("edits", "[]"))


def microscope(study: Study, before: Trace, after: Trace | None, at: Head) -> None:
    """The picture itself: one message with the head's numbers; what moves after that moves in the browser."""
    state, edits = st.session_state, to_json(after.edits if after else ())
    about, planes = caches.head_payload(study.source, study.text, edits, study.pad, at.layer, at.part, at.kind, at.head)
    about = {
        **about,
        "id": f"{study.source}\n{study.text}\n{study.pad}\n{edits}\n{at}",
        "applied": _as_applied(after.edits, state.opening_view, at) if after else None,
        "prediction": prediction_of(before, after),
        "view": state.opening_view.as_json(),
        "revision": state.revision,
    }
    component.head(
        key=KEY,
        data=pack(about, planes),
        on_view_change=_hear,
        on_apply_change=partial(_apply, at),
        on_undo_change=_undo,
    )


def _as_applied(edits: tuple[Edit, ...], opening: View, at: Head) -> dict[str, Any]:
    """How far the edits in the model reach, and whether they are what the picture opens on."""
    reach = "model" if all(edit.layers is None for edit in edits) else "head"
    return {"reach": reach, "is_view": edits == opening.edits(**_where(at, reach))}


def _where(at: Head, reach: str) -> dict[str, Any]:
    if reach == "model":
        return {}
    return {"layers": {at.layer}, "heads": {at.head}, "part": at.part, "kind": at.kind}


def _hear() -> None:
    """The browser told what the reader has set."""
    state = st.session_state
    state.view, _ = view.read(state[KEY].view or {})
    _write(state.view)


def _apply(at: Head) -> None:
    """The reader put what is set into the model: into this head, or into every head."""
    asked = st.session_state[KEY].apply
    chosen, _ = view.read(asked.get("view", {}))
    st.query_params["edits"] = to_json(chosen.edits(**_where(at, asked.get("reach", ""))))


def _undo() -> None:
    st.query_params.pop("edits", None)
