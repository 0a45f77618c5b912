"""A sweep: many short runs that search for the best of some settings, in one folder.

    sweep = prepare(folder, corpus, Settings(epochs=3), ranges_of("learning_rate,heads"), trials=12)
    start(sweep)                      # in a process of its own; run(sweep) in this one
    sweep.results(), sweep.best()     # read from disk, so that every session sees the same

Each trial is proposed by Optuna's tree-structured Parzen estimator (Bergstra et al. 2011) from the results before it,
with a seed of its own: a sweep that is stopped and taken up again proposes what it would have proposed anyway.
"""

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import Field, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from selfattn.training.data import encoded
from selfattn.training.data.corpora import Corpus
from selfattn.training.run import progress
from selfattn.training.run.prepare import parameters
from selfattn.training.run.prepare import prepare as prepare_run
from selfattn.training.run.progress import Evaluation, Status
from selfattn.training.run.run import Run, open_run
from selfattn.training.run.settings import Settings
from selfattn.training.run.train import train
from selfattn.training.work import Work, add_line, read_lines, read_object, write_object

Value = bool | int | float | str
State = Literal["ready", "running", "done", "cancelled", "failed"]
MOST_TRIALS = 1000


@dataclass(frozen=True)
class Range:
    """Where the value of a setting is looked for: between two numbers, or among a few choices."""

    low: float = 0.0
    high: float = 0.0
    log: bool = False  # every order of magnitude is as likely
    among: tuple[Value, ...] = ()


# Where each setting is usually looked for.
USUAL: Mapping[str, Range] = {
    "learning_rate": Range(5e-4, 1e-2, log=True),
    "layers": Range(among=(1, 2, 3, 4)),
    "heads": Range(among=(1, 2, 4, 8)),
    "d_model": Range(among=(32, 64, 128)),
    "d_ff": Range(among=(64, 128, 256, 512)),
    "dropout": Range(0.0, 0.4),
    "attention_dropout": Range(0.0, 0.4),
    "weight_decay": Range(1e-3, 0.3, log=True),
    "batch": Range(among=(16, 32, 64, 128)),
    "clip": Range(0.1, 10.0, log=True),
    "positions": Range(among=("none", "sinusoidal", "learned", "rope", "alibi", "t5")),
    "similarity": Range(among=("dot", "cosine", "additive", "bilinear", "rbf")),
    "pooling": Range(among=("mean", "cls", "attention")),
    "norm": Range(among=("pre", "post")),
    "scaling": Range(among=(True, False)),
}


@dataclass(frozen=True)
class Trial:
    """One trial's settings among those searched, and its held-out accuracy where its held-out loss was smallest."""

    number: int
    values: dict[str, Any]
    accuracy: float | None  # None where it failed
    seconds: float
    sentence: str = ""  # why it failed

    @property
    def said(self) -> str:
        """Its settings in words."""
        return ", ".join(
            f"{name} {value:.2g}" if type(value) is float else f"{name} {value}" for name, value in self.values.items()
        )


@dataclass(frozen=True)
class Sweep(Work):
    """A folder of one sweep."""

    @property
    def trials(self) -> int:
        """How many trials it was prepared for."""
        return int(self._about()["trials"])

    @property
    def ranges(self) -> dict[str, Range]:
        """Where each of the settings is looked for."""
        return {
            name: Range(**{**found, "among": tuple(found["among"])}) for name, found in self._about()["ranges"].items()
        }

    @property
    def base(self) -> Run:
        """The run that holds the data, and the settings that are not searched; it is never trained."""
        return Run(self.folder / "base")

    @property
    def state(self) -> State:
        """Where it stands. A process that died without a word left it cancelled: it can be taken up again."""
        if self.held:
            return "running"
        if len(self.results()) >= self.trials:
            return "done"
        return "cancelled" if any(self.folder.glob("trial-*")) else "ready"

    def of(self, number: int) -> Run:
        """The run of a trial."""
        return Run(self.folder / f"trial-{number:03}")

    def results(self) -> list[Trial]:
        """Every trial that came to an end."""
        return [Trial(**found) for found in read_lines(self.folder / "trials.jsonl")]

    def best(self) -> Trial | None:
        """The trial of the highest accuracy, the first of several; None before any has one."""
        found = [trial for trial in self.results() if trial.accuracy is not None]
        return max(found, key=lambda trial: trial.accuracy or 0.0, default=None)

    def ask(self, what: Literal["cancel"]) -> None:
        """Ask whoever runs it to stop, also inside a trial; heard within a second. It can be taken up again."""
        if what != "cancel":
            raise ValueError(f"A sweep can be asked to cancel; got {what!r}.")
        if self.state == "running":
            self.request(what)

    def _about(self) -> dict[str, Any]:
        return read_object(self.folder / "sweep.json")


