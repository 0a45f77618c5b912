"""What is learned from: a generated corpus, a file of the reader's, or, on their own machine, a path."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from selfattn.figures import pieces
from selfattn.figures import training as figures
from selfattn.models.loading.names import names
from selfattn.training.data import corpora, generated
from selfattn.training.data.corpora import Corpus
from selfattn.ui.controls import whole_number
from selfattn.ui.kept import kept
from selfattn.ui.link import KEEP
from selfattn.ui.shell.machine import on_this_machine
from selfattn.ui.training import choices

GENERATED, FILE, PATH = "generated", "your file", "a path"
ENDINGS = ["csv", "tsv", "jsonl", "json", "parquet", "txt"]
MOST_MEGABYTES = 200
LEAST_ROWS, ROWS, MOST_ROWS = 100, 4000, 100_000
NO_LABEL = "none: predict the next token"
TRAINED = "trained on these texts"
SHOWN, CUT = 4, 80  # rows of the preview, and characters of a text in it
MOST_LABELS = 6


@dataclass(frozen=True)
class Data:
    """What is learned from, and what cuts it into tokens: None where a tokenizer of so many entries is trained."""

    corpus: Corpus
    tokenizer: str | None
    vocabulary: int

    @property
    def task(self) -> str:
        """What can be learned from it."""
        return "next token" if self.corpus.labels is None else choices.CLASSIFIER


def pick() -> Data | None:
    """The controls, and beside them what they lead to; None where that is nothing yet, or an error, which is told."""
    st.html(pieces.heading("Train your own", "small, on this machine; nothing is sent anywhere"))
    controls, found = st.columns([2, 3], gap="large")
    corpus = None
    with controls:
        sources = [GENERATED, FILE, *([PATH] if on_this_machine() else [])]
        source = st.segmented_control("Texts", sources, default=GENERATED, required=True, key="train_from", **KEEP)
        try:
            corpus = {GENERATED: _generated, FILE: _uploaded, PATH: _at_path}[source]()
        except ValueError as error:
            found.html(pieces.notice(str(error)))
        tokenizer, vocabulary = _tokenizer()
    if corpus is None:
        return None
    with found:
        _preview(corpus)
    return Data(corpus, tokenizer, vocabulary)


def sentences(corpus: Corpus) -> tuple[str, ...]:
    """Two texts of a corpus that are worth watching: short ones, of two labels where there are labels."""
    texts = corpus.texts[:500]
    short = sorted(range(len(texts)), key=lambda row: (abs(len(texts[row].split()) - 9), row))
    first = short[0]
    labels = corpus.labels
    others = [row for row in short if row != first and (labels is None or labels[row] != labels[first])]
    return tuple(" ".join(texts[row].split())[:200] for row in (first, *others[:1]))


def _generated() -> Corpus:
    with st.container(horizontal=True):
        name = st.selectbox("Corpus", list(generated.GENERATED), key="train_corpus", **KEEP)
        rows = whole_number("Texts", LEAST_ROWS, MOST_ROWS, ROWS, "train_rows", step=1000, **KEEP)
    st.caption(generated.GENERATED[name])
    return _made(name, rows)


def _uploaded() -> Corpus | None:
    file = st.file_uploader(
        "Texts and their labels, a row each", ENDINGS, key="train_file", max_upload_size=MOST_MEGABYTES, on_change=_take
    )
    if why := st.session_state.get("train_upload_failed"):
        raise ValueError(why)
    path = _own()
    if path is None:
        return None
    if file is None:
        st.html(figures.notes([f"{path.name} is here."]))
    return _columns(path)


def _take() -> None:
    """Keep an uploaded file beyond its widget, for this session alone: its folder goes when the session goes."""
    file, state = st.session_state.train_file, st.session_state
    state.pop("train_upload", None)
    state.pop("train_upload_failed", None)
    if file is None:
        return
    try:
        home = TemporaryDirectory(prefix="selfattn-")
        # Of its name only what any system takes: it comes from a browser.
        path = Path(home.name) / (re.sub(r"[^\w.-]", "_", file.name)[-80:].lstrip(".") or "texts.txt")
        path.write_bytes(file.getbuffer())
    except OSError as error:
        state.train_upload_failed = f"{file.name} could not be kept: {error.strerror}. Make room, and choose it again."
    else:
        state.train_upload = home, path


def _own() -> Path | None:
    _, path = st.session_state.get("train_upload", (None, None))
    return path


def _at_path() -> Corpus | None:
    typed = st.text_input(
        "A file, or the folder of a Hugging Face dataset", key="train_path", persist_state="session"
    ).strip()
    return _columns(Path(typed).expanduser()) if typed else None


def _columns(path: Path) -> Corpus:
    """A file or folder by the columns that the reader picks in it; they are guessed first."""
    there, (text, label) = _table(path, _changed(path))
    with st.container(horizontal=True):
        text = st.selectbox("Text", there, there.index(text), key=f"train_text_{path}", persist_state="session")
        labels = [*(name for name in there if name != text), NO_LABEL]
        guessed = labels.index(label) if label in labels else len(labels) - 1
        label = st.selectbox("Label", labels, guessed, key=f"train_label_{path}", persist_state="session")
    return _read(path, text, None if label == NO_LABEL else label, _changed(path))


@kept("Making texts …")
def _made(name: str, rows: int) -> Corpus:
    return generated.generate(name, rows, seed=0)


@st.cache_data(max_entries=16, show_spinner=False)
def _table(path: Path, changed: tuple[int, int]) -> tuple[tuple[str, ...], tuple[str, str | None]]:
    """The columns of a file, and which of them look like texts and labels."""
    return corpora.columns(path), corpora.guess(path)


@kept("Reading …")
def _read(path: Path, text: str, label: str | None, changed: tuple[int, int]) -> Corpus:
    return corpora.read(path, text, label, task="next token" if label is None else choices.CLASSIFIER)


def _changed(path: Path) -> tuple[int, int]:
    """What tells a file from the one that lay there before; whoever opens it says that there is none."""
    if not path.exists():
        return 0, 0
    about = path.stat()
    return about.st_mtime_ns, about.st_size


def _tokenizer() -> tuple[str | None, int]:
    """Which tokenizer, by name; None for one that is trained, of so many entries."""
    here = [name for name, folder in names().items() if (folder / "tokenizer.json").is_file()]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Tokenizer",
            [TRAINED, *here],
            key="train_tokenizer",
            accept_new_options=on_this_machine(),
            help="What cuts a text into tokens: trained on these texts, or that of a model, by its name or folder.",
            persist_state="session",
        )
        vocabulary = choices.choice("vocabulary") if chosen == TRAINED else 0
    return (None, vocabulary) if chosen == TRAINED else (chosen, vocabulary)


def _preview(corpus: Corpus) -> None:
    """A few rows, how many there are of each label, and what was left out."""
    st.html(pieces.heading(corpus.name, f"{len(corpus.texts):,} texts"))
    labels = corpus.labels
    shown = [" ".join(text[: 2 * CUT].split()) for text in corpus.texts[:SHOWN]]
    shown = [text if len(text) <= CUT else text[: CUT - 1] + "…" for text in shown]
    if labels is None:
        st.html(figures.examples([(text, "") for text in shown]))
    else:
        st.html(figures.examples([(text, corpus.names[label]) for text, label in zip(shown, labels, strict=False)]))
        st.html(_counts(corpus))
    if corpus.notes:
        st.html(figures.notes(corpus.notes))


def _counts(corpus: Corpus) -> str:
    """The share of each label, the most frequent first; the tick is an even share."""
    counts = Counter(corpus.labels).most_common(MOST_LABELS)
    rows = [
        (f"{count:,} {corpus.names[label]}", count / len(corpus.texts), 1 / len(corpus.names))
        for label, count in counts
    ]
    return pieces.bars(rows, "var(--sa-quiet)")
