"""One head by exact attention and by another, for the browser: both maps, their numbers, and the table of all."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from selfattn.analysis.variants.variant import Exact, Found
from selfattn.canvas.payload import pack
from selfattn.models.inputs.tokens import visible


def variants_payload(
    exact: Exact,
    found: Found | None,
    names: tuple[Sequence[str], Sequence[str]],
    titles: tuple[str, str],
    about: Mapping[str, Any],
) -> bytes:
    """Two sides over one list of tokens, as `compare_pair.js` reads them, with what `about` says of them.

    A variant whose columns are no tokens, or that has no meaning on this head, has no cell: its names are null.
    """
    own = exact.stages
    queries, keys = ([visible(name) for name in side] for side in names)
    there = found is not None and found.weights is not None
    nobody = [[None] * len(side) for side in (queries, keys)]
    sides = [(queries, keys), (queries, keys) if there else nobody]
    weights = found.weights if found is not None and found.weights is not None else torch.zeros_like(own.weights)
    keep = found.keep if found is not None and there else torch.zeros_like(own.keep)
    return pack(
        {
            **about,
            "shape": tuple(own.weights.shape),
            "queries": queries,
            "keys": keys,
            "sides": [{"queries": rows, "keys": columns} for rows, columns in sides],
            "titles": titles,
            "view": {"query": None, "key": None},
        },
        {"weights_0": _numbers(own.weights), "keep_0": _flags(own.keep)}
        | {"weights_1": _numbers(weights), "keep_1": _flags(keep)},
    )


def _numbers(matrix: Tensor) -> np.ndarray[Any, Any]:
    return matrix.float().numpy()


def _flags(keep: Tensor) -> np.ndarray[Any, Any]:
    return keep.to(torch.uint8).numpy()
