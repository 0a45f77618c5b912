"""The pictures of one head, from a trace to the page: each function draws one."""

import math

import streamlit as st
import torch

from selfattn import Trace
from selfattn.analysis.gauges import gauges
from selfattn.figures import words
from selfattn.figures.palette import Palette
from selfattn.figures.stages import Array, Matrix, distinct, stages_figure
from selfattn.figures.thumbnails import thumbnail
from selfattn.maths.attend import Stages
from selfattn.models.tokens import visible
from selfattn.recording.call import Call
from selfattn.ui import style
from selfattn.ui.controls import KEEP, Change, Head
from selfattn.ui.export import figure_config
from selfattn.ui.shell import Study

# More tokens than this are shown by a window that moves over them: every cell keeps its exact number.
DRAWN = 96
# More tokens than this are chosen from a list and not from chips.
CHIPS = 64


def window_picker(tokens: int) -> slice:
    """Which tokens are drawn, where there are too many to see at once."""
    if tokens <= DRAWN:
        return slice(0, tokens)
    start = st.slider("First token drawn", 0, tokens - DRAWN, 0, key="start", **KEEP)
    st.caption(
        f"Tokens {start} to {start + DRAWN - 1} of {tokens} are drawn; every number is computed over all {tokens}."
    )
    return slice(start, start + DRAWN)


def token_picker(names: list[str], found: Stages, shown: slice) -> int:
    """The token that attends: a chip each, or a list for a long text. Until the reader chooses, a telling one."""
    places = list(range(shown.start, shown.stop))
    chosen = st.session_state.get("from_chosen", st.query_params.get("from", ""))
    at_hand = str(chosen).isdecimal() and int(chosen) in places
    st.session_state["from"] = int(chosen) if at_hand else telling_row(names, found, shown)
    if len(places) <= CHIPS:
        # Streamlit tells chips apart by their label: the same word again gets a mark that cannot be seen.
        labels = [words.plain_markdown(name) + "\u2060" * names[:i].count(name) for i, name in enumerate(names)]
        place = st.pills(
            "Attends from",
            places,
            required=True,
            format_func=lambda place: labels[place],
            key="from",
            on_change=_choose_row,
            label_visibility="collapsed",
        )
    else:
        labels = distinct([visible(name) for name in names])
        place = st.selectbox(
            "Attends from", places, format_func=lambda place: labels[place], key="from", on_change=_choose_row
        )
    assert place is not None  # a required choice
    _write_in_link("from", place if at_hand or "from_chosen" in st.session_state else None)
    return place


def _choose_row() -> None:
    st.session_state.from_chosen = st.session_state["from"]


def _write_in_link(key: str, value: int | None) -> None:
    """Positions are written by their number: the same word may come twice, and a bound widget would write the word."""
    if value is None:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = str(value)


def telling_row(names: list[str], found: Stages, shown: slice) -> int:
    """The word that gives most of its weight to one other word: where there is something to see at once."""
    word = torch.tensor([any(c.isalpha() for c in name) and name[0] not in "[<" for name in names])[shown]
    weights = found.weights[shown, shown].cpu()
    if weights.shape[0] != weights.shape[1] or not word.any():
        return shown.start
    others = weights.masked_fill(~(word[:, None] & word[None, :]), -1.0).fill_diagonal_(-1.0)
    return shown.start + int(others.amax(-1).argmax())


def stages(
    study: Study, trace: Trace, call: Call, head: int, found: Stages, change: Change, shown: slice, pinned: int
) -> None:
    """Every stage of the head, in the equation's order."""
    queries, keys = trace.labels(call)
    own = study.layer_input(call, trace.edits)
    projected = "{0} = RoPE(X W<sub>{0}</sub>)" if trace.model.rotary else "{0} = X W<sub>{0}</sub>"
    top = [
        Matrix("query", projected.format("Q"), "activation", _numbers(found.query, shown)),
        Matrix("key", projected.format("K"), "activation", _numbers(found.key, shown)),
        Matrix("value", "V = X W<sub>V</sub>", "activation", _numbers(found.value, shown)),
        Matrix("context", "context = weights V", "activation", _numbers(found.context, shown)),
    ]
    if own is not None:
        top.insert(0, Matrix("input", "X", "activation", _numbers(own, shown)))
    keep = found.keep[shown, shown].cpu().numpy()
    scale = call.effective_scale(head)
    raw = "raw scores = Q Kᵀ" if call.similarity is None else "raw scores"
    scaled = "not scaled" if scale == 1 else f"scaled = × {scale:.4g}"
    masked = ("no mask" if keep.all() else "masked") + ("" if change.temperature == 1 else ", ÷ T")
    bottom = [
        Matrix("weights", raw, "q·k", _numbers(found.scores, shown, shown), "token"),
        Matrix("weights", scaled, "nats", _numbers(found.scaled, shown, shown), "token"),
        Matrix("weights", masked, "nats", _numbers(found.logits, shown, shown), "token", keep),
        Matrix(
            "weights",
            "weights = softmax",
            "0 to 1, √ colour",
            _numbers(found.weights, shown, shown),
            "token",
            keep,
            True,
        ),
    ]
    figure = stages_figure(
        top,
        bottom,
        [visible(t) for t in queries[shown]],
        [visible(t) for t in keys[shown]],
        study.palette,
        pinned - shown.start,
    )
    with st.container(key="stages"):
        st.plotly_chart(
            figure,
            theme=None,
            key="stages_figure",
            config=figure_config("stages"),
            alt=_spoken(found, queries, keys, pinned),
        )


