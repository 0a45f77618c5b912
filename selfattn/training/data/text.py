"""Tables that are text: comma- or tab-separated, JSON Lines, plain."""

import csv
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from selfattn.training.data.lines import Fault, Faults, lines
from selfattn.training.data.table import Table

SAMPLE = 100
LARGEST_ARRAY = 100_000_000
MANY_LINES = 100
# Plain text comes in pieces of whole lines: of about so many characters, and at least so many pieces.
PIECE, PIECES = 2000, 50

TOO_MANY = Fault(
    "1 row has more fields than the header and is left out; a text with a comma needs quotation marks.",
    "{} rows have more fields than the header and are left out; a text with a comma needs quotation marks.",
)
LONG = Fault(
    "1 row spans more than 100 lines; was a quotation mark left open before it?",
    "{} rows span more than 100 lines; was a quotation mark left open before them?",
)
NO_OBJECT = Fault("1 line is no JSON object and is left out.", "{} lines are no JSON objects and are left out.")


def separated(file: Path) -> Table:
    """A CSV or TSV file with a header. Semicolons or tabs stand for commas where the header has no comma."""
    first = next(lines(file, Faults()))
    delimiter = "\t" if file.suffix.lower() == ".tsv" else ","
    if delimiter not in first:
        delimiter = next((other for other in ";\t," if other in first), delimiter)
    header = next(_records(file, delimiter, Faults()), [])
    names = tuple(name.strip() for name in header)
    if not any(names):
        raise ValueError(f"{file.name} has no header; its first line must name the columns.")

    def rows(columns: Sequence[str], faults: Faults) -> Iterator[tuple[Any, ...]]:
        places = [names.index(column) for column in columns]
        for record in islice(_records(file, delimiter, faults), 1, None):
            if len(record) > len(names):
                faults[TOO_MANY] += 1
            else:
                yield tuple(record[place] if place < len(record) else None for place in places)

    return Table(file.name, names, rows)


def _records(file: Path, delimiter: str, faults: Faults) -> Iterator[list[str]]:
    reader = csv.reader(lines(file, faults), delimiter=delimiter)
    before = 0
    try:
        for record in reader:
            if reader.line_num - before > MANY_LINES:
                faults[LONG] += 1
            before = reader.line_num
            if record:  # a blank line is no row
                yield record
    except csv.Error as error:
        raise ValueError(
            f"{file.name} cannot be read from line {before + 1:,} on ({error}); was a quotation mark left open there?"
        ) from error


def json_lines(file: Path) -> Table:
    """A file with a JSON object a line, or one array of them."""
    first = next((line for line in lines(file, Faults()) if line.strip()), "")
    is_array = first.lstrip().startswith("[")
    if is_array and file.stat().st_size > LARGEST_ARRAY:
        raise ValueError(f"{file.name} is one JSON array too large to open whole; write one object a line (.jsonl).")

    def objects(faults: Faults) -> Iterator[dict[str, Any]]:
        for found in _array(file, faults) if is_array else map(_parsed, filter(str.strip, lines(file, faults))):
            if isinstance(found, dict):
                yield found
            else:
                faults[NO_OBJECT] += 1

    sample = islice(objects(Faults()), SAMPLE)
    names = tuple(dict.fromkeys(name for found in sample for name in found))
    if not names:
        raise ValueError(f'{file.name} holds no JSON objects; write one a line, such as {{"text": …, "label": …}}.')

    def rows(columns: Sequence[str], faults: Faults) -> Iterator[tuple[Any, ...]]:
        for found in objects(faults):
            yield tuple(found.get(column) for column in columns)

    return Table(file.name, names, rows)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):  # no JSON, a number of a million digits, brackets without end
        return None


def _array(file: Path, faults: Faults) -> list[Any]:
    found = _parsed("".join(lines(file, faults)))
    if not isinstance(found, list):
        raise ValueError(f"{file.name} begins as a JSON array and does not end as one; copy it again.")
    return found


def plain(file: Path) -> Table:
    """Plain text, in pieces of whole lines."""
    size = max(200, min(PIECE, file.stat().st_size // PIECES))

    def rows(columns: Sequence[str], faults: Faults) -> Iterator[tuple[Any, ...]]:
        piece: list[str] = []
        length = 0
        for line in lines(file, faults):
            # A line without end is cut, so that a book on one line is many pieces as well.
            for start in range(0, len(line), PIECE):
                part = line[start : start + PIECE]
                piece.append(part)
                length += len(part)
                if length >= size:
                    yield ("".join(piece),) * len(columns)
                    piece, length = [], 0
        if length:
            yield ("".join(piece),) * len(columns)

    next(lines(file, Faults()))
    return Table(file.name, ("text",), rows)
