"""The plan: any architecture on paper, beside the memory of this machine."""

import re
from dataclasses import replace

import streamlit as st

from selfattn.analysis.cost import plans
from selfattn.analysis.cost.plans import PRESETS, Architecture, Plan
from selfattn.figures import cost as figures
from selfattn.figures import pieces
from selfattn.models.budgets import free, in_words
from selfattn.ui.controls import whole_number
from selfattn.ui.link import KEEP
from selfattn.ui.shell.charts import chart
from selfattn.ui.shell.frame import Study

OWN = "this model"
DTYPES = ("float32", "bfloat16", "float16")
GPUS = (1, 2, 4, 8, 16, 32, 64)
MOST_TOKENS = 10_000_000
# Tokens that a model is planned for where it has no limit.
LONG = 4096


def chosen(study: Study) -> Plan:
    """The plan that the reader chose: a preset, and whatever of it they changed. Raises ValueError for what is none."""
    model = study.model
    name = st.pills("Plan for", [OWN, *PRESETS], default=OWN, required=True, key="plan", **KEEP)
    own = plans.of(model)
    usual = (own, model.limit or LONG, str(model.network.dtype).removeprefix("torch."))
    first, length, dtype = PRESETS.get(name, usual)
    # The numbers of each preset are kept apart: going back to one finds it as it was left.
    slug = re.sub(r"\W+", "_", name if name in PRESETS else f"{name} {model.name}").lower()
    with st.container(horizontal=True, vertical_alignment="bottom", key="planned"):
        made = _architecture(first, slug)
        length = _number("Tokens", f"tokens_{slug}", length, MOST_TOKENS, 105)
        batch = _number("Texts", f"batch_{slug}", 1, 4096, 75)
        options = DTYPES if dtype in DTYPES else (*DTYPES, dtype)
        dtype = st.selectbox("Numbers", options, options.index(dtype), key=f"dtype_{slug}", width=110, **KEEP)
        gpus = st.selectbox("GPUs", GPUS, key=f"gpus_{slug}", width=75, **KEEP)
    counted = plans.counted(model) if name == OWN and made == first else None
    return Plan(made, length, batch, dtype, gpus, counted)


def _architecture(first: Architecture, slug: str) -> Architecture:
    """The sizes of the layers; how they are built otherwise stays as in the preset."""
    return replace(
        first,
        layers=_number("Layers", f"layers_{slug}", first.layers, 1000, 80),
        heads=_number("Heads", f"heads_{slug}", first.heads, 1024, 80),
        key_heads=_number("KV heads", f"key_heads_{slug}", first.key_heads, 1024, 90),
        d_head=_number("d of a head", f"d_head_{slug}", first.d_head, 4096, 95),
        d_ff=_number("Feed-forward d", f"d_ff_{slug}", first.d_ff, 1_000_000, 115),
        vocabulary=_number("Vocabulary", f"vocabulary_{slug}", first.vocabulary, 10_000_000, 105, least=0),
    )


def _number(label: str, key: str, first: int, most: int, width: int, least: int = 1) -> int:
    return whole_number(label, least, most, first, key, width=width, **KEEP)


def board(study: Study, plan: Plan) -> None:
    """The plan in four numbers and one picture."""
    st.html(figures.numbers(_numbers(plan)))
    here = free(study.model)
    rows = _rows(plan)
    with st.container(key="panel_plan"):
        st.html(pieces.heading("Memory", f"{plan.length:,} tokens, {_texts(plan)}, {plan.dtype}"))
        spoken = "; ".join(f"{name}: {in_words(size)}" for name, size, _ in rows)
        chart(figures.plan_figure(rows, here, study.palette), "plan_memory", f"{spoken}. Free here: {in_words(here)}.")
        st.html(f'<p class="sa-answer">{_reading(plan)}</p>')


def _texts(plan: Plan) -> str:
    return "one text" if plan.batch == 1 else f"{plan.batch:,} texts"


def _numbers(plan: Plan) -> list[tuple[str, str, str]]:
    made = plan.architecture
    whose = "by formula" if plan.counted is None else f"counted; {figures.short(made.parameters)} by formula"
    without = 2 * made.layers * made.heads * made.d_head * plan.itemsize
    sharing = (
        f"{in_words(without)} if each head had its own" if made.key_heads < made.heads else "every head has its own"
    )
    part, kept = plan.attention_flops / plan.flops, plan.recording + plan.head
    return [
        ("parameters", figures.short(plan.parameters), whose),
        ("KV cache of a token", in_words(plan.token_cache), sharing),
        (
            "one forward pass",
            figures.short(plan.flops, "FLOP"),
            f"attention {part:.1%} of it; half at {made.crossover:,} tokens",
        ),
        ("this app in place of all maps", _times(kept / plan.maps), f"{in_words(kept)} for {in_words(plan.maps)}"),
    ]


def _times(ratio: float) -> str:
    """A ratio as it is said: 1 / 39 or 4.2 times."""
    return f"1 / {1 / ratio:,.1f}" if ratio < 1 else f"{ratio:,.1f} ×"


def _rows(plan: Plan) -> list[tuple[str, int, str]]:
    rows = [
        ("weights", plan.weights, ""),
        ("KV cache", plan.cache, "key"),
        ("full maps of all heads", plan.maps, "weights"),
        ("this app: Q, K, V", plan.recording, "query"),
        ("this app: head looked at", plan.head, "query"),
    ]
    if plan.gpus > 1:
        rows.insert(2, (f"weights + cache, each of {plan.gpus} GPUs", plan.on_each_gpu, ""))
    return rows


def _reading(plan: Plan) -> str:
    made = plan.architecture
    return (
        f"All maps are {made.layers} × {made.heads} matrices of {plan.length:,} × {plan.length:,}: twice the "
        "tokens, four times the memory. Q, K and V only double, and give any map back, one head at a time."
    )
