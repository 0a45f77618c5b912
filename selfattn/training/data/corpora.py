"""Texts and their labels, from a file or a folder of the reader's own: what can be mended is, and a note says so."""

import math
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from selfattn.models.budgets import in_words
from selfattn.training.data.lines import Fault, Faults
from selfattn.training.data.open import open_table
from selfattn.training.data.table import Table, listed

# The share of free memory that the texts may take, and the most of it: what comes after needs more.
SHARE, MOST_BYTES = 0.2, 2_000_000_000
MOST_ROWS = 1_000_000
LONGEST_TEXT = 20_000  # characters: more than any network here reads
MOST_LABELS = 1000
FEWEST = 5  # rows of a label: fewer can neither teach it nor measure it
SAMPLE = 500
TEXTS = ("text", "sentence", "review", "content", "comment", "tweet", "message", "body", "question", "title")
LABELS = ("label", "labels", "class", "category", "target", "sentiment", "stars", "rating", "intent", "topic", "y")

EMPTY = Fault("1 row has no text and is left out.", "{} rows have no text and are left out.")
NO_LABEL = Fault("1 row has no label and is left out.", "{} rows have no label and are left out.")
CUT = Fault(
    f"1 text is longer than {LONGEST_TEXT:,} characters and is cut there.",
    f"{{}} texts are longer than {LONGEST_TEXT:,} characters and are cut there.",
)


@dataclass(frozen=True)
class Corpus:
    """Texts, each with the number of its label; labels are None and names () for next-token prediction."""

    name: str
    texts: Sequence[str]
    labels: Sequence[int] | None
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()  # one sentence for each thing that was left out or mended

    @cached_property
    def key(self) -> str:
        """A short name that tells it from all others, by every text and label."""
        digest = sha256(repr((self.name, self.names, self.labels and [*self.labels])).encode())
        for text in self.texts:
            digest.update(text.encode() + b"\0")
        return digest.hexdigest()[:12]


def columns(path: Path) -> tuple[str, ...]:
    """The names of the columns. Raises ValueError where there is no table."""
    return open_table(Path(path)).columns


def guess(path: Path) -> tuple[str, str | None]:
    """The columns of texts and of labels, by their names and what the first rows hold; None where none is like labels.

    Raises ValueError where no column is like texts.
    """
    return _guess(open_table(Path(path)))


def read(path: Path, text: str | None = None, label: str | None = None, *, task: str = "classification") -> Corpus:
    """Read a corpus row by row; of more rows than fit in memory, as many as fit, drawn evenly by chance.

    Columns that are not named are guessed. Raises ValueError, in one sentence, for data that cannot be trained on.
    """
    table = open_table(Path(path))
    classify = task == "classification"
    if text is None or (label is None and classify):
        guessed = _guess(table, text)
        text, label = text or guessed[0], label or guessed[1]
    if classify and label is None:
        raise ValueError(
            f"{table.name} has no column that looks like labels; it has {listed(table.columns)}. Name one."
        )
    chosen = [text, label] if classify and label is not None else [text]
    for column in chosen:
        table.check(column)
    faults: Faults = Counter()
    sample = _Sample()
    rows = table.rows(chosen, faults)
    if label is None or not classify:
        for value, *_ in rows:
            for piece in _pieces(_text(value, text, faults)):
                sample.add(piece, "")
        _check_any(sample, table.name, faults)
        return Corpus(table.name, sample.texts, None, (), _notes(table, sample, faults))
    return _labelled(table, _pairs(rows, text, label, table, faults), sample, faults)


def _labelled(table: Table, pairs: Iterator[tuple[str, str]], sample: "_Sample", faults: Faults) -> Corpus:
    seen: set[str] = set()
    for found, named in pairs:
        seen.add(named)
        if len(seen) > MOST_LABELS:
            raise ValueError(
                f"The labels of {table.name} have more than {MOST_LABELS:,} different values; is that a column of "
                "numbers or of names? Choose one with a few labels."
            )
        sample.add(found, named)
    _check_any(sample, table.name, faults)
    counts = Counter(sample.labels)
    if len(counts) == 1:
        raise ValueError(
            f"Every row of {table.name} has the label {next(iter(counts))[:80]!r}; there is nothing to tell apart. "
            "Choose another column, or add rows of another label."
        )
    rare = {name: count for name, count in counts.items() if count < FEWEST}
    said = ", ".join(f"{name[:40]!r} ({count})" for name, count in list(rare.items())[:5])
    if len(counts) - len(rare) < 2:
        raise ValueError(
            f"{table.name} has fewer than two labels with {FEWEST} rows or more (too rare: {said}); add rows, "
            "or choose another column."
        )
    names = tuple(sorted(counts.keys() - rare.keys(), key=_order))
    numbers = {name: number for number, name in enumerate(names)}
    kept = [
        (found, numbers[named]) for found, named in zip(sample.texts, sample.labels, strict=True) if named in numbers
    ]
    notes = _notes(table, sample, faults)
    if rare:
        notes += (f"Labels with fewer than {FEWEST} rows are left out: {said}{' and others' * (len(rare) > 5)}.",)
    return Corpus(table.name, [found for found, _ in kept], [number for _, number in kept], names, notes)


def _order(name: str) -> tuple[float, str]:
    """Numbers by size, then words by letter."""
    try:
        number = float(name)
    except ValueError:
        number = math.inf
    return (math.inf if math.isnan(number) else number, name)


