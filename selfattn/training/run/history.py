"""Attention learning to look: what every head gives to the tokens of some sentences, from random weights to trained.

    watched = watch(tokenizer, ["the cat sat; the cat"])
    write(folder, step, snapshot(network, watched), watched)     # at the steps of steps_to_record(total)
    read(folder).weights[0]                                      # (step, layer, head, query, key)

A history is a folder with a safetensors file a step, or one file of many steps (`save`). A snapshot leaves no trace in
the network or the global random numbers: training goes on as if nobody had looked.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import Tensor
from transformers import PreTrainedModel

from selfattn.analysis.all_heads.patterns import PATTERNS, uniform
from selfattn.analysis.interventions.repeats import repeated
from selfattn.models.inputs.tokens import encode
from selfattn.recording.doors import Recorder, install, recording

HALF = 16  # random tokens that come again, on which induction is measured
SEQUENCES = 8
SEED = 0
LARGEST_FILE = 256 * 2**20
LONGEST_NAME = 1000

Array = np.ndarray[Any, Any]


def steps_to_record(total: int, count: int = 40) -> tuple[int, ...]:
    """`count` whole steps from 0 to `total`, both among them, each about the same factor after the one before.

    Where a factor would be less than one step, one step; all steps where there are no more than `count`.
    """
    if total < 0 or count < 3:
        raise ValueError(f"At least 3 steps of 0 or more are recorded; got {count} of {total}.")
    steps = [0, 1][: total + 1]
    for left in range(min(count, total + 1) - 2, 0, -1):
        here = steps[-1]
        steps.append(max(here + 1, round(here * (total / here) ** (1 / left))))
    return tuple(steps)


@dataclass(frozen=True)
class Watched:
    """The sentences to trace, as the network reads them."""

    texts: tuple[str, ...]
    ids: tuple[tuple[int, ...], ...]
    tokens: tuple[tuple[str, ...], ...]  # as the writer wrote them


def watch(tokenizer: Any, texts: Sequence[str], longest: int = 32) -> Watched:
    """The tokens of some texts, of each the first `longest`. Raises ValueError for none, or one without a token."""
    if not texts:
        raise ValueError("No sentence was given to be watched; give one or more.")
    found = [encode(tokenizer, text)[0] for text in texts]
    return Watched(
        tuple(texts), tuple(each.ids[:longest] for each in found), tuple(each.text[:longest] for each in found)
    )


@dataclass(frozen=True)
class Snapshot:
    """What every head of a network does at one step."""

    weights: tuple[Tensor, ...]  # of each text (layer, head, query, key)
    patterns: dict[str, Tensor]  # (layer, head), by the name in `analysis.patterns`
    uniform: dict[str, float]  # the same patterns of a head with even weight on all that it may see
    causal: bool  # no token sees one after it


def snapshot(network: PreTrainedModel, watched: Watched) -> Snapshot:
    """Look at a network in the middle of its training: it is left as it was found.

    Entropy and previous token are means over the watched texts; induction, of a causal network alone, is measured on
    random tokens that come again, the same ones at each step.
    """
    with _at_rest(network):
        texts = [_look(network, torch.tensor(ids)) for ids in watched.ids]
        causal = not any(text.keep.triu(1).any() for text in texts)
        repeats = [_look(network, ids) for ids in _repeats(network)] if causal else []
    seen = {"entropy": texts, "previous": texts, "induction": repeats}
    patterns = {name: torch.stack([each.pattern(name) for each in looks]) for name, looks in seen.items() if looks}
    even = {name: float(np.nanmean([each.even(name) for each in seen[name]])) for name in patterns}
    # Texts of one token have no token before, and so no number.
    known = [name for name, baseline in even.items() if math.isfinite(baseline)]
    return Snapshot(
        tuple(text.weights for text in texts),
        {name: patterns[name].nanmean(0) for name in known},
        {name: even[name] for name in known},
        causal,
    )


@dataclass(frozen=True)
class _Look:
    """One text's weights, and what the mask lets through: (layer, head, query, key) both."""

    ids: Tensor
    weights: Tensor
    keep: Tensor

    def pattern(self, name: str) -> Tensor:
        return PATTERNS[name](self.weights, self.ids, keep=self.keep)

    def even(self, name: str) -> float:
        found = PATTERNS[name](uniform(self.keep), self.ids, keep=self.keep)
        return found.mean().item()


def _look(network: PreTrainedModel, ids: Tensor) -> _Look:
    with recording(Recorder(names={})) as recorder:
        network(input_ids=ids[None].to(network.device))
    weights = torch.stack([call.weights() for call in recorder.calls])
    keep = torch.stack([call.keep_of_heads().expand(call.heads, *call.shape) for call in recorder.calls])
    return _Look(ids, weights.float().cpu(), keep.cpu())


