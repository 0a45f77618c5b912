"""Small inputs that a network may read, made from its config and what its forward takes: its self-test runs on one."""

import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor
from transformers import PreTrainedModel

from selfattn.models.answers.tasks import task_of
from selfattn.models.inputs.given import main_input, placed, vocabulary
from selfattn.models.tensors import GRIDS, TOKENS, along, forms
from selfattn.recording.refused import RefusedError

# What a network raises where its input is not of its kind.
FAILURES = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
Found = TypeVar("Found")
# What a model reads beside its main tensor, where it can.
BESIDE = (
    "input_ids",
    "pixel_values",
    "input_features",
    "input_values",
    "pixel_values_videos",
    "visual_feats",
    "visual_pos",
)
# What the decoder of a series is told of the time to come.
AHEAD = ("future_values", "future_time_features")
PACKED = ("pixel_values", "hidden_states")  # may be patches that stand in one row
MASKS = ("input_features_mask", "image_attention_mask")  # that some networks cannot do without
MOST = 60  # of the sets that are tried


class NothingMadeError(ValueError):
    """No small input can be made that a network could be tested on."""


def first_that_runs(
    network: PreTrainedModel, run: Callable[[Mapping[str, Tensor]], Found], made: Iterable[Mapping[str, Tensor]]
) -> tuple[Mapping[str, Tensor], Found]:
    """The first of the inputs that can be run, and what came of it.

    Raises what is true of the model itself, where one of them showed that, else what the likeliest of them raises;
    NothingMadeError where there is none.
    """
    first: Exception | None = None
    for inputs in made:
        try:
            return inputs, run(inputs)
        except FAILURES as error:
            if first is None or (isinstance(error, RefusedError) and not isinstance(first, RefusedError)):
                first = error
    if first is None:
        reads = " and ".join(_needed(network))
        raise NothingMadeError(f"it reads {reads}, which this version cannot make")
    raise first


def probes(network: PreTrainedModel) -> Iterator[dict[str, Tensor]]:
    """Small inputs, the likeliest first: what it needs alone, then with each other sense, then all together."""
    return itertools.islice(_probes(network), MOST)


def _probes(network: PreTrainedModel) -> Iterator[dict[str, Tensor]]:
    takes, needed = inspect.signature(network.forward).parameters, _needed(network)
    others = [name for name in BESIDE if name in takes and name not in needed]
    for names in dict.fromkeys([needed, *((*needed, other) for other in others), (*needed, *others)]):
        masks = [name for name in names if name.endswith("_mask")]
        made = [name for name in names if name not in masks]
        for tensors in itertools.product(*(_forms(network, name, takes) for name in made)):
            inputs: dict[str, Tensor] = dict(zip(made, tensors, strict=True))
            found = {name: along(name, inputs) for name in masks}
            inputs |= {name: mask for name, mask in found.items() if mask is not None}
            if "input_ids" in inputs and "bbox" in takes:  # each word has its place on a page
                inputs["bbox"] = torch.tensor([0, 0, 1, 1]).expand(1, TOKENS, 4).contiguous()
            yield placed(network, _with_decoder(network, inputs))
            more = {name: mask for name in MASKS if name in takes and (mask := along(name, inputs)) is not None}
            if more.keys() - inputs.keys():
                yield placed(network, _with_decoder(network, inputs | more))


def _needed(network: PreTrainedModel) -> tuple[str, ...]:
    """The names of what it cannot run without, its main tensor first."""
    takes = inspect.signature(network.forward).parameters
    plain = [each for each in takes.values() if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    grids = [name for name in GRIDS if name in takes and main_input(network) in PACKED]
    if "spatial_shapes" in grids:
        grids.append("pixel_attention_mask")
    ahead = [name for name in AHEAD if name in takes and network.config.is_encoder_decoder]
    return tuple(
        dict.fromkeys(
            [main_input(network), *(each.name for each in plain if each.default is each.empty), *grids, *ahead]
        )
    )


def _forms(network: PreTrainedModel, name: str, takes: Mapping[str, Any]) -> list[Tensor]:
    packed = name == main_input(network) in PACKED and any(grid in takes for grid in (*GRIDS, "pixel_position_ids"))
    return forms(network, "patches" if packed else name)


def _with_decoder(network: PreTrainedModel, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    takes = inspect.signature(network.forward).parameters
    if not network.config.is_encoder_decoder or "decoder_input_ids" not in takes:
        return inputs
    text = network.config.get_text_config()
    # A classifier with two stacks reads the whole text in both, and looks for the token that ends it.
    decoder = torch.arange(3 if task_of(network).writes else TOKENS)[None]
    channels = getattr(getattr(network.config, "decoder_config", None), "num_channels", None)
    if channels:  # of a sound's tokens
        decoder = decoder[..., None].expand(1, -1, channels).contiguous()
    ends = getattr(text, "eos_token_id", None)
    if "input_ids" in inputs and isinstance(ends, int):
        ids = inputs["input_ids"].clone()
        ids[0, -1] = min(ends, vocabulary(network) - 1)
        inputs = inputs | {"input_ids": ids}
    return inputs | {"decoder_input_ids": decoder}
