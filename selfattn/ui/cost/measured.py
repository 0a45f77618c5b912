"""What attention costs on this machine: measured while the reader looks on, point by point."""

import re
from collections.abc import Callable

import streamlit as st

from selfattn.analysis.cost import roofline
from selfattn.analysis.cost.exponents import CLEAN, Fit, fit
from selfattn.analysis.cost.measuring import ROUNDS, SHORTEST, Point, lengths
from selfattn.analysis.cost.methods import METHODS, WIDTH, Shape
from selfattn.figures import cost as figures
from selfattn.figures import pieces
from selfattn.models.budgets import free, in_words
from selfattn.ui.controls import whole_number
from selfattn.ui.cost.bench import LIMIT, Bench, Measurement, Setup
from selfattn.ui.link import KEEP
from selfattn.ui.shell.charts import chart
from selfattn.ui.shell.frame import Study

BENCH = Bench(most=8)
LONGEST = tuple(SHORTEST << step for step in range(8))
USUAL = 4096
GROWTH = {1: "N", 2: "N²"}
FORWARD, BOTH = "forward", "forward + backward"
# Seconds between two looks at how far it is.
BEAT = 1.0


def chosen(study: Study) -> tuple[Setup, bool]:
    """What is measured, by the reader's model or as they chose; and whether the backward pass is shown."""
    attention, device = study.model.attentions[0], study.model.devices[0]
    slug = re.sub(r"\W+", "_", study.model.name).lower()
    with st.container(horizontal=True, vertical_alignment="bottom", key="measured"):
        heads = whole_number("Heads", 1, 256, attention.heads, f"cost_heads_{slug}", width=110, **KEEP)
        d_head = whole_number("d of a head", 1, 512, attention.d_head, f"cost_d_{slug}", width=110, **KEEP)
        longest = st.select_slider("Longest text, in tokens", LONGEST, USUAL, key="longest", width=260, **KEEP)
        shown = st.segmented_control("Show", [FORWARD, BOTH], default=FORWARD, required=True, key="passes", **KEEP)
    dtype = str(study.model.network.dtype).removeprefix("torch.")
    shape = Shape(heads, d_head, dtype, str(device) if device.type == "cuda" else "cpu")
    return Setup(shape, int(longest)), shown == BOTH


def board(study: Study, setup: Setup, backward: bool, begin: bool) -> None:
    """The measurement: its button, its progress, or its result."""
    job = BENCH.begin(setup, free(study.model), anew=True) if begin else BENCH.job(setup)
    if job is None:
        st.html(f'<p class="sa-answer">{_takes(study, setup)}</p>')
        with st.container(key="panel_formulas"):
            _formulas(setup)
    elif job.running:
        _watched(study, job, backward)
    else:
        _ended(study, job)
        _results(study, job, backward)


@st.fragment(run_every=BEAT)
def _watched(study: Study, job: Measurement, backward: bool) -> None:
    """How far it is, and what there is of it already."""
    if not job.running:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", key="progress"):
        st.progress(min(job.share, 1.0), job.doing)
        st.button("Cancel", key="cancel_costs", on_click=job.stop)
    _results(study, job, backward)


def _ended(study: Study, job: Measurement) -> None:
    """How it ended, where that was not with all its points, and the way on."""
    whole = {(method, backward) for method, backward, _ in job.setup.keys}
    if job.error or job.stopped:
        sentence = job.error or "Cancelled: the points that were done are shown."
    elif job.refusals:
        first = job.refusals[0]
        sentence = f"{len(job.refusals)} of {len(whole)} lines end early. {first.method}: {first.reason}"
    else:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(pieces.notice(sentence))
        st.button("Go on", key="go_on", on_click=_go_on, args=(study, job))


def _go_on(study: Study, job: Measurement) -> None:
    BENCH.begin(job.setup, free(study.model))


def _takes(study: Study, setup: Setup) -> str:
    """What a measurement takes, before it is begun."""
    peak = max(
        method.peak(setup.shape, lengths(method, setup.longest)[-1], backward)
        for method in METHODS.values()
        for backward in (False, True)
    )
    return (
        f"Five ways to compute the same layer, from {SHORTEST} to {setup.longest:,} tokens and further for "
        f"the linear ones, on one core: about half a minute, at most {LIMIT:.0f} s, and up to {in_words(peak)} of "
        f"memory ({in_words(free(study.model))} are free). Cancel keeps what is done."
    )


def _formulas(setup: Setup) -> None:
    """What is known before anything is measured: operations, and the bytes that they are done on."""
    shape, tokens = setup.shape, setup.longest
    rows = []
    for method in METHODS.values():
        flops, traffic = method.flops(shape, tokens), method.traffic(shape, tokens)
        counts = (figures.short(flops, "FLOP"), in_words(traffic), f"{flops / traffic:.3g}")
        rows.append([method.name, method.formula, *counts, GROWTH[method.exponent]])
    beside = f"a forward pass of h = {shape.heads} heads, d = {shape.d_head}, N = {tokens:,} tokens, window w = {WIDTH}"
    st.html(pieces.heading("By formula", beside))
    st.html(pieces.table(["", "operations", "here", "bytes moved", "FLOP a byte", "grows like"], rows))