def _pairs(
    rows: Iterator[tuple[Any, ...]], text: str, label: str, table: Table, faults: Faults
) -> Iterator[tuple[str, str]]:
    names = table.classes.get(label)
    for value, named in rows:
        found, said = _text(value, text, faults), _label(named, label, names)
        if found is None:
            continue
        if said is None:
            faults[NO_LABEL] += 1
            continue
        if len(found) > LONGEST_TEXT:
            faults[CUT] += 1
        yield found[:LONGEST_TEXT], said


def _text(value: Any, column: str, faults: Faults) -> str | None:
    """A cell as a text, None where it is empty."""
    if isinstance(value, dict | list | bytes):
        raise ValueError(f"The column {column!r} holds {type(value).__name__} values, no texts; choose another.")
    found = "" if value is None else str(value)
    if not found.strip():
        faults[EMPTY] += 1
        return None
    # Half a surrogate pair is no character, and no tokenizer takes it.
    return found.encode("utf-8", "replace").decode()


def _label(value: Any, column: str, names: tuple[str, ...] | None) -> str | None:
    """A cell as the name of a label, as it was written; None where it is empty."""
    if isinstance(value, dict | list | bytes):
        raise ValueError(f"The column {column!r} holds {type(value).__name__} values, no labels; choose another.")
    if value is None or (isinstance(value, float) and math.isnan(value)) or not str(value).strip():
        return None
    if names is not None and isinstance(value, int):
        # In Hugging Face datasets -1 says that there is none.
        return names[value] if 0 <= value < len(names) else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).encode("utf-8", "replace").decode()


def _pieces(text: str | None) -> Iterator[str]:
    for start in range(0, len(text or ""), LONGEST_TEXT):
        yield (text or "")[start : start + LONGEST_TEXT]


class _Sample:
    """Rows in their order, as many as fit: where they do not, each stays with the same chance, halved until they do."""

    def __init__(self) -> None:
        self.allowed = min(MOST_BYTES, int(SHARE * psutil.virtual_memory().available))
        self.random = random.Random(0)
        self.texts: list[str] = []
        self.labels: list[str] = []
        self.draws: list[float] = []
        self.bytes, self.share, self.seen = 0, 1.0, 0

    def add(self, text: str, label: str) -> None:
        draw = self.random.random()
        self.seen += 1
        if draw >= self.share:
            return
        self.texts.append(text)
        self.labels.append(sys.intern(label))
        self.draws.append(draw)
        self.bytes += sys.getsizeof(text)
        if self.bytes > self.allowed or len(self.texts) > MOST_ROWS:
            self._halve()

    def _halve(self) -> None:
        self.share /= 2
        kept = [at for at, draw in enumerate(self.draws) if draw < self.share]
        self.texts = [self.texts[at] for at in kept]
        self.labels = [self.labels[at] for at in kept]
        self.draws = [self.draws[at] for at in kept]
        self.bytes = sum(map(sys.getsizeof, self.texts))


def _check_any(sample: _Sample, name: str, faults: Faults) -> None:
    if not sample.texts:
        why = f" ({' '.join(_said(faults))})" if faults else ""
        raise ValueError(f"{name} holds no row that can be used{why}; choose another column or file.")


def _notes(table: Table, sample: _Sample, faults: Faults) -> tuple[str, ...]:
    notes = [*table.notes, *_said(faults)]
    if sample.share < 1:
        notes.append(
            f"Of {sample.seen:,} rows, {len(sample.texts):,} are used, drawn evenly by chance: "
            f"more than {in_words(sample.allowed)} or {MOST_ROWS:,} rows are not held in memory."
        )
    return tuple(notes)


def _said(faults: Faults) -> list[str]:
    """Each fault with its count, as a sentence."""
    return [fault.one if count == 1 else fault.many.format(f"{count:,}") for fault, count in faults.items()]


def _guess(table: Table, text: str | None = None) -> tuple[str, str | None]:
    values = list(zip(*islice(table.rows(table.columns, Counter()), SAMPLE), strict=True))
    if not values:
        raise ValueError(f"{table.name} has a header and no rows; choose a file with rows.")
    cells = dict(zip(table.columns, values, strict=True))
    if text is None:
        text = _guess_text(table, cells)
    by_name = [name for wanted in LABELS for name in table.columns if name.strip().lower() == wanted and name != text]
    if by_name:
        return text, by_name[0]
    kinds = {name: len({str(value) for value in column}) for name, column in cells.items() if name != text}
    # A label comes again and again, and there is more than one.
    few = [name for name, count in kinds.items() if 2 <= count <= len(values[0]) // 3]
    return text, min(few, key=lambda name: kinds[name]) if few else None


def _guess_text(table: Table, cells: dict[str, tuple[Any, ...]]) -> str:
    lengths = {}
    for name, column in cells.items():
        words = [value for value in column if isinstance(value, str)]
        if words and not all(_is_number(word) for word in words):
            lengths[name] = sum(map(len, words)) / len(words)
    by_name = [name for wanted in TEXTS for name in lengths if name.strip().lower() == wanted]
    if by_name:
        return by_name[0]
    if not lengths or max(lengths.values()) < 8:
        raise ValueError(f"No column of {table.name} looks like texts; it has {listed(table.columns)}. Name one.")
    return max(lengths, key=lambda name: lengths[name])


def _is_number(word: str) -> bool:
    try:
        float(word or "0")
    except ValueError:
        return False
    return True
