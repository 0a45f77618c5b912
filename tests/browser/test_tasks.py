"""What each kind of model says, read off the page after real clicks, and compared with the model's own words."""

from urllib.parse import quote

import numpy as np
import pytest
import torch
import transformers as hf
from PIL import Image

import selfattn
from selfattn.models.answers.generation import continuation
from selfattn.models.inputs.given import Pair, Picture, Sound
from selfattn.models.inputs.tokens import visible
from selfattn.places import SPECIMENS
from tests.tools import made, spoken, tiny
from tests.tools.browser import Reader
from tests.tools.saved import saved
from tests.tools.tolerance import assert_close

HEADS = {
    "masked": hf.BertForMaskedLM,
    "labels": hf.BertForTokenClassification,
    "answers": hf.BertForQuestionAnswering,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Tiny random models for the tasks that no specimen has."""
    home = tmp_path_factory.mktemp("tasks")
    torch.manual_seed(5)
    for name, kind in HEADS.items():
        labels = {"id2label": {0: "O", 1: "B-PET", 2: "I-PET"}} if name == "labels" else {}
        config = hf.BertConfig(**tiny.SMALL, **labels, initializer_range=0.6)
        kind(config).save_pretrained(home / name)
        made.word_level().save_pretrained(home / name)
    sizes = {"max_source_positions": 50, "max_target_positions": 17, "num_mel_bins": 20, "init_std": 0.5}
    speech = hf.WhisperForConditionalGeneration(hf.WhisperConfig(**tiny.TWO_STACKS, **sizes))
    speech.save_pretrained(home / "speech")
    hf.WhisperFeatureExtractor(feature_size=20, chunk_length=1).save_pretrained(home / "speech")
    made.word_level().save_pretrained(home / "speech")
    return home


def said(reader: Reader) -> dict[str, float]:
    """The rows of the panel of the prediction."""
    rows = reader.page.locator(".head .says .bars")
    names = rows.locator(".name").all_inner_texts()
    return {name: float(number) for name, number in zip(names, rows.locator(".number").all_inner_texts(), strict=True)}


def assert_said(reader: Reader, expected: list[tuple[str, float]]) -> None:
    found = said(reader)
    assert list(found) == [visible(name) for name, _ in expected]
    for (_, probability), number in zip(expected, found.values(), strict=True):
        assert_close(number, probability, within=6e-4)


def open_head(reader: Reader, **link: object) -> Reader:
    reader.open("/?" + "&".join(f"{name}={quote(str(value))}" for name, value in link.items()))
    reader.page.locator(".head[data-ready=true]").wait_for()
    return reader


def test_masked_tokens_each_have_their_prediction(reader, folders):
    text = "the [MASK] sat on the [MASK]"
    # A temperature that is left over from a model that writes has no say here.
    open_head(reader, model=folders / "masked", text=text, output_temperature=2)
    prediction = selfattn.trace(str(folders / "masked"), text).prediction
    assert_said(reader, prediction.top(4))
    reader.click(".head .chips button:nth-of-type(7)")
    assert_said(reader, prediction.at(6).top(4))


def test_nothing_masked_says_so(reader, folders):
    open_head(reader, model=folders / "masked", text="the cat sat")
    assert "[MASK]" in reader.text(".head .says")


def test_every_token_has_a_label(reader, folders):
    text = "the good dog sat"
    open_head(reader, model=folders / "labels", text=text)
    prediction = selfattn.trace(str(folders / "labels"), text).prediction
    reader.click(".head .chips button:nth-of-type(4)")
    assert_said(reader, prediction.at(3).top(4))


def test_a_question_is_answered_from_the_passage(reader, folders):
    open_head(reader, model=folders / "answers", text="the cat", second="the dog sat on a good mat")
    reader.page.locator(".st-key-second input").fill("a cat sat on the mat")
    reader.page.locator(".st-key-second input").press("Enter")
    reader.settle()
    expected = selfattn.trace(str(folders / "answers"), Pair("the cat", "a cat sat on the mat")).prediction
    assert_said(reader, expected.top(4))
    reader.page.locator(".st-key-second input").fill("")
    reader.page.locator(".st-key-second input").press("Enter")
    reader.settle()
    assert "empty" in reader.text(".sa-notice")
    assert reader.page.locator(".st-key-text input").input_value() == "the cat"


def test_two_sentences_are_compared(reader, minilm):
    first, second = "A cat sat on the mat.", "A kitten rests on a rug."
    open_head(reader, model="minilm", text=first)
    assert "no head" in reader.text(".head .says")
    reader.page.get_by_text("Examples").click()
    reader.page.get_by_text("Give the model two texts").click()
    reader.settle()
    reader.page.locator(".st-key-second input").fill(second)
    reader.page.locator(".st-key-second input").press("Enter")
    reader.settle()
    cosine = selfattn.trace(minilm, Pair(first, second)).prediction.of("cosine")
    assert_close(said(reader)["cosine"], cosine, within=6e-4)


def test_writing_on_and_going_back(reader):
    text = "red green blue yellow red"
    open_head(reader, model="induction", text=text)
    reader.page.get_by_role("button", name="Write on").click()
    reader.settle()
    model = selfattn.load("induction")
    ids = model.tokenizer(text, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        for _ in range(10):
            ids = torch.cat([ids, model.network(ids).logits[:, -1:].argmax(-1)], dim=1)
    written = ids[0, -10:].tolist()
    assert f"written={','.join(map(str, written))}".replace(",", "%2C") in reader.page.url
    steps = reader.page.locator(".st-key-writing [role=radio], .st-key-writing button[kind^=segmented]")
    steps.nth(3).click()
    reader.settle()
    assert_said(reader, selfattn.trace(model, text, written=written[:3]).prediction.top(4))
    reader.page.locator(".head .says button.name").nth(1).click()
    reader.settle()
    second = selfattn.trace(model, text, written=written[:3]).prediction.probabilities.topk(2).indices[1].item()
    assert_said(reader, selfattn.trace(model, text, written=[*written[:3], second]).prediction.top(4))
    before = said(reader)
    reader.page.reload()
    reader.settle()
    assert said(reader) == before


def test_a_date_is_written_whole_and_read_back_step_by_step(reader):
    text = "3 March 2021"
    open_head(reader, model="dates", text=text, part="decoder, cross", step=5, output_temperature=2)
    model = selfattn.load("dates")
    written = model.tokenizer("2021-03-03", add_special_tokens=False)["input_ids"]
    assert "2021-03-03" in "".join(reader.text(".st-key-writing").replace("\u200b", "").split())
    trace = selfattn.trace(model, text, written=written[:5])
    assert_said(reader, trace.prediction.with_temperature(2.0).top(4))
    rows = reader.page.locator(".head .chips").first.locator("button").count()
    assert rows == 6, "the start, and the five that are written"


def test_a_picture_is_chosen_brought_and_refused(reader, tmp_path):
    open_head(reader, model="digits", picture="7")
    digit = SPECIMENS / "digits" / "examples" / "7.png"
    trace = selfattn.trace("digits", Picture(digit.read_bytes()))
    assert_said(reader, trace.prediction.top(4))
    reader.click(".head .patches-others button")
    weights = trace.stages(0, 0).weights[0]
    assert f"{weights.max():.4f}" in reader.text(".head .patches > .note")
    picture = saved(reader)
    assert (picture.name, picture.caption) == ("digits_L0H0_picture_7", "digits · layer 0, head 0 · picture · “7”")
    # The first copy of the picture is as the model saw it.
    pixels = np.asarray(Image.open(digit).convert("RGB"))
    assert_close(picture.colour(0, (2, 3), pixels.shape[:2]), pixels[2, 3].tolist(), within=2)
    reader.page.get_by_role("button", name="Your own").click()
    other = SPECIMENS / "digits" / "examples" / "2.png"
    reader.page.locator(".st-key-picture_file input[type=file]").set_input_files(other)
    reader.settle()
    assert_said(reader, selfattn.trace("digits", Picture(other.read_bytes())).prediction.top(4))
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "broken.png").write_bytes(digit.read_bytes()[:60])
    for name in ("empty.png", "broken.png"):
        reader.page.locator(".st-key-picture_file input[type=file]").set_input_files(tmp_path / name)
        reader.settle()
        assert name in reader.text(".sa-notice")


def test_a_sound_is_heard_and_its_frames_are_chosen(reader):
    open_head(reader, model="tones")
    sounds = sorted((SPECIMENS / "tones" / "examples").glob("*.wav"))
    trace = selfattn.trace("tones", Sound(sounds[0].read_bytes()))
    assert reader.text(".head .says .said") == trace.prediction.text
    board = reader.page.locator(".head .frames canvas.query")
    frames = trace.call(0).shape[0]
    board.click(position={"x": board.bounding_box()["width"] * 5.5 / frames, "y": 20})
    reader.settle()
    assert_said(reader, trace.prediction.at(5).top(4))
    board.press("ArrowRight")
    reader.settle()
    assert_said(reader, trace.prediction.at(6).top(4))
    picture = saved(reader)
    assert picture.name == f"tones_L1H3_sound_{sounds[0].stem}"
    assert {"Attends to", "0.5 s", *trace.prediction.text.replace(" ", "")} <= set(picture.words)


def test_time_looks_at_time_as_eager_weights_do(reader, tmp_path):
    sound = sorted((SPECIMENS / "tones" / "examples").glob("*.wav"))[0]
    folder = spoken.folder(tmp_path / "wav2vec2_bert", "wav2vec2_bert")
    open_head(reader, model=folder)
    inputs = selfattn.load(folder).inputs(Sound(sound.read_bytes()))[1]
    network = hf.Wav2Vec2BertForCTC.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.inference_mode():
        weights = network(**inputs, output_attentions=True).attentions[0][0, 0]
    for side, frame in (("query", 5), ("weights", 11)):
        board = reader.page.locator(f".head .frames canvas.{side}")
        board.click(position={"x": board.bounding_box()["width"] * (frame + 0.5) / len(weights), "y": 20})
    reader.page.mouse.move(0, 0)
    reader.settle()
    assert f"{weights[5, 11]:.4f}" in reader.text(".head .frames > .note")


def test_words_are_heard_in_a_sound(reader, folders):
    sound = sorted((SPECIMENS / "tones" / "examples").glob("*.wav"))[0]
    open_head(reader, model=folders / "speech", part="decoder, cross", step=3)
    model = selfattn.load(folders / "speech")
    written = continuation(model, Sound(sound.read_bytes()), most=3)
    trace = selfattn.trace(model, Sound(sound.read_bytes()), written=written)
    assert_said(reader, trace.prediction.top(4))
    reader.click(".head .chips button:nth-of-type(4)")
    row = trace.stages(0, 0, part="decoder", kind="cross").weights[3]
    assert f"{row.max():.4f}" in reader.text(".head .frames > .note")
    assert reader.page.locator(".head .chips >> visible=true").count() == 1
