"""Pictures and sounds: those that ship with a model, and the reader's own."""

import streamlit as st

from selfattn.models.inputs.given import Picture, Sound
from selfattn.ui import link, public
from selfattn.ui.shell.examples import files

KINDS = ("picture", "sound")
ENDINGS = {"picture": ["png", "jpg", "jpeg", "webp", "gif", "bmp"], "sound": ["wav", "flac", "ogg", "mp3"]}
MOST_MEGABYTES = 20
YOURS = "yours"
NONE = "no picture"  # of a model that reads a text alone too


def pick(source: str, kind: str, *, optional: bool = False) -> None:
    """Choose among the examples, or bring a file; a sound may be recorded. `optional`: or choose none."""
    names = hold(source, kind, optional=optional)
    st.pills(kind.capitalize(), names, key=kind, required=True, label_visibility="collapsed", bind="query-params")
    with st.popover("Your own"):
        loader = st.file_uploader(
            f"A {kind} from your machine",
            ENDINGS[kind],
            key=f"{kind}_file",
            max_upload_size=MOST_MEGABYTES if public.PUBLIC is None else public.PUBLIC.megabytes,
            on_change=_take,
            args=(kind, f"{kind}_file"),
        )
        if kind == "sound":
            st.audio_input("Or record one", key="sound_recorded", on_change=_take, args=(kind, "sound_recorded"))
        if loader is None and not _own(kind):
            st.caption("It stays on this machine, and is in no link.")
    if kind == "sound":
        st.audio(chosen(source, kind).data)


def hold(source: str, kind: str, *, optional: bool = False) -> list[str]:
    """Keep what is chosen, also where it cannot be chosen anew; returns what there is to choose from."""
    names = [*files(source, kind), *([YOURS] if _own(kind) else []), *([NONE] if optional else [])]
    asked = link.asked(kind)
    st.session_state[kind] = asked if asked in names else next(iter(names), None)
    return names


def chosen(source: str, kind: str) -> Picture | Sound:
    """The picture or sound that the reader chose."""
    name = st.session_state[kind]
    own = _own(kind) if name == YOURS else None
    data, title = own or (files(source, kind)[name](), name)
    return Picture(data, title) if kind == "picture" else Sound(data, title)


def outside_the_link(kind: str) -> str:
    """That a link cannot hold the reader's own file, where they look at one."""
    return f"Your {kind} stays here: the link keeps everything else." if st.session_state[kind] == YOURS else ""


def _own(kind: str) -> tuple[bytes, str] | None:
    return st.session_state.get(f"own_{kind}")


def _take(kind: str, widget: str) -> None:
    """Keep a file beyond its widget, and show it."""
    file = st.session_state[widget]
    if file is not None:
        st.session_state[f"own_{kind}"] = file.getvalue(), file.name
        st.session_state[kind] = YOURS
