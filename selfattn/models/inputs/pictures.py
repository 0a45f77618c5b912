"""A picture: from the bytes of a file to the tensor that a model reads, and back to what the model saw."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image, ImageOps
from torch import Tensor

from selfattn.models.inputs import laying
from selfattn.models.inputs.given import Picture

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
MOST_PIXELS = 50_000_000
# Tokens before the patches, in their order, by the last name of the parameter that they start from.
PREFIX = {
    "cls_token": "[CLS]",
    "class_token": "[CLS]",
    "class_embedding": "[CLS]",
    "distillation_token": "[DISTILLATION]",
    "register_tokens": "[REGISTER]",
}


def opened(picture: Picture, channels: int = 3) -> Image.Image:
    """The picture upright, its first frame, on white where it is transparent; grey for a model of one channel.

    Raises ValueError for a file that is no picture, is damaged, or is too large: its size is read before its pixels.
    """
    name = picture.name[:80]
    if not picture.data:
        raise ValueError(f"{name!r} is empty (0 bytes); choose a file with a picture in it.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(picture.data), formats=FORMATS)
        size = image.width * image.height
        if size <= MOST_PIXELS:
            return _upright(image).convert("L" if channels == 1 else "RGB")
        much = f"{size / 1e6:.0f} million"
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        much = "too many"
    except Exception as error:  # whatever a damaged or hostile file makes a decoder raise
        raise ValueError(f"{name!r} is no picture that can be read ({', '.join(FORMATS)}); save it again.") from error
    raise ValueError(f"{name!r} has {much} pixels, and {MOST_PIXELS // 10**6} million are the most; make it smaller.")


def _upright(image: Image.Image) -> Image.Image:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits a pixel: the upper 8 are shown
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def read(network: Any, processor: Any, picture: Picture) -> dict[str, Tensor]:
    """What the network takes, by the model's own image processor."""
    image = opened(picture, getattr(laying.vision(network), "num_channels", 3))
    try:
        return dict(processor(images=image, return_tensors="pt"))
    except Exception as error:  # a picture of one row, say, that resizing leaves without any
        raise ValueError(
            f"{picture.name[:80]!r} is {image.width} x {image.height} pixels, which the model's image processor could "
            "not bring to its size; choose another picture."
        ) from error


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture as the model saw it, or, where it sees several parts of it, as it was given."""

    pixels: UInt8[np.ndarray[Any, Any], "height width 3"]
    prefix: tuple[str, ...]  # the tokens before those of the patches: class, distillation, registers
    grid: tuple[int, int] | None  # rows and columns of patches; None where tokens are not one a patch

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the tokens: "row,column" for patches. None of them where there is no grid."""
        if self.grid is None:
            return ()
        rows, columns = self.grid
        return (*self.prefix, *(f"{row},{column}" for row in range(rows) for column in range(columns)))


def seen(
    network: Any, processor: Any | None, inputs: Mapping[str, Tensor], picture: Picture | None, tokens: int
) -> Seen | None:
    """What the model saw, from the tensors that it read; `tokens` are those of its first layer that sees.

    None where the tensors are no picture that can be drawn, and none was given.
    """
    pixels, prefix = inputs.get("pixel_values"), prefix_of(network)
    laid = laying.in_tower(network, inputs, tokens, len(prefix))
    grid = laid.views[0].grid if laid else None
    if laid and laid.views[0].first == 0:
        prefix = ()
    if pixels is not None and pixels.dim() == 4 and len(pixels) == 1:
        return Seen(_drawn(pixels[0].float().cpu(), getattr(processor, "image_processor", processor)), prefix, grid)
    return None if picture is None else Seen(np.asarray(opened(picture)), prefix, grid)


def prefix_of(network: Any) -> tuple[str, ...]:
    """The names of the tokens before those of the patches, in their order."""
    found = {path.split(".")[-1]: parameter for path, parameter in network.named_parameters()}
    names: list[str] = []
    for parameter, name in PREFIX.items():
        if parameter in found:
            count = found[parameter].numel() // found[parameter].shape[-1]
            names += [name] if count == 1 else [f"{name[:-1]} {i}]" for i in range(count)]
    return tuple(names)


def _drawn(pixels: Tensor, processor: Any | None) -> np.ndarray[Any, Any]:
    """The tensor as colours again: what the processor did to their range, undone."""
    if processor is not None and getattr(processor, "do_normalize", False):
        mean, std = (torch.tensor(each).view(-1, 1, 1) for each in (processor.image_mean, processor.image_std))
        pixels = pixels * std + mean
    if getattr(processor, "do_rescale", True):
        pixels = pixels / getattr(processor, "rescale_factor", 1 / 255)
    colours = pixels.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).expand(-1, -1, 3)
    return colours.contiguous().numpy()
