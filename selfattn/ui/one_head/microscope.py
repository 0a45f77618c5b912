"""The one-head picture on the page: what the reader sets in the browser, kept in the link and sent into the model."""

from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import uuid4

import streamlit as st

from selfattn import Model, Trace
from selfattn.canvas import component, view
from selfattn.canvas.payload import pack
from selfattn.canvas.prediction import prediction_of
from selfattn.canvas.view import View
from selfattn.recording.edits import Edit
from selfattn.ui import caches, link
from selfattn.ui.interventions.experiments import EDITS
from selfattn.ui.link import Linked
from selfattn.ui.place import Head
from selfattn.ui.shell import writing
from selfattn.ui.shell.frame import Study

KEY = "microscope"
# How a head is shown first, by what its model reads.
PICTURES = {"picture": "image", "sound": "sound"}
# Tokens of a text whose matrices the browser computes whole; a longer one is a map of tiles.
LONGEST_LIVE = 1024
VIEW = Linked(
    tuple(view.LINK_NAMES.get(name, name) for name in view.KINDS),
    view.from_link,
    View.as_link,
    noun="This view",
)


@dataclass
class _Screen:
    """What the browser has of the view: it holds the view while the reader moves it, and takes another one only with a
    new revision."""

    opening: View = field(default_factory=View)
    revision: int = -1
    visit: int = -1
    known: View | None = None  # as it was opened, or as the browser has told since
    told: dict[str, Any] | None = None
    session: str = field(default_factory=lambda: uuid4().hex)
    wants: str = ""  # what the model read that it was last drawn for


def read_link(model: Model) -> tuple[Edit, ...]:
    """Take from the link what it asks for where that is new; returns the edits that the reader put into the model."""
    screen = _screen()
    shows = link.asked("show") is not None
    current, wants = VIEW.get(), model.task.reads[0]
    if screen.wants != wants and wants in PICTURES and not shows:
        # A model of pictures or sounds opens on those, unless the link says otherwise.
        current = replace(current, show=PICTURES[wants])
        VIEW.put(current)
    screen.wants = wants
    if current != screen.known or screen.visit != link.visit():
        screen.opening = screen.known = current
        screen.revision, screen.visit = screen.revision + 1, link.visit()
    return EDITS.get()


def _screen() -> _Screen:
    screen: _Screen = st.session_state.setdefault("screen", _Screen())
    return screen


def _heard(screen: _Screen, told: dict[str, Any] | None) -> bool:
    """Take what the browser tells of its view, where that is new."""
    if told is None or told == screen.told:
        return False
    screen.told, (screen.known, _) = told, view.read(told)
    VIEW.put(screen.known)
    return True


def microscope(study: Study, before: Trace, after: Trace | None, at: Head, temperature: float) -> View:
    """The picture itself: one message with the head's numbers; what moves after that moves in the browser.

    `temperature` divides the logits of the model's next token.
    Returns what the reader has set there.
    """
    screen, trace, current = _screen(), after or before, VIEW.get()
    (about, planes), identity = _payload(study, trace, at, current)
    about = {
        **about,
        "id": identity,
        "applied": _as_applied(trace.edits, screen.opening, at) if after else None,
        "prediction": {
            **prediction_of(before, after, temperature),
            **writing.wording(study.run, trace.edits, study.model),
            "writable": writing.goes_on(study.model),
        },
        "view": screen.opening.as_json(),
        "limits": view.LIMITS,
        "unchanged": view.UNCHANGED.as_json(),
        "revision": screen.revision,
        "session": screen.session,
    }
    told = component.mount(
        "one_head",
        key=KEY,
        data=pack(about, planes),
        on_view_change=partial(_heard, screen),
        on_apply_change=partial(_apply, at),
        on_undo_change=lambda _: EDITS.put(()),
        on_write_change=partial(_write_on, study.run),
    ).view
    # After a lost connection a new session hears of the browser's view only now.
    if _heard(screen, told):
        st.rerun()
    return current


def _payload(study: Study, trace: Trace, at: Head, current: View) -> tuple[caches.Payload, str]:
    """What the browser needs of a head, and a name for it. Of a long text Python makes the overview for each view."""
    run = study.run.under(trace.edits)
    if max(trace.call(at.layer, at.part, at.kind).shape) <= LONGEST_LIVE:
        return caches.head_payload(run, at), _name(run, at)
    alone = current.edits()
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


def _apply(at: Head, asked: dict[str, Any]) -> None:
    """The reader put what is set into the model: into this head, or into every head."""
    chosen, _ = view.read(asked.get("view", {}))
    EDITS.put(chosen.edits(**_where(at, asked.get("reach", ""))))


def _write_on(run: caches.Run, index: object) -> None:
    """The reader chose how the text goes on."""
    if isinstance(index, int):
        writing.choose(run, index)