def _numbers(tensor: torch.Tensor, rows: slice, columns: slice = slice(None)) -> Array:
    return tensor[rows, columns].float().cpu().numpy()


def _spoken(found: Stages, queries: tuple[str, ...], keys: tuple[str, ...], pinned: int) -> str:
    """The figure in words: where the pinned token's weight goes."""
    row = found.weights[pinned]
    best = row.topk(min(3, len(row)))
    parts = [f"{keys[j]} {w:.3f}" for w, j in zip(best.values.tolist(), best.indices.tolist(), strict=True)]
    return (
        f"Matrices of one attention head, {len(queries)} by {len(keys)} tokens. {queries[pinned]} attends to "
        + ", ".join(parts)
    )


def chips(found: Stages, pinned: int, shown: slice) -> None:
    """Colour the tokens by the weight that they get from the pinned one."""
    if found.weights.shape[0] == found.weights.shape[1]:
        st.html(style.chips(found.weights[pinned, shown].tolist()))


def arithmetic(trace: Trace, call: Call, head: int, pinned: int) -> None:
    """One cell by its numbers: the pinned token's largest weight, or the key that the reader chooses."""
    found = call.stages(head, slice(pinned, pinned + 1))
    queries, keys = trace.labels(call)
    weights, logits = found.weights[0], found.logits[0]
    asked = st.query_params.get("to", "")
    st.session_state.setdefault("to", int(asked) if asked.isdecimal() else -1)
    if not -1 <= st.session_state.to < len(keys):
        st.session_state.to = -1
    place = st.session_state.to if st.session_state.to >= 0 else int(weights.argmax())
    allowed = int(found.keep[0].sum())
    visible_logits = logits[found.keep[0]]
    largest = visible_logits.max().item() if allowed else 0.0
    total = (visible_logits - largest).exp().sum().item()
    setting = call.settings[head]
    scaled, logit = found.scaled[0, place].item(), logits[place].item()
    bias = logit * setting.temperature - scaled if math.isfinite(logit) else 0.0
    st.html(
        words.arithmetic(
            visible(queries[pinned]),
            visible(keys[place]),
            found.scores[0, place].item(),
            call.effective_scale(head),
            scaled,
            bias,
            setting.temperature,
            logit,
            largest,
            total,
            weights[place].item(),
            1 / allowed if allowed else 0.0,
        )
    )
    st.selectbox(
        "attends to",
        range(-1, len(keys)),
        key="to",
        label_visibility="collapsed",
        format_func=lambda j: "the largest weight" if j < 0 else f"{j}  {visible(keys[j])}",
        persist_state="session",
    )
    _write_in_link("to", None if st.session_state.to < 0 else st.session_state.to)


def gauge_bars(call: Call, found: Stages) -> None:
    """The head's gauges, each with a tick where uniform weights would stand."""
    real = call.real_keys() if call.kind == "self" else None
    rows = [(gauge.name, gauge.value, gauge.baseline) for gauge in gauges(found, real)]
    empty = int(found.empty.sum())
    note = "The tick is uniform under the same mask."
    if empty:
        note = f"{empty} {'row' if empty == 1 else 'rows'} may attend to nothing: zeros."
    st.html(words.bars("This head, over all its rows", rows, note))


def prediction(before: Trace, after: Trace | None) -> None:
    """What the model says, and with edits in the model what it said before them."""
    first, now = before.prediction, (after or before).prediction
    if first is None or now is None:
        note = "This model has no prediction for this text; its attention is all there is to see."
        st.html(words.bars("The model says", [], note))
        return
    title = "The model says" if now.kind == "class" else f"The model's {now.kind}"
    names = [name for name, _ in first.top(4)]
    rows = [(visible(name), now.of(name), first.of(name) if after else None) for name in names]
    note = "Weights show where the head read from, not what caused the output."
    if after:
        ((best, _),) = now.top(1)
        note = "The tick is the prediction before the change."
        note += "" if best == names[0] else f" It now says {visible(best)!r}."
    st.html(words.bars(title, rows, note))


def heads_of_layer(call: Call, at: Head, palette: Palette) -> None:
    """Every head of the layer as a small picture; a button opens it."""
    st.html(words.heading(f"The {call.heads} heads of this layer"))
    with st.container(key="heads"):
        columns = st.columns(max(call.heads, 8), gap="small")
        for head, column in zip(range(call.heads), columns, strict=False):
            with column:
                weights = call.stages(head).weights
                st.image(thumbnail(weights, palette), alt=f"Weights of head {head}", width="stretch")
                st.button(
                    str(head),
                    key=f"open_{head}",
                    type="primary" if head == at.head else "secondary",
                    width="stretch",
                    on_click=lambda head=head: st.session_state.update(head=head),
                    help=None,
                )
