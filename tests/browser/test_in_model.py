"""What is in the model is on every page: the strip says so, and the pictures are those of Python."""

from urllib.parse import quote

import pytest
import torch

import selfattn
from selfattn import Ablate, Cut, Mask, Scale, Similarity, Temperature
from selfattn.analysis.all_heads.atlas import atlas
from selfattn.analysis.all_heads.patterns import PATTERNS
from selfattn.figures.palette import LIGHT, rgb
from selfattn.maths.attend import Stages
from selfattn.maths.masks import causal, window
from selfattn.recording.edits import Edit, from_json, to_json
from tests.browser.all_heads.test_all_heads import card, point
from tests.tools.browser import Reader, numbers
from tests.tools.tolerance import assert_close

TEXT = "The plot was dull, but the acting was not bad at all."
LAYER, HEAD = 1, 2
SETS: dict[str, list[Edit]] = {
    "raw": [Scale(None)],
    "warm and causal": [Temperature(2.0, layers={LAYER}, heads={HEAD}), Mask(causal, layers={0, LAYER})],
    "cut after": [Cut({(3, 10), (4, 10), (6, 6)}, renormalise=False), Cut({(2, 1)})],
    "silent": [Ablate("mean", layers={LAYER}, heads={HEAD}), Ablate(layers={0}, heads={0})],
    "cosine in a window": [Similarity("cosine"), Scale(8.0), Mask(window(3), replace=True)],
}
NUMBERS = """root => {
  const { head } = root.scope;
  return { weights: [...head.weights], context: [...head.context], shape: head.shape, dv: head.dv };
}"""

OF_CHANGED = "root => [...root.scope.about.planes.weights]"
# The green of the middle of each cell of a picture of n x n.
GREENS = """async (image, n) => {
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const side = image.naturalWidth / n;
  const middle = (place) => Math.floor((place + 0.5) * side);
  return Array.from({ length: n * n }, (_, cell) =>
    context.getImageData(middle(cell % n), middle(Math.floor(cell / n)), 1, 1).data[1]);
}"""


def open_page(reader: Reader, page: str, edits: list[Edit], more: str = "") -> Reader:
    where = f"text={quote(TEXT)}&layer={LAYER}&head={HEAD}&edits={quote(to_json(edits))}"
    return reader.open(f"/{page}?{where}{more}")


def check(reader: Reader, stages: Stages) -> None:
    """The head on the page of one head is that of Python."""
    root = reader.page.locator(".head[data-ready=true]")
    shown = numbers(root, NUMBERS)
    assert_close(torch.tensor(shown["weights"]).view(shown["shape"]), stages.weights, within=1e-5)
    assert_close(torch.tensor(shown["context"]).view(-1, shown["dv"]), stages.context, within=1e-5)


def follow(reader: Reader, page: str) -> None:
    reader.page.get_by_role("link", name=page).click()
    reader.settle()


@pytest.mark.parametrize("name", SETS)
def test_every_page_draws_what_the_model_computes(reader, name):
    edits = SETS[name]
    trace = selfattn.trace("sentiment", TEXT, edits)
    stages = trace.stages(LAYER, HEAD)
    open_page(reader, "", edits)
    assert reader.text(".st-key-in_model").count("✕") == len(edits)
    check(reader, stages)
    colours = torch.tensor(numbers(reader.page.locator(".st-key-heads img").nth(HEAD), GREENS, len(stages.weights)))
    low, high = (rgb(colour)[1] for colour in (LIGHT.panel, LIGHT.weights))
    # Streamlit sends a picture as JPEG.
    assert_close(colours, low + stages.weights.sqrt().flatten() * (high - low), within=24)
    # What is set here comes on top.
    reader.click(".head .masks button[value=causal]")
    check(reader, trace.stages(LAYER, HEAD, edits=[*edits, Mask(causal)]))

    follow(reader, "All heads")
    assert reader.text(".st-key-in_model").count("✕") == len(edits)
    reader.page.locator(".atlas[data-ready=true]").wait_for()
    point(reader, LAYER, HEAD)
    reader.page.get_by_role("heading", name=f"Layer {LAYER}, head {HEAD}", exact=True).wait_for()
    found, shown = atlas(trace).table[LAYER, HEAD], card(reader)
    for pattern, number in zip(PATTERNS, found, strict=True):
        if pattern in shown:
            assert_close(shown[pattern], float(number), within=6e-4)

    follow(reader, "Interventions")
    room = reader.page.locator(".experiment[data-ready=true]")
    assert_close(torch.tensor(numbers(room, OF_CHANGED)).view_as(stages.weights), stages.weights, within=1e-6)

    open_page(reader, "compare", edits, "&with=edits")
    own, edited = (selfattn.trace("sentiment", TEXT, each).stages(LAYER, HEAD).weights for each in ([], edits))
    sides = numbers(
        reader.page.locator(".compare[data-ready=true]"),
        "root => root.scope.head.sides.map(({ weights }) => [...weights])",
    )
    for side, weights in zip(sides, (own, edited), strict=True):
        assert_close(torch.tensor(side).view(weights.shape), weights, within=1e-5)


def test_applying_adds_and_each_edit_is_taken_out_alone(reader):
    edits = [Ablate(layers={0}, heads={0})]
    open_page(reader, "", edits, "&temperature=2")
    reader.click(".head button.primary")
    both = [*edits, Temperature(2.0, layers={LAYER}, heads={HEAD}, part="encoder", kind="self")]
    assert from_json(reader.link()["edits"]) == tuple(both)
    check(reader, selfattn.trace("sentiment", TEXT, both).stages(LAYER, HEAD))
    follow(reader, "All heads")
    reader.click(".st-key-take_out_0 button")
    assert from_json(reader.link()["edits"]) == tuple(both[1:])
    follow(reader, "One head")
    check(reader, selfattn.trace("sentiment", TEXT, both[1:]).stages(LAYER, HEAD))
    open_page(reader, "", both)
    reader.click(".st-key-take_all_out button")
    assert "edits" not in reader.link()
    check(reader, selfattn.trace("sentiment", TEXT).stages(LAYER, HEAD))


def test_what_was_applied_and_taken_out_can_be_set_again(reader):
    open_page(reader, "", [], "&temperature=2")
    reader.click(".head button.primary")
    reader.click(".st-key-take_out_0 button")
    assert "temperature" not in reader.link()
    slider = reader.page.locator(".head .controls .slider input").first
    slider.fill("2")
    reader.settle()
    assert reader.link()["temperature"] == "2.0"


def test_what_the_model_runs_without_is_switched_off_and_says_why(reader):
    open_page(reader, "", [Scale(None)])
    toggle = reader.page.locator(".head .controls .toggle")
    assert not toggle.locator("input").is_checked()
    assert toggle.locator("input").is_disabled()
    assert "runs without scaling" in toggle.get_attribute("title")
