"""Scaled against unscaled, trained before the reader's eyes: one click, a column a d_k, the curves as they come."""

import math
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from selfattn import places
from selfattn.figures import pieces
from selfattn.figures import side_by_side as figures
from selfattn.figures.palette import Palette
from selfattn.figures.side_by_side import Line
from selfattn.training.search import side_by_side as pairs
from selfattn.training.search.side_by_side import PLAN, Gap, PairsPlan, Reading
from selfattn.ui.shell.charts import chart
from selfattn.ui.training import runs

BEAT = 1.0  # seconds between two looks
GOING = ("running", "stopping")


def side_by_side(palette: Palette) -> None:
    """The button, and for each d_k the curves of its pairs, live while they train, with what they come to."""
    folder = places.RUNS / "side-by-side"
    going = pairs.state(folder) in GOING

    @st.fragment(run_every=BEAT if going else None)
    def live() -> None:
        state = pairs.state(folder)
        if (state in GOING) != going:
            st.rerun()  # begun or ended, maybe by another session
        found, plan = pairs.points(folder), pairs.plan(folder) or PLAN
        gaps = pairs.gaps(plan, found)
        with st.container(key="panel_pairs"):
            _head(folder, state, plan, len(found))
            if gaps:
                st.html(f'<p class="sa-said">{_sentence(gaps[-1], plan)}</p>')
        if found:
            _curves(plan, found, palette)
        if gaps:
            with st.container(key="panel_pairs_table"):
                _table(gaps)

    live()


def _head(folder: Path, state: str, plan: PairsPlan, done: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(pieces.heading("Does it learn without the division by √d_k?") + f'<p class="sa-said">{_task(plan)}</p>')
        if state in GOING:
            st.button("Stop", key="pairs_stop", on_click=pairs.stop, args=(folder,), disabled=state == "stopping")
        elif st.button("Train again" if done else "Train both", key="pairs_start", type="primary"):
            _start(folder)
    if state in GOING:
        st.progress(min(done / plan.points, 1.0), _how_far(state, done))


def _start(folder: Path) -> None:
    try:
        runs.check_free()
        pairs.prepare(folder)
        pairs.start(folder)
        st.rerun()
    except ValueError as error:  # the curves below stay: another run may be in the way
        st.html(pieces.notice(str(error)))


def _task(plan: PairsPlan) -> str:
    return (
        f"Pairs of encoders, equal but for the division, learn to find a letter's digit among {plan.task.cards} cards: "
        f"d_k from {plan.widths[0]} to {plan.widths[-1]}, {plan.steps} steps, {plan.seeds} seeds, about a minute."
    )


def _how_far(state: str, done: int) -> str:
    if state == "stopping":
        return "Stopping …"
    return "Training, about a minute in all" if done else "Starting: PyTorch is being loaded …"


def _sentence(gap: Gap, plan: PairsPlan) -> str:
    """What the widest pairs that are complete came to, and no more than that."""
    (loss, raw_loss), (gradient, raw_gradient), (trace, raw_trace) = gap.losses, gap.gradients, gap.traces
    return (
        f"<b>At d_k = {gap.d_k}: loss after {plan.steps} steps {loss:.2g} divided, {raw_loss:.2g} raw</b> (guessing "
        f"{plan.guessing:.2f}). The gradient norm in the first {pairs.START} steps was {gradient:.1f} against "
        f"{raw_gradient:.1f}; tr J, the gradient that the softmax lets through, began at {trace:.2f} against "
        f"{raw_trace:.2f}. {_seeds(gap)}."
    )


def _seeds(gap: Gap) -> str:
    return f"Means of {gap.seeds} seeds" if gap.seeds > 1 else "One seed so far"


def _curves(plan: PairsPlan, found: Sequence[Reading], palette: Palette) -> None:
    baselines = dict(zip(figures.MEASURES, (plan.guessing, plan.clip, plan.uniform_trace), strict=True))
    with st.container(key="panel_pairs_curves"):
        st.html(figures.legend(palette))
        with st.grid(len(plan.widths), min_column_width=280):
            for d_k in plan.widths:
                lines = _lines(plan, [point for point in found if point.d_k == d_k])
                with st.container():
                    heads = plan.d_model // d_k
                    st.html(pieces.heading(f"d_k = {d_k}", f"{heads} heads, raw scores spread by {math.sqrt(d_k):.1f}"))
                    chart(
                        figures.pair_figure(lines, plan.steps, baselines, palette), f"pair-{d_k}", _spoken(d_k, lines)
                    )


def _lines(plan: PairsPlan, found: Sequence[Reading]) -> list[Line]:
    """A line for each training of one d_k."""
    sides = [
        (scaled, [point for point in found if (point.seed, point.scaled) == (seed, scaled)])
        for seed in range(plan.seeds)
        for scaled in (False, True)
    ]
    return [
        Line(
            scaled,
            [point.step for point in side],
            {
                "loss": [point.loss for point in side],
                "gradient norm": [point.gradient_norm for point in side],
                "tr J": [point.trace for point in side],
            },
        )
        for scaled, side in sides
        if side
    ]


def _spoken(d_k: int, lines: Sequence[Line]) -> str:
    said = "; ".join(
        f"{'divided' if line.scaled else 'raw'} at step {line.steps[-1]}: "
        + ", ".join(f"{name} {values[-1]:.3g}" for name, values in line.values.items())
        for line in lines
    )
    return f"Training with d_k = {d_k}: {said or 'not begun'}"


def _table(gaps: Sequence[Gap]) -> None:
    names = [
        "d_k",
        f"loss in the last {pairs.END} steps",
        f"gradient norm in the first {pairs.START}",
        "tr J before the first",
    ]
    rows = [
        [str(gap.d_k), _both(gap.losses, ".3f"), _both(gap.gradients, ".2f"), _both(gap.traces, ".3f")] for gap in gaps
    ]
    st.html(pieces.table(names, rows))


def _both(measured: tuple[float, float], written: str) -> str:
    divided, raw = measured
    return f"{divided:{written}} divided, {raw:{written}} raw"
