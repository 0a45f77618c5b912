"""What is written to a file is what the trace holds, and nothing a reader's program would run."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import selfattn
from selfattn import Ablate, Cut, Mask, Scale, Similarity, Temperature
from selfattn.cli import main as command_line
from selfattn.exports import data as exports
from selfattn.exports import python
from selfattn.maths.masks import causal, custom, window
from selfattn.models.answers.predictions import Prediction, Said
from selfattn.models.inputs.given import Chat, Illustrated, Pair, Picture, Sound, Translation
from selfattn.models.loading.library import Choice
from selfattn.places import SPECIMENS
from tests.tools import illustrated, made, tiny
from tests.tools.tolerance import assert_close

TEXT = "the [MASK] sat =1+1 = + on the mat"
EDITS = (Scale(None), Mask(causal & window(4)))


@pytest.fixture(scope="module")
def trace(bert):
    return selfattn.trace(bert, TEXT, EDITS)


@pytest.fixture(scope="module")
def data(trace):
    return exports.head_data(trace, 1, 2)


def strict(text: str):
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_a_sink_is_beside_the_weights_and_every_row_sums_to_one(tmp_path):
    model = selfattn.load(made.folder(tmp_path / "sinks", "gpt_oss", made.word_level()))
    trace = selfattn.trace(model, "the good dog sat")
    data = exports.head_data(trace, 0, 1)
    call, weights = trace.call(0), trace.stages(0, 1).weights
    logit = call.sink[1].item()
    alone = [torch.tensor([*row[row.isfinite()].tolist(), logit]).softmax(-1)[-1] for row in trace.stages(0, 1).logits]
    read = strict(exports.as_json(data))
    assert_close(read["sink"], logit)
    assert_close(read["to_sink"], alone, within=1e-6)
    rows = list(csv.DictReader(io.StringIO(exports.as_csv(data))))
    assert [row["attends_to"] for row in rows[: len(weights) + 1]] == [*trace.tokens.text, "sink"]
    for query in range(len(weights)):
        given = [float(row["weight"]) for row in rows if row["query"] == str(query)]
        assert_close(sum(given), 1.0, within=1e-6)
    with np.load(io.BytesIO(exports.as_npz(data))) as archive:
        assert_close(archive["to_sink"], alone, within=1e-6)


def test_json_holds_all_that_was_promised(trace, data):
    read = strict(exports.as_json(data))
    stages = trace.stages(1, 2)
    for name in ("query", "key", "value", "scores", "scaled", "weights", "context", "keep"):
        assert_close(read[name], getattr(stages, name), within=0)
    assert read["tokens"] == ["[CLS]", *TEXT.split(), "[SEP]"] == read["attends_from"] == read["attends_to"]
    ids = trace.model.tokenizer(TEXT)["input_ids"]
    pieces = trace.model.tokenizer.convert_ids_to_tokens(ids)
    for name in ("", "attends_from_", "attends_to_"):
        assert (read[f"{name}pieces"], read[f"{name}ids"]) == (pieces, ids)
    assert (read["text"], read["layer"], read["head"], read["part"], read["kind"]) == (TEXT, 1, 2, "encoder", "self")
    assert (read["model"], read["fidelity"]) == ("bert", trace.fidelity)
    assert read["edits"] == [{"value": None, "edit": "scale"}, {"pattern": "(causal & window(4))", "edit": "mask"}]
    assert read["prediction"]["kind"] == "masked token"
    assert read["prediction"]["top"] == [list(pair) for pair in trace.prediction.top(10)]


def test_a_head_is_written_with_its_own_scale():
    model = selfattn.Model.wrap(tiny.network("swinv2"))
    trace = selfattn.trace(model, tiny.inputs(model.network, padded=False))
    layer = len(trace.calls) - 1
    for head in range(4):
        found = exports.head_data(trace, layer, head)
        assert_close(found["scaled"], torch.tensor(found["scores"]) * found["scale"], within=1e-5)


def test_a_masked_logit_is_null_and_weighs_nothing(data):
    read = strict(exports.as_json(data))
    for logits, weights, keep in zip(read["logits"], read["weights"], read["keep"], strict=True):
        assert [logit is not None for logit in logits] == keep
        row = torch.tensor([-torch.inf if logit is None else logit for logit in logits])
        assert_close(weights, row.softmax(-1))


def test_a_model_without_a_head_has_a_null_prediction(minilm):
    read = strict(exports.as_json(exports.head_data(selfattn.trace(minilm, "hi"), 0, 0)))
    assert read["prediction"] is None


def test_npz_needs_no_pickle(trace, data):
    read = np.load(io.BytesIO(exports.as_npz(data)), allow_pickle=False)
    assert set(read.files) == {"about", *exports.MATRICES}
    assert_close(read["logits"], trace.stages(1, 2).logits, within=0)
    assert json.loads(str(read["about"]))["text"] == TEXT


def test_csv_has_one_line_for_each_pair(data):
    rows = list(csv.DictReader(io.StringIO(exports.as_csv(data))))
    assert len(rows) == 11 * 11
    for row in rows:
        i, j = int(row["query"]), int(row["key"])
        for column, name in (("score", "scores"), ("scaled", "scaled"), ("weight", "weights")):
            assert float(row[column]) == data[name][i, j]
        for side, place in (("attends_from", i), ("attends_to", j)):
            assert row[f"{side}_id"] == str(data["ids"][place])
            assert row[f"{side}_piece"] == exports.cell(data["pieces"][place])
        assert row["keep"] == str(bool(data["keep"][i, j]))
        assert row["logit"] == ("" if not data["keep"][i, j] else str(data["logits"][i, j].item()))


def test_csv_runs_no_formula(data):
    written = {row["attends_to"] for row in csv.DictReader(io.StringIO(exports.as_csv(data)))}
    assert {"'=1+1", "'=", "'+", "mat"} <= written


@pytest.mark.parametrize("token", ["=1", "+1", "-1", "@A1", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1"])
def test_a_token_that_would_be_a_formula_is_quoted(data, token):
    named = data | {"attends_to": [token] * 11}
    assert {row["attends_to"] for row in csv.DictReader(io.StringIO(exports.as_csv(named), newline=""))} == {
        "'" + token
    }


@pytest.mark.parametrize("writer", exports.WRITERS)
def test_every_writer_makes_bytes(data, writer):
    assert exports.WRITERS[writer](data)


@pytest.mark.parametrize(
    "edit",
    [
        Scale(None),
        Scale(0.2, layers={1}, part="encoder"),
        Temperature(2.5, heads={2, 0}, kind="self"),
        Temperature(1e-05, heads=set()),
        Mask(causal & ~custom([(3, 1)])),
        Mask(window(3), replace=True),
        Cut({(2, 1), (5, 0)}, heads={2}),
        Cut({(2, 1)}, renormalise=False),
        Cut(set()),
        Ablate(),
        Ablate("mean", layers={0}),
        Similarity("cosine"),
        Similarity("rbf", layers={1}, heads={2, 3}, kind="self"),
    ],
)
def test_the_python_computes_the_same_again(bert, monkeypatch, edit):
    monkeypatch.setattr("selfattn.load", {"here": bert}.__getitem__, raising=False)
    code = python.of_head(Choice("here"), TEXT, [edit], 1, 2, "encoder", "self", pad=2)
    names: dict[str, object] = {"print": lambda *_: None}
    exec(code, names)
    assert names["trace"].edits == (edit,)
    here = selfattn.trace(bert, TEXT, [edit], pad=2).stages(1, 2)
    assert_close(names["stages"].weights, here.weights, within=0)
    assert_close(names["stages"].context, here.context, within=0)


def test_a_text_cannot_leave_its_quotes():
    text = "'); import os; os.abort() #\n\"\\ \u2028"
    code = python.of_head(Choice("x"), text, [], 0, 0, "encoder", "self")
    ran: dict[str, object] = {}
    exec(f"text = {code.split('trace(model, ')[1].split(', edits=')[0]}", ran)
    assert ran["text"] == text
    assert "import os" not in code.splitlines()


def test_a_head_alone_is_written_as_it_was_computed(trace):
    alone = [Scale(None), Temperature(2.0)]
    data = exports.head_data(trace, 1, 2, alone=alone)
    stages = trace.call(1).with_edits(alone).stages(2)
    assert_close(torch.tensor(data["weights"]), stages.weights)
    assert [edit["edit"] for edit in data["edits_of_this_head_alone"]] == ["scale", "temperature"]
    code = python.of_head(Choice("here"), TEXT, [], 1, 2, "encoder", "self", alone=alone)
    assert "edits=[Scale(value=None), Temperature(value=2.0)])" in code


def test_a_pair_and_what_is_said_of_it(minilm):
    pair = Pair("a cat", "a dog '); import os #")
    read = strict(exports.as_json(exports.head_data(selfattn.trace(minilm, pair), 0, 0)))
    assert (read["text"], read["second"]) == (pair.first, pair.second)
    assert (read["prediction"]["kind"], read["prediction"]["unit"]) == ("similarity", "cosine")


def test_the_python_of_a_pair_computes_the_same_again(minilm, monkeypatch):
    monkeypatch.setattr("selfattn.load", {"here": minilm}.__getitem__, raising=False)
    pair = Pair("it's", '"a" \\ \n dog')
    code = python.of_head(Choice("here"), pair, [Mask(causal)], 1, 2, "encoder", "self")
    names: dict[str, object] = {"print": lambda *_: None}
    exec(code, names)
    assert names["trace"].given == pair
    here = selfattn.trace(minilm, pair, [Mask(causal)])
    assert_close(names["stages"].weights, here.stages(1, 2).weights, within=0)
    assert_close(names["trace"].prediction.probabilities, here.prediction.probabilities, within=0)


@pytest.mark.parametrize("kind", [Picture, Sound])
def test_the_python_of_a_file_reads_it_again(tmp_path, monkeypatch, kind):
    file = tmp_path / "it's \" 7.png"
    file.write_bytes(b"bytes")
    given = []
    monkeypatch.setattr("selfattn.load", lambda name: None, raising=False)
    monkeypatch.setattr("selfattn.trace", lambda model, what, edits: given.append(what), raising=False)
    code = python.of_head(Choice("here"), kind(b"bytes", str(file)), [], 0, 0, "encoder", "self")
    assert code.startswith(f"from pathlib import Path\n\nimport selfattn\nfrom selfattn import {kind.__name__}\n")
    with pytest.raises(AttributeError):  # there is no trace to take stages of
        exec(code, {})
    assert given == [kind(b"bytes")]


def test_spans_are_written_with_what_is_said(bert):
    said = Said("Ann", "PER", 0.9, 1, 2)
    prediction = Prediction("token class", torch.tensor([1.0]), str, said=(said,))
    trace = replace(selfattn.trace(bert, "the cat"), prediction=prediction)
    read = strict(exports.as_json(exports.head_data(trace, 0, 0)))
    assert read["prediction"]["said"] == [{"text": "Ann", "label": "PER", "probability": 0.9, "start": 1, "end": 2}]


def main(monkeypatch, capsys, *arguments: object) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["selfattn", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        command_line.main()
    return end.value.code or 0, *capsys.readouterr()


def test_the_command_line_reads_a_picture_and_a_pair(tmp_path, monkeypatch, capsys):
    picture = SPECIMENS / "digits" / "examples" / "7.png"
    code, printed, _ = main(monkeypatch, capsys, "trace", "digits", f"@{picture}")
    assert code == 0
    assert "'[CLS]' ->" in printed
    assert "class: '7'" in printed
    code, printed, _ = main(monkeypatch, capsys, "trace", "minilm", "a cat", "--second", "a dog")
    assert (code, "similarity: 'cosine'" in printed) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["digits", "@none.png"], "'none.png' could not be read: No such file or directory."),
        (["digits", "7"], "digits reads a picture; got one text."),
        (["digits", "@none.png", "--second", "x"], "--second goes with a text; got '@none.png'."),
        (["minilm", "@none.wav"], "'none.wav' could not be read"),
        (["induction", "a", "--second", "b"], "induction reads one text; got a pair of texts."),
    ],
)
def test_what_the_command_line_refuses(monkeypatch, capsys, arguments, said):
    code, _, error = main(monkeypatch, capsys, "trace", *arguments)
    assert code == 2
    assert said in error


@pytest.mark.parametrize("given", [Chat("a\nb", 'say "x"'), Translation("a", "en_XX", "fr_XX")])
def test_a_chat_and_a_translation_are_written_as_what_makes_them_again(given):
    made_again: dict[str, object] = {}
    exec("\n".join([*python.imports((), given), f"given = {python.input_of(given)}"]), made_again)
    assert made_again["given"] == given


def test_a_text_with_a_picture_is_written_with_the_file_and_without_its_bytes(tmp_path):
    file = tmp_path / "it.png"
    file.write_bytes(b"bytes")
    given = Illustrated('say "x"', Picture(b"bytes", str(file)))
    code = "\n".join([*python.imports((), given), f"given = {python.input_of(given)}"])
    made_again: dict[str, object] = {}
    exec(code, made_again)
    assert made_again["given"] == Illustrated('say "x"', Picture(b"bytes"))
    network = illustrated.folder(tmp_path / "llava", "llava")
    data = exports.head_data(selfattn.trace(str(network), Illustrated("the cat", illustrated.picture())), 0, 0)
    assert strict(exports.as_json(data))["picture"] == "it.png"
