"""The tensors that networks read, by their names: each small, and in the forms that it is known in."""

import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel

from selfattn.models.inputs.given import vocabulary

TOKENS, FRAMES = 7, 7
# Where neither its config nor a part of that says how large its pictures are.
SIZES = (32, 64, 224)
CHANNELS = ("num_channels", "in_channels", "in_chans")
MEL_BINS = (
    "num_mel_bins",
    "input_feat_per_channel",
    "feature_projection_input_dim",
    "n_mels",
    "feature_size",
    "input_feat_size",
    "input_size",
)
SAMPLES = 16_000
QUERIES = ("num_query_tokens", "num_image_tokens")
# What tells the rows and columns of patches that stand in one row.
GRIDS = ("grid_thw", "image_grid_thw", "spatial_shapes", "target_sizes")


def forms(network: PreTrainedModel, name: str) -> list[Tensor]:
    """The forms that a tensor of that name may have in this network; none where nothing says how large it is."""
    if name not in SENSES:
        return []
    try:
        return [*SENSES[name](network)]
    except (AttributeError, TypeError):  # a config without what such a tensor is made from
        return []


def along(name: str, inputs: dict[str, Tensor]) -> Tensor | None:
    """The tensor of that name which says that all of another counts; None where it goes with none of these."""
    if name.endswith("observed_mask"):
        return torch.ones_like(inputs["past_values"]) if "past_values" in inputs else None
    if name == "pixel_attention_mask":
        return torch.ones(1, inputs["pixel_values"].shape[1], dtype=torch.long) if "pixel_values" in inputs else None
    if name == "image_attention_mask":
        both = "pixel_values" in inputs and "input_ids" in inputs
        return torch.ones(1, inputs["input_ids"].shape[1], inputs["pixel_values"].shape[1]) if both else None
    other = inputs.get(name.removesuffix("_mask"), inputs.get(name.replace("attention_mask", "input_ids")))
    if other is None or not name.endswith("_mask"):
        return None
    # Time is the first axis of features where it is not the longer one.
    count = other.shape[1] if other.dim() < 3 else max(other.shape[1:3])
    return torch.ones(1, count, dtype=torch.bool if name.startswith("audio_mel") else torch.long)


def _ids(network: PreTrainedModel) -> Iterator[Tensor]:
    count = _known(network)
    first = 4 if count > 4 + TOKENS else 0  # special tokens come first
    ids = (first + torch.arange(TOKENS)[None]) % count
    yield ids
    image, queries = _any(network.config, "image_token_id", "image_token_index"), _any(network.config, *QUERIES)
    if isinstance(image, int) and isinstance(queries, int) and image < count:
        yield torch.cat((torch.full((1, queries), image), ids), 1)
    if books := _any(network.config, "num_codebooks"):  # of a sound's tokens, beside each of the text's
        yield ids[..., None].expand(1, TOKENS, books + 1).contiguous()


def _known(network: PreTrainedModel) -> int:
    try:
        return vocabulary(network)
    except AttributeError:
        return int(_part(network.config, "vocab_size").vocab_size)


def _first_ids(network: PreTrainedModel) -> Iterator[Tensor]:
    yield torch.arange(4, 4 + TOKENS)[None]


def _pixels(network: PreTrainedModel) -> Iterator[Tensor]:
    part = _part(network.config, "image_size", "patch_size", "num_channels")
    channels, asked = _any(part, *CHANNELS) or 3, _any(part, "image_size")
    for size in [asked] if asked else SIZES:
        height, width = size if isinstance(size, list | tuple) else (size, size)
        picture = torch.linspace(-1, 1, channels * height * width).view(1, channels, height, width)
        if frames := _any(part, "num_frames"):
            yield picture[:, None].repeat(1, frames, 1, 1, 1)
        yield picture
        yield torch.stack((picture, picture.flip(-1)), 1)  # a pair of them


