"""Texts with pictures: the processor's own tensors, every token where it lies, and every head as the network has it."""

import io
import warnings

import numpy as np
import pytest
import torch
import transformers as hf
from PIL import Image

import selfattn
from selfattn import Ablate, Cut, Illustrated, Model, Picture, Temperature
from selfattn.models.inputs.described import described
from selfattn.models.inputs.pictures import opened
from selfattn.recording.doors import Recorder, recording
from tests.tools import exactness, illustrated, softmaxes, tiny
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


def eager(model, folder):
    kind = type(model.network)
    return kind.from_pretrained(folder, attn_implementation="eager").eval()


def test_weights_are_those_of_the_eager_network(opened_as):
    model, folder, given = opened_as
    trace = traced(model, given)
    assert trace.exact and model.tested
    result, weights = softmaxes.run(eager(model, folder), dict(trace.inputs), trace.calls)
    for call, own in zip(trace.calls, weights, strict=True):
        assert_close(exactness.all_weights(call), own, within=1e-5)
    with torch.inference_mode():
        assert_close(softmaxes.result(model.network(**trace.inputs, use_cache=False)), result, within=1e-5)


EDITS = (Temperature(2.5), Cut({(2, 1), (0, 3)}), Ablate(heads={1}))


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: type(edit).__name__)
def test_an_edit_in_each_part_does_what_it_does_from_outside(opened_as, edit):
    model, folder, given = opened_as
    trace, plain = traced(model, given), eager(model, folder)
    unedited, _ = softmaxes.run(plain, dict(trace.inputs), trace.calls)
    for each in model.attentions:
        there = type(edit)(**vars(edit) | {"part": each.part, "kind": each.kind})
        expected, weights = softmaxes.run(plain, dict(trace.inputs), trace.calls, [there])
        with torch.inference_mode(), recording(Recorder(model.names, [there])) as recorder:
            found = softmaxes.result(model.network(**trace.inputs, use_cache=False))
        assert_close(found, expected, within=1e-4)
        if (each.part, each.kind, each.layers) != ("decoder", "self", 1):
            assert not torch.equal(expected, unedited), f"the edit of {each.part} did not reach the output"
        if not isinstance(edit, Ablate):  # the weights of a silenced head are its own still
            for call, own in zip(recorder.calls, weights, strict=True):
                assert_close(exactness.all_weights(call), own, within=1e-5)


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
