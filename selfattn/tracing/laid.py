"""Where the rows and the columns of a call's matrices lie on the picture that the model saw."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor

from selfattn.models.inputs import laying, pictures
from selfattn.models.inputs.laying import WHOLE, Box, Laid
from selfattn.models.inputs.tokens import Tokens
from selfattn.recording.call import Call

# Parts whose tokens are those of the text, where there is a text.
OF_TEXT = ("encoder", "decoder", "text")


class Sides(NamedTuple):
    """Of each side of a call, where its tokens lie on the picture; None where they do not."""

    queries: Laid | None = None
    keys: Laid | None = None


def sides(network: Any, inputs: Mapping[str, Tensor], tokens: Tokens, call: Call) -> Sides:
    """Those of a call: patches of a tower, cells of a backbone's map, or the image tokens of a text."""
    if not any(name.startswith("pixel_values") for name in inputs):
        return Sides()
    queries, keys = call.shape
    over = partial(_in_tower, network, inputs, tokens)
    if len(tokens) and call.part.startswith(OF_TEXT):
        laid = laying.in_text(network, inputs, tokens.pieces) if len(tokens) == queries else None
        return Sides(laid, laid if call.kind == "self" else over(keys))
    # What a decoder asks with is text that it writes, or objects that it looks for.
    own = None if call.part.startswith("decoder") else over(queries)
    return Sides(own, over(keys) if call.kind == "cross" else own)


def names(network: Any, laid: Laid | None, count: int) -> tuple[str, ...]:
    """The names of `count` tokens of a tower: "row,column" for patches, after what stands before them."""
    if laid is None or len(laid.views) != 1:
        return ()
    prefix, places = pictures.prefix_of(network)[: laid.views[0].first], laid.places()
    cells = (places.get(position) for position in range(count))
    return tuple(
        f"{cell[1]},{cell[2]}" if cell else prefix[position] if position < len(prefix) else str(position)
        for position, cell in enumerate(cells)
    )


def _in_tower(network: Any, inputs: Mapping[str, Tensor], tokens: Tokens, count: int) -> Laid | None:
    box: Box | None = WHOLE
    if laying.crops_of(inputs) > 1:
        laid = laying.in_text(network, inputs, tokens.pieces)
        box = laid.views[0].box if laid else None
    return laying.in_tower(network, inputs, count, len(pictures.prefix_of(network)), box)
