"""`selfattn trace | train | app | models | check`: the microscope on the command line."""

import io
import os
import re
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from selfattn.cli import given, train

if TYPE_CHECKING:
    from selfattn.models.loading.library import Choice
    from selfattn.models.model import Model

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help="An attention microscope."
)


def _version(asked: bool) -> None:
    if asked:
        print(f"selfattn {version('selfattn')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


MODEL = Annotated[str, typer.Argument(help="A name from `selfattn models`, a folder, a .gguf file, or a hub id.")]
TEXT = Annotated[
    str,
    typer.Argument(
        help="A text; @FILE with a picture (.png, .jpg, .webp, .gif, .bmp) or a sound (.wav, .flac, .ogg, .mp3); or "
        "@FILE.safetensors with the tensors that the model's forward takes."
    ),
]
PICTURE = Annotated[
    str | None, typer.Option("--picture", metavar="FILE", help="A picture that goes with TEXT (.png, .jpg ...).")
]
SECOND = Annotated[str | None, typer.Option(help="A second text: the passage of a question, or one to compare.")]
OUT = Annotated[Path | None, typer.Option(help="FILE.json, FILE.npz or FILE.csv; a summary is printed without.")]
PART = Annotated[
    str | None, typer.Option(help="encoder, decoder, vision, text or another tower; the model's first by default.")
]
REVISION = Annotated[str | None, typer.Option(help="A branch, a tag or a commit of a hub id.")]
DEVICE = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
DTYPE = Annotated[str, typer.Option(help="auto, float32, bfloat16, float16.")]
SPREAD = Annotated[bool, typer.Option("--spread", help="Lay the layers over all devices.")]
BITS = Annotated[int | None, typer.Option(help="8 or 4 bits a weight; needs CUDA.")]
ADAPTER = Annotated[str | None, typer.Option(help="A LoRA adapter: a folder or a hub id.")]
CHECKED_ON = "The keys to the old cabinet are on the table."
# The columns that `check` prints of every layer.
WIDTHS = {
    "heads": 6,
    "|recomputed - model|": 24,
    "rows sum to 1": 16,
    "future hidden": 16,
    "key-value heads": 18,
    "d a head": 11,
    "scale": 18,
    "window": 9,
    "soft cap": 10,
    "sink": 12,
}
SIMILARITY = Literal["dot", "cosine", "rbf"]


@app.command()
def trace(
    model: MODEL,
    text: TEXT,
    second: SECOND = None,
    picture: PICTURE = None,
    chat: Annotated[bool, typer.Option("--chat", help="In the model's own chat template.")] = False,
    system: Annotated[str, typer.Option(help="The system text of the chat.")] = "",
    source: Annotated[str, typer.Option(help="The language of TEXT, by the tokenizer's code, such as eng_Latn.")] = "",
    target: Annotated[str, typer.Option(help="The language that it is translated into.")] = "",
    layer: Annotated[int | None, typer.Option(help="Layer, by the model's own number; its first by default.")] = None,
    head: Annotated[int, typer.Option(help="Head, from 0.")] = 0,
    part: PART = None,
    kind: Annotated[str | None, typer.Option(help="self or cross.")] = None,
    similarity: Annotated[SIMILARITY | None, typer.Option(help="What makes the raw scores, in every layer.")] = None,
    no_scale: Annotated[bool, typer.Option("--no-scale", help="Leave the scores raw, in every layer.")] = False,
    temperature: Annotated[float, typer.Option(help="Divide the logits by this, in every layer.")] = 1.0,
    mask: Annotated[str | None, typer.Option(help="A further mask in every layer, such as causal,window:4.")] = None,
    ablate: Annotated[
        list[str] | None, typer.Option(metavar="L.H", help="Silence head H of layer L; repeatable.")
    ] = None,
    pad: Annotated[int, typer.Option(min=0, help="Padding tokens to add.")] = 0,
    revision: REVISION = None,
    device: DEVICE = "auto",
    dtype: DTYPE = "auto",
    spread: SPREAD = False,
    bits: BITS = None,
    adapter: ADAPTER = None,
    all_heads: Annotated[
        bool, typer.Option("--all-heads", help="Write every head's weights, of --layer or of all: .npz, .safetensors.")
    ] = False,
    out: OUT = None,
) -> None:
    """Run MODEL on TEXT and write what one head computed, stage by stage."""
    from selfattn import trace as run
    from selfattn.exports import data as exports
    from selfattn.exports import weights
    from selfattn.models.loading.library import Choice

    if all_heads and out is None:
        raise ValueError("--all-heads writes a file: add --out FILE.npz or --out FILE.safetensors.")
    writers = weights.WRITERS if all_heads else exports.WRITERS
    if out is not None and out.suffix not in writers:
        raise ValueError(f"--out ends in {', '.join(writers)}{' with --all-heads' * all_heads}; got {out.name!r}.")
    edits = _edits(similarity, no_scale, temperature, mask, ablate or [])
    read = given.illustrated(given.spoken(given.given(text, second), chat, system, source, target), picture)
    found = run(_loaded(Choice(model, revision, device, dtype, spread, bits, adapter)), read, edits, pad=pad)
    if all_heads and out is not None:
        names = weights.save_weights(found, out, layer, part, kind)
        many = f"{len(names)} layers" if len(names) > 1 else "1 layer"
        print(f"{out}: the weights of all heads, {many} from {names[0]} on, {found.exactness}")
        return
    layer = found.model.attention(part, kind).numbers[0] if layer is None else layer
    data = exports.head_data(found, layer, head, part, kind)
    if out is None:
        print(_summary(data, found.exactness), *filter(None, [found.tokens.note]), sep="\n")
        return
    try:
        out.write_bytes(exports.WRITERS[out.suffix](data))
    except OSError as error:
        raise ValueError(f"{out} could not be written: {error.strerror}.") from error
    tokens = len(data["attends_from"])
    print(f"{out}: {data['part']} layer {layer}, head {head}, {tokens} tokens, {found.exactness}")


@app.command()
def check(
    model: MODEL,
    text: Annotated[str | None, typer.Argument(help="A text to check it on, or @FILE.safetensors.")] = None,
    picture: PICTURE = None,
    revision: REVISION = None,
    device: DEVICE = "auto",
    dtype: DTYPE = "auto",
    spread: SPREAD = False,
    bits: BITS = None,
    adapter: ADAPTER = None,
) -> None:
    """Run MODEL and compare every layer's recomputed attention with what the model used; say what the model is.

    The exit code is 0 where every layer is exact and no token of a causal layer sees the future, and 1 otherwise.
    """
    from selfattn import trace as run
    from selfattn.analysis.model.anatomy import COLUMNS, anatomy, columns
    from selfattn.models.loading.library import Choice

    loaded = _loaded(Choice(model, revision, device, dtype, spread, bits, adapter))
    if text is None and loaded.tokenizer is not None and (picture or "text" in loaded.task.reads):
        text = CHECKED_ON
    found = anatomy(loaded, None if text is None else run(loaded, given.illustrated(given.given(text), picture)))
    said = columns(found.layers)
    widths = {name: width for name, width in WIDTHS.items() if name in said}
    print(f"{'layer':<28}" + "".join(f"{name:>{width}}" for name, width in widths.items()))
    for layer in found.layers:
        print(f"{layer.title:<28}" + "".join(f"{COLUMNS[name](layer):>{width}}" for name, width in widths.items()))
    for name, value in found.facts:
        print(f"{name:<28}{value}")
    print(found.verdict)
    raise typer.Exit(0 if found.sound else 1)


@app.command()
def models() -> None:
    """List the models that are here without a download."""
    from selfattn.models.loading.names import names

    for name, place in names().items():
        files = [place] if place.is_file() else place.rglob("*")
        size = sum(file.stat().st_size for file in files if file.is_file())
        print(f"{name:<12}{size / 1e6:>8.1f} MB")
    print("or a folder, a .gguf file, or a hub id such as bert-base-uncased")


@app.command("app")
def open_app(
    model: Annotated[str | None, typer.Option(help="The model that the app opens on.")] = None,
    host: Annotated[str | None, typer.Option(help="The address to answer at, such as 0.0.0.0 for all.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="The port to answer at.")] = None,
    share: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=0.9,
            help="The share of memory for the models of all readers; what they computed may take half of it.",
        ),
    ] = 0.25,
    public: Annotated[
        bool,
        typer.Option(
            "--public",
            help="For readers who are strangers: listed models alone, no paths and no hub, bounded inputs, no "
            "training, one long computation each. Its health is at /_stcore/health.",
        ),
    ] = False,
    models: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=PLACE]",
            help="With --public, a model that may be opened: a name of `selfattn models`, NAME=FOLDER or a hub id; "
            "repeatable. All that are here without a download by default.",
        ),
    ] = None,
) -> None:
    """Open the app in the browser."""
    from selfattn.cli.serve import serve

    raise typer.Exit(serve(model, share, host, port, public, models or []))


