"""Models that read a picture, alone or with a text, in a browser: what lights up, how crops lie, and what folds."""

import io
import re

import numpy as np
import pytest
import torch
import transformers as hf
from PIL import Image

import selfattn
from selfattn import Illustrated, Picture
from selfattn.figures.scenes import scene
from selfattn.ui.shell.examples import CAPTIONS
from tests.browser.test_tasks import assert_said, open_head
from tests.tools import illustrated
from tests.tools.browser import Reader, numbers
from tests.tools.looks import findings, looks
from tests.tools.saved import saved
from tests.tools.tolerance import assert_close

TEXT = "the cat sat on the mat"
HOUSE = Picture(scene("house"), "house")
WEIGHTS = np.array([0x7A, 0x3F, 0xA0])
NAMES = ("clip", "siglip", "llava", "smolvlm", "blip", "trocr", "detr", "qwen2_5_vl", "gemma3", "paligemma")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Tiny models, whose attention is far from uniform."""
    home = tmp_path_factory.mktemp("illustrated")
    for name in NAMES:
        network, processor = illustrated.MADE[name]()
        torch.manual_seed(3)
        with torch.no_grad():
            for path, parameter in network.named_parameters():
                if parameter.dim() == 2 and "embed" not in path:
                    parameter.normal_(std=0.28)
        network.save_pretrained(home / name)
        processor.save_pretrained(home / name)
    return home


def noted(reader: Reader) -> str:
    return reader.text(".head .patches > .note")


def chips(reader: Reader) -> list[str]:
    return reader.page.locator(".head .chips >> nth=0").locator("button").all_inner_texts()


def board(reader: Reader, name: str):
    return reader.page.locator(f".head .patches canvas[aria-label='{name}']")


def click(reader: Reader, name: str, across: float, down: float) -> None:
    """Click a picture at shares of its sides."""
    place = board(reader, name)
    box = place.bounding_box()
    place.click(position={"x": across * box["width"], "y": down * box["height"]})
    reader.page.mouse.move(0, 0)
    reader.settle()


def eager(folder, given: Illustrated) -> tuple[np.ndarray, np.ndarray]:
    """The model's own weights of layer 0, (head, query, key), and where the image tokens stand."""
    inputs = selfattn.load(folder).inputs(given)[1]
    network = hf.AutoModelForImageTextToText.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.inference_mode():
        weights = network(**inputs, output_attentions=True).attentions[0][0]
    return weights.numpy(), np.flatnonzero(inputs["input_ids"][0] == network.config.image_token_id)


def test_the_picture_lights_up_where_a_word_looks(reader, folders, tmp_path):
    open_head(reader, model=folders / "llava", text=TEXT)
    # On white every patch shows its weight alone.
    file = io.BytesIO()
    Image.new("RGB", (40, 28), "white").save(file, "PNG")
    (tmp_path / "white.png").write_bytes(file.getvalue())
    reader.page.get_by_role("button", name="Your own").click()
    reader.page.locator(".st-key-picture_file input[type=file]").set_input_files(tmp_path / "white.png")
    reader.settle()
    reader.page.keyboard.press("Escape")
    assert "Your picture stays here" in reader.text("[data-testid=stSidebar]")
    assert chips(reader) == ["[CLS]", "user", "picture, 9 patches", *TEXT.split(), "assistant"]
    reader.click(".head .chips button:text-is('mat')")
    weights, patches = eager(folders / "llava", Illustrated(TEXT, Picture(file.getvalue())))
    rows = weights[0, patches[-1] + 1 :][:, patches]
    row = rows[TEXT.split().index("mat")]
    assert f"Of this row {row.sum():.2f} lies on the picture, uniform {9 / 17:.2f}" in noted(reader)
    reader.page.mouse.move(0, 0)
    centres = numbers(
        reader.page.locator(".head .patches canvas[aria-label='Attends to']"),
        """board => [...Array(9).keys()].map((patch) => {
          const at = [(patch % 3) * board.width, Math.floor(patch / 3) * board.height];
          const [x, y] = at.map((far, side) => Math.floor((far + [board.width, board.height][side] / 2) / 3));
          return [...board.getContext("2d").getImageData(x, y, 1, 1).data].slice(0, 3);
        })""",
    )
    beside = weights[0, [0, 1, *range(patches[-1] + 1, weights.shape[1])]][:, patches]
    depth = 0.88 * np.sqrt(row / beside.max())
    expected = 255 * (1 - depth[:, None]) + WEIGHTS * depth[:, None]
    assert_close(np.array(centres, float), expected, within=2.5)


