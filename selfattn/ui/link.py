"""The link: what lives in it and outlives its page. No other file reads or writes the address.

A value is declared once, where it belongs, by its names in the link and by how it is read and written. `get` follows
the link where that has changed, as a reader's way back does; going to another page takes a value out of the link, and
coming back puts it in again. What a link asks for and cannot have is a note, which the shell says.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypedDict, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException

from selfattn.figures import pieces

# A longer one would make a link that browsers and servers refuse.
LONGEST = 4000
# Of what was asked for, as much as is said again.
QUOTED = 20
# What a reader may have emptied.
TEXTS = ("text", "second", "text_b", "another", "system", "keep")
T = TypeVar("T")


class Kept(TypedDict):
    """A control whose state is in the link and outlives its page."""

    bind: Literal["query-params"]
    persist_state: Literal["session"]


KEEP: Kept = {"bind": "query-params", "persist_state": "session"}


@dataclass
class _Held:
    """A value, as it was last written into the link, and on which visit to a page."""

    value: Any
    written: dict[str, str]
    visit: int
    is_new: bool = False  # put, and not asked for since: the browser's link may be older


@dataclass
class _Book:
    """What a session holds of its link; a visit begins with each change of the page."""

    page: str | None = None
    visit: int = 0
    is_back: bool = False  # the reader pressed Back or Forward, and this is not drawn yet
    has_turned: bool = False  # the page is another one, and not drawn yet
    held: dict[str, _Held] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Linked(Generic[T]):
    """A value in the link, under one name or several.

    read: from what the link holds of these names to the value, and a sentence for each part that could not be read.
    write: back again; what it leaves out, or what is longer than `longest`, is not in the link.
    """

    names: tuple[str, ...]
    read: Callable[[Mapping[str, str]], tuple[T, list[str]]]
    write: Callable[[T], Mapping[str, str]]
    longest: int = LONGEST
    noun: str = ""  # what is said to be too long for a link; nothing is said of what has no noun

    def get(self) -> T:
        """The value as the link has it, or as it was left where this page has just been come to."""
        book, asked = _book(), {name: st.query_params[name] for name in self.names if name in st.query_params}
        held = book.held.get(self.names[0])
        if held is None or not (
            held.is_new or asked == held.written or (not asked and held.visit != book.visit)  # come back to
        ):
            value, sentences = self.read(asked)
            for place, sentence in enumerate(sentences):
                note(f"{self.names[0]} {place}", sentence)
            held = book.held[self.names[0]] = _Held(value, {}, book.visit)
        held.is_new, held.visit, held.written = False, book.visit, self._write(held.value)
        return held.value

    def put(self, value: T) -> None:
        """Set the value, and write it into the link."""
        book = _book()
        book.held[self.names[0]] = _Held(value, self._write(value), book.visit, is_new=True)

    def fits(self, value: T) -> bool:
        """Can a link hold all of it?"""
        return max(map(len, self.write(value).values()), default=0) <= self.longest

    def control(self) -> str:
        """Give a control of its name what it holds, where that is new to it; returns the control's key."""
        name = self.names[0]
        if self.follow() or name not in st.session_state:
            st.session_state[name] = self.get()
        return name

    def follow(self) -> bool:
        """Take what the link asks for where the reader went back to it: is that new? For what a control holds.

        The link that comes with other acts may be older than what was typed, and says nothing.
        """
        book, asked = _book(), {name: st.query_params[name] for name in self.names if name in st.query_params}
        held = book.held.get(self.names[0])
        if held is None:
            self.get()
            return bool(asked)
        if asked == held.written or not (book.is_back or (book.has_turned and asked)):
            return False
        del book.held[self.names[0]]
        return self.get() != held.value

    def leave(self) -> None:
        """Take it out of the link, and hold it for later."""
        drop(*self.names)

    def _write(self, value: T) -> dict[str, str]:
        texts = dict(self.write(value))
        if (most := max(map(len, texts.values()), default=0)) > self.longest:
            texts = {name: text for name, text in texts.items() if len(text) <= self.longest}
            if self.noun:
                sentence = f"{self.noun} is written in {most:,} characters; a link holds {self.longest:,}."
                note(self.names[0], f"{sentence} It stays until the page is loaded again.")
        drop(*(name for name in self.names if name not in texts))
        for name, text in texts.items():
            if st.query_params.get(name) != text:
                st.query_params[name] = text
        return texts


def linked(
    name: str, read: Callable[[str], T], write: Callable[[T], str | None], first: T, *, noun: str = ""
) -> Linked[T]:
    """A value under one name, which is `first` until a link asks for another.

    `read` raises ValueError with what is said of a text that stands for none; `write` gives None for no text.
    """

    def of(asked: Mapping[str, str]) -> tuple[T, list[str]]:
        if name not in asked:
            return first, []
        try:
            return read(asked[name]), []
        except ValueError as error:
            return first, [str(error)]

    def to(value: T) -> dict[str, str]:
        text = write(value)
        return {} if text is None else {name: text}

    return Linked((name,), of, to, noun=noun)


def asked(name: str) -> str | None:
    """What a control holds, or what the link asks of it before it is drawn; None where that is nothing."""
    found = st.session_state.get(name, st.query_params.get(name))
    return None if found is None else str(found)


def check(name: str, fits: Callable[[str], object], sentence: Callable[[str], str]) -> None:
    """Let a control start anew where what is asked of it does not fit, and say so: before it is drawn."""
    text = asked(name)
    if text is not None and not fits(text):
        note(name, sentence(text[:QUOTED]))
        st.session_state.pop(name, None)
        if name in st.query_params:
            drop(name)
            # Streamlit has read the address by now, and would give this to the control all the same.
            st.rerun()


def drop(*names: str) -> None:
    """Take from the link what this page does not ask for."""
    for name in names:
        if name in st.query_params:
            del st.query_params[name]


def go(path: str, **asked: object) -> None:
    """Lead to the page at a path, where the link asks for this; what the reader chose elsewhere stays."""
    for name in ("pad", "part"):
        # Streamlit drops a control's value on the way, unless it is set as a plain one.
        if name in st.session_state:
            st.session_state[name] = st.session_state[name]
    # Streamlit knows a page by its path alone.
    page = st.Page(lambda: None, url_path=path)
    st.switch_page(page, query_params={name: str(value) for name, value in asked.items()})


def arrive(page: str) -> None:
    """Say which page this run is for: going to another one takes from the link what that does not know."""
    # A control that must have a value takes an empty one of the address for none at all; a text may be empty.
    if empty := [name for name, text in st.query_params.items() if not text and name not in TEXTS]:
        drop(*empty)
        st.rerun()
    book = _book()
    if page != book.page:
        book.page, book.visit, book.has_turned = page, book.visit + 1, True


def go_back() -> None:
    """The reader went back, or forward again: what the link asks for holds."""
    _book().is_back = True


def visit() -> int:
    """A number of its own for each time that a page is come to."""
    return _book().visit


def note(name: str, sentence: str) -> None:
    """Have a sentence said, once: in this run, or in the next where this one ends before."""
    _book().notes[name] = sentence


@contextmanager
def notes() -> Iterator[None]:
    """Say here what is noted until the block has run; a rerun leaves it to the run that follows."""
    place = st.container()
    try:
        yield
    finally:
        if not isinstance(sys.exception(), RerunException):
            book = _book()
            book.is_back = book.has_turned = False
            sentences = book.notes
            for sentence in sentences.values():
                place.html(pieces.notice(sentence))
            sentences.clear()


def _book() -> _Book:
    book: _Book = st.session_state.setdefault("link", _Book())
    return book
