"""Pictures: exactly the tensors of the model's own image processor, what the model saw, and what is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
import transformers as hf
from PIL import Image
from transformers import AutoImageProcessor

import selfattn
from selfattn import Model
from selfattn.models.inputs import pictures
from selfattn.models.inputs.given import Picture
from selfattn.places import SPECIMENS
from tests.tools import made, tiny
from tests.tools.tolerance import assert_close

PROCESSOR = {"size": {"height": 12, "width": 12}, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.5, 0.25, 0.2]}


def colours(width=17, height=13, channels=3):
    generator = np.random.default_rng(11)
    return generator.integers(0, 256, (height, width, channels), dtype=np.uint8)


def saved(image: Image.Image, kind="PNG", **options) -> Picture:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Picture(file.getvalue(), f"it.{kind.lower()}")


def processed(name: str, **processor) -> Model:
    own = hf.ViTImageProcessorPil(**(PROCESSOR | processor))
    return Model.wrap(tiny.network(name), None, name, own)


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    folder = made.folder(tmp_path_factory.mktemp("models") / "vit", "vit")
    hf.ViTImageProcessorPil(**PROCESSOR).save_pretrained(folder)
    return selfattn.load(folder), folder


@pytest.mark.parametrize("size", [(17, 13), (12, 12), (1, 1), (1, 9), (3, 40)])
def test_a_picture_becomes_what_its_processor_makes_of_it(vit, size):
    model, folder = vit
    image = Image.fromarray(colours(*size))
    expected = AutoImageProcessor.from_pretrained(folder, backend="pil")(
        images=image, return_tensors="pt", input_data_format="channels_last"
    )
    trace = selfattn.trace(model, saved(image))
    assert torch.equal(trace.inputs["pixel_values"], expected["pixel_values"])
    with torch.inference_mode():
        logits = model.network(pixel_values=expected["pixel_values"]).logits[0]
    assert (trace.prediction.kind, trace.why_no_prediction) == ("class", None)
    assert_close(trace.prediction.probabilities, logits.softmax(-1))
    assert trace.fidelity < 1e-4


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "GIF"])
def test_formats_that_lose_nothing(kind):
    grey = Image.fromarray(colours()[..., 0])
    read = pictures.opened(saved(grey, kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert_close(np.array(read), np.array(grey.convert("RGB")), within=0)


def test_a_jpeg_is_read():
    image = Image.fromarray(np.full((8, 8, 3), 200, np.uint8))
    assert_close(np.array(pictures.opened(saved(image, "JPEG"))), 200.0, within=3)


def test_a_picture_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned to the left by a quarter
    image = Image.fromarray(np.repeat(np.repeat(colours(4, 3), 8, 0), 8, 1))
    read = pictures.opened(saved(image, exif=exif))
    assert_close(np.array(read), np.array(image.rotate(-90, expand=True)), within=0)


def test_what_is_transparent_is_white():
    pixels = colours(channels=4)
    share = pixels[..., 3:] / 255
    read = np.array(pictures.opened(saved(Image.fromarray(pixels))))
    assert_close(read, pixels[..., :3] * share + 255 * (1 - share), within=1)


def test_the_first_of_several_frames():
    first, second = (Image.fromarray(np.full((5, 5), grey, np.uint8)) for grey in (10, 250))
    read = pictures.opened(saved(first, "GIF", save_all=True, append_images=[second]))
    assert_close(np.array(read), 10.0, within=0)


def test_sixteen_bits_a_pixel_are_shown_in_eight():
    deep = np.array([[0, 255, 256, 65535]], np.uint16)
    assert np.array(pictures.opened(saved(Image.fromarray(deep)), channels=1)).tolist() == [[0, 0, 1, 255]]


def test_a_model_of_one_channel_reads_grey():
    config = hf.ViTConfig(**tiny.PICTURE, num_channels=1)
    own = hf.ViTImageProcessorPil(size={"height": 12, "width": 12}, image_mean=[0.5], image_std=[0.5])
    model = Model.wrap(hf.ViTForImageClassification(config), None, "grey", own)
    image = Image.fromarray(colours(12, 12))
    trace = selfattn.trace(model, saved(image))
    assert trace.inputs["pixel_values"].shape == (1, 1, 12, 12)
    assert_close(trace.inputs["pixel_values"][0, 0], np.array(image.convert("L")) / 127.5 - 1)
    assert_close(trace.picture.pixels, np.array(image.convert("L").convert("RGB")), within=0)


def bomb(width: int, height: int) -> Picture:
    """A PNG that says it is large, with hardly any bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return Picture(b"\x89PNG\r\n\x1a\n" + header + data, "bomb.png")


