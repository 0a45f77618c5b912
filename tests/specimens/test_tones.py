"""The shipped tones specimen, measured again: it writes down keys that it never heard, and its heads gather them."""

import re
import wave

import numpy as np
import pytest
import torch
from transformers import AutoFeatureExtractor, AutoModelForCTC, AutoTokenizer, Wav2Vec2ForCTC

from selfattn.places import SPECIMENS
from selfattn.recording.doors import Recorder, install, recording
from selfattn.recording.edits import Ablate
from selfattn.training.specimens import tones
from tests.tools.tolerance import assert_close

pytestmark = pytest.mark.slow

FOLDER = SPECIMENS / "tones"
CARD = (FOLDER / "README.md").read_text(encoding="utf-8")
EXAMPLES = ["2024", "5550199", "star21hash", "7AAB3D"]
HERTZ = {"1": (697, 1209), "5": (770, 1336), "9": (852, 1477), "0": (941, 1336), "*": (941, 1209), "D": (941, 1633)}


@pytest.fixture(scope="module")
def network():
    network = AutoModelForCTC.from_pretrained(FOLDER).eval()
    install(network)
    return network


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def extractor():
    return AutoFeatureExtractor.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def gathered(network):
    return tones.gather(network, fresh(40, 0.0, 5))


def fresh(count, ratio, seed):
    return tones.draw(count, ratio, np.random.default_rng(seed))


def in_card(name):
    """The numbers of the card's row of that name."""
    row = re.search(rf"^\| {re.escape(name)} \| (.*) \|$", CARD, re.MULTILINE)[1]
    return [float(number) for number in row.split(" | ")]


