"""A model that writes, token by token: the reader scrubs through the steps, and chooses how it goes on."""

import re
from dataclasses import replace

import streamlit as st

from selfattn import Model
from selfattn.models.inputs.given import vocabulary
from selfattn.models.inputs.tokens import spelt, visible
from selfattn.ui import caches, link
from selfattn.ui.caches import Run
from selfattn.ui.link import KEEP, QUOTED, Linked, linked

# Tokens that the button adds, and the most that a link may hold.
MORE, MOST = 10, 200
COLDEST, HOTTEST = 0.1, 3.0
NEXT = "…"


def _tokens(asked: str) -> tuple[int, ...]:
    return tuple(int(part) for part in asked.split(",")[:MOST] if re.fullmatch(r"\d{1,9}", part))


WRITTEN: Linked[tuple[int, ...]] = linked("written", _tokens, lambda written: ",".join(map(str, written)) or None, ())
# The number of a step as text; nothing stands for the last.
STEP: Linked[str] = linked("step", str, lambda step: step or None, "")


def continued(run: Run, model: Model) -> Run:
    """The pass that writes the token which the reader looks at."""
    if not model.task.writes:
        return run
    written = _written(run, model)
    return replace(run, written=written[: _step(written, model)])


def as_far(run: Run, model: Model, steps: int) -> Run:
    """The pass of another text or model at the same step: after so many tokens that it writes by itself."""
    alone = replace(run, written=())
    if not model.task.writes or not steps:
        return alone
    written = _written(alone, model) if _whole(model) else caches.continuation(alone, steps)
    return replace(alone, written=written[:steps])


def temperature_picker(model: Model) -> float:
    """By what the logits of the next token are divided; attention is not touched. 1 for a model that writes nothing."""
    if not model.task.writes:
        return 1.0
    return float(
        st.slider("Output temperature", COLDEST, HOTTEST, 1.0, 0.1, key="output_temperature", width=190, **KEEP)
    )


def pick(run: Run, model: Model) -> None:
    """What the model wrote, each token a step to go back to; and the button that lets it write on."""
    if not model.task.writes:
        return
    written = _written(run, model)
    names, step = _names(written, model), _step(written, model)
    if st.session_state.get("step") != step:
        st.session_state.step = step
    with st.container(horizontal=True, vertical_alignment="center", key="writing"):
        st.html('<span class="sa-quiet">It writes</span>', width="content")
        st.segmented_control(
            "Steps of writing: the token that this pass writes",
            range(len(written) + 1),
            format_func=names.__getitem__,
            key="step",
            required=True,
            label_visibility="collapsed",
            on_change=_go,
            help="Each token is the pass that wrote it: the last row of a head read from what was there before it.",
        )
        if not _whole(model):
            ended = len(written) >= MOST or (bool(written) and written[-1] in model.ends)
            st.button("Write on", on_click=_more, args=(run, model), disabled=ended)
            if written:
                st.button("Clear", on_click=_keep, args=(run, ()), type="tertiary")


def choose(run: Run, index: int) -> None:
    """Go on with a token that the reader chose, from the step that they look at."""
    _keep(run, (*run.written, index)[:MOST])


def wording(before: Run, after: Run, model: Model) -> dict[str, str]:
    """What a model that writes a whole answer writes after a change, and before it where that differs."""
    if not model.task.writes or not _whole(model):
        return {}
    starts = (replace(run, written=()) for run in (after, before))
    now, was = (_decoded(caches.continuation(start, MOST), model) for start in starts)
    return {"text": now, "was": "" if now == was else was}


def _decoded(ids: tuple[int, ...], model: Model) -> str:
    if model.tokenizer is None:
        return " ".join(f"#{index}" for index in ids)
    return visible(model.tokenizer.decode(ids, skip_special_tokens=True)) or "(nothing)"


def goes_on(model: Model) -> bool:
    """Does a text go on with any token that the reader chooses?"""
    return model.task.writes and not _whole(model)


def _whole(model: Model) -> bool:
    """Does the model write a whole answer of its own, as a translation is, and not on and on?"""
    return bool(model.network.config.is_encoder_decoder)


def _written(run: Run, model: Model) -> tuple[int, ...]:
    """All that is written: what the reader let the model write, or the whole of a translation."""
    if _whole(model):
        whole = caches.continuation(replace(run, written=()), MOST)
        whole = whole[:-1] if whole and whole[-1] in model.ends else whole
        # What it begins with has positions too.
        return whole if model.room is None else whole[: model.room - len(model.begins(run.given))]
    if st.session_state.setdefault("written_after", (run.choice, run.given)) != (run.choice, run.given):
        _keep(run, ())
    highest = vocabulary(model.network)
    return tuple(number for number in WRITTEN.get() if number < highest)


def _names(written: tuple[int, ...], model: Model) -> list[str]:
    """What each step wrote. Streamlit tells options by their words: a token that comes again is marked, unseen."""
    names: list[str] = []
    for token in written:
        name = _name(token, model)
        while name in names:
            name += "\u200b"
        names.append(name)
    return [*names, NEXT]


def _name(token: int, model: Model) -> str:
    return visible(spelt(token, model.tokenizer))


def _step(written: tuple[int, ...], model: Model) -> int:
    """The step that is looked at: by its number, or as links were once made, by its token, where that comes once."""
    asked = STEP.get()
    if re.fullmatch(r"\d{1,9}", asked):
        return min(int(asked), len(written))
    found = [step for step, token in enumerate(written) if _name(token, model) == asked]
    if asked not in ("", NEXT) and len(found) != 1:
        link.note("step", f"Step {asked[:QUOTED]} was asked for; a step is a number from 0 to {len(written)}.")
    step = found[0] if len(found) == 1 else len(written)
    STEP.put(str(step) if step < len(written) else "")
    return step


def _go() -> None:
    STEP.put(str(st.session_state.step))


def _more(run: Run, model: Model) -> None:
    written = _written(run, model)
    _keep(run, written + caches.continuation(replace(run, written=written), MORE))


def _keep(run: Run, written: tuple[int, ...]) -> None:
    st.session_state.written_after = run.choice, run.given
    WRITTEN.put(written)
    STEP.put("")
