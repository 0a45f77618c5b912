"""What a head is drawn over, where the model reads a picture or a sound: the pixels, or the waves, and their tokens."""

from typing import Any

import numpy as np
from PIL import Image

from selfattn.canvas.payload import Planes
from selfattn.models.inputs.laying import Laid
from selfattn.models.inputs.pictures import Seen
from selfattn.models.inputs.sounds import Heard
from selfattn.recording.call import Call
from selfattn.tracing.laid import Sides
from selfattn.tracing.trace import Trace

# Pixels a side of a picture, and points along a sound, that a screen can show.
MOST_PIXELS, MOST_POINTS = 448, 1200


def senses_payload(trace: Trace, call: Call) -> tuple[dict[str, Any], Planes]:
    """`image` or `sound` for a head whose keys are patches or frames, with their planes; nothing for one of words."""
    queries, keys = call.shape
    laid = trace.laid(call)
    if trace.picture is not None and laid.keys is not None:
        return _image(trace.picture, laid, words=len(trace.sides(call)[1]) > 0)
    if trace.sound is not None and trace.sound.frames_a_second and (call.part == "encoder" or call.kind == "cross"):
        return _sound(trace, trace.sound, queries == keys, keys)
    return {}, {}


def _image(seen: Seen, laid: Sides, words: bool) -> tuple[dict[str, Any], Planes]:
    """The picture, and where on it queries and keys lie; `words`: the other tokens are those of a text."""
    drawn = Image.fromarray(seen.pixels)
    drawn.thumbnail((MOST_PIXELS, MOST_PIXELS))
    about = {"queries": _crops(laid.queries), "keys": _crops(laid.keys), "words": words}
    return {"image": about}, {"pixels": np.asarray(drawn, np.uint8)}


def _crops(laid: Laid | None) -> list[dict[str, Any]] | None:
    if laid is None:
        return None
    return [
        {"box": view.box, "rows": view.grid[0], "columns": view.grid[1], "cells": view.positions.ravel().tolist()}
        for view in laid.views
    ]


def _sound(trace: Trace, heard: Heard, queries: bool, keys: int) -> tuple[dict[str, Any], Planes]:
    rate = heard.frames_a_second or 1.0
    seconds = keys / rate  # some models hear silence after the sound, up to a length of their own
    about = {"seconds": seconds, "rate": rate, "queries": queries, "labels": _labels(trace, keys) if queries else None}
    planes = {"wave": _wave(heard.samples, round(seconds * heard.rate))}
    if heard.mel is not None:
        planes["mel"] = _mel(heard.mel)
    return {"sound": about}, planes


def _labels(trace: Trace, frames: int) -> list[str] | None:
    """What was heard, each sign over the middle of its frames."""
    said = trace.prediction.said if trace.prediction else ()
    labels = [""] * frames
    for piece in said:
        labels[min((piece.start + piece.end) // 2, frames - 1)] = piece.text
    return labels if said else None


def _wave(samples: np.ndarray[Any, Any], length: int) -> np.ndarray[Any, Any]:
    """The lowest and the highest sample of each point, as shares of the loudest: (2, point)."""
    whole = np.zeros(max(length, 1), np.float32)
    whole[: len(samples)] = samples[:length]
    points = np.array_split(whole, min(MOST_POINTS, len(whole)))
    loudest = max(float(np.abs(whole).max()), 1e-9)
    return np.array([[p.min() for p in points], [p.max() for p in points]], np.float32) / loudest


def _mel(mel: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The spectrogram in 256 steps from its lowest to its highest number, means over time where it is long."""
    points = np.array_split(mel, min(MOST_POINTS, mel.shape[1]), axis=1)
    small = np.stack([part.mean(1) for part in points], axis=1)
    span = max(float(small.max() - small.min()), 1e-9)
    return (255 * (small - small.min()) / span).astype(np.uint8)
