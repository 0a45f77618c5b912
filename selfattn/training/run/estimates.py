"""What a run will be, before it is started: its size, and how long it takes on this machine."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from threading import Lock

import torch
from transformers import PreTrainedModel

from selfattn.models.encoder import SelfAttentionForCausalLM, SelfAttentionForSequenceClassification
from selfattn.models.loading.library import usable
from selfattn.threads import threads
from selfattn.training.data import vocabulary
from selfattn.training.data.corpora import Corpus
from selfattn.training.fit import Descent
from selfattn.training.run.prepare import THREADS
from selfattn.training.run.settings import Settings

SAMPLE = 4000
# Multiplications and additions that a reader waits for while they are timed.
MOST_OPERATIONS = 1e10
TIMED = 3
# Beside the steps: evaluations, snapshots and checkpoints, as a share of them; and the start of a process, in seconds.
BESIDE, START = 0.25, 5.0
# Two who are timed at once would slow each other down.
_timing = Lock()


@dataclass(frozen=True)
class Tokenization:
    """How a tokenizer cuts a sample of texts."""

    entries: int
    length: float  # mean tokens of a text


def cut(texts: Sequence[str], tokenizer: str | None, settings: Settings) -> Tokenization:
    """Cut the first texts with an existing tokenizer, or one trained on them. Raises ValueError where there is none."""
    sample = texts[:SAMPLE]
    framed = settings.task == "classification"
    used = (
        vocabulary.train_tokenizer(sample, settings.vocabulary, framed=framed)
        if tokenizer is None
        else vocabulary.open_tokenizer(tokenizer)
    )
    ids = used(list(sample), add_special_tokens=framed, verbose=False, return_attention_mask=False)["input_ids"]
    return Tokenization(len(used), fmean(min(len(each), settings.longest) for each in ids))


@dataclass(frozen=True)
class Estimate:
    """About how large a network is, and how long its training takes at most: it may stop early."""

    parameters: int
    steps: int
    seconds: float


def estimate(corpus: Corpus, found: Tokenization, settings: Settings) -> Estimate:
    """Count a network's parameters, and time a few steps of it on this machine. Raises ValueError as `check` does."""
    settings.check()
    network = _network(settings, found.entries, corpus.names)
    parameters = network.num_parameters()
    rows = round(len(corpus.texts) * (1 - settings.held_out))
    steps = max(1, -(-rows // settings.batch)) * settings.epochs
    length = max(2, round(found.length))
    # Embeddings are looked up: all other numbers take part in six operations a token, there and back.
    operations = 6 * (parameters - network.get_input_embeddings().weight.numel()) * length
    batch = max(1, min(settings.batch, int(MOST_OPERATIONS // operations)))
    a_step = _time(network, settings, batch, length) * settings.batch / batch
    return Estimate(parameters, steps, START + steps * a_step * (1 + BESIDE))


def _network(settings: Settings, entries: int, names: tuple[str, ...]) -> PreTrainedModel:
    kind = SelfAttentionForCausalLM if settings.task == "next token" else SelfAttentionForSequenceClassification
    with torch.random.fork_rng(devices=[]):
        return kind(settings.config(entries, names))


def _time(network: PreTrainedModel, settings: Settings, size: int, length: int) -> float:
    """Seconds of a step on a batch of random tokens, the shortest of a few, computed as training computes."""
    device = usable("auto")
    ids = torch.randint(len(network.get_input_embeddings().weight), (size, length), generator=torch.Generator())
    labels = ids if settings.task == "next token" else torch.zeros(size, dtype=torch.long)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}
    batch = {name: tensor.to(device) for name, tensor in batch.items()}
    steps, averaging = TIMED + 1, settings.averaging
    descent = Descent(
        network.train().to(device), steps=steps, learning_rate=0.0, clip=settings.clip, averaging=averaging
    )
    seconds = []
    with _timing, threads(THREADS), torch.random.fork_rng(devices=[]):
        for _ in range(steps):
            begun = time.perf_counter()
            descent.step(batch)  # which waits for the device
            seconds.append(time.perf_counter() - begun)
    return min(seconds[1:])
