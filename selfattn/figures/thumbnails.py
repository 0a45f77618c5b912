"""Every head of a layer at a glance: weights as small pictures."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from selfattn.figures.palette import Palette, rgb

SIDE = 64


def thumbnail(weights: Float[Tensor, "query key"], palette: Palette) -> UInt8[np.ndarray[Any, Any], "row column 3"]:
    """Weights as an RGB picture of at most 64 x 64: larger maps are pooled by their maximum, so that a peak stays.

    Colour grows with the square root of the weight, from the panel's colour to the symbol's.
    """
    small = torch.nn.functional.adaptive_max_pool2d(weights[None], [min(side, SIDE) for side in weights.shape])[0]
    depth = small.clamp(0, 1).sqrt().cpu().numpy()[..., None]
    low, high = (np.array(rgb(colour)) for colour in (palette.panel, palette.weights))
    picture = (low + depth * (high - low)).round().astype(np.uint8)
    # Whole multiples keep the cells square and sharp when the browser draws them small.
    times = max(1, 96 // max(picture.shape[:2]))
    return picture.repeat(times, axis=0).repeat(times, axis=1)
