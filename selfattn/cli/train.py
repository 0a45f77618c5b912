"""`selfattn train`: an encoder on the reader's own texts, from the command line."""

import inspect
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from selfattn.training.data.corpora import Corpus
    from selfattn.training.run.progress import Evaluation, Status
    from selfattn.training.run.run import Run
    from selfattn.training.run.settings import Settings
    from selfattn.training.search.sweeps import Sweep

DATA = Annotated[
    str | None,
    typer.Argument(
        help="A file (.csv, .tsv, .jsonl, .parquet, .txt), the folder of a Hugging Face dataset, or a generated "
        "corpus: hard, sentiment or repeats, with a number of rows if you like, as in hard:10000."
    ),
]
OUT = Annotated[Path, typer.Option(metavar="FOLDER", help="Where the run is kept; its model is FOLDER/model.")]
TEXT = Annotated[str | None, typer.Option(metavar="COLUMN", help="The column of texts; guessed without.")]
LABEL = Annotated[str | None, typer.Option(metavar="COLUMN", help="The column of labels; guessed without.")]
TOKENIZER = Annotated[
    str | None, typer.Option(help="An existing tokenizer: a model's name, a folder or a hub id. Else one is trained.")
]
WATCH = Annotated[
    list[str] | None, typer.Option(metavar="SENTENCE", help="Record how attention to it changes; repeatable.")
]
RESUME = Annotated[bool, typer.Option("--resume", help="Go on with the run in FOLDER, with its data and settings.")]
SWEEP = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Search for the best of some settings, each in its usual range or in one of yours: "
        "learning_rate=0.001:0.01,heads=1/2/4,dropout.",
    ),
]
NAME = Annotated[str | None, typer.Option(metavar="NAME", help="What it is called in the app; else by its data.")]
DEVICE = Annotated[str, typer.Option(help="Where it is trained: auto (CUDA, then MPS, then CPU), cpu, cuda:1, mps.")]
TRIALS = Annotated[int, typer.Option(help="Short runs of a sweep.")]
ROWS = 10_000  # of a generated corpus
QUIET = 15.0  # seconds between two lines
STOPPED = 130  # the exit code of who was interrupted


def train(context: typer.Context) -> None:
    """Train an encoder on texts of your own, and keep the best; `selfattn train --help` lists every choice."""
    command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    command.command()(_with_settings(_train))
    command(context.args, prog_name="selfattn train")


def _with_settings(function: Callable[..., None]) -> Callable[..., None]:
    """The function with an option for each of the settings; those that are given come as a dict, `chosen`."""
    from selfattn.training.run.settings import Settings

    own = [each for each in inspect.signature(function).parameters.values() if each.name != "chosen"]
    options = {field.name: _option(field) for field in fields(Settings)}

    def run(**given: Any) -> None:
        chosen = {name: value for name in options if (value := given.pop(name)) is not None}
        function(**given, chosen=chosen)

    run.__doc__ = function.__doc__
    run.__annotations__ = {each.name: each.annotation for each in [*own, *options.values()]}
    setattr(run, "__signature__", inspect.Signature([*own, *options.values()]))  # noqa: B010  # unknown to mypy
    return run


def _option(field: Field[Any]) -> inspect.Parameter:
    kind: Any = field.type
    default = str(field.default)
    if "among" in field.metadata:
        kind = Literal[field.metadata["among"]]
    if kind is bool:
        name = field.name.replace("_", "-")
        default = name if field.default else f"no-{name}"
    said = f"{field.metadata['help']} Default: {default}."
    option = typer.Option(help=said, rich_help_panel="Settings")
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _train(
    out: OUT,
    data: DATA = None,
    text: TEXT = None,
    label: LABEL = None,
    tokenizer: TOKENIZER = None,
    watch: WATCH = None,
    resume: RESUME = False,
    sweep: SWEEP = None,
    trials: TRIALS = 12,
    name: NAME = None,
    device: DEVICE = "auto",
    *,
    chosen: dict[str, Any],
) -> None:
    """Train an encoder on the texts of DATA, and keep the best in a folder that the app opens.

    Beside its held-out accuracy stands that of a bag of words. Ctrl-C pauses; --resume goes on.
    """
    if resume and (data or text or label or tokenizer or watch or sweep or name or chosen or device != "auto"):
        raise ValueError("--resume goes on with the data and settings of the run; give nothing but --out with it.")
    if resume and (out / "sweep.json").is_file():
        _run_sweep(_open_sweep(out))
    elif resume:
        _run(_open(out))
    else:
        corpus, settings = _read(data, text, label, chosen)
        if sweep is None:
            _run(_prepared(out, corpus, settings, watch or [], tokenizer, name, device))
        else:
            _run_sweep(_prepared_sweep(out, corpus, settings, sweep, trials, tokenizer, name, device))


def _read(data: str | None, text: str | None, label: str | None, chosen: dict[str, Any]) -> "tuple[Corpus, Settings]":
    """The corpus that DATA names, and the settings that go with it."""
    from selfattn.training.data import corpora, generated
    from selfattn.training.run.settings import Settings

    if data is None:
        raise ValueError("DATA is missing: give a file, a folder or a generated corpus such as hard:10000.")
    name, _, rows = data.partition(":")
    if Path(data).exists():
        settings = Settings(**chosen)
        settings.check()
        return corpora.read(Path(data), text, label, task=settings.task), settings
    if name not in generated.GENERATED:
        known = ", ".join(generated.GENERATED)
        raise ValueError(f"There is no file or folder {data!r}, and the generated corpora are {known}.")
    if text or label:
        raise ValueError(f"--text and --label name columns of a file; {name!r} is generated.")
    if rows and not rows.isdecimal():
        raise ValueError(f"{name}:ROWS takes a whole number of rows, such as {name}:{ROWS}; got {data!r}.")
    task = "next token" if name == "repeats" else "classification"
    settings = Settings(**{"task": task} | chosen)
    settings.check()
    return generated.generate(name, int(rows or ROWS), settings.seed), settings


