"""Models of pictures and of sounds, opened from folders: every head and every edit as the eager network has them."""

import pytest
import torch

import selfattn
from selfattn import Ablate, Cut, Illustrated, Temperature
from selfattn.recording.doors import Recorder, recording
from tests.tools import exactness, illustrated, softmaxes, spoken
from tests.tools.tolerance import assert_close

WRITTEN = (5, 7, 9)
# How Transformers' own processors hand pictures to numpy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@pytest.fixture(scope="module", params=[*illustrated.MADE, *spoken.MADE])
def opened(request, tmp_path_factory):
    """A model, the same as its own eager network, a trace, and the result and the weights of that network."""
    name, folder = request.param, tmp_path_factory.mktemp("models") / request.param
    (spoken if name in spoken.MADE else illustrated).folder(folder, name)
    model = selfattn.load(folder, device="cpu")
    if name in spoken.MADE:
        given = spoken.sound()
    else:
        picture = illustrated.picture(150, 90) if name == "detr" else illustrated.picture()
        given = Illustrated(illustrated.TEXT, picture) if "illustrated" in model.task.reads else picture
    two_stacks = model.task.writes and "illustrated" not in model.task.reads
    trace = selfattn.trace(model, given, written=WRITTEN if two_stacks else ())
    eager = type(model.network).from_pretrained(folder, attn_implementation="eager").eval()
    return model, eager, trace, softmaxes.run(eager, dict(trace.inputs), trace.calls)


def test_weights_are_those_of_the_eager_network(opened):
    model, _, trace, (result, weights) = opened
    assert (trace.exact, model.tested) == (True, True)
    for call, own in zip(trace.calls, weights, strict=True):
        assert_close(exactness.all_weights(call), own, within=1e-5)
    with torch.inference_mode():
        assert_close(softmaxes.result(model.network(**trace.inputs, use_cache=False)), result, within=1e-4)


@pytest.mark.parametrize(
    "edit", [Temperature(2.5), Cut({(2, 1), (0, 3)}), Ablate(heads={1})], ids=lambda edit: type(edit).__name__
)
def test_an_edit_in_each_part_does_what_it_does_from_outside(opened, edit):
    model, eager, trace, (unedited, _) = opened
    for each in model.attentions:
        there = type(edit)(**vars(edit) | {"part": each.part, "kind": each.kind})
        expected, weights = softmaxes.run(eager, dict(trace.inputs), trace.calls, [there])
        with torch.inference_mode(), recording(Recorder(model.names, [there])) as recorder:
            found = softmaxes.result(model.network(**trace.inputs, use_cache=False))
        assert_close(found, expected, within=1e-4)
        assert not torch.equal(expected, unedited), f"the edit of {each.part} did not reach the output"
        if not isinstance(edit, Ablate):  # the weights of a silenced head are its own still
            for call, own in zip(recorder.calls, weights, strict=True):
                assert_close(exactness.all_weights(call), own, within=1e-5)