def ranges_of(written: str) -> dict[str, Range]:
    """The ranges of "learning_rate=0.001:0.01,heads=1/2/4,dropout": from one number to another, choices, or usual ones.

    Raises ValueError for a setting that is not searched, and for a range that is none.
    """
    found = {}
    for part in filter(None, (part.strip() for part in written.split(","))):
        name, given, values = (piece.strip() for piece in part.partition("="))
        name = name.replace("-", "_")
        if name not in USUAL:
            raise ValueError(f"A sweep searches {', '.join(USUAL)}; got {name!r}.")
        found[name] = _range(name, values) if given else USUAL[name]
    if not found:
        raise ValueError(f"A sweep needs one setting at least, of {', '.join(USUAL)}.")
    return found


def _range(name: str, written: str) -> Range:
    field = next(field for field in fields(Settings) if field.name == name)
    low, colon, high = written.partition(":")
    try:
        ends = [_value(field, one.strip()) for one in ((low, high) if colon else written.split("/"))]
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"The range of {name} is LOW:HIGH or A/B/C of values that it can have; got {written!r}."
        ) from error
    if not colon:
        return Range(among=tuple(ends))
    if field.type not in (int, float) or not ends[0] < ends[1]:
        raise ValueError(f"A range LOW:HIGH goes from a number to a larger one; got {name}={written}.")
    return Range(ends[0], ends[1], log=USUAL[name].log)


def _value(field: Field[Any], written: str) -> Any:
    """A setting's value as it is written. Raises ValueError or KeyError for one that it cannot have."""
    kind: Any = field.type
    value = {"true": True, "false": False}[written.lower()] if kind is bool else kind(written)
    known = field.metadata
    if value not in known.get("among", [value]) or not known.get("least", value) <= value <= known.get("most", value):
        raise ValueError(f"{field.name} cannot be {written}.")
    return value


def prepare(
    folder: Path,
    corpus: Corpus,
    settings: Settings,
    ranges: Mapping[str, Range],
    trials: int,
    *,
    tokenizer: str | None = None,
) -> Sweep:
    """Write all that a sweep needs to `folder`: the data, the ranges, the settings that all trials share.

    Raises ValueError where Optuna is missing, and where the data or the settings cannot be trained on.
    """
    _optuna()
    if not 1 <= trials <= MOST_TRIALS:
        raise ValueError(f"A sweep has 1 to {MOST_TRIALS:,} trials; got {trials:,}.")
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; choose another folder for this sweep.")
    prepare_run(folder / "base", corpus, settings, tokenizer=tokenizer)
    about = {"trials": trials, "ranges": {name: asdict(found) for name, found in ranges.items()}}
    write_object(folder / "sweep.json", about)
    return Sweep(folder)


def open_sweep(folder: Path) -> Sweep:
    """The sweep in a folder. Raises ValueError where there is none."""
    sweep = Sweep(folder)
    try:
        open_run(sweep.base.folder)
        _ = sweep.trials, sweep.ranges
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{folder} holds no sweep that can be opened; prepare one.") from error
    return sweep