def samples(name):
    with wave.open(str(FOLDER / "examples" / f"{name}.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768


def by_hand(ids):
    """What the frames say, read the slow way: a key counts where the frame before said something else."""
    before = [0, *ids]
    return "".join("?123A456B789C*0#D"[now] for now, last in zip(ids, before, strict=False) if now and now != last)


def test_the_folder_is_small_and_complete():
    names = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    texts = {"README.md", "config.json", "preprocessor_config.json", "tokenizer_config.json", "vocab.json"}
    assert names == texts | {"model.safetensors"} | {f"examples/{name}.wav" for name in EXAMPLES}
    assert sum(path.stat().st_size for path in FOLDER.rglob("*")) < 2_000_000
    assert all(path.stat().st_size < 40_000 for path in FOLDER.glob("examples/*"))


def test_it_opens_as_what_it_is(network, tokenizer, extractor):
    assert type(network) is Wav2Vec2ForCTC
    assert extractor.sampling_rate == 8000
    assert (len(tokenizer), tokenizer.pad_token_id, network.config.vocab_size) == (17, 0, 17)
    assert tokenizer("12*#D").input_ids == [1, 2, 13, 15, 16]


def test_the_positional_convolution_is_saved_as_trained(network, tmp_path):
    network.save_pretrained(tmp_path)
    again = AutoModelForCTC.from_pretrained(tmp_path)
    for (name, here), there in zip(network.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(here, there), name


@pytest.mark.parametrize("ratio", [20, 5, 0])
def test_what_training_never_heard(network, tokenizer, ratio):
    share = tones.exact(network, tokenizer, fresh(60, ratio, 3))
    assert share >= 0.95
    assert_close(share, in_card(str(ratio))[0], 0.05)


def test_noise_costs(network, tokenizer):
    shares = [tones.exact(network, tokenizer, fresh(60, ratio, 4)) for ratio in (0, -7, -10)]
    assert shares[0] > shares[1] > shares[2] + 0.2
    for share, row in zip(shares, ("0", "-7", "-10"), strict=True):
        assert_close(share, in_card(row)[0], 0.15)


def test_in_loud_noise_attention_helps(network, tokenizer):
    drawn = fresh(100, -8, 8)
    with_it, without = (tones.exact(network, tokenizer, drawn, edits) for edits in ((), (Ablate("mean"),)))
    assert without < with_it - 0.05


@torch.no_grad()
def test_a_key_pressed_again_is_written_again(network, tokenizer):
    randomness = np.random.default_rng(9)
    for keys in ("555", "00000000", "1122", "#*#**", "DDDA"):
        heard = [tones.read(network, tokenizer, tones.encode([tones.press(keys, 20.0, randomness)])) for _ in range(8)]
        assert heard.count(keys) >= 7, (keys, heard)


@torch.no_grad()
def test_the_tokenizer_reads_frames_as_by_hand(network, tokenizer):
    randomness = np.random.default_rng(2)
    for _ in range(10):
        inputs = tones.encode([tones.press(tones.some_keys(randomness), 0.0, randomness)])
        ids = network(**inputs).logits[0].argmax(-1).tolist()
        assert tokenizer.decode(ids) == by_hand(ids)


@torch.no_grad()
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_say_their_names(network, tokenizer, extractor, name):
    inputs = extractor(samples(name), sampling_rate=8000, return_tensors="pt")
    assert set(inputs) == {"input_values"}
    keys = name.replace("star", "*").replace("hash", "#")
    assert tokenizer.decode(network(**inputs).logits[0].argmax(-1)) == keys


def test_heads_gather_the_frames_of_a_key(gathered):
    best = int(gathered.own.argmax())
    assert gathered.own.max() > 2 * gathered.own_even
    assert gathered.others.flatten()[best] > 1.3 * gathered.others_even
    assert_close(gathered.own.max(), in_card(f"{best // 4}.{best % 4}")[0], 0.06)


def test_what_is_gathered_by_hand(network):
    sequence = tones.press("77", 10.0, np.random.default_rng(4))
    with torch.no_grad(), recording(Recorder(names={})) as recorder:
        network(**tones.encode([sequence]))
    weights = recorder.calls[1].stages(2).weights.tolist()
    frames = [[f for f in range(len(weights)) if start <= 160 * f + 124 < end] for start, end in sequence.spans]
    own = [sum(weights[query][key] for key in press) for press in frames for query in press]
    others = [sum(weights[query][key] for key in there) for here, there in (frames, frames[::-1]) for query in here]
    measured = tones.gather(network, [sequence])
    assert_close(measured.own[1, 2], sum(own) / len(own))
    assert_close(measured.others[1, 2], sum(others) / len(others))


@torch.no_grad()
def test_frames_and_what_they_hear(network):
    sequence = tones.press("159", 20.0, np.random.default_rng(1))
    with recording(Recorder(names={})) as recorder:
        network(**tones.encode([sequence]))
    pressed = sequence.pressed()
    assert [call.shape for call in recorder.calls] == [(len(pressed), len(pressed))] * 2
    assert recorder.calls[0].heads == 4
    assert max(recorder.differences()) < 1e-4
    for frame, key in enumerate(pressed.tolist()):
        middle = 160 * frame + 124
        inside = [at for at, (start, end) in enumerate(sequence.spans) if start <= middle < end]
        assert inside == ([key] if key >= 0 else [])


@pytest.mark.parametrize("key", HERTZ)
def test_a_key_is_its_two_frequencies(key):
    sequence = tones.press(key, 40.0, np.random.default_rng(6))
    start, end = sequence.spans[0]
    spectrum = np.abs(np.fft.rfft(sequence.sound[start:end], 8000))  # a number each hertz
    row, column = spectrum[:1075].argmax(), 1075 + spectrum[1075:].argmax()
    for found, hertz in zip((row, column), HERTZ[key], strict=True):
        assert abs(found / hertz - 1) < 0.02


def test_noise_lies_as_far_below_the_tones_as_asked():
    quiet, loud = (
        [tones.press("1", ratio, np.random.default_rng(seed)) for seed in range(40)] for ratio in (60.0, 0.0)
    )
    power = [[np.mean(each.sound[slice(*each.spans[0])] ** 2) for each in drawn] for drawn in (quiet, loud)]
    # As much noise as signal doubles the power. The level is drawn after the noise, alike in both.
    assert_close(np.mean(power[1]) / np.mean(power[0]), 2.0, 0.3)


def test_the_same_seed_draws_the_same_batches():
    first, again = (next(tones.batches(np.random.default_rng(7))) for _ in range(2))
    assert torch.equal(first["input_values"], again["input_values"])
    assert torch.equal(first["labels"], again["labels"])
    assert first["labels"].max() <= 16
