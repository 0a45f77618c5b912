"""A list of edits as a reader makes it: heads silenced and lines cut one by one, each told in words."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from selfattn.analysis.interventions.effects import How, Place, silence, silenced
from selfattn.models.attention import Attention
from selfattn.recording.edits import Ablate, Cut, Edit, Mask, Pairs, Scale, Similarity, Temperature
from selfattn.recording.means import Means

Edits = tuple[Edit, ...]
# Of the lines that one cut holds, so many are named.
NAMED = 3


def with_silenced(
    edits: Edits, attentions: Sequence[Attention], attention: Attention, heads: Iterable[Place], how: How
) -> Edits:
    """The edits with exactly these heads of one attention silenced, and those of the others as they were."""
    wanted = {each: silenced(edits, each) for each in attentions} | {attention: frozenset(heads)}
    rest = tuple(edit for edit in edits if not isinstance(edit, Ablate))
    return rest + tuple(edit for each, found in wanted.items() for edit in silence(found, each, how))


def cut_pairs(edits: Iterable[Edit], shown: Collection[Place], attention: Attention) -> Pairs:
    """The (query, key) pairs that some edit cuts in some of these heads."""
    found: Pairs = frozenset()
    for edit in edits:
        if isinstance(edit, Cut) and _reaches(edit, shown, attention):
            found |= edit.pairs
    return found


def toggled(edits: Edits, pairs: Pairs, shown: Collection[Place], attention: Attention, new: Cut) -> Edits:
    """Pairs that are cut in what is shown, healed; else cut as `new` says, which has no pairs of its own."""
    if pairs <= cut_pairs(edits, shown, attention):
        healed = (
            replace(edit, pairs=edit.pairs - pairs)
            if isinstance(edit, Cut) and _reaches(edit, shown, attention)
            else edit
            for edit in edits
        )
        return tuple(edit for edit in healed if not isinstance(edit, Cut) or edit.pairs)
    for place, edit in enumerate(edits):
        if isinstance(edit, Cut) and replace(edit, pairs=frozenset()) == new:
            return (*edits[:place], replace(edit, pairs=edit.pairs | pairs), *edits[place + 1 :])
    return (*edits, replace(new, pairs=pairs))


def pairs_of(written: str) -> Pairs:
    """The (query, key) pairs that a text such as "5>3, 8>0" names. Raises ValueError for any other."""
    parts = [part.strip() for part in written.split(",") if part.strip()]
    found = [re.fullmatch(r"(\d{1,9})\s*>\s*(\d{1,9})", part) for part in parts]
    if not found or not all(found):
        raise ValueError(f"Pairs are positions from 0, such as 5>3, 8>0; got {written[:40]!r}.")
    return frozenset((int(pair[1]), int(pair[2])) for pair in found if pair)


def _reaches(edit: Edit, shown: Collection[Place], attention: Attention) -> bool:
    return any(edit.reaches(layer, head, attention.part, attention.kind) for layer, head in shown)


def in_words(edit: Edit, queries: Sequence[str], keys: Sequence[str], several: bool = False) -> str:
    """An edit as a reader would say it: "Temperature 2 in layer 1". `several`: the model has several attentions."""
    inside = f" of the {edit.part} ({edit.kind})" if several and edit.part and edit.kind else ""
    match edit.layers, edit.heads:
        case None, None:
            place = f"all heads{inside}"
        case layers, None:
            place = f"{_counted('layer', layers)}{inside}"
        case None, heads:
            place = f"{_counted('head', heads)} of every layer{inside}"
        case layers, heads:
            place = f"{_counted('head', heads)} of {_counted('layer', layers)}{inside}"
    if isinstance(edit, Ablate):
        return f"Silence {place} ({_given(edit.how)})"
    return f"{_what(edit, queries, keys)} in {place}"


def _given(how: How) -> str:
    """What a silenced head gives."""
    if isinstance(how, Means):
        return f"the mean over {how.count} text{'s' if how.count != 1 else ''}"
    return {"zero": "zeros", "mean": "its mean"}[how]


def _what(edit: Edit, queries: Sequence[str], keys: Sequence[str]) -> str:
    match edit:
        case Scale(None):
            return "No scaling"
        case Scale(value):
            return f"Scale {value:g}"
        case Temperature(value):
            return f"Temperature {value:g}"
        case Mask(pattern, replace):
            return f"Mask {_short(str(pattern))}{' in place of the model’s own' if replace else ''}"
        case Similarity(how):
            return f"Similarity {how}"
        case Cut(pairs, renormalise):
            return f"{_cut(frozenset(pairs), queries, keys)}{'' if renormalise else ' after the softmax'}"
    raise ValueError(f"{type(edit).__name__} is an edit of no known kind.")


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def _cut(pairs: Pairs, queries: Sequence[str], keys: Sequence[str]) -> str:
    (first, *others) = sorted({key for _, key in pairs}) or [0]
    if not others and len(pairs) > NAMED:
        return f"Hide {_name(keys, first)} from {len(pairs)} others"
    lines = [f"{_name(queries, query)} → {_name(keys, key)}" for query, key in sorted(pairs)]
    more = f" and {len(lines) - NAMED} more" if len(lines) > NAMED else ""
    return f"Cut {', '.join(lines[:NAMED])}{more}"


def _name(tokens: Sequence[str], place: int) -> str:
    return f"“{tokens[place]}”" if place < len(tokens) else f"token {place}"


def _counted(noun: str, numbers: Any) -> str:
    return f"{noun}{'s' if len(numbers) != 1 else ''} {', '.join(map(str, sorted(numbers)))}"