def _results(study: Study, job: Measurement, backward: bool) -> None:
    """Time, memory, exponents and the roof, as far as they are known."""
    every = [point for point in list(job.points.values()) if point.rounds]
    points = [point for point in every if point.backward == backward]
    if not points:
        return
    fits = _fits(points, lambda point: point.seconds)
    left, right = st.columns(2)
    with left.container(key="panel_time"):
        st.html(
            pieces.heading("Time", f"of one call: median, fastest and slowest of {ROUNDS} rounds; the line is the fit")
        )
        chart(figures.time_figure(points, fits, study.palette), "time", _spoken(points, fits))
    with right.container(key="panel_memory"):
        st.html(pieces.heading("Memory", "of one call at its peak, with Q, K and V"))
        chart(figures.memory_figure(points, study.palette), "memory", _spoken_memory(points))
    left, right = st.columns(2)
    with left.container(key="panel_exponents", height="stretch"):
        _table(points, fits)
    if job.machine is not None:
        with right.container(key="panel_roof", height="stretch"):
            _roof(study, job, [point for point in every if not point.backward])


def _fits(points: list[Point], cost: Callable[[Point], float]) -> dict[str, Fit]:
    """The lines of the methods that have enough clean lengths."""
    found = {name: fit({p.tokens: cost(p) for p in points if p.method == name}) for name in _names(points)}
    return {name: line for name, line in found.items() if line is not None}


def _names(points: list[Point]) -> list[str]:
    return [name for name in METHODS if any(point.method == name for point in points)]


def _table(points: list[Point], fits: dict[str, Fit]) -> None:
    """A method a row: its exponent beside theory's, and what it takes at the longest length that all have."""
    names = _names(points)
    at = {(point.method, point.tokens): point for point in points}
    common = [point.tokens for point in points if all((name, point.tokens) in at for name in names)]
    tokens = max(common)
    rows = []
    for name in names:
        point = at[name, tokens]
        stays = "–" if point.backward else in_words(point.kept)
        rows.append(
            [name, *_exponent(fits.get(name), name), figures.duration(point.seconds), in_words(point.peak), stays]
        )
    st.html(pieces.heading("How fast it grows", "time ~ N^p: measured, and by theory"))
    st.html(pieces.table(["", "p", "theory", "fitted on", f"at {tokens:,}", "peak", "stays"], rows))
    st.html(
        pieces.note(
            f"p is fitted by least squares where a call takes at least {CLEAN:g} times that of the shortest text; ± is "
            f"its standard error. A window reaches {WIDTH - 1} tokens to each side. Memory is what PyTorch allocates. "
            "Random Q, K and V, no mask."
        )
    )


def _exponent(fitted: Fit | None, name: str) -> tuple[str, str, str]:
    theory = str(METHODS[name].exponent)
    if fitted is None:
        return "–", theory, "too short to tell"
    return f"{fitted.exponent:.2f} ± {fitted.error:.2f}", theory, f"{fitted.lengths[0]:,} to {fitted.lengths[-1]:,}"


def _roof(study: Study, job: Measurement, points: list[Point]) -> None:
    """Every forward pass under the roof of the machine."""
    assert job.machine is not None
    roof, standings = job.machine, [roofline.standing(point, job.setup.shape) for point in points]
    where = "one core" if job.setup.shape.device == "cpu" else job.setup.shape.device
    st.html(
        pieces.heading(
            "Under the roof of this machine",
            f"{where}: {figures.short(roof.peak, 'FLOP/s')} multiplying matrices, {in_words(roof.bandwidth)}/s copying",
        )
    )
    last = {standing.method: standing for standing in standings}
    spoken = "; ".join(
        f"{each.method}: {each.intensity:.3g} FLOP a byte, {each.rate / roof.roof(each.intensity):.0%} of the roof"
        for each in last.values()
    )
    chart(figures.roofline_figure(roof, standings, study.palette), "roofline", spoken)
    st.html(
        pieces.note(
            "Left of the bend memory is the bound, right of it arithmetic. Eager writes and reads its N × N numbers, "
            "so it stays on the left however long the text; the fused kernel moves right with N. What lies above the "
            "roof found its numbers in a cache."
        )
    )


def _spoken(points: list[Point], fits: dict[str, Fit]) -> str:
    return "Time against tokens. " + "; ".join(
        f"{name}: " + (f"exponent {fits[name].exponent:.2f}" if name in fits else "too short to tell")
        for name in _names(points)
    )


def _spoken_memory(points: list[Point]) -> str:
    last = {point.method: point for point in sorted(points, key=lambda point: point.tokens)}
    return "Memory against tokens. " + "; ".join(
        f"{name}: {in_words(point.peak)} at {point.tokens:,} tokens" for name, point in last.items()
    )
