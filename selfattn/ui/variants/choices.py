"""Which other attention, and what it is set to: chips in three groups, sliders for the chosen one, all in the link."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import streamlit as st

from selfattn.analysis.variants.other_attentions import GROUPS, VARIANTS
from selfattn.analysis.variants.variant import Exact, Variant, VariantSettings
from selfattn.figures import pieces
from selfattn.ui.link import QUOTED, Linked, linked

FIRST = "linear"


@dataclass(frozen=True)
class Control:
    """A setting as a slider over the values that make sense on a head."""

    label: str
    values: Callable[[Exact], Sequence[float]]


def _counts(most: int) -> tuple[int, ...]:
    """1 to 16, then by half as much again, to `most` itself."""
    steps = [*range(1, 17), 24, 32, 48, 64, 96, 128, 192, 256, 384]
    return (*(step for step in steps if step < most), most)


def _keys(exact: Exact) -> tuple[int, ...]:
    return _counts(max(int(exact.seen.sum()), 1))


def _landmarks(exact: Exact) -> tuple[int, ...]:
    return _counts(max(min(int(exact.real.sum()), int(exact.seen.sum())), 1))


CONTROLS = {
    "tau": Control("τ", lambda _: (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)),
    "spread": Control("σ² / √d", lambda _: (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)),
    "k": Control("k, keys kept", _keys),
    "alpha": Control("α", lambda _: (1.05, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)),
    "features": Control("m, random features", lambda _: tuple(2**n for n in range(2, 12))),
    "landmarks": Control("c, landmarks", _landmarks),
    "projected": Control("r, rows of E and F", _keys),
    "window": Control("w, width", _keys),
    "step": Control("c, step", lambda _: tuple(range(1, 9))),
    "block": Control("b, size of a block", _keys),
    "sinks": Control("s, first keys", lambda _: tuple(range(9))),
    "seed": Control("seed", lambda _: tuple(range(10))),
}
TOGGLES = {"orthogonal": "orthogonal directions", "exact_inverse": "exact inverse, not 6 steps towards it"}


def values(variant: Variant, exact: Exact) -> tuple[float, ...]:
    """What the variant's first setting can be on this head; nothing where that is no number to draw against."""
    if not variant.controls or variant.controls[0] == "seed":
        return ()
    found = tuple(CONTROLS[variant.controls[0]].values(exact))
    return found if len(found) > 1 else ()


def chips() -> Variant:
    """Choose among all variants, by chips in their groups; a link may have chosen."""
    state, chosen = st.session_state, VARIANT.get()
    for group in GROUPS:
        names = [name for name, variant in VARIANTS.items() if variant.group == group]
        key = f"variant_of_{group}"
        state[key] = chosen if chosen in names else None
        with st.container(horizontal=True, vertical_alignment="center", key=f"chips_{group}"):
            st.html(pieces.heading(group), width=84)
            st.pills(
                group,
                names,
                format_func=lambda name: VARIANTS[name].title,
                label_visibility="collapsed",
                wrap=True,
                key=key,
                on_change=_choose,
                args=(key,),
            )
    return VARIANTS[chosen]


def choose(name: str) -> None:
    """Show another variant."""
    if name in VARIANTS:
        VARIANT.put(name)


def _choose(key: str) -> None:
    # A press on the chosen chip would take it away: there is always one.
    if st.session_state[key] is not None:
        choose(st.session_state[key])


def settings(variant: Variant, exact: Exact) -> VariantSettings:
    """What all variants are set to, with a control for each setting of the chosen one."""
    kept = _fitting(SETTINGS.get(), exact)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name in variant.controls:
            kept = replace(kept, **{name: _control(name, getattr(kept, name), exact)})
    SETTINGS.put(kept)
    return kept


def _control(name: str, value: Any, exact: Exact) -> Any:
    key, state = f"variant_set_{name}", st.session_state
    if name in TOGGLES:
        state.setdefault(key, value)
        return st.toggle(TOGGLES[name], key=key)
    control = CONTROLS[name]
    options = tuple(control.values(exact))
    if len(options) == 1:
        return options[0]
    if state.get(key) not in options:
        state[key] = value
    return st.select_slider(control.label, options, key=key, width=210)


def _fitting(kept: VariantSettings, exact: Exact) -> VariantSettings:
    """The settings that there are on this head, nearest to those asked for."""
    near: dict[str, Any] = {
        name: min(control.values(exact), key=lambda option: abs(option - getattr(kept, name)))
        for name, control in CONTROLS.items()
    }
    return replace(kept, **near)


def _variant(name: str) -> str:
    if name not in VARIANTS:
        raise ValueError(f"Variant {name[:QUOTED]} was asked for; it is one of {', '.join(VARIANTS)}.")
    return name


def _read(asked: Mapping[str, str]) -> tuple[VariantSettings, list[str]]:
    """The settings that a link asks for, and a sentence for whatever is none."""
    found: dict[str, Any] = {}
    sentences = []
    for setting in fields(VariantSettings):
        if (written := asked.get(f"variant_{setting.name}")) is None:
            continue
        if setting.name in TOGGLES and written in ("True", "False"):
            found[setting.name] = written == "True"
        elif setting.name not in TOGGLES and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", written):
            found[setting.name] = float(written) if isinstance(setting.default, float) else int(float(written))
        else:
            usual = "True or False" if setting.name in TOGGLES else "a number"
            sentences.append(
                f"Variant {setting.name} {written[:QUOTED]} was asked for; it is {usual}. {setting.default} is used."
            )
    return VariantSettings(**found), sentences


def _written(kept: VariantSettings) -> dict[str, str]:
    values = {field: getattr(kept, field.name) for field in fields(VariantSettings)}
    return {f"variant_{field.name}": str(value) for field, value in values.items() if value != field.default}


VARIANT: Linked[str] = linked("variant", _variant, lambda name: None if name == FIRST else name, FIRST)
SETTINGS = Linked(tuple(f"variant_{field.name}" for field in fields(VariantSettings)), _read, _written)
