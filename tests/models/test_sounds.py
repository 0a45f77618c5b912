"""Sounds: exactly the tensors of the model's own feature extractor, what the model heard, and what is refused."""

import io

import numpy as np
import pytest
import soundfile
import soxr
import torch
import transformers as hf

import selfattn
from selfattn import Model
from selfattn.models.inputs import sounds
from selfattn.models.inputs.given import Sound
from tests.tools import made, shrunk, spoken, tiny
from tests.tools.tolerance import assert_close

RATE = 8000


def noise(seconds=0.5, channels=1, rate=RATE):
    generator = np.random.default_rng(7)
    return generator.uniform(-0.5, 0.5, (round(seconds * rate), channels)).astype(np.float32)


def saved(samples, rate=RATE, kind="WAV", subtype="FLOAT") -> Sound:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return Sound(file.getvalue(), f"it.{kind.lower()}")


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory):
    folder = made.folder(tmp_path_factory.mktemp("models") / "wav2vec2", "wav2vec2")
    hf.Wav2Vec2FeatureExtractor(sampling_rate=RATE, do_normalize=True).save_pretrained(folder)
    return selfattn.load(folder)


@pytest.fixture(scope="module")
def whisper():
    """One second of sound: 26 mel frames, which its encoder joins into 13."""
    own = hf.WhisperFeatureExtractor(feature_size=5, chunk_length=1, hop_length=615)
    return Model.wrap(tiny.network("whisper"), made.word_level(), "whisper", own)


def test_samples_become_what_the_feature_extractor_makes_of_them(wav2vec2):
    samples = noise()[:, 0]
    trace = selfattn.trace(wav2vec2, saved(samples))
    expected = wav2vec2.processor(samples, sampling_rate=RATE, return_tensors="pt")
    assert torch.equal(trace.inputs["input_values"], expected["input_values"])
    assert trace.fidelity < 1e-4


def test_a_log_mel_is_what_the_feature_extractor_makes(whisper):
    samples = noise(rate=16_000)[:, 0]
    trace = selfattn.trace(whisper, saved(samples, 16_000))
    expected = whisper.processor(samples, sampling_rate=16_000, return_tensors="pt")["input_features"]
    assert torch.equal(trace.inputs["input_features"], expected)
    assert_close(trace.sound.mel, expected[0], within=0)
    assert trace.prediction.kind == "next token"


def test_the_channels_are_averaged_and_resampled(wav2vec2):
    stereo = noise(channels=2, rate=44_100)
    heard = sounds.samples(saved(stereo, 44_100), RATE)
    assert_close(heard, soxr.resample((stereo[:, 0] + stereo[:, 1]) / 2, 44_100, RATE), within=1e-6)
    assert heard.shape == (RATE // 2,)


@pytest.mark.parametrize(
    ("kind", "subtype", "within"),
    [("WAV", "PCM_16", 1e-4), ("FLAC", "PCM_24", 1e-6), ("OGG", "VORBIS", 0.3), ("MP3", "MPEG_LAYER_III", 0.3)],
)
def test_formats(kind, subtype, within):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    heard = sounds.samples(saved(tone, kind=kind, subtype=subtype), RATE)
    assert_close(heard[: len(tone)], tone, within=within)


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        (Sound(b"", "none.wav"), r"'none.wav' is empty \(0 bytes\)"),
        (Sound(b"hello", "it.wav"), "'it.wav' is no sound that can be read"),
        (Sound(saved(noise()).data[:30], "half.wav"), "'half.wav' is no sound that can be read"),
        (saved(noise(0)), "holds no samples"),
        (saved(np.array([0.1, np.nan, 0.2], np.float32)), "holds samples that are no numbers"),
        (saved(np.array([0.1, np.inf], np.float32)), "holds samples that are no numbers"),
        (saved(noise(30.1)), "is longer than 30 seconds"),
        (saved(noise(0.0005)), "has 4 samples at 8,000 a second, too few for one frame"),
        (saved(noise(0.01), kind="AIFF"), r"is no sound that can be read \(WAV, FLAC, OGG, MP3\)"),
    ],
)
def test_files_that_are_refused(wav2vec2, sound, said):
    with pytest.raises(ValueError, match=said):
        selfattn.trace(wav2vec2, sound)


def test_a_damaged_flac_is_refused(wav2vec2):
    data = saved(noise(2), kind="FLAC", subtype="PCM_16").data
    with pytest.raises(ValueError, match="is no sound that can be read"):
        selfattn.trace(wav2vec2, Sound(data[:60], "half.flac"))


def test_thirty_seconds_are_not_refused():
    assert len(sounds.samples(saved(noise(30)), RATE)) == 30 * RATE


def test_frames_are_named_by_their_time(wav2vec2):
    trace = selfattn.trace(wav2vec2, saved(noise(0.01)))
    # Strides of 3 and 2 samples: a frame every 6, and 12 frames of 80 samples.
    heard = trace.sound
    assert (heard.seconds, heard.rate, heard.frames_a_second) == (0.01, RATE, RATE / 6)
    rows, columns = trace.labels(trace.calls[0])
    assert rows == columns
    assert rows[:4] == ("0.00 s", "0.00 s", "0.00 s", "0.00 s")
    assert len(rows) == trace.calls[0].shape[0]


