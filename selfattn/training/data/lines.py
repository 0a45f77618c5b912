"""The lines of a file of text in whatever encoding, one by one, however large the file is."""

import codecs
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

LONGEST_LINE = 10_000_000
START = 4096


class Fault(NamedTuple):
    """What was mended or left out, said of one and of many."""

    one: str
    many: str


NOT_UTF8 = Fault(
    "1 line is not UTF-8 and was read as Windows-1252.", "{} lines are not UTF-8 and were read as Windows-1252."
)
NUL = Fault("1 line held NUL characters, which were taken out.", "{} lines held NUL characters, which were taken out.")

Faults = Counter[Fault]  # how often each was met


def lines(file: Path, faults: Faults) -> Iterator[str]:
    """Each line with its end. UTF-8, with a mark at its start or without, and UTF-16 with one.

    A line of a UTF-8 file that is none is read as Windows-1252, of which Latin-1 is a part, and counted. Raises
    ValueError for an empty file, a binary one, and a line without end.
    """
    with file.open("rb") as raw:
        start = raw.read(START)
        raw.seek(0)
        _check(file.name, start)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            found = _utf16(raw, file.name)
        else:
            raw.seek(len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0)
            found = _utf8(raw, file.name, faults)
        for line in found:
            if "\0" in line:
                faults[NUL] += 1
                line = line.replace("\0", "")
            yield line


def _check(name: str, start: bytes) -> None:
    if not start.strip():
        raise ValueError(f"{name} is empty; choose a file with rows.")
    if start.startswith(b"PK\x03\x04"):
        raise ValueError(f"{name} is a zip archive or an Excel sheet; save it as CSV (UTF-8).")
    utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    # A NUL here and there is a slip of whoever wrote the file; many are no text.
    if not utf16 and start.count(0) > len(start) // 100:
        raise ValueError(f"{name} is a binary file, no text; choose CSV, TSV, JSON Lines, Parquet or plain text.")


def _utf8(raw: BinaryIO, name: str, faults: Faults) -> Iterator[str]:
    while line := raw.readline(LONGEST_LINE):
        _check_length(len(line), name)
        try:
            yield line.decode()
        except UnicodeDecodeError:
            faults[NOT_UTF8] += 1
            yield line.decode("cp1252", errors="replace")


def _utf16(raw: BinaryIO, name: str) -> Iterator[str]:
    text = io.TextIOWrapper(raw, "utf-16", errors="replace", newline="")
    while line := text.readline(LONGEST_LINE):
        _check_length(len(line), name)
        yield line
    text.detach()


def _check_length(length: int, name: str) -> None:
    if length >= LONGEST_LINE:
        raise ValueError(f"{name} has a line of more than {LONGEST_LINE:,} characters; put each row on its own line.")
