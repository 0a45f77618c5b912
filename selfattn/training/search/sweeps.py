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
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from selfattn.training import titles
from selfattn.training.data import encoded
from selfattn.training.data.corpora import Corpus
from selfattn.training.run import progress
from selfattn.training.run.prepare import parameters
from selfattn.training.run.prepare import prepare as prepare_run
from selfattn.training.run.progress import Evaluation, Status
from selfattn.training.run.run import Run, open_run
from selfattn.training.run.run import rename as rename_run
from selfattn.training.run.settings import Settings
from selfattn.training.run.train import train
from selfattn.training.search.ranges import Range
from selfattn.training.work import Work, add_line, read_lines, read_object, write_object

State = Literal["ready", "running", "done", "cancelled", "failed"]
MOST_TRIALS = 1000
NUMBERS = ("None", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")


@dataclass(frozen=True)
class Trial:
    """One trial's settings among those searched, and its held-out accuracy where it was best."""

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


def _trial(found: dict[str, Any]) -> Trial:
    """A trial from its line. Raises KeyError, TypeError or ValueError where that is none."""
    accuracy = found["accuracy"]
    return Trial(
        number=int(found["number"]),
        values=dict(found["values"]),
        accuracy=None if accuracy is None else float(accuracy),
        seconds=float(found["seconds"]),
        sentence=str(found["sentence"]),
    )


@dataclass(frozen=True)
class Sweep(Work):
    """A folder of one sweep."""

    @property
    def title(self) -> str:
        """What it is called: by its reader, else by its data."""
        try:
            return titles.checked(self._about().get("title"))
        except ValueError:  # an older sweep
            return sensible_title(self.base.about["name"])

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
        return [_trial(found) for found in read_lines(self.folder / "trials.jsonl")]

    def best(self) -> Trial | None:
        """The trial of the highest accuracy, the first of several; None before any has one."""
        found = [trial for trial in self.results() if trial.accuracy is not None]
        return max(found, key=lambda trial: trial.accuracy or 0.0, default=None)

    def verdict(self) -> str:
        """Which trial is the best, or how many are; nothing before any has an accuracy."""
        best = self.best()
        if best is None:
            return ""
        tied = sum(trial.accuracy == best.accuracy for trial in self.results())
        if tied == 1:
            return f"Best: {best.said}, held-out accuracy {best.accuracy:.3f}"
        count = NUMBERS[tied] if tied < len(NUMBERS) else f"{tied}"
        return f"{count} trials tie at held-out accuracy {best.accuracy:.3f}; the first of them: {best.said}"

    def ask(self, what: Literal["cancel"]) -> None:
        """Ask whoever runs it to stop, also inside a trial; heard within a second. It can be taken up again."""
        if what != "cancel":
            raise ValueError(f"A sweep can be asked to cancel; got {what!r}.")
        if self.state == "running":
            self.request(what)

    def _about(self) -> dict[str, Any]:
        return read_object(self.folder / "sweep.json")


def prepare(
    folder: Path,
    corpus: Corpus,
    settings: Settings,
    ranges: Mapping[str, Range],
    trials: int,
    *,
    tokenizer: str | None = None,
    title: str | None = None,
    device: str = "auto",
) -> Sweep:
    """Write all that a sweep needs to `folder`: the data, the ranges, the settings that all trials share.

    `title` is what it is called. Raises ValueError where Optuna is missing, and where the title, the data or the
    settings cannot be taken.
    """
    _optuna()
    title = sensible_title(corpus.name) if title is None else titles.checked(title)
    if not 1 <= trials <= MOST_TRIALS:
        raise ValueError(f"A sweep has 1 to {MOST_TRIALS:,} trials; got {trials:,}.")
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; choose another folder for this sweep.")
    prepare_run(folder / "base", corpus, settings, tokenizer=tokenizer, device=device)
    about = {
        "title": title,
        "trials": trials,
        "ranges": {name: asdict(found) for name, found in ranges.items()},
    }
    write_object(folder / "sweep.json", about)
    return Sweep(folder)


def sensible_title(data: str) -> str:
    """What a sweep is called at first."""
    return titles.sensible(data, "a sweep")


def rename(sweep: Sweep, title: str) -> None:
    """Call a sweep, and so its trials, by another title. Raises ValueError for one that cannot stand in a line."""
    about = read_object(sweep.folder / "sweep.json")
    write_object(sweep.folder / "sweep.json", about | {"title": titles.checked(title)})
    for trial in sweep.results():
        if (sweep.of(trial.number).folder / "settings.json").is_file():
            rename_run(sweep.of(trial.number), _title_of(sweep, trial.number))


def _title_of(sweep: Sweep, number: int) -> str:
    end = f", trial {number + 1}"
    return sweep.title[: titles.MOST - len(end)] + end


def delete(sweep: Sweep) -> None:
    """Remove a sweep and all its trials. Raises ValueError while it is running."""
    if sweep.held:
        raise ValueError(f"{sweep.title} is running; stop it first.")
    shutil.rmtree(sweep.folder)


def open_sweep(folder: Path) -> Sweep:
    """The sweep in a folder. Raises ValueError where there is none."""
    sweep = Sweep(folder)
    try:
        open_run(sweep.base.folder)
        _ = sweep.trials, sweep.ranges, sweep.results()
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
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
        _prepare_like(sweep.base, trial.folder, settings, _title_of(sweep, number))

    def listen(status: Status, measured: Evaluation | None) -> None:
        if sweep.asked() and status.state == "running":
            trial.ask("pause")

    status = trial.status
    if status.state not in ("done", "failed"):
        status = train(trial, listen)
    if status.state == "paused":
        return None
    best = trial.best()
    accuracy = best.accuracy if best and status.state == "done" else None
    return Trial(number, values, accuracy, status.seconds, status.sentence)


def _prepare_like(base: Run, folder: Path, settings: Settings, title: str) -> None:
    """A run on the data of another, with other settings."""
    shutil.copytree(base.folder, folder, ignore=shutil.ignore_patterns("settings.json"), dirs_exist_ok=True)
    data, about = encoded.read(base.data), base.about | {"title": title}
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
