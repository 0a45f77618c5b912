"""The command line: the library's numbers, and one sentence for whoever got something wrong."""

import json
import os
import re
import subprocess
import sys
import tomllib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import selfattn
from selfattn import Ablate, Chat, Illustrated, Mask, Scale, Similarity, Temperature
from selfattn.cli import main
from selfattn.maths.masks import causal, window
from selfattn.places import HOME
from tests.tools import illustrated, made, tiny
from tests.tools.tolerance import assert_close

TEXT = "the [MASK] sat on the mat"


@pytest.fixture
def run(monkeypatch, capfd):
    """Run the command line as the shell does: (exit code, stdout, stderr)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["selfattn", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main.main()
        return stop.value.code or 0, *capfd.readouterr()

    return run


def test_a_trace_in_a_file_is_the_trace_of_the_library(run, bert_folder, bert, tmp_path):
    out = tmp_path / "x.json"
    options = ["--no-scale", "--temperature", 2, "--mask", "causal,window:4", "--ablate", "0.1", "--ablate", "1.3"]
    options += ["--similarity", "rbf"]
    code, said, told = run("trace", bert_folder, TEXT, "--layer", 1, "--head", 2, *options, "--out", out)
    assert (code, said.count("\n"), told) == (0, 1, "")
    edits = [
        Similarity("rbf"),
        Scale(None),
        Temperature(2.0),
        Mask(causal & window(4)),
        Ablate(layers={0}, heads={1}),
        Ablate(layers={1}, heads={3}),
    ]
    trace = selfattn.trace(bert, TEXT, edits)
    read = json.loads(out.read_text())
    assert_close(read["weights"], trace.stages(1, 2).weights)
    assert_close(read["context"], trace.stages(1, 2).context)
    assert read["prediction"]["top"][0][1] == pytest.approx(trace.prediction.top(1)[0][1], abs=1e-6)


def test_all_heads_go_into_one_file(run, bert_folder, bert, tmp_path):
    trace = selfattn.trace(bert, TEXT, [Temperature(2.0)])
    for options, layers in (([], (0, 1)), (["--layer", 1], (1,))):
        out = tmp_path / "all.npz"
        code, said, told = run("trace", bert_folder, TEXT, "--temperature", 2, "--all-heads", *options, "--out", out)
        assert (code, told) == (0, "")
        assert f"all.npz: the weights of all heads, {len(layers)} " in said
        with np.load(out) as archive:
            assert {*archive} == {"about", *(f"encoder.self.{layer}" for layer in layers)}
            assert_close(archive["encoder.self.1"], trace.weights(1))
    code, _, told = run("trace", bert_folder, TEXT, "--all-heads")
    assert (code, told) == (2, "selfattn: --all-heads writes a file: add --out FILE.npz or --out FILE.safetensors.\n")
    code, _, told = run("trace", bert_folder, TEXT, "--all-heads", "--out", "x.csv")
    assert (code, told) == (2, "selfattn: --out ends in .npz, .safetensors with --all-heads; got 'x.csv'.\n")


def test_a_terminal_is_told_how_far_a_load_is(run, bert_folder, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, said, told = run("check", bert_folder)
    assert "\r\x1b[KReading the weights 0%\r\x1b[K" in told
    assert told.endswith("\r\x1b[K")
    assert "Reading" not in said


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("command", ["check", "trace"])
def test_no_bar_of_a_library_runs_over_what_is_said(bert_folder, command, terminal):
    """In a process of its own: a library reads once whether it shows its bars."""
    told = "sys.stderr.isatty = lambda: True; " if terminal else ""
    code = f"import sys; {told}from selfattn.cli import main; main.main()"
    given = [command, str(bert_folder), *([TEXT] if command == "trace" else [])]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TQDM", "HF_HUB_DIS"))}
    done = subprocess.run([sys.executable, "-c", code, *given], capture_output=True, env=environment, check=True)
    assert b"\r" not in done.stdout
    lines = done.stderr.split(b"\r\x1b[K")
    assert all(re.fullmatch(rb"[A-Z][a-z ]*( \d+%)?", line) for line in lines if line)
    assert bool(done.stderr) == terminal


@pytest.mark.parametrize("ending", ["npz", "csv"])
def test_other_endings(run, bert_folder, bert, tmp_path, ending):
    out = tmp_path / f"x.{ending}"
    assert run("trace", bert_folder, TEXT, "--pad", 2, "--out", out)[0] == 0
    weights = selfattn.trace(bert, TEXT, pad=2).stages(0, 0).weights
    if ending == "npz":
        assert_close(np.load(out, allow_pickle=False)["weights"], weights)
    else:
        assert out.read_text().count("\n") == 1 + weights.numel()


def test_without_a_file_a_summary_is_printed(run, bert_folder, bert):
    code, said, _ = run("trace", bert_folder, TEXT)
    first, *rows, last = said.splitlines()
    assert (code, len(rows)) == (0, 8)
    assert first.startswith("bert, encoder layer 0, head 0, exact to ")
    weights = selfattn.trace(bert, TEXT).stages(0, 0).weights
    assert f"{weights[0].max():.3f}" in rows[0]
    assert last.startswith("masked token: ")


def test_what_is_not_exact_is_said(run, bert_folder, monkeypatch, tmp_path):
    monkeypatch.setattr(selfattn.Trace, "fidelity", 1.25)
    for out in ([], ["--out", tmp_path / "x.json"]):
        code, said, _ = run("trace", bert_folder, TEXT, *out)
        assert (code, "exact to" in said) == (0, False)
        assert "NOT exact: differs by 1.2e+00" in said.splitlines()[0]


@pytest.mark.parametrize(("name", "place"), [("vit", []), ("whisper", ["--part", "decoder", "--kind", "cross"])])
def test_models_of_no_text_read_tensors(run, tmp_path, name, place):
    folder = made.folder(tmp_path / name, name)
    inputs = tiny.inputs(tiny.network(name), padded=False)
    save_file(inputs, tmp_path / "inputs.safetensors")
    out = tmp_path / "x.json"
    code, _, error = run("trace", folder, f"@{tmp_path}/inputs.safetensors", "--layer", 1, *place, "--out", out)
    assert code == 0, error
    trace = selfattn.trace(selfattn.load(folder), inputs)
    kind = place[-1] if place else "self"
    assert_close(json.loads(out.read_text())["weights"], trace.stages(1, 0, kind=kind).weights, within=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--layer", "7"], "Layer 7 was asked for"),
        (["--head", "9"], "Head 9 was asked for"),
        (["--part", "vision"], "it has encoder (self)"),
        (["--kind", "sideways"], "it has encoder (self)"),
        (["--temperature", "0"], "temperature is a finite number above 0"),
        (["--temperature", "nan"], "temperature is a finite number above 0"),
        (["--mask", "cau sal"], "Could not read the mask"),
        (["--mask", ""], "Could not read '()' in the mask"),
        (["--ablate", "1"], "--ablate takes LAYER.HEAD"),
        (["--ablate", "1.-3"], "--ablate takes LAYER.HEAD"),
        (["--ablate", "5.0"], "Ablate names layer 5; bert has layers 0 to 1."),
        (["--ablate", "1.4"], "Ablate names head 4; bert has heads 0 to 3 there."),
        (["--out", "x.pkl"], "--out ends in .json, .npz, .csv; got 'x.pkl'"),
        (["--out", "/no/such/folder/x.json"], "could not be written"),
        (["--device", "nonsense"], "cannot be used"),
        (["--dtype", "int8"], "dtype is auto, float32"),
        (["--bits", "8"], "need a CUDA device"),
        (["--revision", "main"], "has no revisions"),
        (["--adapter", "/nowhere/x"], "There is no folder"),
    ],
)
def test_a_wrong_option_is_one_sentence(run, bert_folder, options, said):
    code, out, error = run("trace", bert_folder, TEXT, *options)
    lines = [line for line in error.replace("\r", "\n").splitlines() if not line.startswith("Loading weights")]
    assert (code, out, len([line for line in lines if line])) == (2, "", 1)
    assert said in lines[-1]
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("text", "said"), [("", "The text is empty"), ("@none.safetensors", "could not be read as tensors"), ("@", None)]
)
def test_a_wrong_text_is_one_sentence(run, bert_folder, text, said):
    code, _, error = run("trace", bert_folder, text)
    assert (code, "Traceback" in error) == (2 if said else 0, False)
    assert (said or "") in error


def test_a_file_that_holds_no_tensors(run, bert_folder, tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing of the kind")
    code, _, error = run("trace", bert_folder, f"@{tmp_path}/x.safetensors")
    assert (code, "could not be read as tensors" in error) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["trace"],
        ["trace", "a", "b", "--layer", "x"],
        ["trace", "a", "b", "--similarity", "euclid"],
        ["--nonsense"],
        ["fly"],
    ],
)
def test_wrong_usage_is_code_2(run, arguments):
    assert run(*arguments)[0] == 2


def test_models_lists_what_is_here(run):
    code, said, _ = run("models")
    assert code == 0
    assert [line for line in said.splitlines() if line.startswith("minilm ") and line.endswith(" MB")]


def test_check_shows_every_layer(run, bert_folder):
    code, said, _ = run("check", bert_folder, TEXT)
    assert code == 0
    heading, *lines = said.splitlines()
    assert heading.split("  ")[0] == "layer"
    rows = [line for line in lines if line.startswith("encoder layer ")]
    assert len(rows) == 2
    assert all(float(row.split()[4]) < 1e-4 and "yes" in row and "sees both ways" in row for row in rows)
    assert "kind                        BertForMaskedLM" in lines
    assert lines[-1].startswith("2 layers, 8 heads, all exact to ")


def test_check_needs_no_text(run, tmp_path):
    code, said, _ = run("check", made.folder(tmp_path / "vit", "vit"))
    assert (code, said.count("vision layer ")) == (0, 2)


def test_check_of_a_model_that_sees_the_future_is_code_1(run, tmp_path, monkeypatch):
    folder = made.folder(tmp_path / "llama", "llama", made.word_level())
    assert run("check", folder, "the cat sat")[0] == 0
    everything = torch.ones(1, 1, 5, 5, dtype=torch.bool)
    monkeypatch.setattr(
        "transformers.models.llama.modeling_llama.create_causal_mask",
        lambda *_, inputs_embeds, **__: everything if inputs_embeds.shape[1] == 5 else None,
    )
    code, said, _ = run("check", folder, "the cat sat")
    assert (code, "SEES THE FUTURE" in said.splitlines()[-1]) == (1, True)


def test_check_sees_that_a_sink_takes_weight(run, tmp_path):
    folder = made.folder(tmp_path / "sinks", "gpt_oss", made.word_level())
    assert run("check", folder, "the cat")[1].count("no (sink)") == 2


def test_app_opens_streamlit_on_the_model(run, monkeypatch):
    called = []
    monkeypatch.setattr(subprocess, "call", lambda command, env: called.append((command, env)) or 3)
    assert run("app", "--model", "mine")[0] == 3
    ((command, environment),) = called
    assert command[:4] == [sys.executable, "-m", "streamlit", "run"]
    assert command[4].endswith("app.py")
    assert (environment["SELFATTN_MODEL"], environment["SELFATTN_SHARE"]) == ("mine", "0.25")
    run("app", "--host", "0.0.0.0", "--port", "8000", "--share", "0.5")
    assert called[1][1]["SELFATTN_SHARE"] == "0.5"
    assert called[1][0][5:] == ["--server.address=0.0.0.0", "--server.port=8000"]


def test_a_public_app_lists_its_models_by_name(run, monkeypatch, tmp_path):
    called = []
    monkeypatch.setattr(subprocess, "call", lambda command, env: called.append((command, env)) or 0)
    assert run("app", "--public", "--models", "induction", "--models", f"legal={tmp_path}", "--models", "a/b")[0] == 0
    ((command, environment),) = called
    assert json.loads(environment["SELFATTN_PUBLIC"]) == ["induction", "legal", "a/b"]
    assert json.loads(environment["SELFATTN_MODELS"]) == {"legal": str(tmp_path)}
    assert environment["SELFATTN_MODEL"] == "induction"
    assert "--server.maxUploadSize=5" in command
    assert run("app", "--public")[0] == 0
    assert "sentiment" in json.loads(called[1][1]["SELFATTN_PUBLIC"])
    assert "SELFATTN_PUBLIC" not in os.environ


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--models", "sentiment"], "give it with --public"),
        (["--public", "--models", "legal=/nowhere/at/all"], "there is no '/nowhere/at/all'"),
        (["--public", "--models", "/etc"], "shows strangers no path"),
        (["--public", "--models", "a b=/etc"], "of up to 40 letters"),
        (["--public", "--models", "digits", "--model", "sentiment"], "one of those that --models lists: digits"),
    ],
)
def test_a_public_app_that_is_asked_wrongly(run, given, said):
    code, _, told = run("app", *given)
    assert code == 2
    assert said in told


@pytest.mark.slow
def test_a_terminal_that_knows_no_unicode(bert_folder):
    code = "import sys; sys.argv[0] = 'selfattn'; from selfattn.cli.main import main; main()"
    command = [sys.executable, "-c", code, "trace", str(bert_folder), "the ☃ sat"]
    done = subprocess.run(command, capture_output=True, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == 0, done.stderr
    assert b"\\u2603" in done.stdout


def test_tensors_in_half_precision_reach_the_model(run, tmp_path):
    folder = made.folder(tmp_path / "vit", "vit")
    save_file({"pixel_values": torch.zeros(1, 3, 12, 12)}, tmp_path / "x.safetensors")
    code, _, error = run("trace", folder, f"@{tmp_path}/x.safetensors", "--dtype", "bfloat16")
    assert code == 0, error


def test_the_version(run):
    """That of the package that is installed, which is the project's own."""
    project = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
    assert run("--version")[:2] == (0, f"selfattn {project['version']}\n")