def _repeats(network: PreTrainedModel) -> Tensor:
    """The random sequences on which induction is measured, as long as the network's positions allow."""
    half = min(HALF, network.config.max_position_embeddings // 2)
    generator = torch.Generator().manual_seed(SEED)
    return repeated(SEQUENCES, half, generator, vocabulary=network.config.vocab_size)


@contextmanager
def _at_rest(network: PreTrainedModel) -> Iterator[None]:
    """The network without dropout and gradients, and afterwards each of its modules as it was."""
    install(network)
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


@dataclass(frozen=True)
class History:
    """What every head gave to the tokens of some texts, step by step."""

    steps: tuple[int, ...]
    texts: tuple[str, ...]
    tokens: tuple[tuple[str, ...], ...]
    weights: tuple[Array, ...]  # of each text (step, layer, head, query, key), float16
    patterns: dict[str, Array]  # (step, layer, head), float32
    uniform: dict[str, float]  # the baseline of each pattern
    causal: bool
    events: Mapping[int, str] = field(default_factory=dict)  # what changed in the training, by step


def write(folder: Path, step: int, snapshot: Snapshot, watched: Watched) -> None:
    """Add a step to the history in `folder`, all of it or nothing; a step that is there is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    one = History(
        (step,),
        watched.texts,
        watched.tokens,
        tuple(weights[None].half().numpy() for weights in snapshot.weights),
        {name: values[None].float().numpy() for name, values in snapshot.patterns.items()},
        snapshot.uniform,
        snapshot.causal,
    )
    save(one, folder / f"{step:09d}.safetensors")


def save(history: History, path: Path) -> None:
    """Write a history as one file, all of it or nothing."""
    arrays = {"steps": np.array(history.steps, np.int64)}
    arrays |= {f"weights.{text}": each for text, each in enumerate(history.weights)}
    arrays |= {f"patterns.{name}": each for name, each in history.patterns.items()}
    about = {name: getattr(history, name) for name in ("texts", "tokens", "uniform", "causal", "events")}
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(
            {name: np.ascontiguousarray(each) for name, each in arrays.items()}, part, {"history": json.dumps(about)}
        )
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read(path: Path) -> History:
    """The history in a folder, or in one file. Raises ValueError where there is none, or its files do not agree."""
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path] * path.is_file()
    if not files:
        raise ValueError(f"{path.name} holds no history yet; its first step is written when training begins.")
    parts = [_read(file) for file in files]
    first = parts[0]
    for file, part in zip(files, parts, strict=True):
        if _kind(part) != _kind(first):
            raise ValueError(f"{file.name} watched other sentences or another model than {files[0].name}; remove one.")
    steps = tuple(step for part in parts for step in part.steps)
    if any(later <= earlier for earlier, later in pairwise(steps)) or steps[0] < 0:
        raise ValueError(f"The steps of {path.name} do not rise from 0 on; record it again.")
    return History(
        steps,
        first.texts,
        first.tokens,
        tuple(np.concatenate([part.weights[text] for part in parts]) for text in range(len(first.texts))),
        {name: np.concatenate([part.patterns[name] for part in parts]) for name in first.patterns},
        first.uniform,
        first.causal,
        {step: name for part in parts for step, name in part.events.items()},
    )


def _kind(history: History) -> tuple[Any, ...]:
    """What all steps of one history share."""
    heads = [each.shape[1:] for each in (*history.weights, *history.patterns.values())]
    return history.texts, history.tokens, history.causal, sorted(history.patterns), heads


def _read(file: Path) -> History:
    """One file, which may come from anybody: nothing is read before its size and shapes are known to be good."""
    if (size := file.stat().st_size) > LARGEST_FILE:
        raise ValueError(f"{file.name} has {size:,} bytes, more than a history of {LARGEST_FILE:,}; record less.")
    try:
        with safe_open(file, "np") as opened:
            about = json.loads((opened.metadata() or {}).get("history", ""))
            shapes = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
            types = {name: opened.get_slice(name).get_dtype() for name in shapes}
            _check(about, shapes, types)
            arrays = {name: opened.get_tensor(name) for name in shapes}
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{file.name} is no file of a history ({error}); record it again.") from None
    return History(
        tuple(arrays["steps"].tolist()),
        tuple(about["texts"]),
        tuple(tuple(names) for names in about["tokens"]),
        tuple(arrays[f"weights.{text}"] for text in range(len(about["texts"]))),
        {name: arrays[f"patterns.{name}"] for name in about["uniform"]},
        about["uniform"],
        about["causal"],
        {int(step): name for step, name in about["events"].items()},
    )


def _check(about: Any, shapes: Mapping[str, tuple[int, ...]], types: Mapping[str, str]) -> None:
    """Raise ValueError unless the arrays of a file are those that its words tell of."""
    texts, tokens, even, events = (about[name] for name in ("texts", "tokens", "uniform", "events"))
    words = [*texts, *events.values(), *(name for names in tokens for name in names)]
    if not all(isinstance(word, str) and len(word) <= LONGEST_NAME for word in words):
        raise ValueError("its words are not texts")
    if len(texts) != len(tokens) or not texts or not isinstance(about["causal"], bool):
        raise ValueError("its texts and tokens differ in number")
    if not all(name in PATTERNS and type(each) is float and math.isfinite(each) for name, each in even.items()):
        raise ValueError("its patterns are unknown")
    (count,) = shapes["steps"]
    layers, heads = shapes["weights.0"][1:3]
    expected: dict[str, tuple[tuple[int, ...], str]] = {"steps": ((count,), "I64")}
    for text, names in enumerate(tokens):
        expected[f"weights.{text}"] = ((count, layers, heads, len(names), len(names)), "F16")
    expected |= {f"patterns.{name}": ((count, layers, heads), "F32") for name in even}
    if expected != {name: (shapes[name], types[name]) for name in shapes}:
        raise ValueError("its arrays have other names, shapes or types than its words tell of")
    if 0 in (count, layers, heads) or not all(tokens):
        raise ValueError("it is empty")
