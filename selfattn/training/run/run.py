"""A run: a folder that holds all of one training, which any process can watch, stop and take up again.

run = prepare(folder, corpus, Settings(epochs=3))
start(run)                        # in a process of its own; train(run) in this one
run.status, run.metrics()         # read from disk, so that every session sees the same
selfattn.load(run.model)          # the best network so far
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import psutil
import torch
from transformers import PreTrainedTokenizerFast

from selfattn.models.budgets import SHARE, in_words
from selfattn.models.model import first_line
from selfattn.places import RUNS
from selfattn.threads import threads
from selfattn.training import locks, processes
from selfattn.training.data import encoded, vocabulary
from selfattn.training.data.corpora import Corpus
from selfattn.training.data.encoded import Encoded
from selfattn.training.data.splits import Split, split
from selfattn.training.run import history, progress
from selfattn.training.run.history import History
from selfattn.training.run.progress import Measured, Status
from selfattn.training.run.settings import Settings
from selfattn.training.writing import atomically

FORMAT = 1
WATCHED, LONGEST_WATCHED = 4, 500  # sentences, and characters of one
# A weight, its gradient, and the two moments of AdamW, in float32.
BYTES_A_PARAMETER = 16
THREADS = 1
ASKED = ("pause", "cancel")


@dataclass(frozen=True)
class Run:
    """A folder of one training. Every property reads it anew."""

    folder: Path

    @property
    def data(self) -> Path:
        """The encoded texts."""
        return self.folder / "data.safetensors"

    @property
    def checkpoint(self) -> Path:
        """All that is needed to go on."""
        return self.folder / "checkpoint.safetensors"

    @property
    def model(self) -> Path:
        """The best network so far, as a folder that `selfattn.load` opens; there from the first evaluation on."""
        return self.folder / "model"

    @property
    def settings(self) -> Settings:
        """The choices that it was prepared with."""
        return Settings(**_read(self.folder / "settings.json"))

    @property
    def about(self) -> dict[str, Any]:
        """What it is trained on: name, rows, held_out, labels, notes, tokens, parameters, watched, created."""
        return _read(self.folder / "about.json")

    @property
    def status(self) -> Status:
        """Where it stands. A process that died without a word left it paused."""
        # The lock first: a run that ends in between has written its last word by then.
        held = locks.held(self.folder / "lock")
        found = progress.read_status(self.folder / "status.json")
        if held:
            return replace(found, state="running", sentence="")
        if found.state == "running":
            return replace(found, state="paused", seconds_left=None)
        return found

    def metrics(self) -> list[Measured]:
        """Every evaluation so far."""
        return progress.read_metrics(self.folder / "metrics.jsonl")

    def history(self) -> History:
        """What the heads gave to the watched sentences. Raises ValueError where nothing was recorded yet."""
        return history.read(self.folder / "history")

    def tokenizer(self) -> PreTrainedTokenizerFast:
        """The run's own."""
        return vocabulary.open_tokenizer(str(self.folder / "tokenizer"))

    def ask(self, what: Literal["pause", "cancel"]) -> None:
        """Ask whoever trains it to stop; heard at the next step. One that nobody trains is cancelled at once."""
        if what not in ASKED:
            raise ValueError(f"A run can be asked to {' or '.join(ASKED)}; got {what!r}.")
        if self.status.state == "running":
            atomically(self.folder / "asked", what.encode())
        elif what == "cancel" and self.status.state in ("ready", "paused", "failed"):
            cancelled = replace(self.status, state="cancelled", sentence="It was cancelled.")
            progress.write_status(self.folder / "status.json", cancelled)

    def asked(self) -> str | None:
        """What it was asked, once."""
        file = self.folder / "asked"
        if not file.exists():
            return None
        what = file.read_text(encoding="utf-8")
        file.unlink()
        return what


def prepare(
    folder: Path,
    corpus: Corpus,
    settings: Settings,
    *,
    watched: Sequence[str] = (),
    tokenizer: str | None = None,
) -> Run:
    """Write all that training needs to `folder`: settings, tokenizer, encoded and split data. Nothing is trained.

    `watched` are the sentences to trace as it learns, the first held-out ones if there are none; `tokenizer` names an
    existing one. Raises ValueError, in one sentence, where the settings or the data cannot be trained on.
    """
    settings.check()
    if (corpus.labels is None) != (settings.task == "next token"):
        needs = "no labels" if settings.task == "next token" else "a label for each text"
        raise ValueError(f"The task {settings.task!r} takes {needs}; choose the other task or other data.")
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; choose another folder for this run.")
    parts = split(corpus.texts, corpus.labels, corpus.names, settings.held_out, settings.seed)
    used = _tokenizer(corpus, parts, settings, tokenizer)
    count = parameters(settings, len(used), corpus.names)
    _check_memory(count)
    data = encoded.encode(corpus, parts, used, settings)
    about = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(),
        "name": corpus.name,
        "rows": len(corpus.texts),
        "held_out": len(parts.held_out),
        "labels": list(corpus.names),
        "notes": [*corpus.notes, *parts.notes, *_notes(data, settings)],
        "tokens": len(data.ids),
        "tokenizer": tokenizer or "trained on the data",
        "parameters": count,
        "watched": [text for text in watched if text.strip()]
        or [corpus.texts[row][:LONGEST_WATCHED] for row in parts.held_out[:WATCHED]],
        "threads": THREADS,
    }
    try:
        _write_all(folder, used, data, about, settings)
    except Exception as error:  # a full disk, in the words of three libraries
        shutil.rmtree(folder, ignore_errors=True)
        raise ValueError(
            f"{folder} could not be written ({first_line(error)}); free some space, and try again."
        ) from error
    return Run(folder)