def test_a_picture_among_tokens_opens_and_closes_by_keyboard(reader, folders):
    open_head(reader, model=folders / "llava", text=TEXT, show="lines")
    fold = reader.page.locator(".head .chips button.fold")
    reader.page.locator(".head .chips button.from").focus()
    reader.page.keyboard.press("Home")
    for _ in range(2):
        reader.page.keyboard.press("ArrowRight")
    assert fold.evaluate("chip => chip.matches(':focus')")
    for opened, shown in (("true", "image"), ("false", "lines")):
        reader.page.keyboard.press("Enter")
        reader.settle()
        assert (fold.get_attribute("aria-expanded"), reader.link().get("show")) == (opened, shown)
    # Lines and table have the picture as one token too, with the sum of its weights.
    assert reader.page.locator(".lines-column.key .lines-token").count() == 10
    reader.click(".head .segmented button:text-is('Table')")
    trace = selfattn.trace(str(folders / "llava"), Illustrated(TEXT, HOUSE))
    query = reader.page.locator(".table-menus select").first.input_value()
    row = reader.page.locator(".table tbody tr", has_text="picture, 9 patches").inner_text()
    assert f"{trace.stages(0, 0, part='decoder').weights[int(query), 2:11].sum():.4f}" in row
    assert reader.page.locator(".table-frame").first.locator("tbody tr").count() == 10
    reader.click(".head .table-menus .toggle input")
    assert reader.page.locator(".table-frame").first.locator("tbody tr").count() == 18


def test_each_crop_lies_in_its_place(reader, folders):
    open_head(reader, model=folders / "smolvlm", text=TEXT)
    names = [f"{kind}, {layer}" for layer in ("4 crops", "whole") for kind in ("Attends from", "Attends to")]
    for name in names:
        assert board(reader, name).count() == 1
    assert "picture, 5 crops, 20 patches" in chips(reader)
    weights, patches = eager(folders / "smolvlm", Illustrated(TEXT, HOUSE))
    reader.click(".head .chips button:text-is('mat')")
    query = int(re.search(r"(\d+) → \d+", reader.text(".head .panel.cell h2 small"))[1])
    # The right upper crop is the second: its patch in the second row and the first column is its third.
    click(reader, "Attends to, 4 crops", 0.5 + 0.125, 0.25 + 0.125)
    assert noted(reader).startswith(f"mat → 2:1,0: {weights[0, query, patches[4 + 2]]:.4f}")
    # Over the edge of a crop the arrow leads into the next one: the first of its patches in that row.
    board(reader, "Attends to, 4 crops").press("ArrowLeft")
    reader.settle()
    assert noted(reader).startswith(f"mat → 1:1,1: {weights[0, query, patches[3]]:.4f}")
    click(reader, "Attends to, whole", 0.75, 0.75)
    assert noted(reader).startswith(f"mat → 5:1,1: {weights[0, query, patches[19]]:.4f}")
    picture = saved(reader)
    assert picture.name == "smolvlm_text-self-L0H0_picture_house-the-cat-sat-on-the"
    assert "Attends to, whole" in picture.words


