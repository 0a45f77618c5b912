"""What every page shares: what the reader looks at, and the sidebar."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.pages_manager import PagesManager

from selfattn import Model, Trace
from selfattn.figures import pieces
from selfattn.figures.palette import DARK, LIGHT, Palette
from selfattn.models.budgets import budget, in_words
from selfattn.models.inputs.given import Illustrated, Pair, Text
from selfattn.models.inputs.unlearnt import unlearnt
from selfattn.places import HOME
from selfattn.recording.edits import Edit
from selfattn.ui import caches, link, public
from selfattn.ui.browser import charts_ahead, pasting, steps_back, theme
from selfattn.ui.browser.copy_link import copy_link
from selfattn.ui.caches import Run
from selfattn.ui.kept import kept
from selfattn.ui.shell import data_sets, in_model, input_picker, loading, model_picker, style, writing
from selfattn.ui.shell.refusing import refusing

# Tokens of a text whose heads are drawn while a reader waits: the time grows with their square.
LONGEST_DRAWN = 32_768
# What a model's input is counted in.
UNITS = {"text": "tokens", "pair": "tokens", "illustrated": "tokens", "picture": "patches", "sound": "frames"}
# Pages that speak of the model as it is, or of others; and the one that lists the edits itself.
PLAIN, LISTS = ("model", "scaling", "variants", "mistakes", "training", "cost"), "interventions"
# Pages on which what the model reads has no say, or only where a control asks for the model's own numbers.
OWN = "the model's own"
TRAINING = "training"
UNREAD = {TRAINING: None, "cost": None, "scaling": "data"}
# From so many tokens on, what a run takes is said before it.
LONG = 1024


@dataclass(frozen=True)
class Study:
    """What a reader looks at, with the model and the colours of their theme.

    run: with the edits that are in the model. plain: without them. refused: why `run` is without them too.
    """

    run: Run
    plain: Run
    model: Model
    palette: Palette
    refused: str = ""

    def trace(self) -> Trace:
        """The forward pass as the model runs now."""
        return caches.trace(self.run)


Page = Callable[[Study], None]


def routed(page: Page) -> Page:
    """A page, which the router calls with what the reader looks at.

    Until `st.navigation` has run once, Streamlit takes the folder `pages` for its older kind of app: the first visitor
    of a server who comes by a deep link gets the page's file run as a script, without the router. They are led to it.
    """
    if page.__module__ == "__main__":
        PagesManager.uses_pages_directory = False
        st.rerun()
    return page


def frame(page: str, title: str) -> Study:
    """Draw what every page shares, before the page: the sidebar, the input, and how exact the model's run was.

    Streamlit keeps the state of what the router draws when the page changes, so this is called by `app.py` alone.
    Returns what the reader looks at.
    """
    link.arrive(page)
    palette = _palette()
    st.html(style.sheet(palette))
    st.logo(str(HOME / "assets" / f"name-{'dark' if palette is DARK else 'light'}.svg"), size="large")
    with refusing():
        choice, options = model_picker.pick()
    header, steps = st.container(horizontal=True, vertical_alignment="center", key="header"), st.container()
    with refusing():
        model = loading.wait(choice, header)
    # Before its test nobody knows what a model is.
    reads = _reads(page) or (page != TRAINING and not model.tested)
    _name_the_tab(title, "" if page == TRAINING else model.name)
    with header:
        (input_picker.pick if reads else input_picker.hold)(choice, model)
        badge = st.container(width="content").empty()
        if not model.tested:
            badge.html(pieces.badge(model.exactness, wrong=True))
    with refusing():
        with options:
            input_picker.padding(model)
        run = input_picker.chosen(choice, model)
        study = Study(run, run, model, palette)
        if reads:
            with steps:
                writing.pick(run, model)
            found = _traced(run, model)
            study = _edited(page, study, found, steps)
            badge.html(_badge(study.trace()))
        else:
            in_model.EDITS.get()  # so that it stays in the link
    with st.sidebar:
        # A model knows all of its parts once it has run.
        st.html(pieces.facts([*_facts(model), *(_facts_of(study.plain) if reads else [])]))
        copy_link()
        theme.watch()
        steps_back.watch()
        pasting.watch()
        charts_ahead.fetch()
        if outside := input_picker.outside_the_link(model):
            st.caption(outside)
    return study


def _reads(page: str) -> bool:
    """Has what the model reads a say on this page?"""
    control = UNREAD.get(page)
    return page not in UNREAD or (control is not None and link.asked(control) == OWN)


def _traced(run: Run, model: Model) -> Trace:
    """The forward pass without edits; what is long says so while it runs."""
    tokens = _length(model, run)
    waiting = budget(model, tokens).describe if tokens > LONG else "Running the model …"
    with st.spinner(waiting, show_time=True):
        return caches.trace(run)


def _edited(page: str, study: Study, found: Trace, place: DeltaGenerator) -> Study:
    """The same with the edits that are in the model, which are listed in `place`."""
    edits = data_sets.with_texts(in_model.EDITS.get(), study.run.choice, study.model)
    edited, refused = (study.run, "") if page in PLAIN else _under(study.run, edits)
    if refused:
        link.note("edits", refused)
    # In a place that is always there: else all that follows would move, and be drawn anew.
    with place:
        if page != LISTS:
            in_model.strip(edits, study.model, found.tokens.text, drawn=page not in PLAIN)
        for sentence in filter(None, (found.tokens.note, _unlearnt(study.run))):
            st.html(pieces.note(sentence))
    return replace(study, run=edited, refused=refused)


@kept()
def _unlearnt(run: Run) -> str:
    """Why the model's answer to this text means little; nothing where it may mean much."""
    if not isinstance(run.given, Text):
        return ""
    trace = caches.trace(run)
    return unlearnt(trace.tokens, trace.model.tokenizer)


