"""The `digits` specimen: a vision transformer that reads handwritten digits of 8 x 8 pixels, each pixel a token.

picture -> 64 pixels and a class token -> attention among them -> what the class token gathered -> a digit
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessorPil

from selfattn.recording.doors import Recorder, install, recording
from selfattn.training.fit import fit

SEED = 8
SIDE = 8
STEPS = 3000
BATCH = 64
LEARNING_RATE = 2e-3
HELD_OUT = 5  # every fifth picture
INK = 128  # a pixel at least this bright belongs to a stroke
# How far a training picture may be moved: radians, share of its size, pixels.
TURN, STRETCH, SHIFT = math.radians(10), 0.1, 0.75

_CARD = """# digits

A vision transformer (`ViTForImageClassification`) that reads a handwritten digit of {side} x {side} grey
pixels: {layers} layers of {heads} heads, {hidden} numbers a token, {parameters:,} parameters in float32. Every
pixel is a token, after the class token, from whose vector the digit is read; so attention falls on pixels.

| file | kB |
| --- | --- |
{sizes}

`examples/` holds the first held-out picture of each digit: `7.png` is a seven.

## How it was made

    python -m selfattn.training.specimens digits

Seed {seed}; {steps:,} batches of {batch} pictures; {seconds:.0f} seconds on one processor core. Scikit-learn
brings the pictures: `pip install scikit-learn`.

## Data

The {total:,} pictures of `sklearn.datasets.load_digits` (Alpaydin and Kaynak, Optical Recognition of
Handwritten Digits, UCI, 1998): ink bright on dark, counted from 0 to 16 and stretched here to 0 to 255. Every
fifth picture, {count} in all, is held out; the 13 people who wrote them are on both sides. In training every
second picture is turned by up to 10 degrees, stretched by up to a tenth and shifted by up to three quarters of
a pixel.

## Quality

| on the {count} held-out pictures | share right |
| --- | --- |
| this model | {accuracy:.3f} |
| the digit whose mean picture is nearest | {nearest:.3f} |
| guessing | {guessing:.3f} |

Where the class token looks: the share of its weight on ink (pixels of brightness {ink} or more), averaged over
the held-out pictures. Even weight on all tokens would give {uniform:.3f}.

| layer | {columns} |
| --- |{rule}
{rows}

## Limits

It knows one digit, bright on dark, that fills the picture, as in its data. The image processor shrinks a larger
picture to {side} x {side}; ink that is dark on a bright ground has to be turned around first. It answers with a
digit whatever the picture shows, and is often sure of it. Weights show where a head read from, not what caused
the answer.
"""

PROCESSOR = ViTImageProcessorPil(size={"height": SIDE, "width": SIDE}, image_mean=[0.5], image_std=[0.5])


@dataclass(frozen=True)
class Digits:
    """Grey pictures, ink bright on dark, (picture, row, column) from 0 to 255, and the digit of each."""

    pictures: Tensor
    labels: Tensor

    def pixels(self) -> Tensor:
        """What the network takes, by the image processor that ships with it."""
        images = [picture(each) for each in self.pictures]
        return PROCESSOR(images, return_tensors="pt")["pixel_values"]


def picture(grey: Tensor) -> Image.Image:
    """The picture as an image, mode "L"."""
    return Image.fromarray(grey.numpy())


def digits() -> tuple[Digits, Digits]:
    """Scikit-learn's digits: those for training, and every fifth, which training never sees."""
    data = load_digits()
    pictures = torch.from_numpy(data.images * 255 / 16).round().to(torch.uint8)  # the data count ink from 0 to 16
    labels = torch.from_numpy(data.target)
    apart = torch.arange(len(labels)) % HELD_OUT == 0
    return Digits(pictures[~apart], labels[~apart]), Digits(pictures[apart], labels[apart])


def batches(seen: Digits, generator: torch.Generator) -> Iterator[dict[str, Tensor]]:
    """Batches without end: every second picture is a little turned, stretched and shifted."""
    pixels = seen.pixels()
    while True:
        for chosen in torch.randperm(len(pixels), generator=generator).split(BATCH):
            drawn = pixels[chosen]
            drawn[::2] = moved(drawn[::2], generator)
            yield {"pixel_values": drawn, "labels": seen.labels[chosen]}


