"""What the layers of a hybrid do that do not attend, in one line."""

from itertools import takewhile

from torch import nn

from selfattn.models.attention import ranges
from selfattn.models.model import Model
from selfattn.recording.places import Places

# What mixes tokens in place of attention, by what stands in the name of its class behind the model's own.
MIXERS = {
    "Delta": "linear attention",
    "LinearAttention": "linear attention",
    "Lightning": "linear attention",
    "Mamba": "a state-space model",
    "Mixer": "a state-space model",
    "Recurrent": "a recurrence",
    "LSTM": "a recurrence",
    "Conv": "a convolution",
}


def others(model: Model) -> str:
    """Of lists of layers of which some attend: "layers 0 to 2, 4: linear attention (...), not shown"; else nothing."""
    attend: dict[str, set[int]] = {}
    places = Places.of(model.names)
    for path in model.seen | model.idle:
        stack, number = _place(path)
        if places and stack and places.layer(path)[0] == number:  # else layers are counted through lists of lists
            attend.setdefault(stack, set()).add(number)
    told: dict[str, list[int]] = {}
    for stack, numbers in attend.items():
        for number, block in enumerate(model.network.get_submodule(stack).children()):
            if number not in numbers:
                told.setdefault(_what(block, type(model.network).__name__), []).append(number)
    return "; ".join(f"{_layers(found)}: {what}, not shown" for what, found in told.items())


def _layers(numbers: list[int]) -> str:
    return f"layer{'s' if len(numbers) > 1 else ''} {ranges(numbers)}"


def _place(path: str) -> tuple[str, int]:
    """The outermost list that a module is in, and where; no list for a module outside all."""
    names = path.split(".")
    at = next((place for place, name in enumerate(names) if name.isdigit()), None)
    return ("", 0) if at is None else (".".join(names[:at]), int(names[at]))


def _what(block: nn.Module, network: str) -> str:
    """What a block does to tokens, and the class that does it."""
    for module in [*block.modules()][1:]:
        kind = type(module).__name__
        alike = [*takewhile(lambda pair: pair[0] == pair[1], zip(kind, network, strict=False))]
        own = kind[len(alike) :]
        if alike:  # of the model's own file
            for name, what in MIXERS.items():
                if name in own:
                    return f"{what} ({kind})"
    return f"no attention ({type(block).__name__})"
