"""A budget: the memory that a run will take and what of it is drawn, known before it is run; too much is refused."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import psutil
import torch

from selfattn.models.attention import Attention
from selfattn.models.model import Model
from selfattn.recording.doors import door

# The share of free memory that a run may take.
SHARE = 0.8
# Float32 planes of query x key that one head's stages hold at once, at the peak of their computation.
PLANES = 8
# The same for each head of a layer, where a model adds a position bias to its scores, and where it computes eagerly.
BIASED, EAGER = 2, 4
# A long text is drawn pooled to at most this many cells a side, with exact tiles on demand.
OVERVIEW_SIDE = 1024
# Bytes of a token's text in a payload, quotes and comma included.
LABEL = 9


class NoRoomError(ValueError):
    """What was asked for does not fit into the memory that is free."""


@dataclass(frozen=True)
class Budget:
    """What a run will take, before it is run. Bytes."""

    tokens: int
    recording: int  # queries, keys and values of every layer
    matrices: int  # query x key matrices that the run itself holds: a position bias, eager attention, an edit's mask
    head: int  # the stages of one whole head, for those who ask for all its rows
    bias: int  # the position biases among these matrices, which the record keeps
    payload: int  # what goes to the browser for one head of a long text
    free: int

    @property
    def needed(self) -> int:
        """The run alone: a head is looked at in blocks of rows."""
        return self.recording + self.matrices

    @property
    def pool(self) -> int:
        """Tokens a side of one cell of the overview."""
        return math.ceil(self.tokens / OVERVIEW_SIDE)

    @property
    def drawn(self) -> str:
        """How a long text is drawn, and what of it goes to the browser."""
        pooled = f"pooled {self.pool} x {self.pool} (maximum), exact tiles on demand"
        return f"{pooled if self.pool > 1 else 'cell by cell'}; {in_words(self.payload)} to the browser"

    @property
    def describe(self) -> str:
        """What a long text takes and how it is drawn, in one sentence."""
        return f"{self.tokens:,} tokens: {in_words(self.needed)} for the run; {self.drawn}."

    def check(self) -> None:
        """Raise NoRoomError, a ValueError, with the number where the run would not fit."""
        if self.needed > SHARE * self.free:
            added = (
                f", {in_words(self.bias)} of it what the model adds to the scores of its layers" if self.bias else ""
            )
            raise NoRoomError(
                f"{self.tokens:,} tokens need {in_words(self.needed)} ({in_words(self.matrices)} for matrices of all "
                f"pairs of tokens{added}), and {in_words(SHARE * self.free)} may be used; shorten the text."
            )


def budget(model: Model, tokens: int, edited: bool = False) -> Budget:
    """Predicted memory of a run over `tokens` tokens: linear, where neither the model nor an edit needs all pairs."""
    recording = recorded(model.attentions, tokens, model.network.dtype.itemsize)
    planes = _own_planes(model) + (PLANES if edited else 0)
    matrices, bias = 4 * planes + model.mask_bytes + model.bias_bytes, model.bias_bytes
    square = tokens**2
    return Budget(
        tokens,
        recording,
        matrices * square,
        head=stages(tokens, tokens),
        bias=bias * square,
        payload=_payload(model, tokens),
        free=free(model),
    )


def recorded(attentions: Iterable[Attention], tokens: int, itemsize: int) -> int:
    """Bytes of the queries, keys and values of every layer: `N (h + 2 h_kv) d` numbers in each."""
    return tokens * itemsize * sum(each.layers * (each.heads + 2 * each.key_heads) * each.d_head for each in attentions)


def stages(queries: int, keys: int) -> int:
    """Bytes of one head's stages for so many of its queries, at the peak of their computation."""
    return PLANES * 4 * queries * keys


def _own_planes(model: Model) -> int:
    """Planes of query x key that one layer of a model makes without being asked: none with plain SDPA."""
    config = model.network.config.get_text_config()
    heads = max(each.heads for each in model.attentions)
    if door(model.network) != "interface":
        return EAGER * heads
    adds = getattr(config, "positions", None) in ("alibi", "t5") or hasattr(config, "relative_attention_num_buckets")
    return BIASED * heads if adds else 0


def _payload(model: Model, tokens: int) -> int:
    """Query, key, two numbers and the text of each token, and the overview at one byte a cell."""
    d_head = max(each.d_head for each in model.attentions)
    cells = math.ceil(tokens / math.ceil(tokens / OVERVIEW_SIDE))
    return tokens * (4 * (2 * d_head + 2) + LABEL) + cells * (cells + 4)


def check_head(model: Model, queries: int, keys: int) -> None:
    """Raise ValueError where the stages of one head, for so many of its queries, would not fit in memory."""
    needed, allowed = stages(queries, keys), SHARE * free(model)
    if needed > allowed:
        raise ValueError(
            f"One head's matrices, {queries:,} x {keys:,} numbers each, need {in_words(needed)}, and "
            f"{in_words(allowed)} may be used; ask for some of its rows, or shorten the text."
        )


def check_numbers(model: Model, count: int, itemsize: int, what: str) -> None:
    """Raise NoRoomError where so many numbers would not fit in memory."""
    needed, allowed = count * itemsize, SHARE * free(model)
    if needed > allowed:
        raise NoRoomError(
            f"{what}, {count:,} numbers, need {in_words(needed)}, and {in_words(allowed)} may be used; ask for some of "
            "the rows, or shorten the text."
        )


def free(model: Model) -> int:
    """Free bytes on the device that has the least, of those that the model lies on."""
    return min(free_on(device) for device in model.devices)


def free_on(device: torch.device) -> int:
    """Free bytes on a device; the processor's where nobody says how many it has."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available


def share_of_memory(model: Model) -> float:
    """The share that its weights take of all memory of the devices that it lies on."""
    return model.size / sum(memory_of(device) for device in model.devices)


def memory_of(device: torch.device) -> int:
    """All bytes of a device, free or not."""
    cuda = device.type == "cuda"
    return torch.cuda.get_device_properties(device).total_memory if cuda else psutil.virtual_memory().total


def in_words(count: int | float) -> str:
    """A number of bytes with its unit: 43 kB, 1.7 MB, 24.1 GB, 35.2 TB."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"
