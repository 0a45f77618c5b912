"""The attentions of a model, part by part, as the calls of its runs show them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from selfattn.recording.call import Call


@dataclass(frozen=True)
class Attention:
    """The attention layers of one part of a model: what `--part` and `--kind` choose among."""

    part: str
    kind: str
    numbers: tuple[int, ...]  # of its layers, the model's own: in a hybrid those between them do not attend
    heads: int
    key_heads: int
    d_head: int
    heads_of: tuple[int, ...] = ()  # layer by layer, where not all have as many; `heads` are the first's

    @property
    def layers(self) -> int:
        """How many layers attend."""
        return len(self.numbers)

    def heads_in(self, layer: int) -> int:
        """The heads of one layer."""
        return self.heads_of[self.numbers.index(layer)] if self.heads_of else self.heads


def attentions(calls: Iterable[Call], known: Iterable[Attention] = ()) -> tuple[Attention, ...]:
    """The attentions of these calls, beside those that are known."""
    found = {(each.part, each.kind): each for each in known}
    groups: dict[tuple[str, str], list[Call]] = {}
    for call in calls:
        groups.setdefault((call.part, call.kind), []).append(call)
    for where, group in groups.items():
        found[where] = _attention(*where, group, found.get(where))
    return tuple(found.values())


def _attention(part: str, kind: str, calls: list[Call], known: Attention | None) -> Attention:
    heads = {layer: known.heads_in(layer) for layer in known.numbers} if known else {}
    numbers = tuple(sorted(heads := {call.layer: call.heads for call in calls} | heads))
    first = known or Attention(part, kind, (), calls[0].heads, calls[0].key_heads, calls[0].query.shape[-1])
    alike = len(set(heads.values())) == 1
    return replace(first, numbers=numbers, heads_of=() if alike else tuple(heads[layer] for layer in numbers))


def ranges(numbers: Iterable[int]) -> str:
    """Numbers in words: "0 to 11", or "3, 7, 11" and "0 to 2, 4 to 6" where some are not there."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
