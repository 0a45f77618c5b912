"""The loop of a run: steps, evaluations, checkpoints, and an ear for pause and cancel."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from statistics import fmean

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import PreTrainedModel

from selfattn.models.encoder import SelfAttentionForCausalLM, SelfAttentionForSequenceClassification
from selfattn.training.data import encoded
from selfattn.training.fit import Descent
from selfattn.training.run import checkpoints, history, informed, outcome, progress, quality
from selfattn.training.run.checkpoints import Counters
from selfattn.training.run.progress import Evaluation, State, Status
from selfattn.training.run.run import Run
from selfattn.training.writing import DiskFullError

Report = Callable[[Status, Evaluation | None], None]

CHECKPOINT_EVERY = 50  # steps; what a crash can cost at most
EVALUATIONS = 4  # an epoch, where each is of so many steps at least
BETWEEN = 10
TELL_EVERY = 0.5  # seconds between two words on how far it is
COMMON = 5  # occurrences at which the chance that a word is hidden has halved
LOOKED_AT = 8  # held-out texts on which the entropy is measured


class _StoppedError(Exception):
    """The run stopped before its end: how, and why in one sentence."""

    def __init__(self, state: State, sentence: str = "") -> None:
        super().__init__(sentence)
        self.state, self.sentence = state, sentence


class Loop:
    """One run being trained in this process."""

    def __init__(self, run: Run, report: Report | None) -> None:
        settings = run.settings
        self.run, self.settings, self.report = run, settings, report
        self.data = encoded.read(run.data)
        self.tokenizer = run.tokenizer()
        self.a_epoch = self.data.steps(settings.batch)
        self.steps = self.a_epoch * settings.epochs
        self.every = max(BETWEEN, self.a_epoch // EVALUATIONS)
        self.recorded = set(history.steps_to_record(self.steps))
        self.watched = history.watch(self.tokenizer, run.about["watched"], min(32, settings.longest))
        self.looked_at = self._looked_at()
        # Rare words are learned by heart; what is said of many things, such as "not", must be seen.
        self.chances = settings.word_dropout / (1 + self.data.occurrences(len(self.tokenizer)) / COMMON)
        torch.manual_seed(settings.seed)
        self.device = torch.device(run.device)
        self.descent = Descent(
            self._network().to(self.device),
            steps=self.steps,
            learning_rate=settings.learning_rate,
            warm_up=min(settings.warm_up, self.steps // 5),
            weight_decay=settings.weight_decay,
            clip=settings.clip,
            averaging=settings.averaging,
        )
        self.counters = Counters()
        self.begun = self.told = time.monotonic()
        self.first = 0  # the step that this process began with

    def train(self) -> Status:
        """Train from the last checkpoint, or from the start, to the end or until it is stopped."""
        try:
            self._go_on()
            self._tell("running")
            for batch in self._batches():
                self._listen()
                self._step(batch)
            self._checkpoint()
            return self._end("done")
        except _StoppedError as stopped:
            return self._end(stopped.state, stopped.sentence)

    def _network(self) -> PreTrainedModel:
        names = tuple(self.run.about["labels"])
        config = self.settings.config(len(self.tokenizer), names, self.data.pad)
        if self.settings.task == "next token":
            return SelfAttentionForCausalLM(config)
        network = SelfAttentionForSequenceClassification(config)
        if self.settings.informed:
            # The ratios of two labels are each other's opposites.
            ratios = informed.log_ratios(self.data, len(self.tokenizer), len(names))[len(names) == 2 :]
            generator = torch.Generator().manual_seed(self.settings.seed)
            informed.inform(network.get_input_embeddings().weight, ratios, generator)
        return network

    def _looked_at(self) -> history.Watched:
        rows = next(self.data.in_order(len(self.data.held_out)))
        spread = rows[torch.linspace(0, len(rows) - 1, min(LOOKED_AT, len(rows))).long()]
        ids = tuple(tuple(self.data.text(row).tolist()) for row in spread.tolist())
        return history.Watched(("",) * len(ids), ids, ((),) * len(ids))

    def _go_on(self) -> None:
        """Take up the last checkpoint; what was written after it is dropped, and will come again."""
        if self.run.checkpoint.exists():
            try:
                self.counters = checkpoints.read(self.run.checkpoint, self.descent)
            except (OSError, RuntimeError, SafetensorError, KeyError, TypeError, ValueError) as error:
                raise _StoppedError("failed", "Its checkpoint is damaged; prepare the run again.") from error
            kept = [each for each in self.run.metrics() if each.step <= self.descent.done]
            with self._writing():
                progress.write_metrics(self.run.folder / "metrics.jsonl", kept)
        else:
            self._record()
            self._checkpoint()
        self.first, self.begun = self.descent.done, time.monotonic()

    def _batches(self) -> Iterator[dict[str, Tensor]]:
        """The batches that are left, from the step of the checkpoint on."""
        epoch, begin = divmod(self.descent.done, self.a_epoch)
        for at in range(epoch, self.settings.epochs):
            for rows in self.data.epoch(self.settings.batch, self.settings.seed, at)[begin:]:
                yield self.data.batch(rows)
            begin = 0

    def _listen(self) -> None:
        """Stop where someone asked for it."""
        match self.run.heard():
            case "pause":
                self._checkpoint()
                raise _StoppedError("paused")
            case "cancel":
                self._checkpoint()
                raise _StoppedError("cancelled", "It was cancelled.")

    def _step(self, batch: dict[str, Tensor]) -> None:
        self.descent.network.train()
        if self.settings.word_dropout and self.data.labels is not None:
            batch = encoded.without_words(batch, self.chances)
        loss, gradient = self.descent.step({name: tensor.to(self.device) for name, tensor in batch.items()})
        if not (math.isfinite(loss) and math.isfinite(gradient)):
            what, value = ("loss", loss) if not math.isfinite(loss) else ("gradient", gradient)
            raise _StoppedError("failed", self._not_finite(what, value, self.descent.done + 1))
        self.counters.losses.append(loss)
        self.counters.gradients.append(gradient)
        step = self.descent.done
        if step in self.recorded:
            self._record()
        if step % self.every == 0 or step == self.steps:
            self._evaluate()
        elif step % CHECKPOINT_EVERY == 0:
            self._checkpoint()
        if time.monotonic() - self.told > TELL_EVERY:
            self._tell("running")

    def _not_finite(self, what: str, value: float, step: int) -> str:
        became = "NaN" if math.isnan(value) else "infinite"
        kept = f"the best model, of step {self.counters.best_step:,}, is kept" if self.counters.best_step else ""
        kept = kept or "it had not been measured before, so no model is kept"
        return (
            f"The {what} became {became} at step {step:,}; {kept}. "
            f"Try a smaller learning rate than {self.settings.learning_rate:g}, or a longer warm-up."
        )

    def _evaluate(self) -> None:
        """Measure, keep the network if it is the best so far, and stop if it has not been for too long."""
        counters, settings = self.counters, self.settings
        found = quality.held_out(self.descent.kept, self.data, settings.batch)
        if not math.isfinite(found.loss):
            raise _StoppedError("failed", self._not_finite("held-out loss", found.loss, self.descent.done))
        measured = Evaluation(
            step=self.descent.done,
            loss=fmean(counters.losses),
            held_out_loss=found.loss,
            accuracy=found.accuracy,
            f1=found.f1,
            gradient_norm=fmean(counters.gradients),
            entropy=self._entropy(),
            learning_rate=self.descent.rate,
        )
        counters.losses, counters.gradients = [], []
        counters.without_improvement += 1
        with self._writing():
            progress.append_metrics(self.run.folder / "metrics.jsonl", measured)
            if _better(measured, counters):
                counters.best, counters.best_accuracy = found.loss, found.accuracy
                counters.best_step, counters.without_improvement = measured.step, 0
                outcome.keep(self.run, self.descent.kept, measured, self.steps)
        self._checkpoint()
        self._tell("running", measured)
        if 0 < settings.patience <= counters.without_improvement:
            raise _StoppedError(
                "done",
                f"It stopped early at step {measured.step:,}: the {settings.best_by} had been no better for "
                f"{settings.patience} evaluations, since step {counters.best_step:,}.",
            )

    def _entropy(self) -> tuple[float, ...]:
        patterns = history.snapshot(self.descent.kept, self.looked_at).patterns
        return tuple(patterns["entropy"].nanmean(-1).tolist()) if "entropy" in patterns else ()

    def _record(self) -> None:
        """Trace the watched sentences."""
        with self._writing():
            history.write(
                self.run.folder / "history",
                self.descent.done,
                history.snapshot(self.descent.kept, self.watched),
                self.watched,
            )

    def _checkpoint(self) -> None:
        with self._writing():
            spent = replace(self.counters, seconds=self._seconds())
            checkpoints.write(self.run.checkpoint, self.descent, spent)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A full disk stops the run with one sentence; the last checkpoint is whole."""
        try:
            yield
        except (DiskFullError, SafetensorError) as error:
            raise _StoppedError(
                "failed",
                f"The disk is full at step {self.descent.done:,}; the last checkpoint is whole. "
                "Free some space and start it again.",
            ) from error

    def _seconds(self) -> float:
        return self.counters.seconds + time.monotonic() - self.begun

    def _tell(self, state: State, measured: Evaluation | None = None, sentence: str = "") -> Status:
        """Write where the run stands, for every process that looks, and tell whoever called."""
        now, done = time.monotonic(), self.descent.done - self.first
        a_step = (now - self.begun) / done if done else None
        status = Status(
            state,
            self.descent.done,
            self.steps,
            seconds=self._seconds(),
            seconds_left=None if a_step is None else a_step * (self.steps - self.descent.done),
            sentence=sentence,
            best=self.counters.best,
            best_step=self.counters.best_step,
        )
        self.told = now
        # On a full disk the words are lost, and the return value is not.
        with suppress(DiskFullError):
            progress.write_status(self.run.folder / "status.json", status)
        if self.report is not None:
            self.report(status, measured)
        return status

    def _end(self, state: State, sentence: str = "") -> Status:
        self.descent.network.eval()
        return self._tell(state, sentence=sentence)


def _better(found: Evaluation, before: Counters) -> bool:
    """More texts are right, or as many with a smaller loss; of next tokens the loss alone is asked."""
    if before.best is None:
        return True
    if found.f1 is None or before.best_accuracy is None:
        return found.held_out_loss < before.best
    return (found.accuracy, -found.held_out_loss) > (before.best_accuracy, -before.best)
