"""Before a run: the texts, every choice, the sentences to watch, and what it will take."""

import streamlit as st

from selfattn.figures import pieces
from selfattn.figures.training import duration
from selfattn.training import titles
from selfattn.training.run import estimates
from selfattn.training.run.estimates import Estimate, Tokenization
from selfattn.training.run.prepare import prepare
from selfattn.training.run.run import sensible_title
from selfattn.training.run.settings import Settings
from selfattn.ui.training import choices, runs
from selfattn.ui.training import data as training_data
from selfattn.ui.training.data import Data

MOST_WATCHED = 4


def choose() -> tuple[Data | None, Settings]:
    """The texts and every choice; no texts where there are none yet."""
    with st.container(key="panel_data"):
        data = training_data.pick()
    with st.container(key="panel_choices"):
        settings = choices.choose(
            task=choices.CLASSIFIER if data is None else data.task,
            vocabulary=data.vocabulary if data is not None and data.tokenizer is None else Settings.vocabulary,
        )
    return data, settings


def form() -> None:
    """The texts, the choices and the button that trains on them."""
    data, settings = choose()
    if data is not None:
        _start(data, settings)


def _start(data: Data, settings: Settings) -> None:
    """The sentences to watch, what the run will take, and the button; a run that is started is gone to."""
    with st.container(key="panel_start"):
        left, right = st.columns([3, 2], gap="large", vertical_alignment="bottom")
        watched = left.text_area(
            "Sentences to watch while it learns, one a line",
            "\n".join(training_data.sentences(data.corpus)),
            height=80,
            key=f"train_watched_{data.corpus.key}",
            persist_state="session",
        )
        with right:
            try:
                suggested = runs.free(sensible_title(data.corpus.name, settings))
                title = title_field(suggested, "train_title")
                found = _estimate(data, settings)
                st.html(
                    pieces.facts([_size(found), ("time", f"about {duration(found.seconds)} at most, on this machine")])
                )
                if st.button("Train", type="primary", key="train_start", width="stretch"):
                    lines = [line.strip() for line in watched.splitlines() if line.strip()]
                    _train(data, settings, lines[:MOST_WATCHED], title)
            except (ValueError, MemoryError) as error:  # the page goes on below: another run may be in the way
                st.html(pieces.notice(str(error)))


def title_field(suggested: str, key: str) -> str:
    """What the reader calls it; until they type, what is suggested."""
    typed = st.text_input("Name", key=key, placeholder=suggested, max_chars=titles.MOST)
    return titles.checked(typed) if typed else suggested


def _train(data: Data, settings: Settings, watched: list[str], title: str) -> None:
    runs.check_free()
    with st.spinner("Preparing the texts …"):
        run = prepare(
            runs.folder(), data.corpus, settings, watched=watched, tokenizer=data.tokenizer, title=runs.free(title)
        )
    runs.start(run)
    runs.look_at(run)
    st.rerun()


def _size(found: Estimate) -> tuple[str, str]:
    return "size", f"about {float(f'{found.parameters:.3g}'):,.0f} parameters, {found.steps:,} steps"


def _estimate(data: Data, settings: Settings) -> Estimate:
    settings.check()
    found = _cut(data.corpus.key, data.tokenizer, settings.vocabulary, settings.longest, data)
    return _timed(data.corpus.key, found, settings, data)


@st.cache_data(max_entries=32, show_spinner=False)
def _cut(key: str, tokenizer: str | None, vocabulary: int, longest: int, _data: Data) -> Tokenization:
    settings = Settings(task=_data.task, vocabulary=vocabulary, longest=longest)
    return estimates.cut(_data.corpus.texts, tokenizer, settings)


@st.cache_data(max_entries=64, show_spinner="Timing a few steps …")
def _timed(key: str, found: Tokenization, settings: Settings, _data: Data) -> Estimate:
    return estimates.estimate(_data.corpus, found, settings)
