"""How a run begins: its data encoded and split, its tokenizer and its choices, in a folder."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast

from selfattn.models.budgets import SHARE, free_on, in_words
from selfattn.models.encoder import SelfAttentionForCausalLM, SelfAttentionForSequenceClassification
from selfattn.models.errors import first_line
from selfattn.models.loading.library import usable
from selfattn.training import titles
from selfattn.training.data import encoded, vocabulary
from selfattn.training.data.corpora import Corpus
from selfattn.training.data.encoded import Encoded
from selfattn.training.data.splits import Split, split
from selfattn.training.run import progress
from selfattn.training.run.progress import Status
from selfattn.training.run.run import FORMAT, Run, sensible_title
from selfattn.training.run.settings import Settings
from selfattn.training.work import write_object

WATCHED, LONGEST_WATCHED = 4, 500  # sentences, and characters of one
# A weight, its gradient, and the two moments of AdamW, in float32.
BYTES_A_PARAMETER = 16
THREADS = 1


def prepare(
    folder: Path,
    corpus: Corpus,
    settings: Settings,
    *,
    watched: Sequence[str] = (),
    tokenizer: str | None = None,
    title: str | None = None,
    device: str = "auto",
) -> Run:
    """Write all that training needs to `folder`: settings, tokenizer, encoded and split data. Nothing is trained.

    `watched` are the sentences to trace as it learns, the first held-out ones if there are none; `tokenizer` names an
    existing one; `title` is what the run is called. Raises ValueError, in one sentence, where the settings, the title
    or the data cannot be taken.
    """
    settings.check()
    on = usable(device)
    title = sensible_title(corpus.name, settings) if title is None else titles.checked(title)
    if (corpus.labels is None) != (settings.task == "next token"):
        needs = "no labels" if settings.task == "next token" else "a label for each text"
        raise ValueError(f"The task {settings.task!r} takes {needs}; choose the other task or other data.")
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; choose another folder for this run.")
    parts = split(corpus.texts, corpus.labels, corpus.names, settings.held_out, settings.seed)
    used = _tokenizer(corpus, parts, settings, tokenizer)
    count = parameters(settings, len(used), corpus.names)
    _check_memory(count, on)
    data = encoded.encode(corpus, parts, used, settings)
    about = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(),
        "title": title,
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
        "device": str(on),
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


def _check_memory(count: int, device: torch.device) -> None:
    """Raise ValueError where a network of so many parameters cannot be trained there."""
    needed, allowed = BYTES_A_PARAMETER * count, SHARE * free_on(device)
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
    write_object(folder / "about.json", about)
    progress.write_status(folder / "status.json", Status("ready", 0, data.steps(settings.batch) * settings.epochs))
    (folder / "lock").touch()
    # Last, for a folder is a run once it is there.
    write_object(folder / "settings.json", asdict(settings))


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
    causal = settings.task == "next token"
    with torch.device("meta"):
        config = settings.config(vocabulary, names)
        network = SelfAttentionForCausalLM(config) if causal else SelfAttentionForSequenceClassification(config)
        return int(network.num_parameters())
