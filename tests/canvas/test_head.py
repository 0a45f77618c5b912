"""The live picture computes what Python computes, whatever the reader moves."""

import random
import re

import pytest
import torch
import transformers as hf

import selfattn
from selfattn.canvas.view import read
from selfattn.models.loading.names import names
from tests.tools import made, tiny
from tests.tools.alone import alone, told
from tests.tools.browser import numbers
from tests.tools.tolerance import assert_close

TEXT = "The plot was dull, but the acting was not bad at all."

NUMBERS = """const numbers = (root) => {
  const { head, view } = root.scope;
  const clean = (plane) => [...plane].map((x) => (x === -Infinity ? null : x));
  const { weights, context, keep } = head;
  return { weights: clean(weights), context: clean(context), keep: [...keep], shape: head.shape, dv: head.dv, view };
};"""
# Each moves one control as a hand does, by the events that the browser would send.
PLAY = f"""async (root, moves) => {{
  const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const change = (input, values) => {{
    for (const value of values) {{ input.value = value; input.dispatchEvent(new Event("input")); }}
    input.dispatchEvent(new Event("change"));
  }};
  const hands = {{
    scaled: () => root.querySelector(".controls .toggle input").click(),
    temperature: (value) => change(root.querySelector(".controls .slider input"), [1, (1 + value) / 2, value]),
    mask: (name) => root.querySelector(`.masks button[value=${{name}}]`).click(),
    width: (value) => {{
      if (root.scope.view.mask.includes("window")) change(root.querySelectorAll(".controls .slider input")[1], [value]);
    }},
    similarity: (value) => change(root.querySelector(".controls select"), [value]),
    pair: async ([query, key]) => {{
      root.scope.pin({{ query, key }});
      await painted();
      root.querySelector(".cell .buttons button").click();
    }},
  }};
  {NUMBERS}
  const seen = [];
  for (const [name, value] of moves) {{
    await hands[name](value);
    await painted();
    seen.push(numbers(root));
  }}
  return seen;
}}"""


# Every mask by itself, without the model's own, and every similarity; then whatever chance brings.
FIRST = [
    *[("mask", name) for name in ("own", "causal", "causal", "padding", "window")],
    ("width", 3),
    *[("mask", name) for name in ("padding", "own")],
    *[("similarity", name) for name in ("cosine", "rbf")],
]


def draw_move(chance: random.Random, tokens: int) -> tuple[str, object]:
    name = chance.choice(["scaled", "temperature", "mask", "width", "similarity", "pair"])
    match name:
        case "temperature":
            return name, round(chance.choice([0.1, 0.5, 1.0, 2.3, 5.0, chance.uniform(0.1, 5)]), 1)
        case "mask":
            return name, chance.choice(["own", "causal", "padding", "window"])
        case "width":
            return name, chance.randint(1, 12)
        case "similarity":
            return name, chance.choice(["own", "cosine", "rbf"])
        case "pair":
            return name, [chance.randrange(tokens), chance.randrange(tokens)]
    return name, None


def compare(shown: dict[str, object], trace: selfattn.Trace, layer: int, head: int) -> None:
    """What is on screen against the edits that the same view means in Python."""
    view, notes = read(shown["view"])
    assert notes == []
    stages = trace.call(layer).with_edits(view.edits()).stages(head)
    rows, columns = shown["shape"]
    assert torch.equal(torch.tensor(shown["keep"]).bool().view(rows, columns), stages.keep)
    assert_close(torch.tensor(shown["weights"]).view(rows, columns), stages.weights, within=1e-5)
    assert_close(torch.tensor(shown["context"]).view(rows, shown["dv"]), stages.context, within=1e-5)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Tiny random models with the tokenizer of a shipped one: causal, and with grouped heads."""
    tokenizer = hf.AutoTokenizer.from_pretrained(names()["sentiment"])
    home = tmp_path_factory.mktemp("models")
    for name in ("gpt2", "llama", "gemma2"):
        made = tiny.network(name)
        made.resize_token_embeddings(len(tokenizer))
        made.save_pretrained(home / name)
        tokenizer.save_pretrained(home / name)
    return home


@pytest.mark.parametrize("model", ["sentiment", "induction", "minilm", "gpt2", "llama", "gemma2"])
@pytest.mark.parametrize("pad", [0, 3])
def test_any_sequence_of_controls_gives_the_numbers_of_python(module_page, folders, model, pad):
    source = str(folders / model) if (folders / model).is_dir() else model
    chance = random.Random(f"{model}{pad}")
    loaded = selfattn.load(source)
    if pad and (loaded.tokenizer is None or loaded.tokenizer.pad_token_id is None):
        pytest.skip("this tokenizer has no padding")
    attention = loaded.attentions[0]
    layer, head = chance.randrange(attention.layers), chance.randrange(attention.heads)
    trace = selfattn.trace(loaded, TEXT, pad=pad)
    root = alone(module_page, model=source, layer=layer, head=head, pad=pad, text=TEXT)
    compare(numbers(root, f"root => {{ {NUMBERS} return numbers(root); }}"), trace, layer, head)
    moves = FIRST + [draw_move(chance, len(trace.tokens)) for _ in range(10)]
    seen = numbers(root, PLAY, moves)
    assert len({str(shown["view"]) for shown in seen}) > len(FIRST)
    for shown in seen:
        compare(shown, trace, layer, head)
    heard = told(module_page)["view"]
    assert {name: heard[name] for name in seen[-1]["view"]} == seen[-1]["view"]


def test_a_model_that_never_scales_says_so(module_page, folders, tmp_path):
    tokenizer = hf.AutoTokenizer.from_pretrained(names()["sentiment"])
    made = tiny.network("t5")
    made.resize_token_embeddings(len(tokenizer))
    made.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    for source, off in ((tmp_path, True), (folders / "llama", False)):
        toggle = alone(module_page, model=source, text="A small film.").locator(".controls .toggle")
        assert toggle.locator("input").is_disabled() == off
        assert ("never scales" in toggle.get_attribute("title")) == off


def test_rows_that_may_attend_to_nothing_are_flagged(module_page):
    pairs = ", ".join(f"0>{key}" for key in range(8))
    root = alone(module_page, text="The film was good.", pairs=pairs)
    assert "1 row may attend to nothing: zeros." in root.locator(".gauges").inner_text()
    assert "8 hidden pairs" in root.locator(".controls").inner_text()


def test_a_sink_has_a_column_of_its_own(module_page, tmp_path):
    folder = made.folder(tmp_path / "sinks", "gpt_oss", made.word_level())
    root = alone(module_page, model=folder, text="the good dog sat", head="1", **{"from": "3", "to": "0"})
    weights = selfattn.trace(str(folder), "the good dog sat").stages(0, 1).weights
    said = root.locator("canvas.sink").get_attribute("aria-label")
    kept, given = map(float, re.findall(r"\d\.\d+", said))
    assert 0.001 < kept < 0.999
    assert_close(kept, 1 - weights[3].sum(), within=6e-4)
    assert_close(given, weights[3].sum(), within=6e-4)
    assert not alone(module_page).locator("canvas.sink").is_visible()
