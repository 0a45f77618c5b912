"""The variants as data: their numbers as CSV, and the Python behind the chosen one."""

from collections.abc import Sequence
from dataclasses import fields
from functools import partial

from selfattn.analysis.variants.ranking import Row
from selfattn.analysis.variants.variant import Variant, VariantSettings
from selfattn.exports import python
from selfattn.exports.data import rows_as_csv
from selfattn.ui.caches import Run
from selfattn.ui.place import Head
from selfattn.ui.shell import exporting

COLUMNS = ("attention", "group", "what it does", "row variation", "output error", "multiply-adds", "numbers held")


def export(run: Run, at: Head, rows: Sequence[Row], variant: Variant, settings: VariantSettings) -> None:
    """The export menu."""
    files = {"variants.csv": ("All variants as CSV", partial(as_csv, rows))}
    exporting.menu(files, {"The Python that makes the chosen one": as_python(run, at, variant, settings)})


def as_csv(rows: Sequence[Row]) -> bytes:
    """A line a variant; what has no meaning on this head has no numbers."""
    return rows_as_csv(COLUMNS, map(_line, rows))


def _line(row: Row) -> list[object]:
    measured, cost = row.measured, row.cost
    numbers = [None, None] if measured is None else [measured.variation, measured.error]
    return [row.variant.title, row.variant.group, row.variant.does, *numbers, cost.multiply_adds, cost.numbers]


def as_python(run: Run, at: Head, variant: Variant, settings: VariantSettings) -> str:
    """The Python that computes the same numbers again."""
    default = VariantSettings()
    chosen = {field.name: getattr(settings, field.name) for field in fields(VariantSettings)}
    said = ", ".join(f"{name}={value!r}" for name, value in chosen.items() if value != getattr(default, name))
    lines = [
        *python.imports((), run.given),
        "from selfattn.analysis.variants.other_attentions import VARIANTS",
        "from selfattn.analysis.variants.variant import VariantSettings, compute, exact_of, measure",
        "",
        f"model = selfattn.load({python.arguments(run.choice)})",
        f"trace = {python.trace('model', run.given, (), run.pad, run.written)}",
        f"exact = exact_of(trace, trace.call({at.layer}, {at.part!r}, {at.kind!r}), head={at.head})",
        f"found = compute(VARIANTS[{variant.name!r}], exact, VariantSettings({said}))",
        "print(measure(found, exact))",
    ]
    return "\n".join(lines) + "\n"
