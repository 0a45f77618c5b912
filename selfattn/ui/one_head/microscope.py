"""The one-head picture on the page: what the reader sets in the browser, kept in the link and sent into the model."""

from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import uuid4

import streamlit as st

from selfattn import Model
from selfattn.canvas import component, view
from selfattn.canvas.payload import pack
from selfattn.canvas.prediction import prediction_of
from selfattn.canvas.view import View
from selfattn.recording.edits import Edit
from selfattn.ui import caches, link
from selfattn.ui.link import Linked
from selfattn.ui.place import Head
from selfattn.ui.shell import writing
from selfattn.ui.shell.frame import Study
from selfattn.ui.shell.in_model import EDITS, add
from selfattn.ui.shell.source import source

KEY = "microscope"
# How a head is shown first, by what its model reads.
PICTURES = {"picture": "image", "illustrated": "image", "sound": "sound"}
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
    applied: tuple[tuple[Edit, ...], View] | None = None  # what was put into the model last, and the view before


def read_link(model: Model, at: Head) -> None:
    """Take from the link what it asks for where that is new."""
    screen = _screen()
    shows = link.asked("show") is not None
    current, wants = VIEW.get(), model.task.reads[0]
    if screen.wants != wants and wants in PICTURES and not shows:
        # A model of pictures or sounds opens on those, unless the link says otherwise.
        current = replace(current, show=PICTURES[wants])
        VIEW.put(current)
    screen.wants = wants
    if current != screen.known or screen.visit != link.visit():
        if _is_in_model(current, at):
            current = current.at_rest()
            VIEW.put(current)
        screen.opening = screen.known = current
        screen.revision, screen.visit = screen.revision + 1, link.visit()


def _is_in_model(current: View, at: Head) -> bool:
    """Is all that a link asks of this head in the model already? Links were once made so."""
    there = EDITS.get()
    return any(
        (asked := current.edits(**_where(at, reach))) and all(edit in there for edit in asked)
        for reach in ("model", "head")
    )


def _screen() -> _Screen:
    screen: _Screen = st.session_state.setdefault("screen", _Screen())
    return screen


def _heard(screen: _Screen, told: dict[str, Any] | None) -> bool:
    """Take what the browser tells of its view, where that is new."""
    if told is None or told == screen.told:
        return False
    screen.told, (found, _) = told, view.read(told)
    if _stands(screen) and screen.applied and found == screen.applied[1]:
        return False  # it was told before it was put into the model
    screen.known = found
    VIEW.put(found)
    return True


def microscope(study: Study, at: Head, temperature: float) -> View:
    """The picture itself: one message with the head's numbers; what moves after that moves in the browser.

    `temperature` divides the logits of the model's next token.
    Returns what the reader has set there.
    """
    screen, edits, current = _screen(), study.run.edits, VIEW.get()
    before, after = caches.trace(study.plain), study.trace() if edits else None
    (about, planes), identity = _payload(study, at, current)
    about = {
        **about,
        "id": identity,
        "undo": _stands(screen),
        "prediction": {
            **prediction_of(before, after, temperature),
            **writing.wording(study.plain, study.run, study.model),
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
        source=source(study.model, study.run, at),
        on_view_change=partial(_heard, screen),
        on_apply_change=partial(_apply, screen, at),
        on_undo_change=lambda _: _undo(screen),
        on_write_change=partial(_write_on, study.run),
    ).view
    # After a lost connection a new session hears of the browser's view only now.
    if _heard(screen, told):
        st.rerun()
    return current


def _payload(study: Study, at: Head, current: View) -> tuple[caches.Payload, str]:
    """What the browser needs of a head, and a name for it. Of a long text Python makes the overview for each view."""
    run = study.run
    if max(caches.call(run, at).shape) <= LONGEST_LIVE:
        return caches.head_payload(run, at), _name(run, at)
    alone = current.edits()
    return caches.long_payload(run, at, alone), _name(run, at, alone)


def _name(*what: object) -> str:
    """A short name for what is drawn: the browser keeps its state while this stays the same."""
    return sha256(repr(what).encode()).hexdigest()


def _where(at: Head, reach: str) -> dict[str, Any]:
    if reach == "model":
        return {}
    return {"layers": {at.layer}, "heads": {at.head}, "part": at.part, "kind": at.kind}


def _apply(screen: _Screen, at: Head, asked: dict[str, Any]) -> None:
    """The reader puts what is set into the model, into this head or into every head: it is not set on top any more."""
    chosen, _ = view.read(asked.get("view", {}))
    edits = chosen.edits(**_where(at, asked.get("reach", "")))
    screen.applied = tuple(edit for edit in edits if edit not in EDITS.get()), chosen
    add(edits)
    VIEW.put(chosen.at_rest())


def _stands(screen: _Screen) -> bool:
    """Is something of what was put in last still in the model?"""
    return screen.applied is not None and any(edit in EDITS.get() for edit in screen.applied[0])


def _undo(screen: _Screen) -> None:
    """Take out what was put in last, and set it on top again."""
    if screen.applied is not None:
        edits, before = screen.applied
        EDITS.put(tuple(edit for edit in EDITS.get() if edit not in edits))
        VIEW.put(before)
        screen.applied = None


def _write_on(run: caches.Run, index: object) -> None:
    """The reader chose how the text goes on."""
    if isinstance(index, int):
        writing.choose(run, index)
