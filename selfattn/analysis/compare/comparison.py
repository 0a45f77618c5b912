"""Two traces side by side: which of their tokens are the same, and how far apart their heads read.

    found = compare(first, second)
    found.bits[layer, head]                        # 0 where both read alike, 1 where they share no key
    found.left_out[layer, head]                    # the share of the weight that only one of them can give

The divergence of two rows of weights is that of Jensen and Shannon, in bits (Lin 1991; between heads, Clark 2019):

    JS(p, q) = H((p + q) / 2) - (H(p) + H(q)) / 2

A head's number is the mean over the query rows that both have. Rows are taken over the keys that both have, and sum to
1 again; what lay on the other keys is `left_out`. A row that may attend to one key alone, in both to the same, can only
be 0, as the first of a causal head, and leaves the mean.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from selfattn.models.attention import Attention, ranges
from selfattn.models.model import Model
from selfattn.recording.call import Call
from selfattn.tracing.trace import Trace

# Weights of a call that are in memory at once, in numbers.
MOST = 1 << 22


@dataclass(frozen=True)
class Alignment:
    """Two lists of tokens as one: where each entry stands in the first and in the second, -1 where it is not there."""

    first: tuple[int, ...]
    second: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.first)

    def both(self) -> tuple[Int[Tensor, " pair"], Int[Tensor, " pair"]]:
        """The positions of the tokens that both have."""
        pairs = [(i, j) for i, j in zip(self.first, self.second, strict=True) if i >= 0 and j >= 0]
        positions = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)
        return positions[:, 0], positions[:, 1]

    def names(self, first: Sequence[str], second: Sequence[str]) -> list[str]:
        """What to write beside each entry: `good`, `good/bad` where one stands for the other, `−good`, `+bad`."""
        return [_name(i, j, first, second) for i, j in zip(self.first, self.second, strict=True)]


def _name(i: int, j: int, first: Sequence[str], second: Sequence[str]) -> str:
    if i < 0:
        return f"+{second[j]}"
    if j < 0:
        return f"−{first[i]}"
    return first[i] if first[i] == second[j] else f"{first[i]}/{second[j]}"


def align(first: Sequence[Hashable], second: Sequence[Hashable], *, replaced: bool = True) -> Alignment:
    """Match what is equal, in order. With `replaced`, a run between two matches stands for another that is as long."""
    pairs: list[tuple[int, int]] = []
    for tag, i, i_end, j, j_end in _changes(first, second):
        if tag == "equal" or (replaced and i_end - i == j_end - j):
            pairs += zip(range(i, i_end), range(j, j_end), strict=True)
        else:
            pairs += [(place, -1) for place in range(i, i_end)] + [(-1, place) for place in range(j, j_end)]
    return Alignment(tuple(i for i, _ in pairs), tuple(j for _, j in pairs))


def _changes(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[tuple[str, int, int, int, int]]:
    """The operations from the first to the second: what both begin and end with is found before the search."""
    shorter = min(len(first), len(second))
    begin = next((n for n in range(shorter) if first[n] != second[n]), shorter)
    end = next((n for n in range(shorter - begin) if first[-1 - n] != second[-1 - n]), shorter - begin)
    middle = first[begin : len(first) - end], second[begin : len(second) - end]
    found = [("equal", 0, begin, 0, begin)]
    for tag, i, i_end, j, j_end in SequenceMatcher(None, *middle, autojunk=False).get_opcodes():
        found.append((tag, i + begin, i_end + begin, j + begin, j_end + begin))
    return [*found, ("equal", len(first) - end, len(first), len(second) - end, len(second))]


def aligned(first: Trace, of_first: Call, second: Trace, of_second: Call) -> tuple[Alignment, Alignment]:
    """The queries and the keys of two calls: by their place in the text where two tokenizers read one, else by name."""
    one_text = isinstance(first.given, str) and first.given == second.given and first.tokens.text != second.tokens.text
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], Alignment] = {}
    sides = list(zip(first.labels(of_first), second.labels(of_second), strict=True))
    for names in dict.fromkeys(sides):  # the queries and keys of self-attention are the same tokens
        if one_text and names == (first.tokens.text, second.tokens.text):
            found[names] = align(_places(first), _places(second), replaced=False)
        else:
            found[names] = align(*([_bare(name) for name in side] for side in names))
    return found[sides[0]], found[sides[1]]


def _bare(name: str) -> str:
    """A token's text without the space that some tokenizers count in."""
    return name.strip() or name


def _places(trace: Trace) -> list[Hashable]:
    """Where the tokens stand in the text, without spaces; the name of a token that stands for no text."""
    places: list[Hashable] = []
    for name, (start, end) in zip(trace.tokens.text, trace.tokens.offsets, strict=True):
        piece = trace.text[start:end]
        start += len(piece) - len(piece.lstrip())
        places.append((start, start + len(piece.strip())) if piece.strip() else name)
    return places


def divergence(p: Float[Tensor, "*row key"], q: Float[Tensor, "*row key"]) -> Float[Tensor, "*row"]:
    """The Jensen-Shannon divergence of rows that sum to 1, in bits: 0 where equal, 1 where disjoint."""
    return (_entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2).clamp(0.0, 1.0)


def _entropy(p: Float[Tensor, "*row key"]) -> Float[Tensor, "*row"]:
    return -torch.special.xlogy(p, p).sum(-1) / torch.log(torch.tensor(2.0))


@dataclass(frozen=True, eq=False)
class Divergence:
    """How far apart the heads of one layer read, head by head."""

    bits: Float[Tensor, " head"]  # NaN where the two have no query and key in common
    left_out: Float[Tensor, " head"]  # mean share of the weight on keys that only one of the two has