def _prepared(
    out: Path,
    corpus: "Corpus",
    settings: "Settings",
    watched: list[str],
    tokenizer: str | None,
    name: str | None,
    device: str,
) -> "Run":
    from selfattn.training.run.prepare import prepare

    run = prepare(out, corpus, settings, watched=watched, tokenizer=tokenizer, title=name, device=device)
    about = run.about
    print(
        f"{about['name']}: {about['rows']:,} texts, {about['held_out']:,} of them held out; "
        f"{about['parameters']:,} parameters, {run.status.steps:,} steps"
    )
    for note in about["notes"]:
        print(note)
    return run


def _open(out: Path) -> "Run":
    from selfattn.training.run.run import open_run

    run = open_run(out)
    status = run.status
    print(f"{run.about['name']}: going on from step {status.step:,} of {status.steps:,}")
    return run


def _run(run: "Run") -> None:
    """Train to the end, or until Ctrl-C; then say how good it is and how to open it."""
    from selfattn.training.run.train import train

    with _interrupting(lambda: run.ask("pause")):
        status = train(run, Lines())
    if status.state == "paused":
        print(f"Paused at step {status.step:,}. To go on: selfattn train --resume --out {run.folder}")
        raise typer.Exit(STOPPED)
    if status.state == "failed":
        raise ValueError(status.sentence)
    if status.sentence:
        print(status.sentence)
    _say_quality(run, status)
    _say_how_to_open(run.model)


@contextmanager
def _interrupting(ask: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C asks, and the work ends at its next step; a second one ends it at once."""

    def heard(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        ask()

    before = signal.signal(signal.SIGINT, heard)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Lines:
    """What a run reports, as a few lines a minute; on a terminal the last one counts the steps."""

    def __init__(self) -> None:
        self.said = -QUIET
        self.live = sys.stdout.isatty()

    def __call__(self, status: "Status", measured: "Evaluation | None") -> None:
        now = time.monotonic()
        if measured is None:
            if self.live and status.state == "running":
                print(f"\r{_step(status)}", end="\033[K", flush=True)
            return
        if self.said + QUIET > now and status.step < status.steps:
            return
        self.said = now
        line = f"{_step(status)}   loss {measured.loss:.3f}   held-out accuracy {measured.accuracy:.3f}"
        print(("\r\033[K" if self.live else "") + line, flush=True)


def _step(status: "Status") -> str:
    width = len(f"{status.steps:,}")
    left = "" if status.seconds_left is None else f"   {_duration(status.seconds_left):>6} left"
    return f"step {status.step:>{width},} of {status.steps:,}{left}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _say_quality(run: "Run", status: "Status") -> None:
    """The held-out accuracy, beside what always the same answer and a bag of words reach on the same texts."""
    from selfattn.training.data import encoded
    from selfattn.training.run import references

    best = next(each for each in run.metrics() if each.step == status.best_step)
    rows = [("encoder", f"{best.accuracy:.3f}   (step {best.step:,}, the best by its {run.settings.best_by})")]
    rows.append(("always the same answer", f"{references.majority(encoded.read(run.data)):.3f}"))
    if run.settings.task == "classification":
        rows.append(("bag of words", _bag_of_words(run)))
    print(f"\nAccuracy on {run.about['held_out']:,} held-out texts, after {_duration(status.seconds)}:")
    for name, value in rows:
        print(f"  {name:<24}{value}")


def _bag_of_words(run: "Run") -> str:
    from selfattn.training.run import references

    try:
        return f"{references.bag_of_words(run):.3f}"
    except ValueError as error:
        return str(error)


def _say_how_to_open(model: Path) -> None:
    print(f'\nOpen it:  selfattn app --model {model}\nor:       selfattn.load("{model}")')


def _open_sweep(out: Path) -> "Sweep":
    from selfattn.training.search import sweeps

    return sweeps.open_sweep(out)


def _prepared_sweep(
    out: Path,
    corpus: "Corpus",
    settings: "Settings",
    searched: str,
    trials: int,
    tokenizer: str | None,
    name: str | None,
    device: str,
) -> "Sweep":
    from selfattn.training.search import sweeps
    from selfattn.training.search.ranges import ranges_of

    return sweeps.prepare(
        out, corpus, settings, ranges_of(searched), trials, tokenizer=tokenizer, title=name, device=device
    )


def _run_sweep(sweep: "Sweep") -> None:
    """Every trial a line; in the end the best settings, and how to open what they made."""
    from selfattn.training.search import sweeps

    def say(trial: sweeps.Trial) -> None:
        result = trial.sentence if trial.accuracy is None else f"held-out accuracy {trial.accuracy:.3f}"
        print(f"trial {trial.number + 1} of {sweep.trials}   {trial.said}   {result}", flush=True)

    with _interrupting(lambda: sweep.ask("cancel")):
        state = sweeps.run(sweep, say)
    if state == "cancelled":
        print(f"Stopped after {len(sweep.results())} trials. To go on: selfattn train --resume --out {sweep.folder}")
        raise typer.Exit(STOPPED)
    best = sweep.best()
    if best is None:
        raise ValueError("No trial came to an end with a number; try smaller learning rates.")
    print(f"\n{sweep.verdict()}.")
    print("It was chosen on these held-out texts, so on others it may be a little lower.")
    _say_how_to_open(sweep.of(best.number).model)
