"""Patching on the page: what each head gives on another text, put into this one."""

from dataclasses import replace
from functools import partial

import streamlit as st

import selfattn
from selfattn.analysis.interventions import patching as analysis
from selfattn.analysis.interventions.patching import Contexts, Recovery
from selfattn.exports import python
from selfattn.exports.data import rows_as_csv
from selfattn.figures import interventions as figures
from selfattn.figures import pieces
from selfattn.models.attention import Attention
from selfattn.models.inputs.given import Pair, Text, own_text, with_text
from selfattn.models.inputs.tokens import visible
from selfattn.ui import caches, steps
from selfattn.ui.browser import pasting
from selfattn.ui.caches import Run
from selfattn.ui.interventions import asked, experiments
from selfattn.ui.interventions.ranking import FEW
from selfattn.ui.kept import kept
from selfattn.ui.link import KEEP, Linked, linked
from selfattn.ui.shell import exporting
from selfattn.ui.shell.frame import Study

# A text with as many tokens and another answer, beside those that a model opens on.
ANOTHER = {
    "The plot was dull, but the acting was not bad at all.": "The plot was dull, and the acting was not good at all.",
    "the cat sat on the mat because the cat sat on the": "the cat sat on the hat because the cat sat on the",
    "The animal didn't cross the street because it was too tired.": "The animal didn't cross the street because it "
    "was too wide.",
}
OTHER_TEXT: Linked[str | None] = linked("another", str, lambda text: text, None)
MEASURES = ("logit difference", "probability")
Places = dict[tuple[int, int | None], float]


def patching(study: Study, attention: Attention) -> None:
    """Another text, and the share of the way to its answer that each of its heads goes in this one."""
    given = study.plain.given
    if not isinstance(given, Text) or isinstance(given, Pair):
        raise ValueError(f"Patching is between two texts; {study.model.name} was given something else.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if OTHER_TEXT.get() is None:
            OTHER_TEXT.put(ANOTHER.get(own_text(given), ""))
        another = pasting.field(OTHER_TEXT.control(), "Another text, of as many tokens", live=False)
        name = st.segmented_control("Measured in", MEASURES, default=MEASURES[0], required=True, key="patch_in", **KEEP)
        fields = st.container(horizontal=True, vertical_alignment="bottom")
    OTHER_TEXT.put(another)
    if not another.strip():
        st.html(pieces.note("Type another text: what each head gives on it is put into the text above."))
        return
    other = replace(study.plain, given=with_text(given, another))
    clean, corrupt = caches.trace(other), caches.trace(study.plain)
    with fields:
        names = asked.named(other, _top(corrupt))
    _tokens(clean.tokens.text, corrupt.tokens.text)
    recovery = Recovery.of(clean, corrupt, name, names)
    st.html(pieces.heading("From one answer to the other", _answers(recovery)))
    heads = attention.layers * attention.heads
    wanted = heads <= FEW or st.toggle(f"Patch each of {heads} heads, one by one", key="patched", **KEEP)
    shares = _shares(study.plain, attention, another, recovery.name, names)
    if wanted:
        left = analysis.patching(recovery, attention, clean, partial(_patched, study.plain), shares)
        named = steps.name("patch", study.plain, attention, another, recovery.name, names)
        steps.walk(left, shares, heads + attention.layers, named, "patches", experiments.team(study.plain))
    if done := dict(shares):  # another reader may be adding to them
        st.html(figures.table(done, attention.numbers, attention.heads, study.palette))
        st.html(f'<p class="sa-answer">{_sentence(done)}</p>')
        st.download_button(
            "CSV",
            partial(_csv, done),
            file_name=exporting.file_name(f"{study.model.name}-patched.csv"),
            mime="text/csv",
        )
    run = study.plain
    code = python.patching(run.choice, run.given, other.given, attention, recovery.name, run.pad, run.written, names)
    exporting.menu({}, {exporting.PYTHON: code})


@kept(grows=True)
def _shares(run: Run, attention: Attention, another: str, name: str, names: tuple[str, ...]) -> Places:
    """Where shares are kept as they are done, for all readers."""
    return {}


def _patched(run: Run, contexts: Contexts) -> selfattn.Trace:
    model = caches.model(run.choice)
    return selfattn.trace(model, run.given, pad=run.pad, written=run.written, contexts=contexts)


def _top(trace: selfattn.Trace) -> str:
    return visible(trace.prediction.top(1)[0][0]) if trace.prediction else "none"


def _tokens(clean: tuple[str, ...], corrupt: tuple[str, ...]) -> None:
    """Both texts token by token; what differs stands out."""
    st.html(figures.two_texts([visible(token) for token in clean], [visible(token) for token in corrupt]))


def _answers(recovery: Recovery) -> str:
    between = f" between {recovery.answers[0]!r} and {recovery.answers[1]!r}" if recovery.answers else ""
    numbers = f"{recovery.clean:.3f} on the other text, {recovery.corrupt:.3f} on this one"
    return f"{recovery.name}{between}: {numbers}".replace("-", "−")


def _sentence(done: Places) -> str:
    (layer, head), share = max(((place, share) for place, share in done.items() if place[1] is not None), key=_size)
    others = [each for place, each in done.items() if place[1] is not None and place != (layer, head)]
    mean = sum(others) / len(others) if others else float("nan")
    return (
        f"0 is this text’s own run, 1 the other’s. Head {layer}.{head} alone recovers {figures.signed(share)} of the "
        f"difference; the other heads {figures.signed(mean)} on average. What recovers it carries it between these "
        "two texts; elsewhere it may not."
    )


def _size(item: tuple[tuple[int, int | None], float]) -> float:
    return abs(item[1])


def _csv(done: Places) -> bytes:
    rows = ([layer, "all" if head is None else head, share] for (layer, head), share in sorted(done.items(), key=str))
    return rows_as_csv(["layer", "head", "recovered"], rows)
