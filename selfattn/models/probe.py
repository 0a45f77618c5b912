"""Small inputs that a network may read, made from its config and what its forward takes: its self-test runs on one."""

import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel

from selfattn.models.answers.tasks import task_of
from selfattn.models.inputs.given import placed, vocabulary

TOKENS, FRAMES = 7, 7
# What a network raises where its input is not of its kind.
FAILURES = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
Found = TypeVar("Found")
# Where neither its config nor a part of that says how large its pictures are.
SIZES = (32, 64, 224)
MEL_BINS = ("num_mel_bins", "input_feat_per_channel", "feature_projection_input_dim", "n_mels", "feature_size")


def first_that_runs(
    network: PreTrainedModel, run: Callable[[Mapping[str, Tensor]], Found], made: Iterable[Mapping[str, Tensor]]
) -> tuple[Mapping[str, Tensor], Found]:
    """The first of the inputs that can be run, and what came of it. Raises what the likeliest of them raises."""
    first: Exception | None = None
    for inputs in made:
        try:
            return inputs, run(inputs)
        except FAILURES as error:
            first = first or error
    if first is None:
        raise ValueError(f"{type(network).__name__} reads {network.main_input_name}, which this version cannot make.")
    raise first


def probes(network: PreTrainedModel) -> Iterator[dict[str, Tensor]]:
    """Small inputs, the likeliest first: the main tensor alone, then with each other sense, then all together."""
    takes, main = inspect.signature(network.forward).parameters, network.main_input_name
    others = [name for name in SENSES if name in takes and name != main]
    sets = [(main,), *((main, other) for other in others), (main, *others)]
    for names in dict.fromkeys(sets):
        for tensors in itertools.product(*(_made(network, name) for name in names)):
            inputs = dict(zip(names, tensors, strict=True))
            if "input_ids" in inputs and "bbox" in takes:  # each word has its place on a page
                inputs["bbox"] = torch.tensor([0, 0, 1, 1]).expand(1, TOKENS, 4).contiguous()
            yield placed(network, _with_decoder(network, inputs))


def _made(network: PreTrainedModel, name: str) -> list[Tensor]:
    """The forms that a tensor of that name may have in this network; none where nothing says how large it is."""
    if name not in SENSES:
        return []
    try:
        return [*SENSES[name](network)]
    except (AttributeError, TypeError):  # a config without what such a tensor is made from
        return []


def _ids(network: PreTrainedModel) -> Iterator[Tensor]:
    count = vocabulary(network)
    first = 4 if count > 4 + TOKENS else 0  # special tokens come first
    yield (first + torch.arange(TOKENS)[None]) % count


def _pixels(network: PreTrainedModel) -> Iterator[Tensor]:
    part = _part(network.config, "image_size", "patch_size", "num_channels")
    channels = next((found for name in ("num_channels", "in_channels", "in_chans") if (found := _of(part, name))), 3)
    asked = _of(part, "image_size")
    for size in [asked] if asked else SIZES:
        height, width = size if isinstance(size, list | tuple) else (size, size)
        picture = torch.linspace(-1, 1, channels * height * width).view(1, channels, height, width)
        if frames := _of(part, "num_frames"):
            yield picture[:, None].repeat(1, frames, 1, 1, 1)
        yield picture


def _features(network: PreTrainedModel) -> Iterator[Tensor]:
    part = _part(network.config, *MEL_BINS)
    bins = next((found for name in MEL_BINS if (found := _of(part, name))), None)
    if not bins:
        return
    positions = _of(part, "max_source_positions")
    if positions and not _of(part, "input_feat_per_channel"):
        yield torch.linspace(-1, 1, bins * 2 * positions).view(1, bins, 2 * positions)
    # Time comes first.
    yield torch.linspace(-1, 1, 26 * bins).view(1, 26, bins)


def _samples(network: PreTrainedModel) -> Iterator[Tensor]:
    part = _part(network.config, "conv_stride", "max_length")
    if _of(part, "conv_stride"):
        yield torch.linspace(-1, 1, _heard(part, FRAMES))[None]
    else:  # a picture of a sound: its rows are moments
        yield torch.linspace(-1, 1, part.max_length * part.num_mel_bins).view(1, part.max_length, part.num_mel_bins)


SENSES: dict[str, Callable[[PreTrainedModel], Iterator[Tensor]]] = {
    "input_ids": _ids,
    "pixel_values": _pixels,
    "input_features": _features,
    "input_values": _samples,
}


def _with_decoder(network: PreTrainedModel, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    if not network.config.is_encoder_decoder:
        return inputs
    text = network.config.get_text_config()
    # A classifier with two stacks reads the whole text in both, and looks for the token that ends it.
    decoder = torch.arange(3 if task_of(network).writes else TOKENS)[None]
    ends = getattr(text, "eos_token_id", None)
    if "input_ids" in inputs and isinstance(ends, int):
        ids = inputs["input_ids"].clone()
        ids[0, -1] = min(ends, vocabulary(network) - 1)
        inputs = inputs | {"input_ids": ids}
    return inputs | {"decoder_input_ids": decoder}


def _part(config: PreTrainedConfig, *names: str) -> Any:
    """The config, or the part of it, that knows most of these."""
    parts = [config, *(part for part in vars(config).values() if isinstance(part, PreTrainedConfig))]
    return max(parts, key=lambda part: sum(_of(part, name) is not None for name in names))


def _of(config: Any, name: str) -> Any:
    return getattr(config, name, None)


def _heard(config: Any, frames: int) -> int:
    """How many samples make so many frames."""
    for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
        frames = (frames - 1) * stride + kernel
    return frames
