"""The map of a long text: exact tiles against `stages`, and what is drawn, pointed at and steered in a real browser."""

import base64
import dataclasses
import json

import pytest
import torch

import selfattn
from selfattn import Ablate, Cut, Mask, Model, Scale, Similarity, Temperature
from selfattn.analysis.one_head.overview import overview
from selfattn.canvas.one_head.long import long_payload
from selfattn.canvas.payload import pack
from selfattn.figures.palette import LIGHT
from selfattn.maths.masks import block, causal, padding, window
from selfattn.models.budgets import budget
from selfattn.models.encoder import SelfAttentionConfig, SelfAttentionForMaskedLM
from selfattn.recording.doors import Recorder, recording
from tests.tools import made, tiny
from tests.tools.tolerance import assert_close

WORDS = "the film was not good , and the music of the old cabinet is bright but the keys are on the table "
EDITS = {
    "none": [],
    "raw": [Scale(None)],
    "warm": [Temperature(2.5), Scale(0.2)],
    "band": [Mask(causal & window(40) & padding)],
    "blocks": [Mask(block(17), replace=True)],
    "cut": [Cut({(5, 2), (6, 6)}), Ablate("zero")],
    "cut after": [Cut({(5, 2), (6, 6)}, renormalise=False)],
    "cosine": [Similarity("cosine"), Scale(8.0)],
    "rbf": [Similarity("rbf"), Scale(0.2)],
}

OPEN = """
async (text) => {
  const { unpack } = await import("/shared/payload.js");
  const { LongHead } = await import("/one_head/long_head.js");
  window.long = new LongHead(unpack(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))));
}
"""
# As one string: Playwright wraps each number that it passes. JSON has no NaN: null stands for it.
TILE = "(place) => JSON.stringify(Array.from(window.long.tile(...place)))"
MAP = """
async ({ head, view, palette, calm }) => {
  const { map } = await import("/one_head/map/index.js");
  const style = document.createElement("style");
  style.textContent = await (await fetch("/one_head/map/map.css")).text();
  document.head.append(style);
  for (const [name, value] of Object.entries(palette)) document.body.style.setProperty(`--sa-${name}`, value);
  if (head) {
    for (const stage of ["scores", "scaled", "logits", "weights"]) {
      head[stage] = Float32Array.from(head[stage], (value) => value ?? -Infinity);
    }
    head.keep = Uint8Array.from(head.keep);
  }
  let frame = null;
  const refresh = () => (frame ??= requestAnimationFrame(() => ((frame = null), scope.view && view_.draw())));
  window.said = [];
  window.scope = {
    head: head ?? window.made ?? window.long, view: Object.freeze(view), palette, moving: calm, cell: null,
    set: (changes) => ((scope.view = Object.freeze({ ...scope.view, ...changes })), refresh()),
    point: (cell) => (said.push(["point", cell]), (scope.cell = cell), refresh()),
    pin: (cell) => (said.push(["pin", cell]), (scope.cell = cell), refresh()),
  };
  const view_ = map(scope);
  document.body.replaceChildren(view_.element);
  refresh();
}
"""
# The colour of the map at a cell's middle: [red, green, blue].
COLOUR = """
async ([row, column, n, m]) => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const canvas = document.querySelector("canvas");
  const [width, height] = [canvas.width - Math.round(Math.min(104, canvas.width * 0.2)) - 14, canvas.height - 88];
  const cell = Math.floor(Math.min(width / m, height / n, 64));
  const left = Math.round(Math.min(104, canvas.width * 0.2)) + Math.round((width - m * cell) / 2);
  const place = [left + (column + 0.5) * cell, 8 + (row + 0.5) * cell];
  return Array.from(canvas.getContext("2d").getImageData(...place.map(Math.floor), 1, 1).data.slice(0, 3));
}
"""
VIEW = {"stage": "weights", "range": "head", "colour": "linear", "threshold": 0.02, "words": False, "segments": "all"}


