"""A small input that a model's own processor makes of a picture, a sound or a text: the self-test of what no config
says how to feed."""

import io
import wave
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from PIL import Image
from torch import Tensor

from selfattn.models.inputs.given import Illustrated, Input, Pair, Picture, Sound
from selfattn.models.probe import FAILURES

TEXT, SIDE, SECONDS, RATE = "a", 64, 1, 16_000


def processed(reads: Iterable[str], inputs: Callable[[Input], dict[str, Tensor]]) -> Iterator[dict[str, Tensor]]:
    """The tensors that `inputs` makes of a small input of each kind that a model `reads`, where it can make them."""
    for kind in reads:
        try:
            yield inputs(GIVEN[kind]())
        except FAILURES:  # said again with the reader's first input
            continue


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


GIVEN: dict[str, Callable[[], Input]] = {
    "text": lambda: TEXT,
    "pair": lambda: Pair(TEXT, TEXT),
    "picture": _picture,
    "sound": _sound,
    "illustrated": _illustrated,
}