def test_a_chat_and_a_language_are_given_as_in_the_library(run, tmp_path):
    tokenizer = made.word_level()
    tokenizer.chat_template = "[CLS]{% for said in messages %}[MASK] {{ said.content }} [SEP]{% endfor %}"
    folder, out = made.folder(tmp_path / "gpt2", "gpt2", tokenizer), tmp_path / "x.json"
    code, _, _ = run("trace", folder, "the cat", "--chat", "--system", "a film", "--out", out)
    read = json.loads(out.read_text())
    assert code == 0
    assert read["text"] == "[CLS][MASK] a film [SEP][MASK] the cat [SEP]"
    assert read["chat"] == {"user": "the cat", "system": "a film"}
    assert_close(read["weights"], selfattn.trace(folder, Chat("the cat", "a film")).stages(0, 0).weights)
    code, said, _ = run("trace", folder, "[CLS] the cat")
    assert said.endswith("The text has [CLS] of its own, so the tokenizer's is not added a second time.\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--system", "a"], "--system is the system text of a chat; add --chat."),
        (["--chat", "--source", "en"], "--chat and a language do not go together"),
        (["--chat", "--second", "a"], "--chat goes with one text"),
        (["--chat"], "has no chat template"),
        (["--source", "fr"], "it marks no languages"),
        (["--target", "fr"], "writes no translation; leave the target language 'fr' out"),
    ],
)
def test_a_chat_or_a_language_that_cannot_be(run, bert_folder, options, said):
    code, _, error = run("trace", bert_folder, "the cat", *options)
    assert code == 2
    assert said in error.splitlines()[-1]


