"""A trace in a notebook: the trace's own numbers, in HTML that a text cannot break."""

import re
from html.parser import HTMLParser

import pytest
import torch

import selfattn
from selfattn import Scale
from selfattn.models.model import Model
from tests.tools import tiny
from tests.tools.tolerance import assert_close


class Cells(HTMLParser):
    """The text of every cell and every tag, as a browser would read them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.within = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.within = tag
        assert not [name for name, _ in attrs if name.startswith("on") or name in ("src", "href")]

    def handle_data(self, data):
        if self.within in ("td", "th"):
            self.cells.append(data)


def test_the_weights_are_the_traces(bert):
    trace = selfattn.trace(bert, "the cat sat")
    read = Cells(trace._repr_html_())
    weights = trace.stages(0, 0).weights
    numbers = [float(cell) for cell in read.cells if re.fullmatch(r"\d\.\d\d", cell)]
    assert_close(numbers, weights.flatten(), within=5.1e-3)
    assert read.cells[: len(trace.tokens)] == list(trace.tokens.text)


def test_what_stands_beside_them(bert):
    trace = selfattn.trace(bert, "the [MASK] sat", [Scale(None)])
    html = trace._repr_html_()
    (name, probability) = trace.prediction.top(1)[0]
    assert f"{probability:.3f}" in html
    assert repr(name).replace("'", "&#x27;") in html
    assert f"exact to {trace.fidelity:.1e}" in html
    assert "1 edit in the model" in html
    assert "prefers-color-scheme: dark" in html


def test_a_masked_key_has_no_number(bert):
    trace = selfattn.trace(bert, "the cat", pad=2)
    assert Cells(trace._repr_html_()).cells.count("·") == 2 * 6


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "</td></table><img src=x onerror=alert(1)>", '"><b>'])
def test_a_text_is_shown_as_text(text):
    read = Cells(selfattn.trace("sentiment", text)._repr_html_())
    assert {"script", "img", "a"}.isdisjoint(read.tags)


def test_a_long_text_has_no_table(bert):
    assert "<table>" not in selfattn.trace(bert, "the cat " * 20)._repr_html_()


def test_a_model_of_pictures():
    trace = selfattn.trace(Model.wrap(tiny.network("vit")), {"pixel_values": torch.zeros(1, 3, 12, 12)})
    assert "<table>" in trace._repr_html_()


def test_every_value_is_one_line_in_a_console(bert):
    trace = selfattn.trace(bert, "the [MASK] sat", [Scale(None)])
    fidelity = f"exact to {trace.fidelity:.1e}, by our own formula alone: every head is edited"
    best = ", ".join(f"{name!r} {probability:.3f}" for name, probability in trace.prediction.top(3))
    assert repr(bert) == f"Model('bert', 2 × 4 heads (encoder), exact to {bert.fidelity:.1e})"
    assert repr(trace) == f"Trace('bert', 5 tokens, 2 calls, 1 edit in the model, {fidelity})"
    assert repr(trace.calls[1]) == "Call(encoder layer 1: 4 heads, 5 queries x 5 keys, d = 8)"
    assert repr(trace.stages(0, 0)) == "Stages(5 queries x 5 keys, d = 8)"
    assert repr(trace.prediction) == f"Prediction(masked token: {best})"


def test_every_value_draws_itself(bert):
    trace = selfattn.trace(bert, "the [MASK] sat")
    for value in (bert, trace.calls[0], trace.stages(1, 2), trace.prediction):
        html = value._repr_html_()
        assert {"script", "img", "a"}.isdisjoint(Cells(html).tags)
        assert "prefers-color-scheme: dark" in html
    cells = Cells(trace.stages(1, 2)._repr_html_()).cells
    numbers = [float(cell) for cell in cells if re.fullmatch(r"\d\.\d\d", cell)]
    assert_close(numbers, trace.stages(1, 2).weights.flatten(), within=5.1e-3)