def _patches(network: PreTrainedModel) -> Iterator[Tensor]:
    """One row a patch, of a picture of which `_grid` tells the rows and columns."""
    part = _part(network.config, "patch_size", "spatial_merge_size", "temporal_patch_size")
    channels, size = _any(part, *CHANNELS) or 3, part.patch_size
    count, takes = int(_grid_of(part).prod()), inspect.signature(network.forward).parameters.keys()
    for deep in dict.fromkeys((_any(part, "temporal_patch_size") or 1, 1, 2)):
        numbers = torch.linspace(-1, 1, count * channels * deep * size * size)
        if takes & {"grid_thw", "image_grid_thw"}:  # patches of many pictures may stand there
            yield numbers.view(count, channels * deep * size * size)
            yield numbers.view(count, channels * deep, size, size)
        yield numbers.view(1, count, channels * deep * size * size)
        yield numbers.view(1, channels * deep, size, count * size)


def _grid(network: PreTrainedModel) -> Iterator[Tensor]:
    part = _part(network.config, "patch_size", "spatial_merge_size", "temporal_patch_size")
    yield _grid_of(part)
    yield _grid_of(part)[:, 1:]


def _places(network: PreTrainedModel) -> Iterator[Tensor]:
    """Column and row of each patch."""
    side = int(_grid_of(_part(network.config, "patch_size", "spatial_merge_size"))[0, 1])
    yield torch.cartesian_prod(torch.arange(side), torch.arange(side)).flip(1)[None]


def _merged(network: PreTrainedModel) -> Iterator[Tensor]:
    yield torch.tensor([_any(_part(network.config, "patch_size", "spatial_merge_size"), "spatial_merge_size") or 2])


def _grid_of(part: Any) -> Tensor:
    side = 2 * (_any(part, "spatial_merge_size") or 2)
    return torch.tensor([[1, side, side]])


def _frames(network: PreTrainedModel) -> Iterator[Tensor]:
    """A film: (1, frame, channel, row, column)."""
    part = _part(network.config, "image_size", "patch_size", "num_channels", "num_frames")
    size = _any(part, "image_size", "crop_size") or 64
    height, width = size if isinstance(size, list | tuple) else (size, size)
    for count in dict.fromkeys((2, _any(part, "num_frames", "frames_per_clip") or 2)):
        shape = (1, count, _any(part, *CHANNELS) or 3, height, width)
        yield torch.linspace(-1, 1, math.prod(shape)).view(shape)