# Its options are those of the settings, which it asks for once somebody wants to train.
app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    train.train
)


def _loaded(choice: "Choice") -> "Model":
    """Load a model, and say on a terminal how far it is: on one line, which goes when it is there."""
    from selfattn.models.loading.steps import Step, telling

    def say(step: Step) -> None:
        if sys.stderr.isatty():
            share = f" {step.done / step.whole:.0%}" if step.whole else ""
            print(f"\r\x1b[K{step.doing}{share}", end="", file=sys.stderr, flush=True)

    try:
        with telling(say):
            return choice.load()
    finally:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _edits(
    similarity: SIMILARITY | None, no_scale: bool, temperature: float, mask: str | None, ablate: list[str]
) -> list[Any]:
    from selfattn import Ablate, Mask, Scale, Similarity, Temperature
    from selfattn.maths.masks import from_command_line

    edits: list[Any] = []
    if similarity is not None:
        edits.append(Similarity(similarity))
    if no_scale:
        edits.append(Scale(None))
    if temperature != 1.0:
        edits.append(Temperature(temperature))
    if mask is not None:
        edits.append(Mask(from_command_line(mask)))
    for place in ablate:
        if not re.fullmatch(r"\d+\.\d+", place):
            raise ValueError(f"--ablate takes LAYER.HEAD, such as 1.3; got {place!r}.")
        layer, head = map(int, place.split("."))
        edits.append(Ablate("zero", layers={layer}, heads={head}))
    return edits


def _summary(data: dict[str, Any], exactness: str) -> str:
    """Where each token's weight goes, and what the model says."""
    place = f"{data['part']} layer {data['layer']}, head {data['head']}"
    lines = [f"{data['model']}, {place}, {exactness}"]
    for i, (token, row) in enumerate(zip(data["attends_from"], data["weights"], strict=True)):
        best = sorted(range(len(row)), key=lambda j: -row[j])[:3]
        given = [f"{data['attends_to'][j]!r} {row[j]:.3f}" for j in best]
        given += [f"sink {data['to_sink'][i]:.3f}"] if "to_sink" in data else []
        lines.append(f"{token!r:>16} -> {', '.join(given)}")
    if data["prediction"]:
        said = ", ".join(f"{name!r} {p:.3f}" for name, p in data["prediction"]["top"][:5])
        lines.append(f"{data['prediction']['kind']}: {said}")
    return "\n".join(lines)


def main() -> None:
    """Run the command line: what a reader got wrong is one sentence and exit code 2, never a traceback."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TQDM_DISABLE", "1")  # the bars of libraries, before the first is made: `_loaded` tells
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot write a token still shows its number
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except ValueError as error:
        print(f"selfattn: {error}", file=sys.stderr)
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