def test_whisper_hears_in_steps_of_two_mel_frames(whisper):
    trace = selfattn.trace(whisper, saved(noise(rate=16_000), 16_000), written=[7, 8])
    assert_close(trace.sound.frames_a_second, 16_000 / 615 / 2)
    rows, columns = trace.labels(trace.call(0, kind="cross"))
    assert rows == ("[SEP]", "cat", "dog")
    assert columns[:3] == ("0.00 s", "0.08 s", "0.15 s")
    assert len(columns) == 13


def test_a_model_without_a_feature_extractor():
    model = Model.wrap(tiny.network("wav2vec2"), None, "wav2vec2")
    with pytest.raises(ValueError, match="wav2vec2 has no feature extractor"):
        selfattn.trace(model, saved(noise()))


def test_a_text_for_a_model_of_sounds(wav2vec2):
    with pytest.raises(ValueError, match="reads a sound; got one text"):
        selfattn.trace(wav2vec2, "hello")


def test_a_longer_sound_needs_more_memory_by_its_frames_not_its_samples(wav2vec2):
    # Kernels of 4 and 3 and strides of 3 and 2: the first frame hears 10 samples, and each one more takes 6.
    for count, frames in ((10, 1), (15, 1), (16, 2), (609, 100), (610, 101)):
        assert sounds.frames(wav2vec2.network, {"input_values": torch.zeros(1, count)}) == frames


def test_mel_frames_with_time_first():
    own = hf.Speech2TextFeatureExtractor(feature_size=5, num_mel_bins=5)
    model = Model.wrap(tiny.network("speech_to_text"), made.word_level(), "s2t", own)
    trace = selfattn.trace(model, saved(noise(rate=16_000), 16_000))
    read = trace.inputs["input_features"]
    assert_close(trace.sound.mel, read[0].T, within=0)
    assert trace.sound.frames_a_second == 25  # 10 ms, halved twice
    assert sounds.frames(model.network, trace.inputs) == trace.calls[0].shape[0]
    assert trace.labels(trace.calls[0])[0][:3] == ("0.00 s", "0.04 s", "0.08 s")


# Frames of half a second of sound, and how many a second: strides of 80 and 4 samples; mel frames of 10 ms, two side by
# side or joined by eight; and behind an adapter half as many.
TIMES = {
    "whisper": {13: 16_000 / 615 / 2},
    "wav2vec2_bert": {24: 50.0},
    "wav2vec2_bert_adapter": {24: 50.0, 12: 25.0},
    "speecht5": {24: 50.0},
    "speech_encoder_decoder": {24: 50.0},
    "parakeet": {7: 12.5},
}


@pytest.mark.parametrize("name", spoken.MADE)
def test_frames_of_each_kind_of_model_lie_under_the_sound(name, tmp_path):
    model = selfattn.load(spoken.folder(tmp_path / name, name), device="cpu")
    trace = selfattn.trace(model, spoken.sound())
    assert trace.sound.rates == pytest.approx(TIMES[name])
    frames, rate = next(iter(TIMES[name].items()))
    assert trace.sound.frames_a_second == pytest.approx(rate)
    assert sounds.frames(model.network, trace.inputs) == frames
    seen = {call.shape[1] for call in trace.calls if call.part.endswith("encoder") or call.kind == "cross"}
    assert seen == {*TIMES[name]}
    for call in trace.calls:
        rows, columns = trace.labels(call)
        if call.part.endswith("encoder") or call.kind == "cross":
            step = 1 / TIMES[name][call.shape[1]]
            assert columns == tuple(f"{frame * step:.2f} s" for frame in range(call.shape[1]))
        if call.part == "decoder":
            assert rows == ("[CLS]",)


def test_as_many_tokens_as_no_frames_have_no_times(tmp_path):
    model = selfattn.load(spoken.folder(tmp_path / "speecht5", "speecht5"), device="cpu")
    assert selfattn.trace(model, spoken.sound()).sound.labels(25) == ()
    for length in (99, 100, 419, 420):  # kernels of 100 and 5, strides of 80 and 4: the first frame hears 420
        sound = saved(noise(rate=spoken.RATE)[:length], spoken.RATE)
        if length < 420:
            with pytest.raises(ValueError, match=f"has {length} samples at 16,000 a second, too few for one frame"):
                selfattn.trace(model, sound)
        else:
            assert selfattn.trace(model, sound).call(0).shape == (1, 1)


@pytest.mark.parametrize("name", ["qwen2_audio_encoder", "omniasr_ctc", "cohere_asr"])
def test_frames_that_a_network_counts_in_its_own_way_are_those_that_attend_or_not_known(name):
    """Two numbers for one, a channel before time, and a count of another kind."""
    if name not in shrunk.model_types():
        pytest.skip(f"this release of Transformers has no {name}")
    model = selfattn.Model.wrap(next(each for each in shrunk.networks(name) if not isinstance(each, str)))
    trace = selfattn.trace(model, model.probe)
    assert sounds.frames(model.network, model.probe) in (None, trace.calls[0].shape[0])


def test_an_encoder_of_mel_frames_inside_a_model_of_samples_does_not_count_them():
    """It would say that each sample is a token, and a second of sound would need 33 GB."""
    if "neucodec" not in shrunk.model_types():
        pytest.skip("this release of Transformers has no neucodec")
    network = next(each for each in shrunk.networks("neucodec") if not isinstance(each, str))
    assert network.semantic_encoder._get_feat_extract_output_lengths(16_000) == 16_000
    assert sounds.frames(network, {"input_values": torch.zeros(1, 16_000)}) is None
