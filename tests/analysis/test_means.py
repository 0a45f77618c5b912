"""Means over a data set, against hooks on the output projections of a plain network: no edit, no door."""

import pytest
import torch

import selfattn
from selfattn import Ablate, Model
from selfattn.recording.doors import Recorder, recording
from selfattn.recording.edits import from_json, to_json
from selfattn.recording.means import Means
from tests.tools import made, tiny
from tests.tools.tolerance import assert_close

LAYER, HEAD, WIDTH = 1, 2, 8
COLUMNS = slice(HEAD * WIDTH, (HEAD + 1) * WIDTH)
PROJECTION = {
    "gpt2": lambda network: network.transformer.h[LAYER].attn.c_proj,
    "bert": lambda network: network.bert.encoder.layer[LAYER].attention.output.dense,
}
LENGTHS = (11, 7, 5)


def texts():
    generator = torch.Generator().manual_seed(5)
    return [{"input_ids": torch.randint(4, 101, (1, length), generator=generator)} for length in LENGTHS]


def hooked(network, projection, given, act):
    hook = projection.register_forward_pre_hook(act)
    try:
        with torch.no_grad():
            return network(**given).logits[0]
    finally:
        hook.remove()


def slow_mean(network, projection):
    """The mean of what the projection reads from one head at each position, number by number."""
    read = []
    for given in texts():
        hooked(network, projection, given, lambda _, arguments: read.append(arguments[0][0, :, COLUMNS].tolist()))
    return [
        [sum(rows[at][x] for rows in read if at < len(rows)) / sum(at < len(rows) for rows in read) for x in range(8)]
        for at in range(max(LENGTHS))
    ]


@pytest.mark.parametrize("name", PROJECTION)
def test_a_head_gives_its_mean_over_the_texts_at_each_position(name):
    plain = tiny.network(name)
    projection, given = PROJECTION[name](plain), texts()[1]
    mean = torch.tensor(slow_mean(plain, projection))

    def put(_, arguments):
        read = arguments[0].clone()
        read[0, :, COLUMNS] = mean[: read.shape[1]]
        return (read,)

    expected = hooked(plain, projection, given, put)
    model = Model.wrap(tiny.network(name))
    over = selfattn.means(model, texts())
    edit = Ablate(over, layers={LAYER}, heads={HEAD})
    found = selfattn.trace(model, given, edit)
    with torch.inference_mode(), recording(Recorder(model.names, [edit])):
        assert_close(model.network(**given).logits[0], expected, within=1e-4)
    assert_close(found.stages(LAYER, HEAD).context, mean[:7], within=1e-5)
    assert [over.reaching(length) for length in (5, 6, 8, 12)] == [3, 2, 1, 0]


@pytest.fixture(scope="module")
def words():
    """A causal model, and the means over two texts."""
    model = Model.wrap(tiny.network("gpt2"), made.word_level())
    return model, selfattn.means(model, ["the cat sat", "the mat"])


def test_padding_before_a_text_does_not_move_its_positions(words):
    model, over = words
    padded = tiny.batch(model.network, "left")
    text = {"input_ids": padded["input_ids"][1:, 3:6]}
    ids = torch.cat([torch.zeros(1, 3, dtype=torch.long), text["input_ids"]], 1)
    before = {"input_ids": ids, "attention_mask": (torch.arange(6) >= 3).long()[None]}
    before["position_ids"] = (before["attention_mask"].cumsum(1) - 1).clamp(min=0)
    plain, shifted = (selfattn.trace(model, each, Ablate(over, layers={1})) for each in (text, before))
    assert_close(shifted.stages(1, 3).context[3:], plain.stages(1, 3).context, within=1e-6)


def test_a_link_holds_the_name_of_a_data_set_and_no_numbers(words):
    model, over = words
    edit = Ablate(over, layers={0})
    written = to_json([edit])
    assert written == f'[{{"edit":"ablate","layers":[0],"how":{{"name":"{over.name}","count":2}}}}]'
    assert from_json(written) == (edit,)
    assert over == Means.named(["the cat sat", "the mat"]) != Means.named(["the cat sat"])
    with pytest.raises(ValueError, match=r"data set of 2 texts without its numbers; compute them by selfattn\.means"):
        selfattn.trace(model, "the cat", from_json(written))


def test_no_mean_is_known_past_the_longest_text(words):
    model, over = words
    with pytest.raises(ValueError, match=r"longest of the 2 texts has \d+ tokens, and this one \d+: .*bring a text"):
        selfattn.trace(model, "the cat sat on the mat and was not good", Ablate(over))
    with pytest.raises(ValueError, match="of another model: it has no head 0 in encoder self 0"):
        selfattn.trace("sentiment", "the cat", Ablate(over))


@pytest.mark.parametrize("texts", [[], "one text"])
def test_means_are_over_texts(words, texts):
    with pytest.raises(ValueError, match="Means are over a list of texts, of one at least"):
        selfattn.means(words[0], texts)
