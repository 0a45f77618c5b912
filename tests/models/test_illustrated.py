"""Texts with pictures: the processor's own tensors, every token where it lies, and every head as the network has it."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import selfattn
from selfattn import Ablate, Illustrated, Model, Picture
from selfattn.models.inputs.described import described
from selfattn.models.inputs.laying import image_token
from selfattn.models.inputs.pictures import opened
from selfattn.models.loading.processors import processor_in
from tests.tools import illustrated
from tests.tools.tolerance import assert_close

PICTURE = illustrated.picture()
CHATTY = ("llava", "qwen2_5_vl", "gemma3", "smolvlm")
OF_BOTH = ("clip", "siglip", *CHATTY, "paligemma", "blip")
OF_PICTURES = ("trocr", "detr")
WRITTEN = (5, 7, 9)
# Sizes at which a processor changes no pixel, so that a cell of the picture is a cell of the tower.
AS_IT_IS = {"qwen2_5_vl": (40, 32), "gemma3": (16, 16), "smolvlm": (32, 32), "detr": (64, 64)}
# How Transformers' own processors hand pictures to numpy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@pytest.fixture(scope="module", params=illustrated.MADE)
def opened_as(request, tmp_path_factory):
    """A model that was loaded from a folder, the folder, and what it is given."""
    folder = illustrated.folder(tmp_path_factory.mktemp("models") / request.param, request.param)
    model = selfattn.load(folder, device="cpu")
    picture = illustrated.picture(150, 90) if request.param == "detr" else PICTURE
    return model, folder, Illustrated(illustrated.TEXT, picture) if request.param in OF_BOTH else picture


def traced(model, given, edits=()):
    return selfattn.trace(model, given, edits, written=WRITTEN if model.name == "trocr" else ())


def test_a_position_is_the_cell_of_the_picture_that_it_reads(opened_as):
    """Where no head of the tower mixes patches, what changes with the pixels of a cell is the token of that cell."""
    model, _, given = opened_as
    width, height = AS_IT_IS.get(model.name, (12, 12))
    tower, grey = "encoder" if model.name in OF_PICTURES else "vision", np.full((height, width, 3), 120, np.uint8)

    def told(pixels):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        picture = Picture(file.getvalue())
        both = Illustrated(given.text, picture) if isinstance(given, Illustrated) else picture
        return traced(model, both, [Ablate(part=tower)])

    before, checked = told(grey), 0
    firsts = {(call.part, call.kind): place for place, call in reversed([*enumerate(before.calls)])}
    for place in firsts.values():
        for laid, name in zip(before.laid(before.calls[place]), ("query", "key"), strict=True):
            for view in laid.views if laid else ():
                (rows, columns), (left, top, right, bottom) = view.grid, view.box
                row, column, checked = rows - 1, columns // 2, checked + 1
                high, wide = (bottom - top) * height / rows, (right - left) * width / columns
                y, x = round(top * height + row * high), round(left * width + column * wide)
                pixels = grey.copy()
                pixels[y : y + round(high), x : x + round(wide)] = (250, 5, 90)
                now, then = (getattr(trace.calls[place], name)[0] for trace in (told(pixels), before))
                moved = (now - then).abs().sum((0, 2))[torch.from_numpy(view.positions)]
                assert int(moved.argmax()) == row * columns + column
                # A backbone of convolutions sees around a cell, and of several crops the last is resized.
                if model.name not in ("detr", "smolvlm"):
                    assert (moved > 0).sum() == 1
    assert checked >= {"clip": 2, "siglip": 3, "blip": 3, "trocr": 3, "detr": 3, "smolvlm": 12}.get(model.name, 4)


@pytest.mark.parametrize("opened_as", OF_BOTH, indirect=True)
def test_the_tensors_are_those_of_its_own_processor(opened_as):
    model, folder, given = opened_as
    image = opened(given.picture)
    processor = processor_in(model.network, {"pretrained_model_name_or_path": folder})[0]
    if model.name in CHATTY:
        said = [{"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": given.text}]}]
        asked = {"add_generation_prompt": True, "tokenize": True, "return_dict": True, "return_tensors": "pt"}
        expected = processor.apply_chat_template(said, **asked)
    else:
        expected = processor(text=given.text, images=image, return_tensors="pt")
    trace = traced(model, given)
    assert trace.inputs.keys() == expected.keys() - {"labels"}
    for name, tensor in trace.inputs.items():
        assert torch.equal(tensor, expected[name]), name
    assert list(trace.tokens.ids) == expected["input_ids"][0].tolist()


@pytest.mark.parametrize("opened_as", OF_BOTH, indirect=True)
def test_tokens_point_into_the_text_and_image_tokens_into_the_picture(opened_as):
    model, _, given = opened_as
    tokens = traced(model, given).tokens
    written = [
        tokens.texts[segment][start:end]
        for segment, (start, end) in zip(tokens.segments, tokens.offsets, strict=True)
        if segment is not None
    ]
    assert " ".join(written[-7:] if model.name in CHATTY else written).startswith(given.text)
    marks = [position for position, index in enumerate(tokens.ids) if index == image_token(model.network)]
    said = described(tokens, model.tokenizer)
    assert [position for position, note in enumerate(said) if "image patch" in note] == marks
    last = {"smolvlm": ("5:1,1", "row 1, column 1 of crop 5 of 5"), "gemma3": ("1,1", "row 1, column 1")}
    last |= {"qwen2_5_vl": ("3,4", "row 3, column 4")}
    if marks:
        name, words = last.get(model.name, ("2,2", "row 2, column 2"))
        assert tokens.text[marks[-1]] == name
        assert said[marks[-1]] == f"{tokens.pieces[-1 - (len(tokens) - 1 - marks[-1])]} · id 21 · image patch {words}"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = tmp_path_factory.mktemp("more")
    return lambda name: made / name if (made / name).exists() else illustrated.folder(made / name, name)


def test_clip_says_a_cosine_and_siglip_a_probability(folders):
    given = Illustrated(illustrated.TEXT, PICTURE)
    for name in ("clip", "siglip"):
        model = selfattn.load(folders(name), device="cpu")
        trace = selfattn.trace(model, given)
        with torch.inference_mode():
            own = model.network(**trace.inputs)
        said = trace.prediction
        assert (said.kind, trace.why_no_prediction) == ("similarity", None)
        if name == "clip":
            towers = own.text_embeds[0].double(), own.image_embeds[0].double()
            cosine = (towers[0] @ towers[1]) / (towers[0].norm() * towers[1].norm())
            assert (said.unit, said.top()[0][0]) == ("cosine", "cosine")
            assert_close(said.probabilities, cosine[None], within=1e-6)
            assert f"a logit of {own.logits_per_image.item():.3g}" in said.note
        else:
            assert (said.unit, said.top()[0][0]) == ("probability", "belong together")
            assert_close(said.probabilities, 1 / (1 + torch.exp(-own.logits_per_image[0])), within=1e-6)


def test_what_it_reads(folders):
    llava = selfattn.load(folders("llava"), device="cpu")
    assert llava.task.reads == ("illustrated", "text")
    alone = selfattn.trace(llava, "the cat")
    assert (alone.picture, alone.laid(alone.calls[0])) == (None, (None, None))
    clip = selfattn.load(folders("clip"), device="cpu")
    for given, said in (
        ("the cat", "clip reads a text with a picture; got one text"),
        (PICTURE, "clip reads a text with a picture; got a picture"),
        (Illustrated("  ", PICTURE), "The text is empty"),
        (Illustrated("the cat", Picture(b"no", "it.png")), "'it.png' is no picture"),
        (Illustrated("the cat " * 40, PICTURE), r"has 82 tokens, and clip has positions for 64"),
    ):
        with pytest.raises(ValueError, match=said):
            selfattn.trace(clip, given)
    with pytest.raises(ValueError, match="Only a text can be padded"):
        selfattn.trace(clip, Illustrated("the cat", PICTURE), pad=2)


def test_the_mark_may_be_written_by_the_reader(folders):
    llava = selfattn.load(folders("llava"), device="cpu")
    trace = selfattn.trace(llava, Illustrated("the cat <image> sat", PICTURE))
    assert trace.tokens.text[:3] == ("[CLS]", "the", "cat")
    assert trace.tokens.text[12:] == ("sat",)
    assert trace.laid(trace.call(0, "decoder")).queries.views[0].first == 3
    with pytest.raises(ValueError, match="LlavaProcessor of this model could not read the text with its picture"):
        selfattn.trace(llava, Illustrated("the <image> cat <image>", PICTURE))


def test_what_it_has_written_follows_the_text_and_the_picture(folders):
    for name in ("llava", "smolvlm", "qwen2_5_vl", "gemma3", "paligemma"):
        model = selfattn.load(folders(name), device="cpu")
        given = Illustrated(illustrated.TEXT, PICTURE)
        inputs = dict(selfattn.trace(model, given).inputs)
        with torch.inference_mode():
            own = model.network.generate(**inputs, max_new_tokens=3, do_sample=False, eos_token_id=None)
        new = own[0, inputs["input_ids"].shape[1] :].tolist()
        for length in range(3):
            trace = selfattn.trace(model, given, written=new[:length])
            assert int(trace.prediction.probabilities.argmax()) == new[length], name


def test_a_model_without_its_processor(folders, tmp_path):
    model = selfattn.load(folders("clip"), device="cpu")
    bare = Model.wrap(model.network, model.tokenizer, "bare")
    with pytest.raises(ValueError, match=r"bare has no processor of texts with pictures \(processor_config.json\)"):
        selfattn.trace(bare, Illustrated("the cat", PICTURE))
