"""What is checked while all tests run: the shapes of functions of arrays. Of all other types mypy takes care."""

import inspect
import sys
from collections.abc import Iterator
from functools import cached_property
from types import FunctionType
from typing import get_args, no_type_check

from jaxtyping import AbstractArray, install_import_hook

CHECKED = (
    "selfattn.maths",
    "selfattn.recording",
    "selfattn.models.loading.library",
    "selfattn.models.inputs.tokens",
    "selfattn.models.answers.tasks",
    "selfattn.models.budgets",
    "selfattn.tracing",
    "selfattn.analysis",
    "selfattn.figures",
)


def check() -> None:
    """From here on, what is imported has its shapes checked."""
    assert not any(name.startswith(CHECKED) for name in sys.modules), "imported before its shapes could be checked"
    install_import_hook(CHECKED, "beartype.beartype")


def let_go() -> None:
    """Take the checks from functions that neither take nor give an array: each would cost more than the call."""
    for name, module in [*sys.modules.items()]:
        if name.startswith(CHECKED):
            for function in _functions(vars(module)):
                # What a module imports is left alone.
                if function.__module__ == name and not any(map(_has_array, inspect.get_annotations(function).values())):
                    no_type_check(function)


def _functions(names: dict[str, object]) -> Iterator[FunctionType]:
    for value in names.values():
        match value:
            case FunctionType():
                found = [value]
            case classmethod() | staticmethod():
                found = [value.__func__]
            case property():
                found = [value.fget]
            case cached_property():
                found = [value.func]
            case type():
                # What a class holds, but for other classes: they may hold it.
                found = _functions({key: inside for key, inside in vars(value).items() if not isinstance(inside, type)})
            case _:
                found = []
        yield from (each for each in found if isinstance(each, FunctionType))


def _has_array(annotation: object) -> bool:
    return (inspect.isclass(annotation) and issubclass(annotation, AbstractArray)) or any(
        map(_has_array, get_args(annotation))
    )
