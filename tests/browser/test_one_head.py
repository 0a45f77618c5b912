"""The app as a reader uses it: type, click, reload, go back, break it."""

import json
import re
from urllib.parse import quote

import torch

import selfattn
from selfattn import Scale, Temperature
from selfattn.analysis.one_head.gauges import gauges
from tests.tools.browser import Reader, numbers
from tests.tools.tolerance import assert_close

TEXT = "The film was not good."


def shown_gauges(reader: Reader) -> dict[str, float]:
    reader.page.locator(".head .gauges").get_by_text("entropy").first.wait_for()
    numbers = re.findall(r"(entropy|max weight|tr J|first token)\s+([0-9.]+)", reader.text(".head .gauges"))
    return {name: float(number) for name, number in numbers}


def test_the_numbers_on_screen_are_the_models(reader):
    reader.open(f"/?layer=1&head=2&text={quote(TEXT)}")
    model = selfattn.load("sentiment")
    found = selfattn.trace(model, TEXT).stages(1, 2)
    for gauge in gauges(found):
        assert_close(shown_gauges(reader)[gauge.name], gauge.value, within=6e-4)
    probability = float(re.search(r"negative\s+([0-9.]+)", reader.text(".head .says"))[1])
    assert_close(probability, selfattn.trace(model, TEXT).prediction.of("negative"), within=6e-4)
    chip = ".head .chips button:nth-of-type(3)"
    index = selfattn.trace(model, TEXT).tokens.ids[2]
    assert f" · id {index}" in reader.page.locator(chip).get_attribute("title")
    reader.click(chip)
    row = found.weights[2]
    assert f"weight = {row.max():.4f}" in reader.text(".head .cell")


def test_taking_the_scale_away_saturates_the_softmax(reader):
    reader.open(f"/?layer=1&head=1&text={quote(TEXT)}")
    before = shown_gauges(reader)
    reader.click(".head .controls .toggle")
    after = shown_gauges(reader)
    found = selfattn.trace("sentiment", TEXT).call(1).with_edits([Scale(None)]).stages(1)
    for gauge in gauges(found):
        assert_close(after[gauge.name], gauge.value, within=6e-4)
    assert after["entropy"] < before["entropy"]
    assert after["max weight"] > before["max weight"]
    assert after["tr J"] < before["tr J"]
    assert "scaled=false" in reader.page.url


def test_in_the_model_the_prediction_follows(reader):
    text = "I would not recommend this phone to anyone."
    reader.open(f"/?temperature=5.0&text={quote(text)}")
    before = selfattn.trace("sentiment", text).prediction
    assert_close(shown_probability(reader), before.of("negative"), within=6e-4)
    reader.page.locator(".head .apply select").select_option("model")
    reader.click(".head button.primary")
    edited = selfattn.trace("sentiment", text, [Temperature(5.0)]).prediction
    assert_close(shown_probability(reader), edited.of("negative"), within=6e-4)
    assert "before the change" in reader.text(".head .says")
    assert reader.page.locator(".head button.primary").is_disabled(), "nothing is set on top"
    assert "Temperature 5 in all heads" in reader.text(".st-key-in_model")
    # Undo takes it out, and it is set on top as before.
    reader.click(".head .apply .quiet")
    assert_close(shown_probability(reader), before.of("negative"), within=6e-4)
    assert reader.page.locator(".head .controls .slider input").first.input_value() == "5"
    assert reader.page.locator(".st-key-in_model").count() == 0
    reader.click(".head button.primary")
    reader.page.reload()
    assert_close(shown_probability(reader.settle()), edited.of("negative"), within=6e-4)
    assert reader.page.locator(".head .controls .slider input").first.input_value() == "5", "the model’s own now"
    reader.click(".st-key-take_out_0 button")
    assert_close(shown_probability(reader), before.of("negative"), within=6e-4)
    assert "edits" not in reader.page.url


def shown_probability(reader: Reader) -> float:
    return float(re.search(r"negative\s+([0-9.]+)", reader.text(".head .says"))[1])


def test_every_state_is_a_link(reader, another):
    reader.open("/?model=induction")
    reader.type("red green blue red green")
    reader.click(".st-key-open_3 button")
    reader.click(".head .masks button[value=window]")
    reader.click(".head .chips button:nth-of-type(4)")
    link, cell = reader.page.url, reader.text(".head .cell")
    for part in ("model=induction", "head=3", "window", "from=3", "text=red+green+blue"):
        assert part in link
    assert another.open(link.removeprefix(reader.address)).text(".head .cell") == cell


def test_the_text_survives_pages_reload_and_back(reader):
    reader.open().type("A small but charming film.")
    reader.page.get_by_role("link", name="All heads").click()
    reader.settle()
    reader.page.get_by_role("link", name="One head").click()
    reader.settle()
    reader.page.reload()
    assert reader.settle().page.locator(".st-key-text input").input_value() == "A small but charming film."
    reader.page.go_back()
    assert reader.settle().page.locator(".st-key-text input").input_value() == "A small but charming film."


HOSTILE = [
    "<img src=x onerror=window.broken=1> good",
    "</script><script>window.broken=1</script> bad",
    "![a](http://198.51.100.7/x) $x^2$ :red[d] :material/home:",
    "🙂 很好 مرحبا é ‮ \u200b good",
]


