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
CHATTY = ("llava", "llava_next", "qwen2_5_vl", "gemma3", "internvl", "smolvlm")
OF_BOTH = ("clip", "siglip", *CHATTY, "paligemma", "blip")
OF_PICTURES = ("trocr", "detr")
WRITTEN = (5, 7, 9)
# Sizes at which a processor changes no pixel, so that a cell of the picture is a cell of the tower.
AS_IT_IS = {"qwen2_5_vl": (40, 32), "gemma3": (16, 16), "internvl": (16, 16), "smolvlm": (32, 32), "detr": (64, 64)}
AS_IT_IS |= {"llava_next": (24, 24)}
# How Transformers' own processors hand pictures to numpy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@pytest.fixture(scope="module", params=sorted(illustrated.MADE.keys() - {"blip_2", "siglip2"}))
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
                checked += 1
                # In blocks of two by two, the one below on the left: row by row and column by column differ there.
                row, column = rows - 1, columns // 2 if model.name == "detr" else columns // 4 * 2
                high, wide = (bottom - top) * height / rows, (right - left) * width / columns
                y, x = round(top * height + row * high), round(left * width + column * wide)
                pixels = grey.copy()
                pixels[y : y + round(high), x : x + round(wide)] = (250, 5, 90)
                now, then = (getattr(trace.calls[place], name)[0] for trace in (told(pixels), before))
                moved = (now - then).abs().sum((0, 2))[torch.from_numpy(view.positions)]
                assert int(moved.argmax()) == row * columns + column
                # A backbone of convolutions sees around a cell, and of several crops the last is resized.
                if model.name not in ("detr", "smolvlm", "llava_next"):
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
        filled = {"padding": "max_length", "max_length": 16} if model.name == "siglip" else {}
        expected = processor(text=given.text, images=image, return_tensors="pt", **filled)
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
    assert [position for position, note in enumerate(said) if " · image " in note] == marks
    last = {"smolvlm": ("5:1,1", "row 1, column 1 of crop 5 of 5"), "gemma3": ("1,1", "row 1, column 1")}
    last |= {"qwen2_5_vl": ("3,4", "row 3, column 4"), "internvl": ("1,1", "row 1, column 1")}
    last |= {"llava_next": ("2:3,5", "row 3, column 5 of crop 2 of 2")}
    if model.name == "llava_next":
        assert said[marks.pop()] == "<image> · id 21 · image token at the end of a row"
    if marks:
        name, words = last.get(model.name, ("2,2", "row 2, column 2"))
        assert tokens.text[marks[-1]] == name
        piece = f"{tokens.pieces[marks[-1]]} · id {image_token(model.network)}"
        assert said[marks[-1]] == f"{piece} · image patch {words}"


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


def test_a_detector_asks_for_objects(folders):
    model = selfattn.load(folders("detr"), device="cpu")
    trace = selfattn.trace(model, illustrated.picture(150, 90))
    asked = tuple(f"object {number}" for number in range(7))
    cells = tuple(f"{row},{column}" for row in range(2) for column in range(4))
    assert trace.labels(trace.call(1, "encoder")) == (cells, cells)
    assert trace.labels(trace.call(0, "decoder")) == (asked, asked)
    assert trace.labels(trace.call(0, "decoder", "cross")) == (asked, cells)
    says = "DetrForObjectDetection says what is no label, token or number, which is not shown here: logits, pred_boxes."
    assert trace.why_no_prediction == says


def test_tokens_that_were_learnt_to_ask_lie_on_no_cell(folders):
    """As many as there are cells, and each of them sees the whole picture."""
    model = selfattn.load(folders("blip_2"), device="cpu")
    trace = selfattn.trace(model, Illustrated(illustrated.TEXT, PICTURE))
    assert trace.tokens.text[:10] == ("<image>",) * 9 + ("[CLS]",)
    assert {*trace.tokens.patches} == {"image token", ""}
    laid = {(call.part, call.kind): [side is not None for side in trace.laid(call)] for call in trace.calls}
    assert laid == {
        ("vision", "self"): [True, True],
        ("qformer", "self"): [False, False],
        ("qformer", "cross"): [False, True],
        ("decoder", "self"): [False, False],
    }


def test_room_behind_the_patches_lies_on_no_cell(folders):
    model = selfattn.load(folders("siglip2"), device="cpu")
    trace = selfattn.trace(model, Illustrated(illustrated.TEXT, PICTURE))
    (view,) = trace.laid(trace.call(0, "vision")).keys.views
    rows, columns = trace.inputs["spatial_shapes"][0].tolist()
    assert view.positions.tolist() == torch.arange(rows * columns).view(rows, columns).tolist()
    assert trace.call(0, "vision").shape[1] > rows * columns
    names = trace.labels(trace.call(0, "vision"))[1]
    assert names[columns - 1 : columns + 1] == (f"0,{columns - 1}", "1,0")
    assert names[rows * columns] == str(rows * columns)
    assert_close(trace.call(0, "vision").weights()[:, :, rows * columns :], 0.0)


def test_a_template_that_begins_with_the_first_token_is_given_no_second(folders):
    model = selfattn.load(folders("llava"), device="cpu")
    model.processor.chat_template = f"[CLS] {illustrated.TEMPLATE}"
    tokens = selfattn.trace(model, Illustrated("the cat", PICTURE)).tokens
    assert tokens.text[:3] == ("[CLS]", "user", "0,0")
    model.processor.chat_template = "{% for message in messages %}{{ message['role'] }}{% endfor %}"
    tokens = selfattn.trace(model, Illustrated("the cat", PICTURE)).tokens  # it has no place for a picture
    assert (tokens.text[:2], tokens.text[-2:]) == (("[CLS]", "0,0"), ("the", "cat"))
