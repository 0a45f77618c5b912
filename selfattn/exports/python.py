"""The Python behind a picture: what a reader runs to have the same numbers again."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from selfattn.analysis.interventions import effects
from selfattn.maths.masks import MaskPattern
from selfattn.models.attention import Attention
from selfattn.models.inputs.given import Chat, Illustrated, Input, Pair, Picture, Sound, Translation
from selfattn.models.loading.library import Choice
from selfattn.recording.edits import Ablate, Edit
from selfattn.recording.means import Means


def of_head(
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
        place += f", edits={edit_list(alone)}"
    lines = [
        *imports([*edits, *(alone or ())], given),
        "",
        f"model = selfattn.load({arguments(choice)})",
        *data_sets([*edits, *(alone or ())]),
        f"trace = {trace('model', given, edits, pad, written)}",
        f"stages = trace.stages({place})",
        "print(stages.weights)",
    ]
    return "\n".join(lines) + "\n"


def imports(edits: Sequence[Edit], *given: Input) -> list[str]:
    """The lines that import what Python with these edits and inputs needs."""
    read = [*given, *(each.picture for each in given if isinstance(each, Illustrated))]
    made = Pair | Chat | Translation | Illustrated | Picture | Sound
    kinds = {type(each).__name__ for each in read if isinstance(each, made)}
    names = sorted({type(edit).__name__ for edit in edits} | kinds)
    lines = ["from pathlib import Path", ""] if {"Picture", "Sound"} & kinds else []
    lines.append("import selfattn")
    if names:
        lines.append(f"from selfattn import {', '.join(names)}")
    if "Mask" in names:
        lines.append("from selfattn.maths.masks import parse")
    return lines


def trace(model: str, given: Input, edits: Sequence[Edit], pad: int = 0, written: Sequence[int] = ()) -> str:
    """The call that makes a trace again; `model` is the name of a variable."""
    arguments = f"edits={edit_list(edits)}" + (f", pad={pad}" if pad else "")
    arguments += f", written={list(written)}" if written else ""
    return f"selfattn.trace({model}, {input_of(given)}, {arguments})"


def input_of(given: Input) -> str:
    """What makes an input again; a picture or a sound is read from the file of its name."""
    match given:
        case Pair(first, second):
            return f"Pair({first!r}, {second!r})"
        case Illustrated(text, picture):
            return f"Illustrated({text!r}, {input_of(picture)})"
        case Picture() | Sound():
            return f"{type(given).__name__}(Path({given.name!r}).read_bytes())"
    return repr(given)


def arguments(choice: Choice) -> str:
    """What `load` is called with, without what is as it always is."""
    default = Choice(choice.source)
    others = {each.name: getattr(choice, each.name) for each in fields(Choice)}
    chosen = [f"{name}={value!r}" for name, value in others.items() if value != getattr(default, name)]
    return ", ".join([repr(choice.source), *chosen])


def data_sets(edits: Sequence[Edit]) -> list[str]:
    """The lines that compute the means over the data sets that edits name, each under its name."""
    named = {edit.how.name: edit.how for edit in edits if isinstance(edit, Ablate) and isinstance(edit.how, Means)}
    return [
        f"{_variable(each)} = selfattn.means(model, [{', '.join(map(input_of, each.texts))}])"
        for each in named.values()
    ]


def _variable(means: Means) -> str:
    return f"over_{means.name}"


def edit_list(edits: Sequence[Edit]) -> str:
    """The list of calls that make these edits."""
    return f"[{', '.join(map(_expression, edits))}]"


def _expression(edit: Edit) -> str:
    """The call that makes `edit`, without the fields that are as they always are."""
    values = {each.name: getattr(edit, each.name) for each in fields(edit) if getattr(edit, each.name) != each.default}
    return f"{type(edit).__name__}({', '.join(f'{name}={_literal(value)}' for name, value in values.items())})"


def _literal(value: Any) -> str:
    if isinstance(value, MaskPattern):
        return f"parse({str(value)!r})"
    if isinstance(value, Means):
        return _variable(value)
    if isinstance(value, frozenset) and value:
        return "{" + ", ".join(map(repr, sorted(value))) + "}"
    return repr(value)


def experiment(
    choice: Choice,
    given: Input,
    attention: Attention,
    edits: Sequence[Edit],
    how: effects.How,
    on: str,
    pad: int = 0,
    written: Sequence[int] = (),
    answers: Sequence[str] = (),
) -> str:
    """The Python that prints what edits move, the control of the heads that they silence, and each head alone."""
    silenced = sorted(effects.silenced(edits, attention))
    generator = f"torch.Generator().manual_seed({effects.SEED})"
    run = f"lambda edits: {_traced(given, 'edits', pad, written)}"
    named = f", {list(answers)}" if answers else ""
    silent = _literal(how)
    lines = [
        *_opening(choice, edits, "effects", given),
        *data_sets([*edits, Ablate(how)]),
        f"measure = effects.on_text({run}{named})"
        if on == effects.THIS_TEXT
        else f"measure = effects.on_repeats(model, {generator})",
        f"edits = {edit_list(edits)}",
        "print(measure.name, measure.effect(tuple(edits)))",
        f"attention = model.attention({attention.part!r}, {attention.kind!r})",
    ]
    if 0 < len(silenced) <= attention.layers * attention.heads - len(silenced):
        lines += [
            f"chosen = {silenced}",
            f"print('silenced', measure.effect(effects.silence(chosen, attention, {silent})))",
            f"draws = effects.control(measure, attention, chosen, {generator}, {silent})",
            "print('control', effects.spread(draws))",
        ]
    lines += [f"for place, effect in effects.silencing(measure, attention, {silent}):", "    print(place, effect)"]
    return "\n".join(lines) + "\n"


def patching(
    choice: Choice,
    given: Input,
    clean: Input,
    attention: Attention,
    name: str,
    pad: int = 0,
    written: Sequence[int] = (),
    answers: Sequence[str] = (),
) -> str:
    """The Python that prints the share of the difference between two texts that each head recovers."""
    named = f", {list(answers)}" if answers else ""
    run = f"lambda contexts: {_traced(given, '()', pad, written, contexts='contexts')}"
    lines = [
        *_opening(choice, (), "patching", given, clean),
        f"corrupt = {_traced(given, '()', pad, written)}",
        f"clean = {_traced(clean, '()', pad, written)}",
        f"recovery = patching.Recovery.of(clean, corrupt, {name!r}{named})",
        f"attention = model.attention({attention.part!r}, {attention.kind!r})",
        f"for place, share in patching.patching(recovery, attention, clean, {run}):",
        "    print(place, share)",
    ]
    return "\n".join(lines) + "\n"


def _opening(choice: Choice, edits: Sequence[Edit], module: str, *given: Input) -> list[str]:
    needed = ["import torch", *imports(edits, *given), f"from selfattn.analysis.interventions import {module}"]
    return [*needed, "", f"model = selfattn.load({arguments(choice)})"]


def _traced(given: Input, edits: str, pad: int, written: Sequence[int], contexts: str = "") -> str:
    """The call that makes a trace; `edits` and `contexts` are names of variables."""
    others = {"pad": pad or None, "written": list(written) or None, "contexts": contexts or None}
    more = "".join(f", {name}={value}" for name, value in others.items() if value is not None)
    return f"selfattn.trace(model, {input_of(given)}, {edits}{more})"
