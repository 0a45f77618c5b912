"""What a model writes: the same as Transformers' own greedy search, and as one trace after another."""

import io

import numpy as np
import pytest
import soundfile
import torch
import transformers as hf
from transformers import GenerationConfig, GenerationMixin

import selfattn
from selfattn import Ablate, Cut, Mask, Model, Scale
from selfattn.maths.masks import window
from selfattn.models.answers.generation import continuation
from selfattn.models.inputs.given import Sound
from selfattn.recording.doors import Recorder
from tests.tools import made, tiny

TEXT = "the cat sat on the mat"
WRITERS = ["gpt2", "llama", "t5", "bart", "marian", "whisper"]
EDITS = (Scale(0.1), Ablate("mean", layers={1}, heads={2}), Cut({(1, 0), (2, 1)}), Mask(window(3), kind="self"))
COUNT = 6


def sound() -> Sound:
    file = io.BytesIO()
    soundfile.write(file, np.sin(np.arange(9000) ** 1.2).astype(np.float32), 16_000, format="WAV", subtype="FLOAT")
    return Sound(file.getvalue())


@pytest.fixture(scope="module", params=WRITERS)
def writer(request):
    """A model, and what it reads."""
    network = tiny.network(request.param)
    if request.param != "whisper":
        return Model.wrap(network, made.word_level(), request.param), TEXT
    own = hf.WhisperFeatureExtractor(feature_size=5, chunk_length=1, hop_length=615)
    return Model.wrap(network, made.word_level(), "whisper", own), sound()


def by_hand(model: Model, given, edits, count: int = COUNT) -> tuple[int, ...]:
    """One trace after another: the first answer of each is written, and the next one reads it."""
    written: tuple[int, ...] = ()
    while len(written) < count and not (written and written[-1] in model.ends):
        prediction = selfattn.trace(model, given, edits, written=written).prediction
        written += (int(prediction.probabilities.argmax()),)
    return written


def test_it_writes_what_transformers_writes(writer):
    model, given = writer
    _, inputs = model.inputs(given)
    start = inputs.pop("decoder_input_ids", None)
    # One token more than is compared: the last one is where some models' settings force the end.
    plain = GenerationConfig(do_sample=False, max_new_tokens=COUNT + 1, pad_token_id=0, eos_token_id=None)
    plain.decoder_start_token_id = None if start is None else int(start)
    ids = GenerationMixin.generate(model.network, **inputs, generation_config=plain)[0]
    ids = ids[1 if start is not None else inputs["input_ids"].shape[1] :].tolist()[:COUNT]
    ends = [i for i, index in enumerate(ids) if index in model.ends]
    assert continuation(model, given, most=COUNT) == tuple(ids[: ends[0] + 1] if ends else ids)


@pytest.mark.parametrize("edits", [(), EDITS], ids=["unedited", "edited"])
def test_it_writes_what_trace_after_trace_says(writer, edits):
    model, given = writer
    assert continuation(model, given, edits, most=COUNT) == by_hand(model, given, edits)


def test_edits_change_what_is_written(writer):
    model, given = writer
    edits = [Scale(None), Ablate("zero", layers={0})]
    assert continuation(model, given, edits) != continuation(model, given)


def test_it_goes_on_from_what_was_written(writer):
    model, given = writer
    whole = continuation(model, given, EDITS, most=COUNT)
    assert continuation(model, given, EDITS, most=COUNT - 2, written=whole[:2]) == whole[2:]


@pytest.mark.parametrize("edits", [(), EDITS], ids=["unedited", "edited"])
def test_the_induction_specimen_goes_on_with_what_it_saw(edits):
    model = selfattn.load("induction")
    text = "red green blue yellow red green blue yellow red"
    written = continuation(model, text, edits, most=5)
    assert written == by_hand(model, text, edits, 5)
    if not edits:
        assert " green blue yellow".startswith(model.tokenizer.decode(written).rstrip())
        assert len(written) == 5


def test_it_stops_at_the_token_that_ends_a_text():
    model = Model.wrap(tiny.network("gpt2"), made.word_level())
    third = continuation(model, TEXT, most=COUNT)[3]
    model.network.generation_config.eos_token_id = [third, 77]
    assert model.ends == {third, 77}
    assert continuation(model, TEXT, most=COUNT)[-1] == third
    assert len(continuation(model, TEXT, most=COUNT)) <= 4