@torch.no_grad()
def of_layer(
    first: Call, second: Call, queries: Alignment, keys: Alignment, head: int | None = None, most: int = MOST
) -> Divergence:
    """Each head of two calls with its namesake; with `head`, that head of the first with every head of the second.

    At most about `most` weights are in memory at once. Padding tokens are no queries here.
    """
    rows, columns = _real(first, second, *queries.both()), keys.both()
    heads = min(first.heads, second.heads) if head is None else second.heads
    block = max(1, most // (heads * max(first.shape[1], second.shape[1])))
    bits, left_out = [torch.empty(heads, 0)], [torch.empty(heads, 0)]
    for start in range(0, len(rows[0]), block):
        i, j = (side[start : start + block] for side in rows)
        p = (first.weights(i)[:heads] if head is None else first.stages(head, i).weights[None]).cpu().double()
        q = second.weights(j)[:heads].cpu().double()
        (p, p_left), (q, q_left) = _over(p, columns[0]), _over(q, columns[1])
        choice = _choice(first, i, columns[0], head) | _choice(second, j, columns[1])
        apart = divergence(p.expand_as(q), q).float()
        bits.append(apart.masked_fill(choice[:heads].sum(-1) < 2, torch.nan))
        left_out.append(((p_left + q_left) / 2).float())
    return Divergence(torch.cat(bits, -1).nanmean(-1), torch.cat(left_out, -1).nanmean(-1))


def _real(first: Call, second: Call, i: Tensor, j: Tensor) -> tuple[Tensor, Tensor]:
    """Without the queries that are padding, on either side."""
    if first.kind == "cross" or second.kind == "cross":
        return i, j
    real = first.real_keys().cpu()[i] & second.real_keys().cpu()[j]
    return i[real], j[real]


def _choice(call: Call, rows: Tensor, keys: Tensor, head: int | None = None) -> Bool[Tensor, "#head row key"]:
    """Which of these keys each row may attend to."""
    keep = call.keep_of_heads(rows) if head is None else call.keep(head, rows)[None]
    return keep.cpu()[..., keys]


def _over(weights: Float[Tensor, "head row key"], keys: Tensor) -> tuple[Tensor, Tensor]:
    """Rows over some of the keys, summing to 1 again, NaN where nothing lies on them; and what lay on the others."""
    chosen = weights[..., keys]
    on = chosen.sum(-1, keepdim=True)
    return chosen / on.where(on > 0, torch.nan), (weights.sum(-1) - on[..., 0]).clamp_min(0.0)


@dataclass(frozen=True, eq=False)
class Comparison:
    """How far apart the heads of two traces read."""

    bits: Float[Tensor, "layer head"]
    left_out: Float[Tensor, "layer head"]
    layers: tuple[int, ...]  # the model's own numbers of the rows

    @classmethod
    def of(cls, layers: Sequence[Divergence], numbers: Sequence[int] = ()) -> "Comparison":
        """Layers that are computed, the first of these numbers; counted from 0 where none are given."""
        bits, left_out = (torch.stack([getattr(each, name) for each in layers]) for name in ("bits", "left_out"))
        return cls(bits, left_out, tuple(numbers or range(len(layers)))[: len(layers)])

    def ranked(self) -> list[tuple[int, int]]:
        """(layer, head), those that are farthest apart first; without those that have no number."""
        heads = self.bits.shape[1]
        order = self.bits.flatten().argsort(descending=True, stable=True).tolist()
        known = [divmod(place, heads) for place in order if not self.bits.flatten()[place].isnan()]
        return [(self.layers[row], head) for row, head in known]


def compare(
    first: Trace,
    second: Trace,
    part: str | None = None,
    kind: str | None = None,
    head: tuple[int, int] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Comparison:
    """Every head of one attention with its namesake; with `head`, that (layer, head) of the first with every one.

    Models of unlike size are compared in the layers and heads that both have. `progress` hears of each layer done.
    Raises ValueError for an attention or a head that is not there.
    """
    layer, number = (None, None) if head is None else head
    calls = pairs(first, second, part, kind, layer)
    of_first, of_second = calls[0]
    if number is not None and not 0 <= number < of_first.heads:
        raise ValueError(f"Head {number} was asked for; {of_first.title} has heads 0 to {of_first.heads - 1}.")
    queries, keys = aligned(first, of_first, second, of_second)
    layers = []
    for of_first, of_second in calls:
        layers.append(of_layer(of_first, of_second, queries, keys, number))
        if progress is not None:
            progress(len(layers))
    return Comparison.of(layers, [second.layer for _, second in calls])


def pairs(
    first: Trace, second: Trace, part: str | None = None, kind: str | None = None, layer: int | None = None
) -> list[tuple[Call, Call]]:
    """The calls to compare, layer by layer; with `layer`, that one of the first with every layer of the second."""
    own = first.model.attention(part, kind)
    other = counterpart(second.model, own)
    numbers = [n for n in other.numbers if layer is not None or n in own.numbers]
    if not numbers:
        raise ValueError(
            f"{first.model.name} has layers {ranges(own.numbers)} and {second.model.name} {ranges(other.numbers)}: "
            "none that both have; compare one head with all of the other's."
        )
    return [
        (
            first.call(n if layer is None else layer, own.part, own.kind),
            second.call(n, other.part, other.kind),
        )
        for n in numbers
    ]


def counterpart(model: Model, attention: Attention) -> Attention:
    """The attention of a model that answers to one of another: of the same part, else the first of its kind."""
    alike = [each for each in model.attentions if each.kind == attention.kind]
    if not alike:
        raise ValueError(
            f"{model.name} has no {attention.kind}-attention to compare with; choose another attention or model."
        )
    return next((each for each in alike if each.part == attention.part), alike[0])
