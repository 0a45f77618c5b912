"""One pass of many versions: each has its share of the batch's rows, and what it changes changes there alone.

    Rows(names, clean=calls, changes=[changes(version, calls, ()) for version in versions])

The calls of the pass without them say which layer each call is: a pass may begin above the first of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from selfattn.recording.call import Call
from selfattn.recording.doors import Recorder
from selfattn.recording.edits import Edit, Setting
from selfattn.recording.together import write

# By the place of a call among the others, and by head: its setting, or the context in its place.
Changes = Mapping[int, Mapping[int, Setting | Tensor]]


class UnfitError(ValueError):
    """These versions cannot share a batch."""


@dataclass(frozen=True, eq=False)
class Version:
    """What one version of a pass changes, on top of the edits that all have."""

    edits: tuple[Edit, ...] = ()
    contexts: Mapping[tuple[int, int], Tensor] = field(
        default_factory=dict
    )  # (place of the call, head): (query, d_v) in its place


def changes(version: Version, calls: Sequence[Call], edits: Sequence[Edit]) -> Changes:
    """Which heads of these calls, run under `edits`, a version changes, and to what."""
    found: dict[int, dict[int, Setting | Tensor]] = {}
    for place, call in enumerate(calls):
        where = call.part, call.kind
        if any(_reaches(edit, call) for edit in version.edits):
            every = (*edits, *version.edits)
            settings = [Setting.of(every, call.layer, head, *where) for head in range(call.heads)]
            changed = {head: each for head, each in enumerate(settings) if each != call.settings[head]}
            found |= {place: dict(changed)} if changed else {}
    for (place, head), context in version.contexts.items():
        found.setdefault(place, {})[head] = context
    return found


def _reaches(edit: Edit, call: Call) -> bool:
    layer = edit.layers is None or call.layer in edit.layers
    return layer and edit.part in (None, call.part) and edit.kind in (None, call.kind)


@dataclass
class Rows(Recorder):
    """A recorder that keeps nothing, and changes in each share of the rows what that version says."""

    keeps: bool = False
    clean: Sequence[Call] = ()  # the calls of the pass without the versions
    changes: Sequence[Changes] = field(default_factory=lambda: [{}])  # of each share, in their order

    def call(self, module: nn.Module, query: Tensor, key: Tensor, value: Tensor, **rest: Any) -> Call:
        found = super().call(module, query, key, value, **rest)
        # One that goes on is counted with the call before it.
        place = self.count - found.goes_on
        if not 0 <= place < len(self.clean) or self.clean[place].name != found.name:
            raise UnfitError(f"The pass came to {found.name} as call {place}; without versions it did not.")
        known = self.clean[place]
        return replace(found, layer=known.layer, part=known.part, kind=known.kind, settings=known.settings)

    def attend(self, call: Call, native: Any) -> Tensor:
        output = super().attend(call, native)
        own, left = divmod(len(output), len(self.changes))
        for share, changed in enumerate(self.changes):
            if heads := changed.get(self.count - 1):
                if left or call.goes_on:
                    raise UnfitError(f"{call.title} does not compute one text in each row of the batch.")
                self._change(call, heads, range(share * own, (share + 1) * own), output)
        return output

    def _change(self, call: Call, heads: Mapping[int, Setting | Tensor], rows: range, output: Tensor) -> None:
        """Write into the context of every head, (row, query, head, d_v), what a version gives."""
        settings = {head: each for head, each in heads.items() if isinstance(each, Setting)}
        if call.prescale is None and any(each.rescale or each.similarity for each in settings.values()):
            raise UnfitError(f"The scale of {call.title} could not be told apart from its query.")
        edited = replace(call, settings=tuple(settings.get(h, own) for h, own in enumerate(call.settings)))
        self.busy = True  # no operation of ours is of interest to the second door
        try:
            own = output[rows.start : rows.stop]
            if settings:
                write(own, [*settings], edited.of_texts(rows).contexts([*settings], self.shared))
            for head, each in heads.items():
                if isinstance(each, Tensor):
                    own[:, :, head] = each.to(output)
        finally:
            self.busy = False
