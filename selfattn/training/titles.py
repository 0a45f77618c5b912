"""What runs and sweeps are called: by their readers, and at first by their data."""

import unicodedata
from collections.abc import Collection
from pathlib import PurePath

MOST = 60
# Control characters, marks that turn or hide their neighbours, ends of lines; two of the marks join letters and emoji.
HIDDEN, JOINERS = ("Cc", "Cf", "Cs", "Zl", "Zp"), "\u200c\u200d"


def checked(title: object) -> str:
    """A title without the space around it. Raises ValueError for one that cannot stand in a line."""
    if not isinstance(title, str) or not 1 <= len(title.strip()) <= MOST:
        raise ValueError(f"A name has 1 to {MOST} characters; choose another.")
    if any(unicodedata.category(each) in HIDDEN and each not in JOINERS for each in title):
        raise ValueError("A name is one line of characters that can be seen; choose another.")
    return title.strip()


def sensible(data: object, what: str) -> str:
    """The title of what nobody gave one: its data, without the ending of a file, and what is made of them."""
    try:
        stem = checked(PurePath(str(data)).stem[: MOST // 2])
    except ValueError:
        stem = "texts"
    return f"{stem}, {what}"


def free(title: str, taken: Collection[str]) -> str:
    """The title, or where that is taken, the first of "TITLE (2)", "TITLE (3)", ... that is not."""
    found, number = title, 1
    while found in taken:
        number += 1
        found = f"{title[: MOST - 6]} ({number})"
    return found
