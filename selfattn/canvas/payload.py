"""One message to the browser: words as JSON and arrays as raw planes in a single blob.

    "SATN" | version | length of the JSON | JSON, padded with spaces | plane | plane | ...

All numbers are little-endian 32-bit unsigned integers; every plane starts at a multiple of 4 bytes after the JSON.
`browser/shared/payload.js` reads it.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

Planes = dict[str, np.ndarray[Any, Any]]
MAGIC, VERSION = b"SATN", 1
DTYPES = {"float32": "<f4", "uint8": "u1", "int32": "<i4"}


def pack(about: Mapping[str, Any], planes: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """`about` with a directory of the planes, then the planes: float32, int32 or uint8 arrays of any shape.

    Raises ValueError for an array of another type, and for numbers in `about` that JSON cannot hold.
    """
    directory, parts, offset = {}, [], 0
    for name, plane in planes.items():
        if plane.dtype.name not in DTYPES:
            raise ValueError(f"A plane is {', '.join(DTYPES)}; {name} is {plane.dtype.name}.")
        raw = np.ascontiguousarray(plane, DTYPES[plane.dtype.name]).tobytes()
        directory[name] = {"type": plane.dtype.name, "shape": plane.shape, "offset": offset}
        parts.append(raw + bytes(-len(raw) % 4))
        offset += len(parts[-1])
    words = json.dumps({**about, "planes": directory}, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    encoded = words.encode()
    encoded += b" " * (-len(encoded) % 4)
    return b"".join([MAGIC, struct.pack("<II", VERSION, len(encoded)), encoded, *parts])