def _name_the_tab(*names: str) -> None:
    """What the browser's tab and its bookmarks are called: the page, the model, and the app."""
    st.set_page_config(page_title=" · ".join(name for name in (*names, "selfattn") if name))


def _under(run: Run, edits: tuple[Edit, ...]) -> tuple[Run, str]:
    """The run with the edits; where it cannot be done, the one without them, and why."""
    try:
        caches.trace(run.under(edits))
    except ValueError as error:
        return run, f"{error} It is shown as it runs without the changes."
    return run.under(edits), ""


def _badge(trace: Trace) -> str:
    """How exact the run was; the tick stands for a difference that rounding explains."""
    return pieces.badge(f"{'✓' if trace.exact else '✗'} {trace.exactness}", wrong=not trace.exact)


def _palette() -> Palette:
    return DARK if st.context.theme.type == "dark" else LIGHT


def _length(model: Model, run: Run) -> int:
    """The tokens of a text, and none of a picture or a sound; refuses more than are drawn."""
    if not isinstance(run.given, Text) or isinstance(run.given, Illustrated):
        return 0  # to prepare those takes long, and this is asked on each rerun
    given = run.given
    public.check_input(given)  # before it is cut into tokens
    longest = LONGEST_DRAWN if public.PUBLIC is None else public.PUBLIC.tokens
    texts: tuple[Text, ...] = (given,)
    if isinstance(given, Pair) and model.task.says is None:
        texts = (given.first, given.second)  # a model without a head reads them one by one
    length = max(len(model.inputs(text)[0] or ()) for text in texts)
    if length > longest:
        raise ValueError(
            f"The text has {length:,} tokens: {length**2:,} weights in every head. "
            f"Up to {longest:,} tokens are drawn here; shorten it."
        )
    return length


def _facts(model: Model) -> list[tuple[str, str]]:
    """The model in a few lines."""
    stacks = " + ".join(f"{each.layers} × {each.heads} heads" for each in model.attentions)
    dtype = str(model.network.dtype).removeprefix("torch.")
    return [
        (model.name, stacks),
        ("size", f"{in_words(model.size)}, {dtype} on {', '.join(map(str, model.devices))}"),
    ]


def _facts_of(run: Run) -> list[tuple[str, str]]:
    """What this run is, and the room that it takes on the machine."""
    trace = caches.trace(run)
    model = trace.model
    first = model.attentions[0]
    length = max(trace.call(first.numbers[0], first.part, first.kind).shape)
    room = budget(model, length)
    return [
        (UNITS[model.task.reads[0]], f"{length}, d = {model.attentions[0].d_head} a head"),
        ("this run", f"{in_words(room.needed)} of {in_words(room.free)} free"),
        *([("drawn", room.drawn)] if length > caches.longest_live(run) else []),
    ]
