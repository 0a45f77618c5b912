"""Every head of a layer at a glance: weights as small pictures."""

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from selfattn.figures.palette import Palette, rgb

SIDE = 64


def thumbnail(
    weights: Float[np.ndarray[Any, Any], "query key"], palette: Palette
) -> UInt8[np.ndarray[Any, Any], "row column 3"]:
    """Weights, pooled to at most 64 x 64 before, as an RGB picture.

    Colour grows with the square root of the weight, from the panel's colour to the symbol's.
    """
    depth = np.sqrt(weights.clip(0, 1))[..., None]
    low, high = (np.array(rgb(colour)) for colour in (palette.panel, palette.weights))
    picture = (low + depth * (high - low)).round().astype(np.uint8)
    # Whole multiples keep the cells square and sharp when the browser draws them small.
    times = max(1, 96 // max(picture.shape[:2]))
    return picture.repeat(times, axis=0).repeat(times, axis=1)