def moved(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture turned, stretched and shifted by chance; what comes in from outside is dark."""
    count = len(pixels)

    def uniform(most: float) -> Tensor:
        return (2 * torch.rand(count, generator=generator) - 1) * most

    turn, wide, high = uniform(TURN), 1 + uniform(STRETCH), 1 + uniform(STRETCH)
    right, down = uniform(2 * SHIFT / SIDE), uniform(2 * SHIFT / SIDE)  # the grid goes from -1 to 1
    rows = [turn.cos() * wide, -turn.sin() * high, right, turn.sin() * wide, turn.cos() * high, down]
    grid = affine_grid(torch.stack(rows, dim=1).view(count, 2, 3), list(pixels.shape), align_corners=False)
    return grid_sample(pixels + 1, grid, align_corners=False) - 1  # dark is -1, and outside the grid is 0


@dataclass(frozen=True)
class Measured:
    """On pictures: the accuracy, and the class token's weight on ink, of each (layer, head) and of an even head."""

    accuracy: float
    ink: Tensor
    uniform_ink: float


@torch.no_grad()
def measure(network: ViTForImageClassification, given: Digits) -> Measured:
    """Measure a network after `install(network)`."""
    with recording(Recorder(names={})) as recorder:
        guesses = network(given.pixels()).logits.argmax(-1)
    count, heads = len(given.labels), range(recorder.calls[0].heads)
    ink = given.pictures.flatten(1) >= INK
    weights = torch.stack(
        [
            torch.stack(
                [torch.stack([call.stages(head, slice(1), i).weights[0] for i in range(count)]) for head in heads]
            )
            for call in recorder.calls
        ]
    )  # (layer, head, picture, key)
    return Measured(
        accuracy=(guesses == given.labels).float().mean().item(),
        ink=(weights[..., 1:] * ink).sum(-1).mean(-1),
        uniform_ink=(ink.sum(-1) / (1 + SIDE * SIDE)).mean().item(),
    )


def nearest_mean(seen: Digits, given: Digits) -> float:
    """The accuracy of the simplest reader: whose mean training picture is nearest?"""
    means = torch.stack([seen.pictures[seen.labels == digit].float().mean(0) for digit in range(10)])
    distances = torch.cdist(given.pictures.flatten(1).float(), means.flatten(1))
    return (distances.argmin(-1) == given.labels).float().mean().item()


def examples(held_out: Digits, folder: Path) -> None:
    """Write the first held-out picture of each digit: `7.png` is a seven."""
    folder.mkdir(parents=True, exist_ok=True)
    for digit in range(10):
        first = int((held_out.labels == digit).nonzero()[0])
        picture(held_out.pictures[first]).save(folder / f"{digit}.png")


def make(folder: Path) -> None:
    """Train the specimen from its seed, measure it, and write weights, image processor, examples and card."""
    started = time.perf_counter()
    torch.set_num_threads(1)  # matrices as small as these gain nothing from more
    torch.manual_seed(SEED)
    seen, held_out = digits()
    config = ViTConfig(
        image_size=SIDE,
        patch_size=1,
        num_channels=1,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        id2label={digit: str(digit) for digit in range(10)},
        label2id={str(digit): digit for digit in range(10)},
    )
    network = ViTForImageClassification(config)
    fit(
        network,
        batches(seen, torch.Generator().manual_seed(SEED)),
        steps=STEPS,
        learning_rate=LEARNING_RATE,
        report=lambda step, loss: print(f"step {step} of {STEPS}: loss {loss:.3f}", flush=True),
    )
    seconds = time.perf_counter() - started
    network.save_pretrained(folder)
    PROCESSOR.save_pretrained(folder)
    examples(held_out, folder / "examples")
    install(network)
    card = _card(network, seen, held_out, seconds, folder)
    (folder / "README.md").write_text(card, encoding="utf-8")


def _card(network: ViTForImageClassification, seen: Digits, held_out: Digits, seconds: float, folder: Path) -> str:
    """The card, with what was measured just now."""
    measured = measure(network, held_out)
    layers, heads = measured.ink.shape
    written = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".safetensors"))
    return _CARD.format(
        side=SIDE,
        layers=layers,
        heads=heads,
        hidden=network.config.hidden_size,
        parameters=network.num_parameters(),
        sizes="\n".join(f"| {path.name} | {path.stat().st_size / 1000:.1f} |" for path in written),
        seed=SEED,
        steps=STEPS,
        batch=BATCH,
        seconds=round(seconds, -1),
        total=len(seen.labels) + len(held_out.labels),
        count=len(held_out.labels),
        accuracy=measured.accuracy,
        nearest=nearest_mean(seen, held_out),
        guessing=0.1,
        ink=INK,
        uniform=measured.uniform_ink,
        columns=" | ".join(f"head {head}" for head in range(heads)),
        rule=" --- |" * heads,
        rows="\n".join(
            f"| {layer} | " + " | ".join(f"{share:.3f}" for share in of_layer) + " |"
            for layer, of_layer in enumerate(measured.ink.tolist())
        ),
    )
