"""A trace as data: one head's stages as JSON, npz or CSV, and the Python that computes them again."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from torch import Tensor

from selfattn.analysis.interventions import effects
from selfattn.maths.masks import MaskPattern
from selfattn.models.answers.predictions import Prediction
from selfattn.models.inputs.given import Input, Pair, Picture, Sound
from selfattn.models.loading.library import Choice
from selfattn.models.model import Attention
from selfattn.recording.edits import Edit
from selfattn.recording.edits import to_json as edits_to_json
from selfattn.tracing.trace import Trace

MATRICES = ("query", "key", "value", "scores", "scaled", "logits", "weights", "context", "keep")


def head_data(
    trace: Trace,
    layer: int,
    head: int,
    part: str | None = None,
    kind: str | None = None,
    alone: Sequence[Edit] | None = None,
) -> dict[str, Any]:
    """Everything about one head: its matrices as arrays, and what they belong to.

    `alone` takes the place of the trace's edits on this head: what it would do by itself, on the same q, k and v.
    """
    call = trace.call(layer, part, kind)
    stages = trace.stages(layer, head, part=part, kind=kind, edits=alone)
    queries, keys = trace.labels(call)
    prediction = trace.prediction
    return {
        "model": trace.model.name,
        "text": trace.text,
        **_also(trace.given),
        "tokens": list(trace.tokens.text),
        "attends_from": list(queries),
        "attends_to": list(keys),
        "layer": layer,
        "head": head,
        "part": call.part,
        "kind": call.kind,
        "scale": call.own_scale(head),
        "edits": json.loads(edits_to_json(trace.edits)),
        "fidelity": trace.fidelity,
        "prediction": None if prediction is None else _said(prediction),
        **({} if alone is None else {"edits_of_this_head_alone": json.loads(edits_to_json(alone))}),
        **{name: _array(getattr(stages, name)) for name in MATRICES},
    }


def _also(given: Input) -> dict[str, str]:
    """What was read beside a text: the second one of a pair, or the name of a file."""
    if isinstance(given, Pair):
        return {"second": given.second}
    return {type(given).__name__.lower(): given.name} if isinstance(given, Picture | Sound) else {}


def _said(prediction: Prediction) -> dict[str, Any]:
    """A prediction in words and numbers, with the pieces of text that it speaks of, where there are some."""
    said = {"kind": prediction.kind, "unit": prediction.unit, "top": prediction.top(10)}
    return said | ({"said": [vars(piece) for piece in prediction.said]} if prediction.said else {})


def _array(tensor: Tensor) -> np.ndarray[Any, Any]:
    return tensor.cpu().numpy()


def as_json(data: dict[str, Any]) -> str:
    """Strict JSON: matrices as nested lists; a logit of minus infinity (masked) is null."""
    return json.dumps({name: _listed(value) for name, value in data.items()}, ensure_ascii=False, allow_nan=False)


def _listed(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    rows = value.tolist()
    if value.dtype == bool or np.isfinite(value).all():
        return rows
    return [[x if math.isfinite(x) else None for x in row] for row in rows]


def as_npz(data: dict[str, Any]) -> bytes:
    """A NumPy archive: the matrices as arrays, all else in one JSON string named `about`."""
    arrays = {name: value for name, value in data.items() if isinstance(value, np.ndarray)}
    about = {name: value for name, value in data.items() if name not in arrays}
    buffer = io.BytesIO()
    arrays["about"] = np.array(json.dumps(about, ensure_ascii=False))
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def as_csv(data: dict[str, Any]) -> str:
    """One line for each (query, key) pair, with both tokens and every number between them."""
    rows = []
    matrices = [data[name].tolist() for name in ("scores", "scaled", "logits", "weights", "keep")]
    for i, attends_from in enumerate(data["attends_from"]):
        for j, attends_to in enumerate(data["attends_to"]):
            # Minus infinity would be a formula to a spreadsheet: a masked logit is an empty cell.
            numbers = [number if math.isfinite(number := matrix[i][j]) else None for matrix in matrices]
            rows.append([i, j, cell(attends_from), cell(attends_to), *numbers])
    names = ["query", "key", "attends_from", "attends_to", "score", "scaled", "logit", "weight", "keep"]
    return rows_as_csv(names, rows).decode()


def rows_as_csv(names: Iterable[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table under its names; None is an empty cell."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(names)
    writer.writerows(rows)
    return buffer.getvalue().encode()


def cell(text: str) -> str:
    """A token that a spreadsheet would run as a formula is kept from it by a leading quote."""
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r", "\n") else text


# What `--out` writes, by the ending of the file's name.
WRITERS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    ".json": lambda data: as_json(data).encode(),
    ".npz": as_npz,
    ".csv": lambda data: as_csv(data).encode(),
}


def as_python(
    choice: Choice,
    given: Input,
    edits: Sequence[Edit],
    layer: int,
    head: int,
    part: str,
    kind: str,
    pad: int = 0,
    written: Sequence[int] = (),
    alone: Sequence[Edit] | None = None,
) -> str:
    """The Python that computes the same numbers again; `alone` as in `head_data`."""
    place = f"{layer}, {head}, part={part!r}, kind={kind!r}"
    if alone is not None and tuple(alone) != tuple(edits):
        place += f", edits={python_edits(alone)}"
    lines = [
        *python_imports([*edits, *(alone or ())], given),
        "",
        f"model = selfattn.load({python_arguments(choice)})",
        f"trace = {python_trace('model', given, edits, pad, written)}",
        f"stages = trace.stages({place})",
        "print(stages.weights)",
    ]
    return "\n".join(lines) + "\n"


def python_imports(edits: Sequence[Edit], *given: Input) -> list[str]:
    """The lines that import what Python with these edits and inputs needs."""
    kinds = {type(each).__name__ for each in given if isinstance(each, Pair | Picture | Sound)}
    names = sorted({type(edit).__name__ for edit in edits} | kinds)
    lines = ["from pathlib import Path", ""] if {"Picture", "Sound"} & kinds else []
    lines.append("import selfattn")
    if names:
        lines.append(f"from selfattn import {', '.join(names)}")
    if "Mask" in names:
        lines.append("from selfattn.maths.masks import parse")
    return lines


def python_trace(model: str, given: Input, edits: Sequence[Edit], pad: int = 0, written: Sequence[int] = ()) -> str:
    """The call that makes a trace again; `model` is the name of a variable."""
    arguments = f"edits={python_edits(edits)}" + (f", pad={pad}" if pad else "")
    arguments += f", written={list(written)}" if written else ""
    return f"selfattn.trace({model}, {python_given(given)}, {arguments})"


def python_given(given: Input) -> str:
    """What makes an input again; a picture or a sound is read from the file of its name."""
    match given:
        case Pair(first, second):
            return f"Pair({first!r}, {second!r})"
        case Picture() | Sound():
            return f"{type(given).__name__}(Path({given.name!r}).read_bytes())"
    return repr(given)


def python_arguments(choice: Choice) -> str:
    """What `load` is called with, without what is as it always is."""
    default = Choice(choice.source)
    others = {each.name: getattr(choice, each.name) for each in fields(Choice)}
    chosen = [f"{name}={value!r}" for name, value in others.items() if value != getattr(default, name)]
    return ", ".join([repr(choice.source), *chosen])


def python_edits(edits: Sequence[Edit]) -> str:
    """The list of calls that make these edits."""
    return f"[{', '.join(map(_expression, edits))}]"


def _expression(edit: Edit) -> str:
    """The call that makes `edit`, without the fields that are as they always are."""
    values = {each.name: getattr(edit, each.name) for each in fields(edit) if getattr(edit, each.name) != each.default}
    return f"{type(edit).__name__}({', '.join(f'{name}={_literal(value)}' for name, value in values.items())})"


def _literal(value: Any) -> str:
    if isinstance(value, MaskPattern):
        return f"parse({str(value)!r})"
    if isinstance(value, frozenset) and value:
        return "{" + ", ".join(map(repr, sorted(value))) + "}"
    return repr(value)


def experiment_as_python(
    choice: Choice,
    given: Input,
    attention: Attention,
    edits: Sequence[Edit],
    how: effects.How,
    on: str,
    pad: int = 0,
    written: Sequence[int] = (),
) -> str:
    """The Python that prints what edits move, the control of the heads that they silence, and each head alone."""
    silenced = sorted(effects.silenced(edits, attention))
    generator = f"torch.Generator().manual_seed({effects.SEED})"
    run = f"lambda edits: {_traced(given, 'edits', pad, written)}"
    lines = [
        *_experiment(choice, edits, "effects"),
        f"measure = effects.on_text({run})"
        if on == effects.THIS_TEXT
        else f"measure = effects.on_repeats(model, {generator})",
        f"edits = {python_edits(edits)}",
        "print(measure.name, measure.effect(tuple(edits)))",
        f"attention = model.attention({attention.part!r}, {attention.kind!r})",
    ]
    if 0 < len(silenced) <= attention.layers * attention.heads - len(silenced):
        lines += [
            f"chosen = {silenced}",
            f"print('silenced', measure.effect(effects.silence(chosen, attention, {how!r})))",
            f"draws = effects.control(measure, attention, chosen, {generator}, {how!r})",
            "print('control', effects.spread(draws))",
        ]
    lines += [f"for place, effect in effects.silencing(measure, attention, {how!r}):", "    print(place, effect)"]
    return "\n".join(lines) + "\n"


def patching_as_python(
    choice: Choice,
    given: Input,
    clean: Input,
    attention: Attention,
    name: str,
    pad: int = 0,
    written: Sequence[int] = (),
) -> str:
    """The Python that prints the share of the difference between two texts that each head recovers."""
    run = f"lambda contexts: {_traced(given, '()', pad, written, contexts='contexts')}"
    lines = [
        *_experiment(choice, (), "patching"),
        f"corrupt = {_traced(given, '()', pad, written)}",
        f"clean = {_traced(clean, '()', pad, written)}",
        f"recovery = patching.Recovery.of(clean, corrupt, {name!r})",
        f"attention = model.attention({attention.part!r}, {attention.kind!r})",
        f"for place, share in patching.patching(recovery, attention, clean, {run}):",
        "    print(place, share)",
    ]
    return "\n".join(lines) + "\n"


def _experiment(choice: Choice, edits: Sequence[Edit], module: str) -> list[str]:
    imports = ["import torch", *python_imports(edits), f"from selfattn.analysis.interventions import {module}"]
    return [*imports, "", f"model = selfattn.load({python_arguments(choice)})"]


def _traced(given: Input, edits: str, pad: int, written: Sequence[int], contexts: str = "") -> str:
    """The call that makes a trace; `edits` and `contexts` are names of variables."""
    others = {"pad": pad or None, "written": list(written) or None, "contexts": contexts or None}
    more = "".join(f", {name}={value}" for name, value in others.items() if value is not None)
    return f"selfattn.trace(model, {given!r}, {edits}{more})"
