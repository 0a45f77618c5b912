"""What the pictures of a page are of, for their captions and the names of their files."""

from pathlib import PurePath

from selfattn import Model
from selfattn.analysis.interventions.edit_list import in_words
from selfattn.canvas.source import Source
from selfattn.models.inputs.given import Illustrated, Pair, Picture, Sound, Text, own_text
from selfattn.models.inputs.tokens import visible
from selfattn.ui import caches
from selfattn.ui.caches import Run
from selfattn.ui.place import Head


def source(model: Model, run: Run, at: Head | None = None) -> Source:
    """The model, what it reads, the edits in it, and the head, where a picture is of one."""
    several = len(model.attentions) > 1
    tokens = caches.trace(run).tokens.text if run.edits else ()
    changes = tuple(visible(in_words(edit, tokens, tokens, several)) for edit in run.edits)
    if at is None:
        return Source(model.name, _words(run.given), changes=changes)
    part, kind = (f"{at.part}, {at.kind}-attention, ", f"{at.part}-{at.kind}-") if several else ("", "")
    place, short = f"{part}layer {at.layer}, head {at.head}", f"{kind}L{at.layer}H{at.head}"
    return Source(model.name, _words(run.given), place, short, changes)


def _words(given: Text | Picture | Sound) -> str:
    match given:
        case Pair(first, second):
            return f"{first} / {second}"
        case Illustrated(text, picture):
            return f"{PurePath(picture.name).stem} / {text}"
        case Picture() | Sound():
            return PurePath(given.name).stem
    return own_text(given)