def packed(call, head, side=64):
    names = [[str(i) for i in range(count)] for count in call.shape]
    return pack(*long_payload(call, head, *names, overview(call, head, side)))


def open_long(page, blob):
    page.evaluate(OPEN, base64.b64encode(blob).decode())


def tile(page, i0, i1, j0, j1):
    values = [torch.nan if value is None else value for value in json.loads(page.evaluate(TILE, [i0, i1, j0, j1]))]
    return torch.tensor(values).view(i1 - i0, j1 - j0)


def check(page, call, head, *places, side=64):
    open_long(page, packed(call, head, side))
    stages = call.stages(head)
    seen = (stages.weights > 0) & stages.keep if call.settings[head].cut_after else stages.keep
    expected = stages.weights.masked_fill(~seen, torch.nan)
    n, m = call.shape
    # `stages` works in 32 bits: where logits are in the hundreds, their last bit is more than that.
    within = max(1e-5, 2 * torch.finfo(torch.float32).eps * stages.logits[stages.keep].abs().max().item())
    for i0, i1, j0, j1 in places or [(0, n, 0, m)]:
        assert_close(tile(page, i0, i1, j0, j1), expected[i0:i1, j0:j1], within=within)


def calls(name, length, padded=False):
    model = Model.wrap(tiny.network(name))
    generator = torch.Generator().manual_seed(11)
    given = {"input_ids": torch.randint(4, 101, (1, length), generator=generator)}
    given["attention_mask"] = torch.ones(1, length, dtype=torch.long)
    if padded:
        given["attention_mask"][:, -7:] = 0
    if model.network.config.is_encoder_decoder:
        given["decoder_input_ids"] = given["input_ids"][:, :41]
    with torch.inference_mode(), recording(Recorder(model.names)) as recorder:
        model.network(**given, use_cache=False)
    return recorder.calls


def local(**config):
    torch.manual_seed(5)
    network = SelfAttentionForMaskedLM(SelfAttentionConfig(**tiny.SMALL, **config))
    with torch.no_grad():
        for each in network.encoder.blocks:
            each.attention.query_key_value.weight.mul_(20)
    return Model.wrap(network, made.word_level(), "local")


@pytest.mark.parametrize("padded", [False, True], ids=["whole", "padded"])
@pytest.mark.parametrize("name", ["bert", "llama", "mistral", "gemma2", "gpt_oss", "t5"])
def test_tiles_are_the_weights_of_many_models(module_page, name, padded):
    for call in calls(name, 61 if name == "llama" else 133, padded):
        check(module_page, call, 3)


@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("name", ["sentiment", "induction"])
def test_tiles_are_the_weights_under_edits(module_page, name, edits):
    trace = selfattn.trace(name, WORDS * 11, pad=5 if name == "sentiment" else 0)
    assert len(trace.tokens) > 280
    check(module_page, trace.call(1).with_edits(edits), 1)


def test_tiles_of_minilm(module_page, minilm):
    trace = selfattn.trace(minilm, WORDS * 10)
    check(module_page, trace.call(4), 7)


@pytest.mark.parametrize("config", [{"positions": "alibi"}, {"positions": "t5"}], ids=["alibi", "offsets"])
def test_a_bias_by_distance_is_sent_as_one(module_page, config):
    call = selfattn.trace(local(**config), "the cat sat on the mat " * 20).calls[0]
    blob = packed(call, 2)
    assert b'"distance_bias"' in blob
    assert b'"bias"' not in blob
    check(module_page, call, 2)


def test_a_bias_of_no_distance_is_sent_whole_or_refused(module_page, monkeypatch):
    call = selfattn.trace(local(positions="t5"), "the cat sat on the mat").calls[0]
    crooked = call.position_bias.clone()
    crooked[0, 1, 2, 3] += 1
    call = dataclasses.replace(call, position_bias=crooked)
    check(module_page, call, 1)
    monkeypatch.setattr("selfattn.canvas.one_head.long.LONGEST_BIAS", 7)
    with pytest.raises(ValueError, match=r"more than the distance of 8 x 8 pairs.* shorten the text to 7 tokens"):
        packed(call, 1)