def test_hostile_text_is_shown_and_not_run(reader):
    reader.open(f"/?model=minilm&text={quote(HOSTILE[0])}")
    for text in HOSTILE:
        if text != HOSTILE[0]:  # that came by link
            reader.type(text)
        assert reader.page.evaluate("window.broken") is None
        reader.page.locator(".head .chips button").nth(3).wait_for()
        rendered = ".head .chips :is(img, a, strong, .katex, [data-testid=stIconMaterial])"
        assert reader.page.locator(rendered).count() == 0
        assert reader.page.locator(".st-key-text input").input_value() == text


def test_a_bad_link_gets_one_sentence(reader):
    reader.open("/?layer=7&text=Keep+this+text.")
    assert "layers 0 to 1" in reader.text(".sa-notice")
    assert reader.page.locator(".st-key-text input").input_value() == "Keep this text."


def test_a_text_too_long_is_refused_with_its_number_and_kept(reader):
    text = "good film " * 20_000
    reader.open().type(text)
    assert re.search(r"The text has 40,002 tokens: [0-9,]+ weights", reader.text(".sa-notice"))
    assert reader.page.locator(".st-key-text input").input_value() == text
    assert len(reader.page.url) < 5000
    reader.type("A short one.")
    assert reader.page.locator(".sa-notice").count() == 0


def test_a_long_text_is_a_map_whose_tiles_are_exact(reader):
    text = "the film was long and the ending was good and " * 130
    reader.open().type(text)
    root = reader.page.locator(".head.long[data-ready=true]")
    root.wait_for(timeout=60_000)
    trace = selfattn.trace("sentiment", text)
    assert f"{len(trace.tokens):,} × {len(trace.tokens):,} cells" in reader.text(".head .map-bar")
    assert "pooled 2 x 2 (maximum), exact tiles on demand" in reader.text("[data-testid=stSidebar]")
    tile = "root => [...root.scope.head.tile(700, 720, 300, 333)]"
    found = torch.tensor(numbers(root, tile)).view(20, 33)
    assert_close(found, trace.call(0).stages(0).weights[700:720, 300:333], within=1e-5)
    # What the reader sets goes through Python, and comes back as another overview.
    reader.page.locator(".head .controls .slider input").first.fill("3")
    reader.page.wait_for_function("location.search.includes('temperature=3')")
    reader.settle()
    edited = trace.call(0).with_edits([Temperature(3.0)]).stages(0).weights
    reader.page.wait_for_timeout(1000)
    found = torch.tensor(numbers(root, tile)).view(20, 33)
    assert_close(found, edited[700:720, 300:333], within=1e-5)


def test_the_keyboard_reaches_the_scale(reader):
    reader.open()
    toggle = reader.page.locator(".head .controls .toggle input")
    for _ in range(60):
        reader.page.keyboard.press("Tab")
        if toggle.evaluate("e => e === e.getRootNode().activeElement"):
            break
    reader.page.keyboard.press("Space")
    reader.settle()
    assert "scaled=false" in reader.page.url


def test_numbers_leave_as_they_are(reader):
    reader.open(f"/?layer=1&head=3&scaled=false&temperature=2.0&text={quote(TEXT)}")
    reader.page.get_by_role("button", name="Export").click()
    reader.settle()
    with reader.page.expect_download() as download:
        reader.page.get_by_role("button", name="Numbers as JSON").click()
    data = json.loads(download.value.path().read_text(encoding="utf-8"))
    found = selfattn.trace("sentiment", TEXT).call(1).with_edits([Scale(None), Temperature(2.0)]).stages(3)
    assert_close(torch.tensor(data["weights"]), found.weights, within=1e-6)
    code = reader.page.locator(".stPopover code, [data-testid=stPopoverBody] code").first.inner_text()
    namespace: dict[str, object] = {}
    exec(code.replace("print", "str"), namespace)
    assert_close(namespace["stages"].weights, found.weights, within=1e-6)


def test_the_link_is_copied(reader):
    reader.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    reader.open("/?layer=1")
    reader.page.get_by_role("button", name="Copy link").click()
    reader.page.get_by_text("Link copied").wait_for()
    assert reader.page.evaluate("navigator.clipboard.readText()") == reader.page.url


def test_two_readers_do_not_meet(reader, another):
    reader.open().type("The first reader is happy.")
    another.open().type("The second one is not.")
    reader.click(".head .controls .toggle")
    assert "first" in reader.text(".head .chips")
    assert "second" in another.text(".head .chips")
    assert another.page.locator(".head .controls .toggle input").is_checked()


def test_random_keys_saturate_as_published(reader):
    reader.open("/scaling?d=64")
    raw, scaled = (
        [float(x) for x in re.findall(r"(?:entropy|max weight|tr J)\s+([0-9.]+)", reader.text(f".st-key-panel_{side}"))]
        for side in ("False", "True")
    )
    for shown, published in zip(raw + scaled, [0.143, 0.819, 0.255, 0.869, 0.166, 0.926], strict=True):
        assert_close(shown, published, within=0.01)
