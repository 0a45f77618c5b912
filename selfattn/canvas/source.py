"""What a picture is of: the words of its caption, and the name of the file that it is saved as."""

import unicodedata
from dataclasses import dataclass
from typing import Any

from selfattn.models.inputs.tokens import visible

# Characters of a file's name for a model and for a text; and of a text in a caption.
LONGEST_MODEL, LONGEST_TEXT, LONGEST_CAPTION = 20, 24, 300


@dataclass(frozen=True)
class Source:
    """A model, what it read, and where in it a picture was taken.

    place: as a caption has it, "layer 0, head 2". short: as a file's name has it, "L0H2". changes: the edits in the
    model, in words.
    """

    model: str
    text: str = ""
    place: str = ""
    short: str = ""
    changes: tuple[str, ...] = ()

    def file_name(self, view: str) -> str:
        """The name of a file without its suffix: model, head, view and text, "sentiment_L0H2_map_The-plot-was"."""
        model, short, text = self._names()
        return "_".join(part for part in (model, short, in_a_name(view, LONGEST_MODEL), text) if part)

    def as_json(self) -> dict[str, Any]:
        """What the browser gets: the parts of a name, and those of a caption before and after what it adds."""
        text = visible(self.text)
        text = text if len(text) <= LONGEST_CAPTION else f"{text[: LONGEST_CAPTION - 1]}…"
        before = [part for part in (visible(self.model), self.place) if part]
        changes = [f"in the model: {'; '.join(self.changes)}"] if self.changes else []
        return {"name": self._names(), "before": before, "after": [*changes, *([f"“{text}”"] if text else [])]}

    def _names(self) -> tuple[str, str, str]:
        return in_a_name(self.model, LONGEST_MODEL) or "model", self.short, in_a_name(self.text, LONGEST_TEXT)


def in_a_name(text: str, longest: int) -> str:
    """Letters and digits of any script, the marks on them, and one hyphen for all else; cut after a word.

    What is left is no path, hides no file, and needs no quotes.
    """
    kept = (
        letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in unicodedata.normalize("NFC", text)
    )
    words = "".join(kept).split()
    name = ""
    for word in words:
        longer = f"{name}-{word}" if name else word
        if len(longer) > longest:
            break
        name = longer
    return name or (words[0][:longest] if words else "")
