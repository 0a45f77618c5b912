"""A small input of the right kind for any network: what its self-test runs on."""

import torch
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel

from selfattn.models.answers.tasks import task_of
from selfattn.models.inputs.given import placed


def probe(network: PreTrainedModel) -> dict[str, Tensor]:
    """A small input of the right kind, to test a network with."""
    config = network.config
    text = config.get_text_config()
    match network.main_input_name:
        case "input_ids":
            inputs = {"input_ids": 4 + torch.arange(7)[None] % max(text.vocab_size - 4, 1)}
        case "pixel_values":
            size = getattr(config, "image_size", 32)
            size = tuple(size) if isinstance(size, list | tuple) else (size, size)
            inputs = {"pixel_values": torch.linspace(-1, 1, config.num_channels * size[0] * size[1])}
            inputs["pixel_values"] = inputs["pixel_values"].view(1, config.num_channels, *size)
        case "input_features" if hasattr(config, "input_feat_per_channel"):  # time comes first
            inputs = {"input_features": torch.linspace(-1, 1, 26 * config.input_feat_per_channel).view(1, 26, -1)}
        case "input_features":
            frames = 2 * config.max_source_positions
            inputs = {"input_features": torch.linspace(-1, 1, config.num_mel_bins * frames).view(1, -1, frames)}
        case "input_values" if hasattr(config, "conv_stride"):
            inputs = {"input_values": torch.linspace(-1, 1, _heard(config, frames=7))[None]}
        case "input_values":  # a picture of a sound: its rows are moments
            inputs = {"input_values": torch.linspace(-1, 1, config.max_length * config.num_mel_bins)}
            inputs["input_values"] = inputs["input_values"].view(1, config.max_length, config.num_mel_bins)
        case other:
            raise ValueError(f"{type(network).__name__} reads {other}, which this version cannot make.")
    if config.is_encoder_decoder:
        # A classifier with two stacks reads the whole text in both, and looks for the token that ends it.
        inputs["decoder_input_ids"] = torch.arange(3 if task_of(network).writes else 7)[None]
        if "input_ids" in inputs and isinstance(text.eos_token_id, int):
            inputs["input_ids"][0, -1] = min(text.eos_token_id, text.vocab_size - 1)
    return placed(network, inputs)


def _heard(config: PreTrainedConfig, frames: int) -> int:
    """How many samples make so many frames."""
    for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
        frames = (frames - 1) * stride + kernel
    return frames