WHOLE = saved(Image.fromarray(colours(60, 60))).data


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (Picture(b"", "none.png"), r"'none.png' is empty \(0 bytes\)"),
        (Picture(b"hello", "it.png"), "'it.png' is no picture that can be read"),
        (Picture(WHOLE[: len(WHOLE) // 2], "half.png"), "'half.png' is no picture that can be read"),
        (Picture(WHOLE[:40], "head.png"), "is no picture that can be read"),
        (Picture(WHOLE[:2000] + bytes(300) + WHOLE[2300:], "hole.png"), "is no picture that can be read"),
        (bomb(8000, 8000), "has 64 million pixels, and 50 million are the most; make it smaller"),
        (bomb(10_000, 10_000), "has too many pixels, and 50 million"),
        (bomb(30_000, 30_000), "has too many pixels"),
        (Picture(b"%PDF-1.4 1 0 obj", "it.pdf"), "is no picture"),
        (Picture(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "it.svg"), "is no picture"),
    ],
)
def test_files_that_are_refused(vit, picture, said):
    with pytest.raises(ValueError, match=said):
        selfattn.trace(vit[0], picture)


def test_a_large_picture_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(Image.Image, "convert", None)
    with pytest.raises(ValueError, match="64 million"):
        pictures.opened(bomb(8000, 8000))


def test_a_model_without_an_image_processor():
    with pytest.raises(ValueError, match=r"vit has no image processor \(preprocessor_config.json\)"):
        selfattn.trace(Model.wrap(tiny.network("vit"), None, "vit"), saved(Image.fromarray(colours())))


@pytest.mark.parametrize(
    ("given", "said"), [("a text", "reads a picture; got one text"), ({}, "reads pixel_values; the tensors given are")]
)
def test_a_model_of_pictures_reads_nothing_else(vit, given, said):
    with pytest.raises(ValueError, match=said):
        selfattn.trace(vit[0], given)


@pytest.mark.parametrize(
    ("arguments", "said"), [({"pad": 1}, "Only a text can be padded"), ({"written": [1]}, "writes no text")]
)
def test_what_goes_with_a_text_alone(vit, arguments, said):
    with pytest.raises(ValueError, match=said):
        selfattn.trace(vit[0], saved(Image.fromarray(colours())), **arguments)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("vit", ("[CLS]",)),
        ("deit", ("[CLS]", "[DISTILLATION]")),
        ("beit", ("[CLS]",)),
        ("dinov2", ("[CLS]",)),
        ("dinov3", ("[CLS]", "[REGISTER 0]", "[REGISTER 1]")),
        ("clip_vision", ("[CLS]",)),
        ("siglip_vision", ()),
    ],
)
def test_patches_and_what_stands_before_them(name, prefix):
    network = tiny.network(name)
    if name == "dinov3":
        network = hf.DINOv3ViTModel(hf.DINOv3ViTConfig(**tiny.PICTURE, num_register_tokens=2))
    own = hf.ViTImageProcessorPil(**PROCESSOR)
    image = Image.fromarray(colours(12, 12))
    trace = selfattn.trace(Model.wrap(network, None, name, own), saved(image))
    assert (trace.picture.prefix, trace.picture.grid) == (prefix, (3, 3))
    rows, columns = trace.labels(trace.calls[0])
    assert rows == columns == (*prefix, "0,0", "0,1", "0,2", "1,0", "1,1", "1,2", "2,0", "2,1", "2,2")
    assert_close(trace.picture.pixels, np.array(image), within=0)  # of its own size: nothing is resampled


def test_windows_have_no_grid():
    trace = selfattn.trace(processed("swin"), saved(Image.fromarray(colours(12, 12))))
    assert (trace.picture.grid, trace.picture.labels) == (None, ())
    assert trace.labels(trace.calls[0])[0] == tuple(map(str, range(9)))


def test_the_digits_specimen_reads_its_examples():
    model, right = selfattn.load("digits"), 0
    for file in sorted((SPECIMENS / "digits" / "examples").glob("*.png")):
        trace = selfattn.trace(model, Picture(file.read_bytes(), file.name))
        assert (trace.picture.grid, trace.picture.prefix) == ((8, 8), ("[CLS]",))
        assert_close(trace.picture.pixels[..., 0], np.array(Image.open(file)), within=0)
        right += trace.prediction.top(1)[0][0] == file.stem
    assert right >= 9