@pytest.mark.parametrize(
    ("name", "sides", "query", "key"),
    # Patches of Qwen look back alone; those of the others see all of the picture, Gemma 3's beyond its window too.
    [("qwen2_5_vl", (6, 9), 41, 17), ("gemma3", (2, 2), 0, 3), ("paligemma", (3, 3), 1, 8)],
)
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
def test_patches_and_words_look_as_eager_weights_do(reader, folders, name, sides, query, key):
    open_head(reader, model=folders / name, text=TEXT)
    weights, patches = eager(folders / name, Illustrated(TEXT, HOUSE))
    assert f"picture, {len(patches)} patches" in chips(reader)
    for side, patch in (("from", query), ("to", key)):
        row, column = divmod(patch, sides[1])
        click(reader, f"Attends {side}", (column + 0.5) / sides[1], (row + 0.5) / sides[0])
    at = " → ".join(f"{patch // sides[1]},{patch % sides[1]}" for patch in (query, key))
    weight = weights[0, patches[query], patches[key]]
    assert weight > 0.002
    assert noted(reader).startswith(f"{at}: {weight:.4f}")
    reader.click(".head .chips button:text-is('cat')")
    word = patches[-1] + chips(reader).index("cat") - chips(reader).index(f"picture, {len(patches)} patches")
    assert f"Of this row {weights[0, word, patches].sum():.2f} lies on the picture" in noted(reader)


@pytest.mark.parametrize(
    ("name", "given", "chip"),
    [("blip", Illustrated(TEXT, HOUSE), "mat"), ("detr", HOUSE, None), ("trocr", HOUSE, None)],
)
def test_what_is_no_patch_looks_at_a_picture(reader, folders, name, given, chip):
    link = {"text": TEXT} if chip else {}
    open_head(reader, model=folders / name, part="decoder, cross", step=0, **link)
    model = selfattn.load(folders / name)
    stages = selfattn.trace(model, given).stages(0, 0, part="decoder", kind="cross")
    reader.click(".head .chips button" + (f":text-is('{chip}')" if chip else ""))
    click(reader, "Attends to", 0.9, 0.9)
    row = stages.weights[TEXT.split().index(chip) + 1 if chip else 0]
    assert f": {row[-1]:.4f}, uniform {1 / len(row):.4f}" in noted(reader)
    assert board(reader, "The picture").count() == 1


def test_two_towers_say_how_alike_text_and_picture_are(reader, folders):
    for name in ("clip", "siglip"):
        # They open on a caption and its picture.
        open_head(reader, model=folders / name)
        caption = reader.page.locator(".st-key-text input").input_value()
        assert caption == CAPTIONS[0]
        model = selfattn.load(folders / name)
        with torch.inference_mode():
            said = model.network(**model.inputs(Illustrated(caption, HOUSE))[1])
        cosine = torch.cosine_similarity(said.text_embeds, said.image_embeds).item()
        expected = cosine if name == "clip" else torch.sigmoid(said.logits_per_image).item()
        assert "Text and picture" in reader.text(".head .says")
        assert f"{expected:.3f}".replace("-", "−") in reader.text(".head .says .number")
        reader.page.locator(".st-key-part").click()
        assert {"vision, self", "text, self"} <= {*reader.page.locator("[role=option]").all_inner_texts()}
        reader.page.keyboard.press("Escape")


def test_a_text_alone_is_read_as_ever(reader, folders):
    open_head(reader, model=folders / "llava", text=TEXT, picture="no picture")
    assert chips(reader) == ["[CLS]", *TEXT.split()]
    assert_said(reader, selfattn.trace(str(folders / "llava"), TEXT).prediction.top(4))
    reader.click(".st-key-picture label:has-text('shapes'), .st-key-picture button:has-text('shapes')")
    assert reader.link()["picture"] == "shapes"
    assert "picture, 9 patches" in chips(reader)


def test_every_look(reader, folders):
    for _ in looks(reader, f"/?model={folders / 'smolvlm'}&text={TEXT}"):
        assert findings(reader) == []