def _tokenizer(corpus: Corpus, parts: Split, settings: Settings, name: str | None) -> PreTrainedTokenizerFast:
    if name is None:
        # Held-out words must not shape the tokenizer.
        words = (corpus.texts[row] for row in parts.training)
        used = vocabulary.train_tokenizer(words, settings.vocabulary, framed=settings.task == "classification")
    else:
        used = vocabulary.open_tokenizer(name)
    used.model_max_length = settings.longest
    return used


def _check_memory(count: int) -> None:
    """Raise ValueError where a network of so many parameters cannot be trained here."""
    needed, allowed = BYTES_A_PARAMETER * count, SHARE * psutil.virtual_memory().available
    if needed > allowed:
        raise ValueError(
            f"{count:,} parameters need {in_words(needed)} to be trained, and {in_words(allowed)} may be used; "
            "choose a smaller d_model, fewer layers or a smaller vocabulary."
        )


def _write_all(
    folder: Path, tokenizer: PreTrainedTokenizerFast, data: Encoded, about: dict[str, Any], settings: Settings
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder / "tokenizer")
    encoded.write(folder / "data.safetensors", data)
    _write(folder / "about.json", about)
    progress.write_status(folder / "status.json", Status("ready", 0, data.steps(settings.batch) * settings.epochs))
    (folder / "lock").touch()
    # Last, for a folder is a run once it is there.
    _write(folder / "settings.json", asdict(settings))


def _notes(data: Encoded, settings: Settings) -> list[str]:
    notes, steps = [], data.steps(settings.batch) * settings.epochs
    if data.cut:
        said = "1 text is longer than" if data.cut == 1 else f"{data.cut:,} texts are longer than"
        notes.append(f"{said} {settings.longest} tokens and cut there.")
    if steps < 100:
        notes.append(f"{steps} steps in all are few to learn from; choose more epochs or a smaller batch.")
    return notes


def parameters(settings: Settings, vocabulary: int, names: tuple[str, ...]) -> int:
    """How many numbers the network of these settings has."""
    from selfattn.models.encoder import SelfAttentionForCausalLM, SelfAttentionForSequenceClassification

    causal = settings.task == "next token"
    with torch.device("meta"):
        config = settings.config(vocabulary, names)
        network = SelfAttentionForCausalLM(config) if causal else SelfAttentionForSequenceClassification(config)
        return int(network.num_parameters())


def open_run(folder: Path) -> Run:
    """The run in a folder. Raises ValueError where there is none, or one of another format."""
    run = Run(Path(folder))
    try:
        found = run.about.get("format")
        if found != FORMAT:
            raise ValueError(f"{folder} is a run of format {found!r}, and this version reads {FORMAT}; train it again.")
        run.settings.check()
        progress.read_status(run.folder / "status.json")
    except (OSError, TypeError, KeyError, AttributeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{folder} holds no run; prepare one, or give a folder of {RUNS}.") from error
    return run


def all_runs(home: Path = RUNS) -> list[Run]:
    """Every run in a folder of runs, the newest first."""
    found = []
    for folder in home.iterdir() if home.is_dir() else ():
        if (folder / "settings.json").is_file():
            try:
                found.append(open_run(folder))
            except ValueError:  # of another version; whoever opens it is told
                continue
    return sorted(found, key=lambda run: str(run.about["created"]), reverse=True)


def start(run: Run) -> None:
    """Train a run in a process of its own, which outlives this one. Raises ValueError where it is trained already."""
    _startable(run)
    (run.folder / "asked").unlink(missing_ok=True)
    processes.start("selfattn.training.run.background", run.folder)


def train(
    run: Run, report: Callable[[Status, Measured | None], None] | None = None, *, lock: int | None = None
) -> Status:
    """Train a run in this process, from its last checkpoint or from the start; `report` hears of each evaluation.

    Between them it hears twice a second, with None. `lock` is a descriptor that holds the run's lock already. Raises
    ValueError where another process trains it.
    """
    from selfattn.training.run.loop import Loop

    _startable(run)
    # Sums depend on how many threads share them: the same number gives the same weights.
    alike = threads(run.about["threads"])
    with locks.locked(run.folder / "lock", lock), alike, torch.random.fork_rng(devices=[]):
        return Loop(run, report).train()


def _startable(run: Run) -> None:
    state = progress.read_status(run.folder / "status.json").state
    if state in ("done", "cancelled"):
        raise ValueError(f"{run.folder.name} is {state}; prepare another run to train again.")


def delete(run: Run) -> None:
    """Remove a run and all it made. Raises ValueError while it is trained."""
    if run.status.state == "running":
        raise ValueError(f"{run.folder.name} is being trained; pause or cancel it first.")
    shutil.rmtree(run.folder)


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _write(file: Path, content: dict[str, Any]) -> None:
    atomically(file, json.dumps(content, indent=2, ensure_ascii=False).encode())