def test_it_stops_where_positions_end():
    model = Model.wrap(
        hf.GPT2LMHeadModel(hf.GPT2Config(**{**tiny.GPT, "n_positions": 10, "eos_token_id": None})), made.word_level()
    )
    model.network.generation_config.eos_token_id = None
    assert len(continuation(model, TEXT, most=COUNT)) == 3  # 8 tokens are read; the last pass reads 10


def test_no_call_is_kept(monkeypatch):
    model, most = Model.wrap(tiny.network("gpt2"), made.word_level()), []
    attend = Recorder.attend

    def watched(recorder, call, native):
        most.append(len(recorder.calls))
        return attend(recorder, call, native)

    monkeypatch.setattr(Recorder, "attend", watched)
    continuation(model, TEXT, EDITS, most=COUNT)
    assert max(most) < 2  # of one pass over two layers


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        ("the cat", {"most": 0}, "At least one token is to be written; got 0"),
        ({"input_ids": torch.ones(1, 3)}, {}, "goes on from what it reads; got tensors"),
        ("the cat", {"written": [101]}, "knows the tokens 0 to 100; got 101 as written"),
        ("the cat", {"written": [-1]}, "got -1 as written"),
        ("the cat", {"written": [5] * 70}, "has positions for 64; shorten it by"),
    ],
)
def test_what_cannot_be_gone_on_with(given, options, said):
    with pytest.raises(ValueError, match=said):
        continuation(Model.wrap(tiny.network("gpt2"), made.word_level(), "gpt2"), given, **options)


def test_a_model_that_writes_nothing(bert):
    with pytest.raises(ValueError, match="bert writes no text"):
        continuation(bert, TEXT)
    with pytest.raises(ValueError, match="bert writes no text, so it has written no tokens"):
        selfattn.trace(bert, TEXT, written=[5])


def test_a_decoder_has_positions_of_its_own():
    model = Model.wrap(tiny.network("bart"), made.word_level(), "bart")
    with pytest.raises(ValueError, match="bart writes at most 63 tokens; got 64"):
        selfattn.trace(model, TEXT, written=[5] * 64)
    assert len(continuation(model, TEXT, written=[5] * 62, most=9)) <= 2


def test_a_step_is_a_trace_whose_last_row_wrote_the_next_token():
    model = Model.wrap(tiny.network("gpt2"), made.word_level())
    trace = selfattn.trace(model, "the cat", written=[7, 9, 100], pad=2)
    assert trace.tokens.text == ("[CLS]", "the", "cat", "[SEP]", "cat", "sat", "#100", "[PAD]", "[PAD]")
    assert trace.tokens.ids[4:7] == (7, 9, 100)
    assert trace.tokens.segments == (None, 0, 0, *[None] * 6)
    assert trace.tokens.offsets[4:] == ((0, 0),) * 5
    assert trace.tokens.words[3:] == (None,) * 6
    assert trace.inputs["attention_mask"].tolist() == [[1] * 7 + [0] * 2]
    with torch.inference_mode():
        ids = torch.tensor([[*trace.tokens.ids[:7]]])
        expected = model.network(input_ids=ids).logits[0, -1].softmax(-1)
    assert trace.prediction.position == 6
    assert torch.allclose(trace.prediction.probabilities, expected, atol=1e-6)
    rows, columns = trace.labels(trace.calls[0])
    assert rows == columns == trace.tokens.text


def test_what_a_decoder_wrote_follows_its_start():
    model = Model.wrap(tiny.network("t5"), made.word_level())
    trace = selfattn.trace(model, "the cat", written=[7, 9])
    assert trace.inputs["decoder_input_ids"].tolist() == [[0, 7, 9]]
    assert trace.labels(trace.call(0, "decoder", "self"))[0] == ("[PAD]", "cat", "sat")
    assert trace.labels(trace.call(0, "decoder", "cross"))[1] == ("[CLS]", "the", "cat", "[SEP]")
    assert trace.tokens.text == ("[CLS]", "the", "cat", "[SEP]")


def test_written_tokens_read_as_their_text():
    network = hf.GPT2LMHeadModel(hf.GPT2Config(**{**tiny.GPT, "vocab_size": 300}))
    model = Model.wrap(network, made.byte_level())
    cat = model.tokenizer(" cat")["input_ids"]
    trace = selfattn.trace(model, "the", written=cat)
    assert "".join(trace.tokens.text) == "the cat"
