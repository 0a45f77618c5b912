"""A mask to draw on, for the browser: one head as it is without it, and what the model says with it."""

from collections.abc import Mapping
from typing import Any

from selfattn.canvas.payload import Planes, pack
from selfattn.maths.masks import Both, Custom, Either, MaskPattern, Not, padding

# Tokens of a text whose mask can be painted cell by cell; of a longer one the cells are too small to hit.
LONGEST_PAINTED = 128
# The planes of a head that its weights are computed from, as `head_payload` makes them.
NEEDED = (
    *("query", "key", "value", "scores", "keep", "real_queries", "real_keys", "bias", "mask_bias"),
    *("query_words", "key_words", "query_segments", "key_segments"),
)


def mask_payload(words: Mapping[str, Any], planes: Planes, about: Mapping[str, Any]) -> bytes:
    """A head of `head_payload` without its picture or sound, and what `about` says of the mask and the model."""
    painted = len(words["queries"]) <= LONGEST_PAINTED
    return pack({**words, **about, "painted": painted}, {name: planes[name] for name in NEEDED if name in planes})


def unpainted(pattern: MaskPattern) -> MaskPattern:
    """A mask without the single pairs that were painted over it."""
    match pattern:
        case Either(inner, Custom()) | Both(inner, Not(Custom())):
            return unpainted(inner)
        case Custom() | Not(Custom()):
            return padding
    return pattern
