"""A small input that a model's own processor makes of a picture, a sound or a text: the self-test of what no config
says how to feed."""

import io
import wave
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor
from transformers import PreTrainedModel

from selfattn.models.answers.tasks import task_of
from selfattn.models.inputs import senses
from selfattn.models.inputs.given import Illustrated, Picture, Sound, placed
from selfattn.models.inputs.tokens import encode

TEXT, SIDE, SECONDS, RATE = "a", 64, 1, 16_000


def processed(network: PreTrainedModel, tokenizer: Any | None, processor: Any | None) -> Iterator[dict[str, Tensor]]:
    """The tensors of small inputs of the kinds that the network reads; those that cannot be made are left out."""
    for kind in task_of(network).reads:
        try:
            if kind in GIVEN and processor is not None:
                tensors = senses.read(network, processor, GIVEN[kind]())[1]
            elif kind == "text" and tokenizer is not None:
                tensors = encode(tokenizer, TEXT)[1]
            else:
                continue
        except Exception:  # a foreign processor: its own words come with the reader's first input
            continue
        yield placed(network, tensors)


def _picture() -> Picture:
    file = io.BytesIO()
    Image.fromarray(np.arange(SIDE * SIDE * 3, dtype=np.uint8).reshape(SIDE, SIDE, 3)).save(file, "PNG")
    return Picture(file.getvalue())


def _sound() -> Sound:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, 2, RATE, 0, "NONE", ""))
        written.writeframes((8000 * np.sin(np.arange(SECONDS * RATE) / 9)).astype(np.int16).tobytes())
    return Sound(file.getvalue())


def _illustrated() -> Illustrated:
    return Illustrated(TEXT, _picture())


GIVEN: dict[str, Any] = {"picture": _picture, "sound": _sound, "illustrated": _illustrated}
