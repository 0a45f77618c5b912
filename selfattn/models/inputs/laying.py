"""Where tokens lie on a picture: the cells of a tower that sees it, and the image tokens of a text."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int
from torch import Tensor
from transformers import PreTrainedConfig

Cells = Int[np.ndarray[Any, Any], "row column"]
Box = tuple[float, float, float, float]  # left, top, right, bottom, as shares of the whole picture
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
# Settings by which a model merges the cells of its tower before its text reads them: how many, along a side.
MERGES = ("spatial_merge_size", "scale_factor", "downsample_factor")
# Halvings of a picture that a backbone of convolutions may make.
HALVINGS = range(1, 8)


@dataclass(frozen=True, eq=False)
class View:
    """A part of the picture as the model sees it, cut into cells of one token each."""

    positions: Cells  # where the token of each cell stands among the rows or the columns of a call
    box: Box = WHOLE

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.positions.shape
        return rows, columns

    @property
    def first(self) -> int:
        """The first position that lies in it."""
        return int(self.positions.min())


@dataclass(frozen=True, eq=False)
class Laid:
    """The rows or the columns of a call that lie on a picture."""

    views: tuple[View, ...]

    def places(self) -> dict[int, tuple[int, int, int]]:
        """The view, the row and the column of each position that lies on the picture."""
        return {
            int(position): (number, row, column)
            for number, view in enumerate(self.views)
            for (row, column), position in np.ndenumerate(view.positions)
        }


def in_tower(
    network: Any, inputs: Mapping[str, Tensor], tokens: int, prefix: int, box: Box | None = WHOLE
) -> Laid | None:
    """Where the tokens of a tower of pictures lie, of the crop in that box; `prefix` of them may stand before patches.

    None where they are not one a cell: windows that are moved, or tokens that were pooled.
    """
    if box is None:
        return None
    if "image_grid_thw" in inputs:
        blocks = _in_blocks(network, inputs["image_grid_thw"])
        return Laid((View(blocks, box),)) if blocks is not None and blocks.size == tokens else None
    grid = patches(network, inputs)
    for before in dict.fromkeys((prefix, 0)):
        if grid and grid[0] * grid[1] == tokens - before:
            return Laid((View(np.arange(before, tokens).reshape(grid), box),))
    for times in HALVINGS if grid is None and "pixel_values" in inputs else ():
        rows, columns = (math.ceil(side / 2**times) for side in inputs["pixel_values"].shape[-2:])
        if rows * columns == tokens:
            return Laid((View(np.arange(tokens).reshape(rows, columns), box),))
    return None


def in_text(network: Any, inputs: Mapping[str, Tensor], pieces: Sequence[str]) -> Laid | None:
    """Where the image tokens of a text lie; `pieces` are its tokens, of which some may name a crop.

    None where they are not one a cell, or one a block of cells that the model's settings say are merged.
    """
    found = _marked(network, inputs)
    grid, crops = patches(network, inputs), crops_of(inputs)
    if not len(found) or grid is None or len(found) % crops:
        return None
    for rows, columns in ((grid[0] // merged, grid[1] // merged) for merged in _merges(network)):
        if rows * columns == len(found) // crops:
            places = found.reshape(crops, rows, columns)
            boxes = _boxes([pieces[crop.min() - 1] for crop in places]) if crops > 1 else [WHOLE]
            return Laid(tuple(map(View, places, boxes))) if boxes else None
    return None


def image_token(network: Any) -> int | None:
    """The token that stands for a piece of a picture in the texts of a model; None where there is none."""
    names = ("image_token_id", "image_token_index")
    found = (getattr(network.config, name, None) for name in names)
    return next((index for index in found if isinstance(index, int)), None)


def crops_of(inputs: Mapping[str, Tensor]) -> int:
    """How many pictures of one size a tower sees, of which each may be a part of the one that was given."""
    pixels = inputs.get("pixel_values")
    if pixels is None or pixels.dim() < 4:
        return 1
    return math.prod(pixels.shape[:-3])


def patches(network: Any, inputs: Mapping[str, Tensor]) -> tuple[int, int] | None:
    """Rows and columns of the patches that a tower cuts one crop into; None where it does not say their size."""
    if "image_grid_thw" in inputs:
        _, rows, columns = inputs["image_grid_thw"][0].tolist()
        return rows, columns
    patch, pixels = getattr(vision(network), "patch_size", None), inputs.get("pixel_values")
    if not isinstance(patch, int | list | tuple) or pixels is None or pixels.dim() < 4:
        return None
    down, across = patch if isinstance(patch, list | tuple) else (patch, patch)
    return pixels.shape[-2] // down, pixels.shape[-1] // across


def vision(network: Any) -> Any:
    """The config of the part that sees pictures, which may be the whole."""
    config = network.config
    parts = (getattr(config, name, None) for name in ("vision_config", "encoder"))
    return next((part for part in parts if isinstance(part, PreTrainedConfig)), config)


def _marked(network: Any, inputs: Mapping[str, Tensor]) -> Int[np.ndarray[Any, Any], " image_token"]:
    mark, ids = image_token(network), inputs.get("input_ids")
    found: Int[np.ndarray[Any, Any], " image_token"] = np.flatnonzero(
        np.empty(0) if ids is None or mark is None else (ids[0] == mark).cpu().numpy()
    )
    return found


def _merges(network: Any) -> list[int]:
    """How many patches along a side may be one token of the text, by what the model's settings say."""
    seen = vision(network)
    named = [getattr(config, name, None) for config in (network.config, seen) for name in MERGES]
    if left := getattr(network.config, "mm_tokens_per_image", None):  # Gemma 3 says how many there are then
        named.append(seen.image_size // seen.patch_size // math.isqrt(left))
    return [1, *(each for each in named if isinstance(each, int) and each > 1)]


def _in_blocks(network: Any, thw: Tensor) -> Cells | None:
    """Where each patch stands in a tower that takes blocks of them, which are merged later, and windows of blocks."""
    (frames, rows, columns), seen = thw[0].tolist(), vision(network)
    merge, window = getattr(seen, "spatial_merge_size", 1), getattr(seen, "window_size", None)
    if len(thw) != 1 or frames != 1:
        return None
    down, across = np.mgrid[: rows // merge, : columns // merge].reshape(2, -1)
    order = np.arange(len(down))
    if window:  # the blocks of one window stand together
        side = window // merge // seen.patch_size
        order = np.lexsort((across, down, across // side, down // side))
    place = np.argsort(order).reshape(rows // merge, columns // merge)
    row, column = np.mgrid[:rows, :columns]
    cells: Cells = place[row // merge, column // merge] * merge**2 + row % merge * merge + column % merge
    return cells


def _boxes(names: Sequence[str]) -> list[Box] | None:
    """The boxes of crops, by the token before each: tiles of a table, and the whole. None for crops without a name."""
    cells = [re.fullmatch(r"<row_(\d+)_col_(\d+)>", name) for name in names]
    tiles = [(int(cell[1]), int(cell[2])) for cell in cells if cell]
    if len(names) - len(tiles) > 1:
        return None
    rows, columns = (max((tile[side] for tile in tiles), default=1) for side in (0, 1))
    return [
        ((int(cell[2]) - 1) / columns, (int(cell[1]) - 1) / rows, int(cell[2]) / columns, int(cell[1]) / rows)
        if cell
        else WHOLE
        for cell in cells
    ]
