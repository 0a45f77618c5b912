"""A sound: from the bytes of a file to the tensor that a model reads, and what of it can be drawn."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from jaxtyping import Float32
from torch import Tensor

from selfattn.models.inputs.given import Sound, main_input

FORMATS = ("WAV", "FLAC", "OGG", "MP3")
SECONDS = 30
# Numbers of all channels together that are decoded at most.
MOST_SAMPLES = 100_000_000

Samples = Float32[np.ndarray[Any, Any], " sample"]


def samples(sound: Sound, rate: int) -> Samples:
    """The mean of the sound's channels, at `rate` samples a second.

    Raises ValueError for a file that is no sound, is damaged or empty, or is longer than 30 seconds.
    """
    import soundfile
    import soxr

    name = sound.name[:80]
    if not sound.data:
        raise ValueError(f"{name!r} is empty (0 bytes); choose a file with a sound in it.")
    try:
        with soundfile.SoundFile(BytesIO(sound.data)) as file:
            own, channels = file.samplerate, file.channels
            most = SECONDS * own
            if file.format not in FORMATS or most * channels > MOST_SAMPLES:
                raise ValueError
            heard = file.read(most + 1, dtype="float32", always_2d=True)
    except Exception as error:  # whatever a damaged or hostile file makes a decoder raise
        raise ValueError(f"{name!r} is no sound that can be read ({', '.join(FORMATS)}); save it again.") from error
    if len(heard) > most:
        raise ValueError(f"{name!r} is longer than {SECONDS} seconds, the most that a model is given; cut it.")
    if not len(heard):
        raise ValueError(f"{name!r} holds no samples; choose a file with a sound in it.")
    if not np.isfinite(heard).all():
        raise ValueError(f"{name!r} holds samples that are no numbers; save it again.")
    found: Samples = soxr.resample(heard.mean(1), own, rate) if own != rate else heard.mean(1)
    return found


def read(network: Any, extractor: Any, sound: Sound) -> dict[str, Tensor]:
    """What the network takes, by the model's own feature extractor."""
    rate = extractor.sampling_rate
    heard = samples(sound, rate)
    convolves = main_input(network) == "input_values" and hasattr(network.config, "conv_stride")
    if not len(heard) or (convolves and _convolved(network, len(heard)) < 1):
        raise ValueError(
            f"{sound.name[:80]!r} has {len(heard)} samples at {rate:,} a second, too few for one frame of the model; "
            "choose a longer sound."
        )
    return dict(extractor(heard, sampling_rate=rate, return_tensors="pt"))


def frames(network: Any, inputs: Mapping[str, Tensor]) -> int | None:
    """How many tokens the encoder makes of a sound; None where its config does not say."""
    config = network.config
    if "input_values" in inputs and hasattr(config, "conv_stride"):
        return _convolved(network, inputs["input_values"].shape[-1])
    if "input_features" in inputs and hasattr(config, "num_conv_layers"):
        return math.ceil(inputs["input_features"].shape[1] / 2**config.num_conv_layers)
    return getattr(config, "max_source_positions", None) if "input_features" in inputs else None


def _convolved(network: Any, count: int) -> int:
    """How many frames its convolutions make of so many samples."""
    if own := getattr(network, "_get_feat_extract_output_lengths", None):  # an adapter makes fewer
        return int(own(count))
    for kernel, stride in zip(network.config.conv_kernel, network.config.conv_stride, strict=True):
        count = (count - kernel) // stride + 1
    return count


@dataclass(frozen=True, eq=False)
class Heard:
    """A sound as the model heard it."""

    samples: Samples
    rate: int  # samples a second
    frames_a_second: float | None  # tokens of the encoder a second; None where tokens are not frames
    mel: Float32[np.ndarray[Any, Any], "mel frame"] | None  # what the model reads, where that is no samples

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate

    def labels(self, count: int) -> tuple[str, ...]:
        """The time at which each of `count` frames starts. None of them where tokens are not frames."""
        if self.frames_a_second is None:
            return ()
        return tuple(f"{frame / self.frames_a_second:.2f} s" for frame in range(count))


def heard(network: Any, extractor: Any, sound: Sound, features: Tensor) -> Heard:
    """What the model heard, from the file and from the tensor that it read."""
    rate = extractor.sampling_rate
    mel = features[0].float().cpu().numpy() if features.dim() == 3 else None
    if mel is not None and not hasattr(extractor, "nb_max_frames"):  # all but Whisper's have time first
        mel = mel.T
    return Heard(samples(sound, rate), rate, _frames_a_second(network.config, extractor), mel)


def _frames_a_second(config: Any, extractor: Any) -> float | None:
    """Tokens of the encoder a second, from what joins samples or mel frames into one."""
    rate = extractor.sampling_rate
    if hasattr(config, "conv_stride"):
        return rate / math.prod(config.conv_stride)
    if hasattr(extractor, "nb_max_frames"):  # Whisper
        return rate / extractor.hop_length * config.max_source_positions / extractor.nb_max_frames
    if hasattr(config, "num_conv_layers"):  # Speech2Text: a mel frame is 10 ms, and each convolution halves them
        return 100 / 2**config.num_conv_layers
    return None
