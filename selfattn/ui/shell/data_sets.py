"""The texts that a silenced head's mean is over: those that are offered for the model, or the lines of a file."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from selfattn import Ablate, Model
from selfattn.models.inputs.given import Pair
from selfattn.models.loading.library import Choice
from selfattn.recording.edits import Edit
from selfattn.recording.means import Means
from selfattn.ui import link, public
from selfattn.ui.shell.examples import examples
from selfattn.ui.shell.in_model import EDITS

MOST_MEGABYTES = 2
# Lines of a file that are averaged over while a reader waits.
MOST = 200
YOURS = "own_texts"


def chosen(choice: Choice, model: Model) -> Means:
    """The name of the means over the reader's texts, or over those that are offered."""
    return Means.named(_known(choice, model)[0])


def pick(choice: Choice, model: Model) -> None:
    """Say which texts they are, and let the reader bring others."""
    own, found = st.session_state.get(YOURS), chosen(choice, model)
    what = f"{found.count} lines of {own[1]}" if own else f"{found.count} examples"
    with st.popover(f"Mean over {what}", key="data_set"):
        st.caption(
            "What each head gives at a position, averaged over texts. Positions are counted from the first token: "
            "texts of one template are best."
        )
        if public.is_off("files of texts are"):
            return
        st.file_uploader(
            "A file of your own, one text a line",
            ["txt"],
            key="texts_file",
            max_upload_size=MOST_MEGABYTES,
            on_change=_take,
        )
        st.caption("It stays on this machine, and is in no link.")
        if own:
            st.button("Use the examples again", key="texts_examples", on_click=_drop, args=(choice, model))


def with_texts(edits: Sequence[Edit], choice: Choice, model: Model) -> tuple[Edit, ...]:
    """The edits, in which the means that are over the reader's texts know these: a link holds their name alone."""
    known = {each.name: each for each in map(Means.named, _known(choice, model))}
    return tuple(
        replace(edit, how=known.get(edit.how.name, edit.how))
        if isinstance(edit, Ablate) and isinstance(edit.how, Means)
        else edit
        for edit in edits
    )


def _known(choice: Choice, model: Model) -> list[tuple[str | Pair, ...]]:
    """The reader's texts, where there are some, and those that are offered."""
    own, wants = st.session_state.get(YOURS), model.task.reads[0]
    offered = examples(choice.source, wants) if wants in ("text", "pair") else ()
    return [each for each in (own and own[0], offered) if each]


def _take() -> None:
    """Keep the lines of a file beyond its widget."""
    file = st.session_state.texts_file
    if file is None:
        return
    try:
        lines = [line.strip() for line in file.getvalue().decode().splitlines() if line.strip()]
    except UnicodeDecodeError:
        lines = []
    if 0 < len(lines) <= MOST:
        st.session_state[YOURS] = tuple(lines), file.name
        _follow(Means.named(lines))
    else:
        many = f"has {len(lines):,} lines; up to {MOST:,} are averaged" if lines else "holds no text in UTF-8"
        link.note("texts", f"{file.name} {many}.")


def _drop(choice: Choice, model: Model) -> None:
    del st.session_state[YOURS]
    _follow(chosen(choice, model))


def _follow(over: Means) -> None:
    """Let heads that give a mean over texts give that over these."""
    EDITS.put(
        tuple(
            replace(edit, how=over) if isinstance(edit, Ablate) and isinstance(edit.how, Means) else edit
            for edit in EDITS.get()
        )
    )
