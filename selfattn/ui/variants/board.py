"""The page of other attentions: what is computed of a head, kept, and shown."""

from dataclasses import replace
from typing import Any

import streamlit as st

from selfattn.analysis.variants import costs
from selfattn.analysis.variants import variant as variants
from selfattn.analysis.variants.costs import LONG, HeadShape
from selfattn.analysis.variants.other_attentions import VARIANTS
from selfattn.analysis.variants.ranking import Row, ranking
from selfattn.analysis.variants.variant import Difference, ErrorCurve, Exact, Variant, VariantSettings
from selfattn.canvas import component
from selfattn.canvas.variants import variants_payload
from selfattn.figures import pieces
from selfattn.figures.variants import curve_figure
from selfattn.ui import caches
from selfattn.ui.caches import Run
from selfattn.ui.kept import kept
from selfattn.ui.place import Head
from selfattn.ui.shell.charts import chart
from selfattn.ui.shell.frame import Study
from selfattn.ui.shell.source import source
from selfattn.ui.variants import choices

KEY = "variants"


@kept()
def exact(run: Run, at: Head) -> Exact:
    """The head as the model computed it."""
    return variants.exact_of(caches.trace(run), caches.call(run, at), at.head)


@kept("Computing every variant …")
def rows(run: Run, at: Head, settings: VariantSettings) -> tuple[Row, ...]:
    """Every variant on a head, the nearest to exact attention first."""
    return ranking(exact(run, at), settings)


@kept("Measuring the error …")
def _curve(run: Run, at: Head, name: str, settings: VariantSettings, values: tuple[float, ...]) -> ErrorCurve:
    return variants.curve(VARIANTS[name], exact(run, at), settings, values)


def variant_panel(study: Study, at: Head, variant: Variant, settings: VariantSettings) -> None:
    """What the chosen variant is, and where it has a setting, how the error falls with it."""
    head = exact(study.plain, at)
    st.html(pieces.heading(f"{variant.title} {variant.does}", variant.source))
    st.markdown(f"${variant.formula}$")
    values = choices.values(variant, head)
    if not values or variants.why_not(variant, head):
        return
    first = variant.controls[0]
    # The curve is the same wherever on it the reader stands, and with whichever draw.
    of_all = replace(settings, seed=0, **{first: getattr(VariantSettings(), first)})
    curve = _curve(study.plain, at, variant.name, of_all, values)
    label, even = choices.CONTROLS[first].label, variants.measure(variants.even(head), head).error
    spoken = f"Output error of {variant.title} by {label}: " + ", ".join(
        f"{value:g}: {error:.3f}" for value, error in zip(curve.values, curve.error, strict=True)
    )
    figure = curve_figure(curve, label, getattr(settings, first), even, study.palette)
    chart(figure, f"curve-{variant.name}", spoken, source(study.model, study.plain, at))


def picture(study: Study, at: Head, variant: Variant, settings: VariantSettings) -> None:
    """Both maps and their difference, the numbers, and the table of all variants, in which a row is chosen."""
    head, all_rows = exact(study.plain, at), rows(study.plain, at, settings)
    even = variants.measure(variants.even(head), head)
    row = next(row for row in all_rows if row.variant == variant)
    whole = costs.cost("softmax", HeadShape.of(head), settings).multiply_adds
    st.html(f'<p class="sa-answer">{_sentence(row, all_rows, even)}</p>')
    about = {
        "measured": _measured(row, even, settings, head),
        "table": [_line(place, each, whole) for place, each in enumerate(all_rows)],
        "chosen": all_rows.index(row),
        "caption": "Every variant on this head, the nearest output first",
    }
    names = caches.trace(study.plain).labels(caches.call(study.plain, at))
    title = variant.title if row.found and row.found.weights is not None else f"{variant.title}: no map of tokens"
    payload = variants_payload(head, row.found, names, ("exact attention", title), about)
    component.mount(
        "variants",
        key=KEY,
        data=payload,
        source=source(study.model, study.plain, at),
        on_open_change=lambda asked: choices.choose(str(asked["variant"])),
    )


