"""The rooms of `browser/`, one a kind of picture: the style sheets that each needs, and the space that it takes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BROWSER = Path(__file__).with_name("browser")


@dataclass(frozen=True)
class Room:
    """Style sheets in their order, and about how many pixels high the picture is in a wide and in a narrow window."""

    sheets: tuple[str, ...]
    wide: int
    narrow: int

    @property
    def style(self) -> str:
        return "\n".join((BROWSER / f"{sheet}.css").read_text(encoding="utf-8") for sheet in self.sheets)


_SLIDER, _HEAD, _TABLE = "shared/slider", "one_head/head", "one_head/table"
_SAVER = "shared/saving/saver"
_COMPARE, _EXPERIMENT = "compare/compare", "interventions/experiment"
ROOMS = {
    "one_head": Room(
        (_SAVER, _SLIDER, _HEAD, "one_head/map/map", "one_head/lines", _TABLE, "one_head/places"), 801, 1771
    ),
    "all_heads": Room((_SAVER, _SLIDER, "all_heads/atlas"), 826, 1162),
    "compare": Room((_SAVER, _HEAD, _TABLE, _COMPARE), 682, 2134),
    "interventions": Room((_SAVER, _EXPERIMENT), 501, 769),
    "masks": Room((_SAVER, _SLIDER, _EXPERIMENT, "masks/mask"), 977, 2347),
    "training": Room((_SAVER, _SLIDER, "training/history"), 992, 2016),
    "variants": Room((_SAVER, _HEAD, _TABLE, _COMPARE, "variants/variants"), 1048, 2394),
}
# The style goes with the message: a sheet that is fetched later would leave the picture bare for a moment.
_STYLES = {name: room.style for name, room in ROOMS.items()}


def addressed(room: str, payload: bytes, heard: Mapping[str, Any]) -> bytes:
    """A payload behind its room, what was heard of that and what it is of: the JSON's length, the JSON, the payload."""
    about = json.dumps({"room": room, "style": _STYLES[room], "heard": dict(heard)}).encode()
    about += b" " * (-len(about) % 4)
    return len(about).to_bytes(4, "little") + about + payload
