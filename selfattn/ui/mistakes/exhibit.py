"""The page of famous mistakes: which one, made or not, on the reader's own head, and what it does to the numbers."""

import streamlit as st
import torch

from selfattn.analysis.mistakes.exhibits import EXHIBITS, Exhibit, Way
from selfattn.analysis.mistakes.subject import MOST, Mistake, Subject
from selfattn.figures import mistakes as figures
from selfattn.figures import pieces
from selfattn.figures.mistakes import WAYS, Which
from selfattn.ui import caches
from selfattn.ui.caches import Run
from selfattn.ui.controls import whole_number
from selfattn.ui.kept import kept
from selfattn.ui.link import KEEP
from selfattn.ui.mistakes import said as mistakes_said
from selfattn.ui.place import Head
from selfattn.ui.shell.charts import chart
from selfattn.ui.shell.frame import Study
from selfattn.ui.shell.refusing import refusing
from selfattn.ui.shell.source import source

TITLES = [exhibit.title for exhibit in EXHIBITS]
FIRST = 1  # a softmax over the wrong axis: the mistake whose picture says most


def choose() -> Exhibit:
    """Choose one of the eleven, from the list or by stepping to the next."""
    chosen = st.radio("Mistake", TITLES, FIRST, key="exhibit", label_visibility="collapsed", width="stretch", **KEEP)
    place = TITLES.index(chosen)
    with st.container(horizontal=True, key="steps"):
        for name, step in (("← Previous", -1), ("Next →", 1)):
            there = place + step
            disabled = there not in range(len(TITLES))
            st.button(name, disabled=disabled, on_click=_go, args=(there,), key=f"step_{step}")
    return EXHIBITS[place]


def _go(place: int) -> None:
    st.session_state.exhibit = TITLES[place]


def show(study: Study, at: Head, exhibit: Exhibit) -> None:
    """The exhibit: its question and switches, the figure with what it says, and the code."""
    st.html(figures.title(exhibit.question))
    with st.container(horizontal=True, vertical_alignment="center", key="controls"):
        which = st.segmented_control(
            "Computed", WAYS, default=WAYS[0], required=True, key="way", label_visibility="collapsed", **KEEP
        )
        way = _way(exhibit)
        draw = whole_number("Draw", 1, 99, 1, "draw", width=170, **KEEP) if way.drawn else 1
    figure, beside = st.columns([1.25, 1], gap="medium")
    _code(way)
    with figure, refusing():
        mistake = made(study.plain, at, EXHIBITS.index(exhibit), exhibit.ways.index(way), draw)
    with figure.container(key="panel_figure"):
        _figure(mistake, which, study)
    with beside, st.container(key="panel_words", height="stretch"):
        st.html(figures.sentence(mistake.sentence) + figures.numbers_table(mistake.numbers, which))
        st.html(pieces.heading("How to notice") + figures.sentence(way.notice))
        if said := mistakes_said.said(study.plain, at, EXHIBITS.index(exhibit), exhibit.ways.index(way), draw):
            st.html(pieces.heading("Does the model notice?") + figures.sentence(said))


def _way(exhibit: Exhibit) -> Way:
    """Choose among the ways to make a mistake, where there are several."""
    if len(exhibit.ways) == 1:
        return exhibit.ways[0]
    names = {way.name: way for way in exhibit.ways}
    chosen = st.segmented_control(
        "How",
        names,
        default=exhibit.ways[0].name,
        required=True,
        key=f"how_{EXHIBITS.index(exhibit) + 1}",
        label_visibility="collapsed",
        **KEEP,
    )
    return names[chosen]


def _code(way: Way) -> None:
    for column, which in zip(st.columns(2, gap="medium"), WAYS, strict=True):
        column.html(figures.code(way.wrong, way.right, which))


def _figure(mistake: Mistake, which: Which, study: Study) -> None:
    pictures = {"wrong": mistake.wrong, "right": mistake.right}
    shown, other = pictures.pop(which), next(iter(pictures.values()))
    name = "Output" if shown.symbol == "value" else "Weights"
    cut = "" if max(caches.trace(study.plain).calls[0].shape) <= MOST else f", the first {MOST} tokens alone"
    note = f"{shown.shape}{cut}, colour by {'number' if shown.symbol == 'value' else '√weight'}"
    st.html(pieces.heading(f"{name}, {which}", note, study.palette.of(shown.symbol)))
    figure, of = figures.matrix_figure(shown, other, study.palette), source(study.model, study.plain)
    chart(figure, "mistake", f"{name}, {which}: {mistake.sentence}", of)


@kept("Computing it wrong and right …")
def made(run: Run, at: Head, exhibit: int, way: int, draw: int) -> Mistake:
    """A mistake, made on a head of a run; `draw` seeds what is random in it."""
    subject = Subject(caches.trace(run), caches.call(run, at), at.head)
    return EXHIBITS[exhibit].ways[way].make(subject, torch.Generator().manual_seed(draw))
