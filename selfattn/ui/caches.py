"""What is kept between reruns: shared by all readers, keyed by everything that the result depends on, and bounded."""

import gc
import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
import torch

import selfattn
from selfattn import Model, Trace
from selfattn.analysis import scaling
from selfattn.analysis.all_heads.atlas import Heads
from selfattn.analysis.all_heads.on_repeats import Score
from selfattn.analysis.one_head.overview import overview
from selfattn.canvas.one_head.head import head_payload as payload_of
from selfattn.canvas.one_head.long import long_payload as long_payload_of
from selfattn.canvas.payload import Planes
from selfattn.figures.thumbnails import SIDE
from selfattn.models.budgets import NoRoomError
from selfattn.models.inputs.given import Illustrated, Picture, Sound, Text
from selfattn.models.loading import memory
from selfattn.models.loading.library import Choice
from selfattn.recording.call import Call
from selfattn.recording.edits import Ablate, Edit
from selfattn.recording.means import Means
from selfattn.ui import public
from selfattn.ui.kept import KEPT, SHARE, kept
from selfattn.ui.place import Head, Place
from selfattn.ui.shell.loads import Shelf
from selfattn.ui.turns import turn

Payload = tuple[dict[str, Any], Planes]
# Tokens of a text whose matrices the browser computes whole; a longer one is a map of tiles. With a picture most tokens
# are its patches, and only whole does it light up.
LONGEST_LIVE, LONGEST_ILLUSTRATED = 1024, 2048
FIRST_MODEL = os.environ.get("SELFATTN_MODEL", "sentiment")


@dataclass(frozen=True)
class Run:
    """A forward pass that can be made again: the model, what it reads, and the edits in it."""

    choice: Choice
    given: Text | Picture | Sound
    pad: int = 0
    written: tuple[int, ...] = ()  # tokens that the model has written so far
    edits: tuple[Edit, ...] = ()

    def under(self, edits: tuple[Edit, ...]) -> "Run":
        """The same pass with edits in the model."""
        return replace(self, edits=edits)


def model(choice: Choice) -> Model:
    """A model, loaded once for all readers. What belongs to one of them is never stored on it."""
    public.check_model(choice)
    return memory.get(choice.source) or MODELS.model(choice)


def _release(left: Collection[Choice] | None = None) -> None:
    """Models have left: traces hold on to theirs, and a device keeps memory that nobody uses until it is asked.

    Without a name all traces are let go.
    """
    KEPT.drop(lambda key: key.holds and (left is None or key.of(left)))
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


MODELS = Shelf(SHARE, at_once=2, release=_release)


@kept(holds=True)
def trace(run: Run) -> Trace:
    """The trace of a run. Raises ValueError where it has no room, not even once all other traces are let go."""
    try:
        return _trace(run)
    except NoRoomError:
        _release()
        return _trace(run)


def _trace(run: Run) -> Trace:
    public.check_input(run.given)
    edits = with_numbers(run.choice, run.edits)
    return selfattn.trace(model(run.choice), run.given, edits, pad=run.pad, written=run.written)


def with_numbers(choice: Choice, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The edits, in which means over texts are those of this model. Raises ValueError where the texts are not here."""
    return tuple(
        replace(edit, how=means(choice, edit.how)) if isinstance(edit, Ablate) and isinstance(edit.how, Means) else edit
        for edit in edits
    )


@kept("Averaging over the texts …")
def means(choice: Choice, over: Means) -> Means:
    """The means of a model's heads over texts."""
    if not over.texts:
        raise ValueError(
            f"Heads are silenced with their mean over {over.count} texts that are not here: bring the file again, "
            "where they are silenced."
        )
    return selfattn.means(model(choice), over.texts)


@kept("Writing …")
def continuation(run: Run, most: int) -> tuple[int, ...]:
    """What the model of a run writes next, by itself."""
    from selfattn.models.answers import generation

    public.check_input(run.given)
    with turn():
        return generation.continuation(
            model(run.choice), run.given, with_numbers(run.choice, run.edits), most=most, written=run.written
        )


def call(run: Run, at: Place) -> Call:
    """One attention call of a run."""
    return trace(run).call(at.layer, at.part, at.kind)


def longest_live(run: Run) -> int:
    """The most tokens of what a run reads whose heads the browser computes whole."""
    return LONGEST_ILLUSTRATED if isinstance(run.given, Illustrated) else LONGEST_LIVE


@kept()
def head_payload(run: Run, at: Head) -> Payload:
    """What the browser needs to compute one head itself."""
    return payload_of(trace(run), call(run, at), at.head)


@kept("Pooling the head's weights …")
def long_payload(run: Run, at: Head, alone: tuple[Edit, ...]) -> Payload:
    """What the browser needs of one head of a long text, with edits of this head alone on top of the run's."""
    found = call(run, at).with_edits((*trace(run).edits, *alone))
    return long_payload_of(found, at.head, *trace(run).labels(found), overview(found, at.head))


@kept()
def small_maps(run: Run, at: Place) -> list[np.ndarray[Any, Any]]:
    """The weights of every head of a layer, pooled to the size of a thumbnail."""
    found = call(run, at)
    return [overview(found, head, SIDE).weights.numpy() for head in range(found.heads)]


@kept(grows=True)
def heads(run: Run, part: str, kind: str) -> dict[int, Heads]:
    """Where the layers of an atlas are kept as they are done: who stops a long one loses nothing."""
    return {}


def repeats(run: Run) -> dict[tuple[int, int], Score]:
    """Where the induction scores of a model on repeated random tokens are kept, whatever it reads."""
    return _repeats(run.choice, *run.edits)


@kept(grows=True)
def _repeats(choice: Choice, *edits: Edit) -> dict[tuple[int, int], Score]:
    return {}


@st.cache_data(max_entries=32, show_spinner=False)
def random_saturation(dimensions: tuple[int, ...], temperature: float) -> dict[bool, list[scaling.Saturation]]:
    """The sweep over d_k, by temperature."""
    return scaling.random_saturation(dimensions, temperature)