def test_a_mask_without_a_rule_that_is_too_large_is_refused(monkeypatch):
    call = calls("bert", 29)[0].with_edits([Mask(block(3))])
    monkeypatch.setattr("selfattn.canvas.one_head.long.LARGEST_MASK", 115)
    with pytest.raises(ValueError, match=r"29 x 29 pairs follows no simple rule .* use causal, padding or a window"):
        packed(call, 0)


def test_a_similarity_that_is_no_product_is_refused():
    call = selfattn.trace(local(similarity="cosine"), "the cat sat").calls[0]
    with pytest.raises(ValueError, match="encoder layer 0 has a similarity of its own"):
        packed(call, 0)


def test_4096_tokens(module_page):
    model = local(positions="rope")
    trace = selfattn.trace(model, "the cat sat on the mat dog film " * 512 + "not")
    call = trace.call(1).with_edits([Mask(causal)])
    n = call.shape[0]
    assert n > 4096
    rows = slice(4000, 4090)
    blob = packed(call, 0, side=1024)
    open_long(module_page, blob)
    stages = call.stages(0, rows)
    found = tile(module_page, 4000, 4090, 3900, 4096)
    assert_close(found, stages.weights.masked_fill(~stages.keep, torch.nan)[:, 3900:4096], within=1e-5)
    assert abs(len(blob) / budget(model, n).payload - 1) < 0.05


def test_the_overview_that_arrives_is_the_one_that_was_sent(module_page):
    call = calls("llama", 61)[0]
    open_long(module_page, packed(call, 0, side=9))
    found = overview(call, 0, side=9)
    values, keep, shape, pool = module_page.evaluate(
        "() => { const o = window.long.overview; return [Array.from(o.values), Array.from(o.keep), o.shape, o.pool]; }"
    )
    assert (shape, pool) == ([9, 9], 7)
    assert torch.equal(torch.tensor(keep).view(9, 9) > 0, found.keep)
    tops = found.weights.amax(-1, keepdim=True)
    assert_close(torch.tensor(values).view(9, 9) / tops, found.weights / tops, within=1 / 254)


def short(n=7, tokens=None):
    """A made head: its weights count up, the future is masked."""
    tokens = tokens or [f"w{i}" for i in range(n)]
    keep = torch.ones(n, n).tril()
    weights = torch.arange(n * n).view(n, n) / n**2 * keep
    signed = torch.linspace(-3, 3, n * n)
    lists = {"weights": weights, "scores": signed, "scaled": signed / 2, "logits": signed}
    head = {name: plane.flatten().tolist() for name, plane in lists.items()}
    same = {"queries": tokens, "keys": tokens, "shape": [n, n], "kind": "self", "extreme": 6.0, "factor": 0.5}
    return head | same | {"keep": keep.flatten().int().tolist()}


def open_map(page, head=None, view=(), calm=True):
    page.set_viewport_size({"width": 800, "height": 600})
    page.set_content("<!doctype html><body></body>")
    palette = dataclasses.asdict(LIGHT)
    page.evaluate(MAP, {"head": head, "view": VIEW | dict(view), "palette": palette, "calm": calm})
    page.wait_for_selector(".map[data-exact]")


