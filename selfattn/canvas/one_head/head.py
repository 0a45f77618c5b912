"""One head as a payload: all that the browser needs to compute its stages again under any of the reader's settings."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from selfattn.canvas.one_head.senses import senses_payload
from selfattn.canvas.payload import Planes
from selfattn.maths.masks import custom
from selfattn.models.inputs.described import word_names
from selfattn.models.inputs.tokens import visible
from selfattn.recording.call import Call
from selfattn.recording.means import Means
from selfattn.tracing.trace import Trace


def head_payload(trace: Trace, call: Call, head: int) -> tuple[dict[str, Any], Planes]:
    """The words and the planes of one head as the model runs it, with the edits that are in the call.

    Words: the names of rows and columns, and of tokens a note on each and the names of whole words.

    Planes: query, key, value and raw scores (float32), the model's own mask, and where there are some what edits allow
    and what they cut after the softmax, and what the head is to give; its bias where there is one, and for each token
    its word, its sentence, and whether it is text (1) or padding (0).
    """
    setting, stages = call.settings[head], call.stages(head)
    queries, keys = trace.labels(call)
    planes: Planes = {
        "query": _floats(stages.query),
        "key": _floats(stages.key),
        "value": _floats(stages.value),
        "scores": _floats(stages.scores),
        **_masks(call, head),
        "real_queries": _bytes(call.real_keys() if call.kind == "self" else torch.ones(len(queries), dtype=torch.bool)),
        "real_keys": _bytes(call.real_keys()),
    }
    if isinstance(setting.ablate, Means):
        planes["given"] = _floats(stages.context)
    for name, bias in zip(("bias", "mask_bias"), call.biases(head), strict=True):
        if bias is not None and (name == "bias" or setting.own_mask):
            planes[name] = _floats(bias)
    words = {}
    for side, tokens in zip(("queries", "keys"), trace.sides(call), strict=True):
        if tokens is trace.tokens:
            words[side] = [visible(name) for name in word_names(tokens, trace.model.tokenizer)]
    for side, names in (("query", queries), ("key", keys)):
        planes[f"{side}_words"], planes[f"{side}_segments"] = _places(trace, names)
    surroundings, drawn = senses_payload(trace, call)
    planes |= drawn
    about = {
        "queries": [visible(name) for name in queries],
        "keys": [visible(name) for name in keys],
        "notes": dict(zip(("queries", "keys"), trace.notes(call), strict=True)),
        "word_names": words,
        "head": {
            **formula(call, head),
            "kind": call.kind,
            "scale": call.effective_scale(head),
            "temperature": setting.temperature,
            "ablated": _ablated(call, head),
            "softcap": call.softcap,
            "sink": None if call.sink is None else call.sink[head].item(),
            "extreme": extreme(call),
            **surroundings,
        },
    }
    return about, planes


def _ablated(call: Call, head: int) -> str | None:
    """What a silenced head gives: "zero", its "mean", its mean "so far", or what is "given"; None where it is not."""
    how = call.settings[head].ablate
    if isinstance(how, Means):
        return "given"
    return "so far" if how == "mean" and call.looks_back(head) else how


def _masks(call: Call, head: int) -> Planes:
    """The model's own mask, or all where an edit replaces it; what edits allow; and what they cut after the softmax."""
    setting = call.settings[head]
    keep = call.with_edits(()).keep(head)
    planes: Planes = {"keep": _bytes(keep if setting.own_mask else torch.ones_like(keep))}
    if setting.masks:
        planes["allowed"] = _bytes(replace(call, settings=(replace(setting, own_mask=False),) * call.heads).keep(head))
    if setting.cut_after:
        planes["cut"] = _bytes(custom(setting.cut_after).keep(*call.shape, None))
    return planes


def formula(call: Call, head: int) -> dict[str, Any]:
    """What a reader may change in the formula of a head, and why not where they may not."""
    own = "dot" if call.similarity is None else getattr(call.similarity, "__name__", "own")
    similarity = call.settings[head].similarity or own
    return {
        "similarity": similarity,
        "fixed": _unscaled(call, head) or fixed(call),
        "raw": _unscaled(call, head) is not None,
        "comparable": call.prescale is not None,
    }


def _unscaled(call: Call, head: int) -> str | None:
    """Why there is no scaling to switch off, where an edit has taken it."""
    raw = call.settings[head].rescale in ((None,), (1.0,)) and call.own_scale(head) != 1.0
    return "The model runs without scaling: take that out of it to divide again." if raw else None


def fixed(call: Call) -> str | None:
    """Why a call's scaling cannot be switched off, where it cannot."""
    if call.prescale is None:
        return "This model's scale could not be told apart from its query, so it cannot be taken away."
    return "This model never scales its scores, by design." if call.scale == 1.0 else None


def extreme(call: Call) -> float:
    """The raw score farthest from zero in any head of the layer."""
    return max(call.scores(head).abs().max().item() for head in range(call.heads))


def _places(trace: Trace, names: tuple[str, ...]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """For each token its word (-1: none) and its sentence: 0, and 1 from a pair's second text or a separator on."""
    tokens, tokenizer = trace.tokens, trace.model.tokenizer
    if names != tokens.text:
        return np.arange(len(names), dtype=np.int32), np.zeros(len(names), np.uint8)
    words = np.array([-1 if word is None else word for word in tokens.words], np.int32)
    if 1 in tokens.segments:  # what stands for no text belongs to the one before it
        return words, np.maximum.accumulate([segment or 0 for segment in tokens.segments]).astype(np.uint8)
    ends = np.array(tokens.ids) == getattr(tokenizer, "sep_token_id", None)
    first, last = (np.flatnonzero(ends)[[0, -1]]) if ends.any() else (len(names), len(names))
    after = np.arange(len(names)) > first
    return words, (after & (first < last)).astype(np.uint8)


def _floats(tensor: Tensor) -> np.ndarray[Any, Any]:
    return tensor.detach().float().cpu().numpy()


def _bytes(flags: Tensor) -> np.ndarray[Any, Any]:
    return flags.to(torch.uint8).cpu().numpy()
