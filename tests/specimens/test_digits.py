"""The shipped digits specimen, measured again: it reads what it never saw, and its heads look at the ink."""

import re

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification

from selfattn.places import SPECIMENS
from selfattn.recording.doors import Recorder, install, recording
from tests.tools.tolerance import assert_close

pytest.importorskip("sklearn")
from selfattn.training.specimens import digits

pytestmark = pytest.mark.slow

FOLDER = SPECIMENS / "digits"
CARD = (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def network():
    network = AutoModelForImageClassification.from_pretrained(FOLDER).eval()
    install(network)
    return network


@pytest.fixture(scope="module")
def processor():
    return AutoImageProcessor.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def held_out():
    return digits.digits()[1]


@pytest.fixture(scope="module")
def measured(network, held_out):
    return digits.measure(network, held_out)


def in_card(name):
    """The last number of the card's row of that name."""
    return float(re.search(rf"^\| {name} \|.*?([\d.]+) \|$", CARD, re.MULTILINE)[1])


def test_the_folder_is_small_and_complete():
    names = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    pictures = {f"examples/{digit}.png" for digit in range(10)}
    assert names == {"README.md", "config.json", "model.safetensors", "preprocessor_config.json"} | pictures
    assert sum(path.stat().st_size for path in FOLDER.rglob("*")) < 2_000_000


def test_what_training_never_saw(measured):
    assert measured.accuracy >= 0.95
    assert_close(measured.accuracy, in_card("this model"), 0.003)  # one picture of 360


def test_it_beats_the_simplest_reader(measured, held_out):
    simplest = digits.nearest_mean(digits.digits()[0], held_out)
    assert_close(simplest, in_card("the digit whose mean picture is nearest"), 0.0006)
    assert measured.accuracy > simplest + 0.05


def test_the_split(held_out):
    seen = digits.digits()[0]
    assert (len(seen.labels), len(held_out.labels)) == (1437, 360)
    pictures = {tuple(picture.flatten().tolist()) for picture in seen.pictures}
    assert not pictures & {tuple(picture.flatten().tolist()) for picture in held_out.pictures}


def test_the_class_token_looks_at_ink(network, held_out, measured):
    assert measured.ink[0].min() > 2 * measured.uniform_ink
    for layer, shares in enumerate(measured.ink.tolist()):
        assert_close(shares[-1], in_card(str(layer)), 0.002)
    # One picture by hand: its own weights, its own ink.
    with torch.no_grad(), recording(Recorder(names={})) as recorder:
        network(held_out.pixels()[:1])
    weights, ink = recorder.calls[0].stages(3).weights, held_out.pictures[0] > 127
    by_hand = sum(
        weights[0, 1 + 8 * row + column].item() for row in range(8) for column in range(8) if ink[row, column]
    )
    one = digits.Digits(held_out.pictures[:1], held_out.labels[:1])
    assert_close(digits.measure(network, one).ink[0, 3], by_hand)


def test_every_pixel_is_a_token(network, held_out):
    with torch.no_grad(), recording(Recorder(names={})) as recorder:
        network(held_out.pixels()[:1])
    assert [call.shape for call in recorder.calls] == [(65, 65)] * 2
    assert recorder.calls[0].heads == 4
    assert max(recorder.differences()) < 1e-5


def test_a_small_png_arrives_exactly_as_in_training(processor, held_out):
    for digit in range(10):
        image = Image.open(FOLDER / "examples" / f"{digit}.png")
        at = int((held_out.labels == digit).nonzero()[0])
        assert (image.mode, image.size) == ("L", (8, 8))
        assert np.array_equal(np.asarray(image), held_out.pictures[at].numpy())
        arrived = processor(image.convert("L"), return_tensors="pt")["pixel_values"]
        assert torch.equal(arrived, held_out.pixels()[at : at + 1])
        assert_close(arrived[0, 0], held_out.pictures[at] / 127.5 - 1)


@torch.no_grad()
def test_the_examples_are_read_small_and_large(network, processor):
    for scale in (1, 4, 29):
        right = 0
        for digit in range(10):
            image = Image.open(FOLDER / "examples" / f"{digit}.png")
            image = image.resize((8 * scale, 8 * scale), Image.Resampling.NEAREST)
            logits = network(**processor(image, return_tensors="pt")).logits
            right += network.config.id2label[int(logits.argmax())] == str(digit)
        assert right >= 9, f"{right} of 10 at {8 * scale} pixels"


def test_moved_pictures_stay_pictures(held_out):
    pixels = held_out.pixels()[:16]
    moved = digits.moved(pixels, torch.Generator().manual_seed(3))
    assert moved.shape == pixels.shape
    assert moved.min() >= -1 - 1e-6
    assert moved.max() <= 1 + 1e-6
    assert 0.02 < (moved - pixels).abs().mean() < 0.5
    assert torch.equal(moved, digits.moved(pixels, torch.Generator().manual_seed(3)))