def test_a_picture_goes_with_a_text(run, tmp_path):
    folder, out = illustrated.folder(tmp_path / "llava", "llava"), tmp_path / "x.json"
    picture = illustrated.picture()
    (tmp_path / "it.png").write_bytes(picture.data)
    code, _, _ = run("trace", folder, "the cat", "--picture", tmp_path / "it.png", "--part", "decoder", "--out", out)
    trace = selfattn.trace(folder, Illustrated("the cat", picture))
    assert code == 0
    read = json.loads(out.read_text())
    assert_close(read["weights"], trace.stages(0, 0, part="decoder").weights)
    assert read["attends_to"][:3] == ["[CLS]", "user", "0,0"]
    code, said, _ = run("check", folder, "--picture", tmp_path / "it.png")
    assert code == 0
    assert "reads                       a text with a picture or one text" in said
    assert "vision layer 1" in said
    for given, sentence in (
        (["@it.png", "--picture", "it.png"], "'it.png' could not be read"),
        (["the cat", "--picture", tmp_path / "no.png"], "no.png' could not be read: No such file or directory."),
        (["the cat", "--second", "a", "--picture", "it.png"], "--picture goes with one text; got something else."),
    ):
        code, _, error = run("trace", folder, *given)
        assert (code, error.count("\n")) == (2, 1)
        assert sentence in error
