"""Long work in slices: what is done is drawn, the layers that are looked at come first, and it may be stopped."""

import time

import pytest
import streamlit as st

from selfattn.ui import steps
from tests.tools.app import app


@pytest.fixture(autouse=True)
def fresh():
    yield
    st.session_state.clear()


def slow(count):
    for number in range(count):
        time.sleep(0.02)
        yield number, number**2


def test_a_slice_ends_and_the_next_goes_on():
    done, sizes = {}, []
    while steps.going_on("squares", done, 7):
        left = ((number, square) for number, square in slow(7) if number not in done)
        finished = steps.walk(left, done, 7, "squares", "squares", slice_of=0.03)
        sizes.append(len(done))
    assert finished
    assert done == {number: number**2 for number in range(7)}
    assert len(sizes) > 2
    assert sizes[0] < 7


def test_what_was_stopped_does_not_go_on():
    done = {0: 0}
    steps._stop("squares")
    assert not steps.going_on("squares", done, 7)
    assert not steps.walk(slow(7), done, 7, "squares", "squares", slice_of=0.03)
    assert len(done) == 1
    steps._stop(None)
    assert steps.going_on("squares", done, 7)


@pytest.mark.parametrize(("looked", "order"), [(None, [0, 1, 2, 3, 4, 5]), (4, [4, 3, 5, 2, 1, 0])])
def test_the_layers_looked_at_come_first_and_all_come(monkeypatch, looked, order):
    computed, sent = [], []
    at = app("all_heads", model="minilm", text=f"A text of its own for {looked}.")
    app("all_heads", model="sentiment").run()  # from then on Streamlit knows the component
    from selfattn.ui.all_heads import heads

    own, payload = heads.atlas.heads_of, heads.atlas_payload
    monkeypatch.setattr(heads, "SLICE", 0.0)
    monkeypatch.setattr(heads.atlas, "heads_of", lambda trace, call: computed.append(call.layer) or own(trace, call))
    monkeypatch.setattr(heads, "atlas_payload", lambda found, *rest: sent.append(found.layers) or payload(found, *rest))
    if looked is not None:
        at.session_state[heads.LOOKED] = looked
    at.run()
    assert not at.exception
    assert computed == order
    assert sent == [tuple(sorted(order[:count])) for count in range(1, 7)]