def _sentence(row: Row, all_rows: tuple[Row, ...], even: Difference) -> str:
    """What to look at, by numbers."""
    if row.measured is None:
        return str(row.why_not)
    others = [each for each in all_rows if each.measured and each.variant.does != "is exact attention"]
    nearest, furthest = (f"{each.variant.title} ({each.error:,.0%})" for each in (others[0], others[-1]))
    return (
        f"{row.variant.title} changes this head’s output by {row.error:,.0%}; even attention, which looks nowhere, "
        f"by {even.error:.0%}. Nearest to exact here is {nearest}, furthest {furthest}."
    )


def _measured(row: Row, even: Difference, settings: VariantSettings, head: Exact) -> dict[str, Any]:
    """The panel of the chosen variant's numbers."""
    found, measured = row.found, row.measured
    if found is None or measured is None:
        return {"title": row.variant.title, "bars": [], "notes": [row.why_not], "costs": [[]]}
    bars = [{"name": "output error", "value": measured.error, "even": even.error}]
    notes = ["Largest ½ Σ |p − p′| of a row; |output − exact| / |exact|. The tick is even attention."]
    if measured.variation is not None and measured.sums is not None:
        bars.insert(0, {"name": "row variation", "value": measured.variation, "even": even.variation})
        least, most = measured.sums
        if max(abs(least - 1), abs(most - 1)) > 1e-4:
            notes.append(
                f"Rows sum to {least:.3g} to {most:.3g}, not to 1: the row variation is half a distance, and no share."
            )
        if found.weights is not None and (found.weights < -1e-6).any():
            lowest, highest = found.weights.min(), found.weights.max()
            notes.append(f"Its weights go from {lowest:.2f} to {highest:.2f}: the colours stop at 0.".replace("-", "−"))
    else:
        notes[0] = "|output − exact| / |exact|. The tick is even attention."
        notes.append("Its columns are mixtures of the tokens, so there is no map of tokens to compare.")
    if found.note:
        notes.append(found.note)
    return {"title": f"{row.variant.title} {row.variant.does}", "bars": bars, "notes": notes} | {
        "costs": _costs(row, settings, head)
    }


def _costs(row: Row, settings: VariantSettings, head: Exact) -> list[list[str]]:
    """The cost as a formula and as numbers at this length and at 4096, each as a share of exact attention's."""
    here = HeadShape.of(head)
    shapes = (here, here.long())
    pairs = [
        (costs.cost(row.variant.name, shape, settings), costs.cost("softmax", shape, settings)) for shape in shapes
    ]
    own, _ = pairs[0]
    sizes = [str(here.queries) if here.queries == here.keys else f"{here.queries} × {here.keys}", f"{LONG:,}"]
    return [
        ["", f"d = {here.d}, dᵥ = {here.d_v}", *(f"N = {size}" for size in sizes)],
        ["multiply-adds", own.operations, *(_share(one.multiply_adds, exact.multiply_adds) for one, exact in pairs)],
        ["numbers held", own.memory, *(_share(one.numbers, exact.numbers) for one, exact in pairs)],
    ]


def _share(part: int, whole: int) -> str:
    return f"{part:,}\n{part / whole:.2g}× exact"


def _line(place: int, row: Row, whole: int) -> dict[str, Any]:
    """A row of the table; what is not there is None. whole: the multiply-adds of exact attention."""
    measured = row.measured
    return {
        "place": place,
        "rank": place + 1,
        "name": row.variant.name,
        "title": row.variant.title,
        "does": row.variant.does if measured else "has no meaning on this head",
        "variation": measured and measured.variation,
        "error": measured and measured.error,
        "operations": row.cost.multiply_adds,
        "share": row.cost.multiply_adds / whole,
    }
