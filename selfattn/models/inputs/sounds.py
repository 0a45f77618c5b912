"""A sound: from the bytes of a file to the tensor that a model reads, and what of it can be drawn."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import product
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor
from transformers import PreTrainedModel

from selfattn.models.inputs.given import Sound, main_input

FORMATS = ("WAV", "FLAC", "OGG", "MP3")
SECONDS = 30
# Numbers of all channels together that are decoded at most.
MOST_SAMPLES = 100_000_000

# Methods of networks that say how many frames they make.
COUNTS = ("_get_feat_extract_output_lengths", "_get_subsampling_output_length")
SAMPLES_AND_MEL = {"input_values", "input_features"}
# So many samples that any strides divide them: the frames of as many more are a rate.
LONG = 2**8 * 3**3 * 5**3 * 7

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
    made = frame_counts(network)[:1] if main_input(network) == "input_values" else ()
    if not len(heard) or any(count(len(heard)) < 1 for count in made):
        raise ValueError(
            f"{sound.name[:80]!r} has {len(heard)} samples at {rate:,} a second, too few for one frame of the model; "
            "choose a longer sound."
        )
    return dict(extractor(heard, sampling_rate=rate, return_tensors="pt"))


def frames(network: Any, inputs: Mapping[str, Tensor]) -> int | None:
    """How many tokens the encoder makes of a sound; None where its network does not say."""
    counts, features = frame_counts(network)[:1], inputs.get(main_input(network))
    if features is None or not counts:
        return None
    # One channel comes before time, and so do the mel bins of Whisper and its kin, whose settings say how many.
    last = features.dim() < 3 or features.shape[1] in (1, getattr(network.config, "num_mel_bins", None))
    found = counts[0](features.shape[-1 if last else 1])
    return found if found > 0 else None  # it counts in steps of another kind


@dataclass(frozen=True, eq=False)
class Heard:
    """A sound as the model heard it."""

    samples: Samples
    rate: int  # samples a second
    frames_a_second: float | None  # tokens of the encoder a second; None where tokens are not frames
    mel: Float32[np.ndarray[Any, Any], "mel frame"] | None  # what the model reads, where that is no samples
    rates: Mapping[int, float]  # tokens a second where there are so many: after an adapter there are fewer

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate

    def labels(self, count: int) -> tuple[str, ...]:
        """The time at which each of `count` frames starts. None of them where tokens are not frames."""
        if (rate := self.rates.get(count)) is None:
            return ()
        return tuple(f"{frame / rate:.2f} s" for frame in range(count))


def heard(network: Any, extractor: Any, sound: Sound, inputs: Mapping[str, Tensor]) -> Heard:
    """What the model heard, from the file and from the tensors that it read."""
    rate = extractor.sampling_rate
    features = inputs[main_input(network)]
    mel = features[0].float().cpu().numpy() if features.dim() == 3 else None
    if mel is not None and not _mel_first(extractor):
        mel = mel.T
    length = features.shape[-1] if mel is None else mel.shape[1]
    steps = rate if mel is None else _mel_frames_a_second(extractor)
    counts = frame_counts(network)
    rates = {count(length): steps * (count(2 * LONG) - count(LONG)) / LONG for count in reversed(counts)}
    own = rates[counts[0](length)] if counts else None
    return Heard(samples(sound, rate), rate, own, mel, rates)


def frame_counts(network: Any) -> tuple[Callable[[int], int], ...]:
    """What tells how many tokens are made of so many samples, or mel frames: the encoder, and its adapter behind it.

    Nothing where the network does not say.
    """
    for name, module in product(COUNTS, network.modules()):
        if (function := getattr(module, name, None)) is None:
            continue
        if isinstance(module, PreTrainedModel) and {main_input(module), main_input(network)} == SAMPLES_AND_MEL:
            continue  # it counts mel frames that are made of samples on the way, or the other way round
        adapts = "add_adapter" in inspect.signature(function).parameters
        ways: list[dict[str, bool]] = [{"add_adapter": False}] if adapts else [{}]
        if adapts and getattr(module.config, "add_adapter", False):
            ways.append({"add_adapter": True})
        return tuple(partial(_counted, function, way) for way in ways)
    return ()


def _counted(function: Callable[..., Any], way: Mapping[str, bool], length: int) -> int:
    found = function(torch.tensor(length), **way)
    # Some say first how many attend, and then how many are left when they were joined.
    return int(found[0] if isinstance(found, tuple) else found)


def _mel_first(extractor: Any) -> bool:
    """Do mel bins come before time, as Whisper has them?"""
    return hasattr(extractor, "nb_max_frames")


def _mel_frames_a_second(extractor: Any) -> float:
    """One every 10 ms, but for extractors that say otherwise, or that put `stride` of them side by side."""
    hop = getattr(extractor, "hop_length", None)
    rate = extractor.sampling_rate / hop if hop else 100.0
    return float(rate / getattr(extractor, "stride", 1))