def all_sweeps(home: Path) -> list[Sweep]:
    """Every sweep in a folder of runs, the newest first."""
    found = []
    for folder in home.iterdir() if home.is_dir() else ():
        if (folder / "sweep.json").is_file():
            try:
                found.append(open_sweep(folder))
            except ValueError:  # of another version; whoever opens it is told
                continue
    return sorted(found, key=lambda sweep: str(sweep.base.about["created"]), reverse=True)


def start(sweep: Sweep) -> None:
    """Run a sweep in a process of its own, which outlives this one. Raises ValueError where it is running already."""
    sweep.begin("selfattn.training.search.sweeps")


def run(sweep: Sweep, report: Callable[[Trial], None] | None = None, *, lock: int | None = None) -> State:
    """Run the trials that are left, one after the other; `report` hears of each. Returns how it ended.

    `lock` is a descriptor that holds the sweep's lock already. Raises ValueError where another process runs it.
    """
    with sweep.holding(lock):
        try:
            for number in range(len(sweep.results()), sweep.trials):
                trial = _tried(sweep, number)
                if trial is None:
                    return "cancelled"
                add_line(sweep.folder / "trials.jsonl", asdict(trial))
                if report is not None:
                    report(trial)
        finally:
            sweep.unask()
    return "done"


def _tried(sweep: Sweep, number: int) -> Trial | None:
    """A trial from its start or its last checkpoint to its end; None where it was asked to stop on the way."""
    values = _proposed(sweep, number)
    settings = replace(sweep.base.settings, **values)
    try:
        settings.check()
    except ValueError as error:
        return Trial(number, values, None, 0.0, str(error))
    trial = sweep.of(number)
    if not (trial.folder / "settings.json").exists():
        _prepare_like(sweep.base, trial.folder, settings)

    def listen(status: Status, measured: Evaluation | None) -> None:
        if sweep.asked() and status.state == "running":
            trial.ask("pause")

    status = trial.status
    if status.state not in ("done", "failed"):
        status = train(trial, listen)
    if status.state == "paused":
        return None
    best = [each.accuracy for each in trial.metrics() if each.step == status.best_step]
    accuracy = best[0] if best and status.state == "done" else None
    return Trial(number, values, accuracy, status.seconds, status.sentence)


def _prepare_like(base: Run, folder: Path, settings: Settings) -> None:
    """A run on the data of another, with other settings."""
    shutil.copytree(base.folder, folder, ignore=shutil.ignore_patterns("settings.json"), dirs_exist_ok=True)
    data, about = encoded.read(base.data), base.about
    about["parameters"] = parameters(settings, len(base.tokenizer()), tuple(about["labels"]))
    write_object(folder / "about.json", about)
    steps = data.steps(settings.batch) * settings.epochs
    progress.write_status(folder / "status.json", Status("ready", 0, steps))
    # Last, for a folder is a run once it is there.
    write_object(folder / "settings.json", asdict(settings))


def _proposed(sweep: Sweep, number: int) -> dict[str, Any]:
    """The settings of a trial, given the results of those before it."""
    optuna = _optuna()
    seed = sweep.base.settings.seed + number
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=max(3, sweep.trials // 3))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    distributions = {name: _distribution(name, found) for name, found in sweep.ranges.items()}
    complete, failed = optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.FAIL
    for trial in sweep.results():
        state = failed if trial.accuracy is None else complete
        study.add_trial(
            optuna.trial.create_trial(
                params=trial.values, distributions=distributions, value=trial.accuracy, state=state
            )
        )
    proposed: dict[str, Any] = study.ask(distributions).params
    return proposed


def _distribution(name: str, found: Range) -> Any:
    optuna = _optuna()
    if found.among:
        return optuna.distributions.CategoricalDistribution(found.among)
    if next(field.type for field in fields(Settings) if field.name == name) is int:
        return optuna.distributions.IntDistribution(int(found.low), int(found.high), log=found.log)
    return optuna.distributions.FloatDistribution(found.low, found.high, log=found.log)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise ValueError('A sweep needs Optuna: pip install "selfattn[training]".') from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


if __name__ == "__main__":
    run(open_sweep(Path(sys.argv[1])), lock=int(sys.argv[2]) if len(sys.argv) > 2 else None)
