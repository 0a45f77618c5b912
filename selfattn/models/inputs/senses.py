"""What goes through a model's own processor: a picture, a sound, or a text with a picture."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from selfattn.models.errors import unopened
from selfattn.models.inputs import illustrated, pictures, sounds
from selfattn.models.inputs.given import Illustrated, Picture, Sound
from selfattn.models.inputs.tokens import Tokens

Sensed = Illustrated | Picture | Sound


def read(
    network: Any, processor: Any, given: Sensed, written: Sequence[int] = ()
) -> tuple[Tokens | None, dict[str, Tensor]]:
    """The tokens, where there are some, and the tensors for one forward pass."""
    match given:
        case Illustrated():
            return illustrated.read(network, processor, given, written)
        case Picture():
            return None, pictures.read(network, processor, given)
        case Sound():
            return None, sounds.read(network, processor, given)


def check(name: str, processor: Any | None, why: str, given: Sensed) -> None:
    """Raise ValueError where the model called `name` has no processor for it; `why` is what was wrong with its file."""
    kinds = {Illustrated: "processor of texts with pictures", Picture: "image processor", Sound: "feature extractor"}
    kind = kinds[type(given)]
    if processor is not None:
        return
    if why:
        raise ValueError(unopened(name, kind, why))
    file = "processor_config.json" if isinstance(given, Illustrated) else "preprocessor_config.json"
    raise ValueError(f"{name} has no {kind} ({file}) beside its weights, so it reads tensors alone; save one with it.")
