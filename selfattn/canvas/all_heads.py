"""All heads for the browser: their pictures and numbers in one blob, under 3 MB for 144 heads."""

from collections.abc import Mapping, Sequence

import numpy as np

from selfattn.analysis.all_heads.atlas import SIDE, Atlas
from selfattn.canvas.payload import pack
from selfattn.models.inputs.tokens import visible

# Of a token's text as much as there is room to draw.
LONGEST = 40


def atlas_payload(found: Atlas, view: Mapping[str, str | float], layers: Sequence[int] = ()) -> bytes:
    """The pictures, each pattern that has a number here, its baselines and badges, and the view to open with.

    `layers` are the numbers of all that there will be, where some are still to be computed.
    """
    here = [place for place in range(len(found.patterns)) if not np.isnan(found.table[..., place]).all()]
    patterns = [found.patterns[place] for place in here]
    about = {
        "kind": found.kind,
        "layers": list(layers) or found.layers,  # the model's own numbers of the rows
        "here": found.layers,  # of those whose heads are in the planes
        "shape": (len(found.queries), len(found.keys)),
        "pooled": found.pooled,
        # Names of tokens are drawn where each has a row and a column of its own.
        "queries": _names(found.queries),
        "keys": _names(found.keys),
        "patterns": [{"name": each.name, "meaning": each.meaning, "share": each.share} for each in patterns],
        "badges": [(badge.layer, badge.head, badge.pattern, round(badge.value, 4)) for badge in found.badges()],
        "least": min(each.badge for each in found.patterns if each.badge is not None),
        "view": dict(view),
    }
    planes = {
        "pictures": found.pictures,
        "table": np.ascontiguousarray(found.table[..., here]),
        "baselines": np.ascontiguousarray(found.baselines[..., here]),
    }
    return pack(about, planes)


def _names(tokens: tuple[str, ...]) -> list[str]:
    return [visible(token)[:LONGEST] for token in tokens] if len(tokens) <= SIDE else []
