"""What a reader may give to a model: texts, a picture, both, a sound or tensors; and where it goes."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from transformers import PreTrainedModel


@dataclass(frozen=True)
class Pair:
    """Two texts: a question and the passage that answers it, or two sentences to compare."""

    first: str
    second: str


@dataclass(frozen=True)
class Chat:
    """What somebody says to a model that answers, as the model's own chat template writes it.

    That is with the roles, the `system` text where there is one, and the mark after which the model's answer begins.
    """

    user: str
    system: str = ""


@dataclass(frozen=True)
class Translation:
    """A text and the languages that it is translated from and into, by the codes of the model's own tokenizer.

    An empty `source` is the tokenizer's own; with an empty `target` the model's settings say what it begins with.
    """

    text: str
    source: str = ""
    target: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture, as the bytes of its file (PNG, JPEG, WebP, GIF, BMP)."""

    data: bytes
    name: str = "picture"


@dataclass(frozen=True)
class Sound:
    """A sound, as the bytes of its file (WAV, FLAC, OGG, MP3)."""

    data: bytes
    name: str = "sound"


@dataclass(frozen=True)
class Illustrated:
    """A text with a picture: a question about it, or a text that is compared with it."""

    text: str
    picture: Picture


Text = str | Pair | Chat | Translation | Illustrated
Input = Text | Picture | Sound | Mapping[str, Tensor]


def own_text(given: Text) -> str:
    """What a reader typed last: of a pair the second text, of a chat what is said, of the others their text."""
    match given:
        case Pair(_, text) | Chat(text) | Translation(text) | Illustrated(text):
            return text
    return given


def with_text(given: Text, text: str) -> Text:
    """The same with another text in the place of `own_text`."""
    match given:
        case Pair(first, _):
            return Pair(first, text)
        case Chat():
            return replace(given, user=text)
        case Translation() | Illustrated():
            return replace(given, text=text)
    return text


def kind_of(given: Input) -> str:
    """ "text", "pair", "illustrated", "picture", "sound" or "tensors"."""
    match given:
        case str() | Chat() | Translation():
            return "text"
        case Pair() | Illustrated() | Picture() | Sound():
            return type(given).__name__.lower()
    return "tensors"


def check(given: object, main: str) -> None:
    """Raise ValueError, with what arrived and what to do, for what no model reads; `main` is its main tensor's name."""
    match given:
        case Pair(first, second) if not (isinstance(first, str) and isinstance(second, str)):
            raise ValueError(f"A Pair is of two texts; got {_named(first)} and {_named(second)}.")
        case Chat() | Translation() if wrong := [each for each in vars(given).values() if not isinstance(each, str)]:
            raise ValueError(f"A {type(given).__name__} is of texts; got {_named(wrong[0])}.")
        case Illustrated(text, picture) if not (isinstance(text, str) and isinstance(picture, Picture)):
            raise ValueError(f"An Illustrated is of a text and a Picture; got {_named(text)} and {_named(picture)}.")
        case str() | Pair() | Chat() | Translation() | Illustrated() | Picture() | Sound():
            return
        case Mapping():
            wrong = [name for name, each in given.items() if not isinstance(each, Tensor)]
            if wrong:
                raise ValueError(
                    f"Tensors are given by name, one text in each; {wrong[0]} is {_named(given[wrong[0]])}: "
                    "make it a tensor of 1 row."
                )
        case Tensor():
            raise ValueError(f'A tensor is given by its name, {{"{main}": tensor}}; got one without.')
        case list() | tuple() if given and all(isinstance(each, str) for each in given):
            raise ValueError(
                f"A trace follows one text; got {_named(given)} of texts: `selfattn.traces` takes them, or "
                "give two as Pair(first, second)."
            )
        case list() | tuple() if given and all(isinstance(each, int) for each in given):
            raise ValueError(
                f'Ids are given as a tensor by its name, {{"{main}": torch.tensor([ids])}}; got {_named(given)} of '
                "numbers."
            )
        case _:
            raise ValueError(
                "A model reads a text, a Pair, a Chat, a Translation, an Illustrated, a Picture, a Sound or tensors; "
                f"got {_named(given)}."
            )


def _named(value: object) -> str:
    kind = type(value).__name__
    return "None" if value is None else f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"


def embeddings(network: PreTrainedModel) -> Tensor | None:
    """The table of its input tokens; None where it has none of its own."""
    try:
        return getattr(network.get_input_embeddings(), "weight", None)
    except (AttributeError, NotImplementedError):  # a model of two towers has one in each
        return None


def vocabulary(network: PreTrainedModel) -> int:
    """How many tokens it knows. Raises AttributeError for a network that reads none."""
    table = embeddings(network)
    return int(network.config.get_text_config().vocab_size) if table is None or table.dim() != 2 else len(table)


def main_input(network: PreTrainedModel) -> str:
    """The name of its main tensor, of two networks in one that of its encoder.

    Some say a text's by mistake, and take another first; Perceiver has two names.
    """
    takes, said = inspect.signature(network.forward).parameters, network.main_input_name
    names, first = [said] if isinstance(said, str) else [*said], getattr(network, "encoder", None)
    if names == ["inputs"]:
        if isinstance(first, PreTrainedModel):
            return main_input(first)
        names = ["input_ids", "pixel_values", "inputs"]
    return next((name for name in (*names, *takes) if name in takes), "input_ids")


def uncached(network: PreTrainedModel) -> dict[str, bool]:
    """What keeps a network from a cache, where it has one: one pass over all tokens needs no keys and values twice."""
    has = network.can_generate() or hasattr(network.config, "use_cache")
    return {"use_cache": False} if has or "use_cache" in inspect.signature(network.forward).parameters else {}


def entrance(network: PreTrainedModel) -> torch.device:
    """The device that a network takes its inputs on, for its parts may lie on several: that of its input embedding."""
    embedding = embeddings(network) if main_input(network) == "input_ids" else None
    first = next(network.parameters()) if embedding is None else embedding
    # A weight that is offloaded lies nowhere until it is used: whoever fetches it takes the inputs along.
    return torch.device("cpu") if first.is_meta else first.device


def placed(network: PreTrainedModel, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors where the network takes them, numbers in its own type."""
    device = entrance(network)
    return {
        name: each.to(device, network.dtype if each.is_floating_point() else None) for name, each in tensors.items()
    }