def mixed(colour, share, paper="#FFFFFF"):
    low, high = ([int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in (paper, colour))
    return [a + (b - a) * share for a, b in zip(low, high, strict=True)]


def test_the_map_draws_each_weight_in_its_colour(module_page):
    open_map(module_page, short())
    most = 48 / 49
    for row, column in ((0, 0), (3, 1), (5, 2), (6, 6)):
        colour = module_page.evaluate(COLOUR, [row, column, 7, 7])
        expected = mixed(LIGHT.weights, (row * 7 + column) / 49 / most)
        assert_close(colour, expected, within=3)
    legend = module_page.locator(".map-legend").inner_text()
    assert "this head" in legend
    assert "linear colour" in legend
    assert "exact" in legend


def test_the_map_follows_the_range_and_the_stage(module_page):
    open_map(module_page, short(), {"range": "row"})
    assert_close(module_page.evaluate(COLOUR, [1, 1, 7, 7]), mixed(LIGHT.weights, 1), within=3)
    module_page.evaluate("scope.set({stage: 'scores', range: 'head'})")
    assert_close(module_page.evaluate(COLOUR, [0, 0, 7, 7]), mixed(LIGHT.key, 1), within=3)
    assert_close(module_page.evaluate(COLOUR, [0, 6, 7, 7]), mixed(LIGHT.key, 0.75), within=6)
    assert module_page.locator(".map-hatched").is_hidden()


def test_masked_cells_are_hatched_and_not_zero(module_page):
    open_map(module_page, short())
    hatched = """() => {
      const canvas = document.querySelector("canvas");
      const data = canvas.getContext("2d").getImageData(canvas.width / 2 + 60, 30, 60, 60).data;
      const seen = new Set();
      for (let c = 0; c < data.length; c += 4) seen.add(data.slice(c, c + 3).join());
      return seen.size;
    }"""
    assert module_page.evaluate(hatched) > 2
    module_page.evaluate("scope.point({query: 0, key: 3})")
    assert module_page.locator(".map-cell").filter(has_text="masked").text_content().startswith("w0 → w3")


def test_a_stage_fades_into_the_next_unless_the_reader_wants_calm(module_page):
    frames = """
    async () => {
      const context = document.querySelector("canvas").getContext("2d");
      const colours = new Set();
      const until = performance.now() + 900;
      scope.set({ stage: "scores" });
      while (performance.now() < until) {
        await new Promise(requestAnimationFrame);
        colours.add(context.getImageData(400, 120, 1, 1).data.join());
      }
      return colours.size;
    }"""
    open_map(module_page, short(), calm=True)
    assert module_page.evaluate(frames) <= 2
    open_map(module_page, short(), calm=False)
    assert module_page.evaluate(frames) > 2


def test_a_lone_peak_is_never_lost(module_page):
    module_page.evaluate(
        """(n) => {
          const plane = () => new Float32Array(n * n);
          const tokens = Array(n).fill("a");
          const planes = { scores: plane(), scaled: plane(), logits: plane(), weights: plane() };
          const keep = new Uint8Array(n * n).fill(1);
          window.made = { queries: tokens, keys: tokens, shape: [n, n], keep, ...planes };
          planes.weights[777 * n + 333] = 1;
        }""",
        1201,
    )
    open_map(module_page)
    # Pixels of the deepest colour that stand alone: the frame of the map has it too, in lines.
    deepest = """() => {
      const canvas = document.querySelector("canvas");
      const { width, height } = canvas;
      const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
      const deep = (x, y) => [122, 63, 160].every((value, c) => data[4 * (y * width + x) + c] === value);
      let count = 0;
      for (let y = 9; y < height - 9; y++) {
        for (let x = 9; x < width - 9; x++) {
          count += deep(x, y) && ![-9, 9].some((far) => deep(x + far, y) || deep(x, y + far));
        }
      }
      return count;
    }"""
    assert module_page.evaluate(deepest) >= 1
    assert module_page.locator(".map").get_attribute("data-exact") == "false"
    assert "pooled 4 x 4, maximum" in module_page.locator(".map-legend").inner_text()


def test_the_keyboard_zooms_pans_and_points(module_page):
    open_map(module_page, short(40))
    position = module_page.locator(".map-position")
    assert position.inner_text() == "all 40 × 40 cells"
    module_page.keyboard.press("Tab")
    for _ in range(3):
        module_page.keyboard.press("Tab")
    assert module_page.evaluate("document.activeElement.tagName") == "CANVAS"
    for _ in range(3):
        module_page.keyboard.press("+")
    module_page.wait_for_function("document.querySelector('.map-position').textContent.startsWith('rows')")
    before = position.inner_text()
    module_page.keyboard.press("Shift+ArrowLeft")
    module_page.wait_for_function(f"document.querySelector('.map-position').textContent !== {before!r}")
    for key in ("PageUp", "Home", "ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
        module_page.keyboard.press(key)
    assert module_page.evaluate("said.at(-1)") == ["pin", {"query": 2, "key": 1}]
    assert "rows 0 to" in position.inner_text()
    module_page.keyboard.press("0")
    module_page.wait_for_function("document.querySelector('.map-position').textContent.startsWith('all')")


def test_the_pointer_points_pins_drags_and_zooms(module_page):
    open_map(module_page, short(40))
    box = module_page.locator("canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 - 40
    module_page.mouse.move(x, y)
    module_page.mouse.down()
    module_page.mouse.up()
    (_, pointed), (kind, pinned) = module_page.evaluate("said")
    assert (kind, pinned) == ("pin", pointed)
    for _ in range(6):
        module_page.mouse.wheel(0, -200)
    module_page.wait_for_function("document.querySelector('.map-position').textContent.startsWith('rows')")
    # What lies under the pointer stays there.
    assert module_page.evaluate("said.at(-1)[1]") == pinned
    module_page.mouse.move(x + 1, y)
    before = module_page.locator(".map-position").inner_text()
    pins = module_page.evaluate("said.filter(([kind]) => kind === 'pin').length")
    module_page.mouse.down()
    module_page.mouse.move(x + 80, y + 50, steps=4)
    module_page.mouse.up()
    module_page.wait_for_function(f"document.querySelector('.map-position').textContent !== {before!r}")
    assert module_page.evaluate("said.filter(([kind]) => kind === 'pin').length") == pins


def test_a_long_head_becomes_exact_where_the_reader_looks(module_page):
    trace = selfattn.trace("sentiment", WORDS * 60)
    call = trace.call(0).with_edits([Mask(causal)])
    queries, keys = trace.labels(call)
    open_long(module_page, pack(*long_payload(call, 0, queries, keys, overview(call, 0))))
    open_map(module_page)
    element, legend = module_page.locator(".map"), module_page.locator(".map-legend")
    assert element.get_attribute("data-exact") == "false"
    pool = overview(call, 0).pool
    assert f"pooled {pool * 4} x {pool * 4}, maximum" in legend.inner_text()
    module_page.locator("canvas").focus()
    module_page.keyboard.press("End")
    module_page.keyboard.press("PageDown")
    for _ in range(7):
        module_page.keyboard.press("+")
    module_page.wait_for_selector(".map[data-exact=true]")
    assert "exact" in legend.inner_text()
    last = call.stages(0).weights[-1]
    key = last.argmax().item()
    module_page.evaluate(f"scope.point({{query: {len(last) - 1}, key: {key}}})")
    said = f"{queries[-1]} → {keys[key]}  weight {last[key].item():.4f}"
    module_page.wait_for_function(f"document.querySelector('.map-cell').textContent === {said!r}")
    assert module_page.evaluate("document.querySelectorAll('canvas').length") == 1


def test_hostile_tokens_are_text(module_page):
    tokens = ["<img src=x onerror=window.ran=1>", "</script>", "🙂", "好", "مرحبا", "\u202e‮x", "x" * 200]
    open_map(module_page, short(7, tokens))
    module_page.evaluate("scope.point({query: 0, key: 6})")
    module_page.wait_for_function("document.querySelector('.map-cell').textContent.includes('onerror')")
    assert module_page.locator(".map img").count() == 0
    assert module_page.evaluate("window.ran") is None