def _features(network: PreTrainedModel) -> Iterator[Tensor]:
    part = _part(network.config, *MEL_BINS)
    bins = _any(part, *MEL_BINS)
    if not isinstance(bins, int):
        return
    positions = _any(part, "max_source_positions")
    if positions and not _any(part, "input_feat_per_channel"):
        yield torch.linspace(-1, 1, bins * 2 * positions).view(1, bins, 2 * positions)
    # Time comes first.
    for count in (26, 32, 128):
        yield torch.linspace(-1, 1, count * bins).view(1, count, bins)
    yield torch.linspace(-1, 1, 32 * bins).view(1, bins, 32)
    if spread := _any(part, "spec_size"):  # folded to a square
        yield torch.linspace(-1, 1, spread**2).view(1, 1, spread**2 // bins, bins)


def _samples(network: PreTrainedModel) -> Iterator[Tensor]:
    part = _part(network.config, "conv_stride", "max_length")
    if _any(part, "conv_stride"):
        yield torch.linspace(-1, 1, _heard(part, FRAMES))[None]
    elif _any(part, "max_length") and _any(part, "num_mel_bins"):  # a picture of a sound: its rows are moments
        yield torch.linspace(-1, 1, part.max_length * part.num_mel_bins).view(1, part.max_length, part.num_mel_bins)
    yield torch.linspace(-1, 1, SAMPLES)[None]
    yield torch.linspace(-1, 1, SAMPLES)[None, None]


def _past(network: PreTrainedModel) -> Iterator[Tensor]:
    """What a series was: (1, moment), or (1, moment, channel)."""
    config = network.config
    count = config.context_length + max(_any(config, "lags_sequence") or [0])
    channels = _any(config, "num_input_channels", "input_size") or 1
    if channels == 1:
        yield torch.linspace(-1, 1, count)[None]
    yield torch.linspace(-1, 1, count * channels).view(1, count, channels)


def _past_times(network: PreTrainedModel) -> Iterator[Tensor]:
    config = network.config
    count = config.context_length + max(_any(config, "lags_sequence") or [0])
    yield torch.linspace(-1, 1, count * config.num_time_features).view(1, count, config.num_time_features)


def _no_padding(network: PreTrainedModel) -> Iterator[Tensor]:
    yield from (torch.zeros_like(each, dtype=torch.long) for each in _past(network))


def _regions(network: PreTrainedModel) -> Iterator[Tensor]:
    """What was found in a picture."""
    width = network.config.visual_feat_dim
    yield torch.linspace(-1, 1, TOKENS * width).view(1, TOKENS, width)


def _boxes(network: PreTrainedModel) -> Iterator[Tensor]:
    yield torch.linspace(0, 1, TOKENS * 4).view(1, TOKENS, 4)


def _task(network: PreTrainedModel) -> Iterator[Tensor]:
    yield torch.linspace(0, 1, network.config.task_seq_len)[None]


def _frequency(network: PreTrainedModel) -> Iterator[Tensor]:
    yield torch.zeros(1, 1, dtype=torch.long)


def _future(network: PreTrainedModel) -> Iterator[Tensor]:
    yield torch.linspace(-1, 1, network.config.prediction_length)[None]


def _future_times(network: PreTrainedModel) -> Iterator[Tensor]:
    shape = (1, network.config.prediction_length, network.config.num_time_features)
    yield torch.linspace(-1, 1, math.prod(shape)).view(shape)


def _flattened(network: PreTrainedModel) -> Iterator[Tensor]:
    """Patches behind their row and column, which are counted from 1."""
    part = _part(network.config, "patch_embed_hidden_size")
    places = torch.tensor([[row, column] for row in (1, 2) for column in (1, 2, 3)], dtype=torch.float32)
    patches = torch.linspace(-1, 1, 6 * part.patch_embed_hidden_size).view(6, -1)
    yield torch.cat((places, patches), 1)[None]


def _embeddings(network: PreTrainedModel) -> Iterator[Tensor]:
    width = _any(network.config, "hidden_size", "d_model") or network.config.get_text_config().hidden_size
    yield torch.linspace(-1, 1, TOKENS * width).view(1, TOKENS, width)


SENSES: dict[str, Callable[[PreTrainedModel], Iterator[Tensor]]] = {
    "input_ids": _ids,
    "pixel_values": _pixels,
    "input_features": _features,
    "input_values": _samples,
    "pixel_values_videos": _frames,
    "qformer_input_ids": _first_ids,
    "audio_mel": _features,
    "past_values": _past,
    "past_time_features": _past_times,
    "future_values": _future,
    "future_time_features": _future_times,
    "flattened_patches": _flattened,
    "inputs_embeds": _embeddings,
    "query_embeds": _embeddings,
    **dict.fromkeys(GRIDS, _grid),
    "pixel_position_ids": _places,
    "merge_sizes": _merged,
    "prompt_pixel_values": _pixels,
    "prompt_masks": _pixels,
    "past_values_padding": _no_padding,
    "freq": _frequency,
    "visual_feats": _regions,
    "visual_pos": _boxes,
    "task_inputs": _task,
    "patches": _patches,
}


def _part(config: PreTrainedConfig, *names: str) -> Any:
    """The config, or the part of it, that knows most of these."""
    parts = [config, *(part for part in vars(config).values() if isinstance(part, PreTrainedConfig))]
    return max(parts, key=lambda part: sum(getattr(part, name, None) is not None for name in names))


def _any(config: Any, *names: str) -> Any:
    """What the first of these that it has holds; None where it has none."""
    return next((found for name in names if (found := getattr(config, name, None)) is not None), None)


def _heard(config: Any, frames: int) -> int:
    """How many samples make so many frames."""
    for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
        frames = (frames - 1) * stride + kernel
    return frames
