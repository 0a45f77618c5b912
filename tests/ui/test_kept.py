"""What was computed is kept by all that it depends on, in a share of memory, and made once for all who ask at once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import psutil
import pytest
import torch

import selfattn
from selfattn.models.loading.library import Choice
from selfattn.ui.caches import Run
from selfattn.ui.kept import Kept, Key, share_of

WHOLE = psutil.virtual_memory().total


def key(name: object, **named) -> Key:
    return Key(key, (name,), **named)


def tensor(megabytes: float) -> torch.Tensor:
    return torch.zeros(round(megabytes * 1e6), dtype=torch.uint8)


def made_again(store: Kept, name: object) -> bool:
    """Whether it had left; asked last, as asking keeps it."""
    asked = []
    store.get(key(name), lambda: asked.append(True))
    return bool(asked)


@pytest.mark.parametrize(
    ("value", "megabytes"),
    [
        (tensor(3), 3),
        (tensor(3)[10:20], 3),  # a view holds on to all of it
        ([tensor(2), {"a": (tensor(1), "b" * 10**6)}], 4),
        ((shared := tensor(5), shared[1:], [shared]), 5),
        (np.zeros(10**6), 8),
        (np.zeros((1000, 1000))[:3], 8),
        (memoryview(b"x"), 0),
    ],
    ids=["tensor", "view", "containers", "shared", "array", "view of an array", "of others"],
)
def test_a_value_weighs_what_it_holds(value, megabytes):
    assert share_of(value) * WHOLE / 1e6 == pytest.approx(megabytes, abs=0.01)


def test_a_trace_weighs_its_recording_and_not_its_model():
    model = selfattn.load("sentiment")
    trace = selfattn.trace(model, "the film was not good")
    recorded = sum(t.numel() * t.element_size() for call in trace.calls for t in (call.query, call.key, call.value))
    assert recorded < share_of(trace) * WHOLE < recorded + 300_000 < model.size + recorded


def test_what_was_used_longest_ago_leaves_first_and_the_last_one_stays():
    store = Kept(10.5e6 / WHOLE)
    for name in "abc":
        store.get(key(name), lambda: tensor(3))
    store.get(key("a"), lambda: pytest.fail("it was here"))
    store.get(key("d"), lambda: tensor(3))
    large = tensor(50)
    assert store.get(key("large"), lambda: large) is large
    assert store.get(key("large"), lambda: pytest.fail("it was used last")) is large

    store = Kept(10.5e6 / WHOLE)
    for name in "abcad":
        store.get(key(name), lambda: tensor(3))
    assert [name for name in "acdb" if made_again(store, name)] == ["b"]


def test_many_small_values_stay_beside_each_other():
    """They are counted in bytes, not by the piece."""
    store = Kept(10e6 / WHOLE)
    for number in range(2000):
        store.get(key(number), lambda: "small")
    assert not made_again(store, 0)


def test_a_place_that_is_filled_later_is_weighed_when_it_is_asked_for():
    store = Kept(10e6 / WHOLE)
    store.get(key("old"), lambda: tensor(3))
    place = store.get(key("place"), dict, grows=True)
    place[0] = tensor(8)
    assert not made_again(store, "old")
    assert store.get(key("place"), dict, grows=True) is place
    assert made_again(store, "old")


def test_who_asks_at_once_gets_one_value_that_was_made_once():
    store, made = Kept(0.1), []

    def make():
        made.append(threading.get_ident())
        time.sleep(0.05)
        return object()

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: id(store.get(key("slow"), make)), range(8)))
    assert len(made) == 1
    assert len(found) == 1


def test_what_could_not_be_made_is_tried_again():
    store = Kept(0.1)
    with pytest.raises(ZeroDivisionError):
        store.get(key("a"), lambda: 1 / 0)
    assert store.get(key("a"), lambda: 2) == 2


def test_one_model_takes_its_own_with_it_and_nobody_elses():
    store = Kept(0.1)
    runs = [Run(Choice(name), "a text") for name in ("gone", "here")]
    keys = [Key(key, (run,), holds) for run in runs for holds in (True, False)]
    for each in keys:
        store.get(each, lambda: 1)
    store.drop(lambda each: each.holds and each.of([Choice("gone")]))
    made = []
    for each in keys:
        store.get(each, lambda each=each: made.append(each))
    assert made == [keys[0]]


def test_equal_numbers_of_two_kinds_are_two_keys():
    @dataclass(frozen=True)
    class First:
        number: float

    @dataclass(frozen=True)
    class Second:
        number: float

    store = Kept(0.1)
    assert store.get(key(First(3.0)), lambda: "first") == "first"
    assert store.get(key(Second(3.0)), lambda: "second") == "second"
