"""The shipped brackets specimen, measured again: it tells missing brackets, and a head of it looks at partners."""

import random
import re

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

import selfattn
from selfattn.places import SPECIMENS
from selfattn.recording.doors import install
from selfattn.training.specimens import brackets

pytestmark = pytest.mark.slow

FOLDER = SPECIMENS / "brackets"
PAIRS = dict(zip(brackets.OPENING, brackets.CLOSING, strict=True))
MISSING = [
    ("( [ { } [MASK] < > )", "]"),
    ("( [MASK] { } ] < > )", "["),
    ("[MASK] ( ) { [ ] } >", "<"),
    ("f(x[i[MASK])", "]"),
    ("{ [ ( ) ] < > [MASK]", "}"),
]


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def network():
    network = AutoModelForMaskedLM.from_pretrained(FOLDER).eval()
    install(network)
    return network


@pytest.fixture(scope="module")
def card() -> str:
    return (FOLDER / "README.md").read_text()


@pytest.fixture(scope="module")
def head(card) -> tuple[int, int]:
    return tuple(map(int, re.search(r"weight of head (\d)\.(\d)", card).groups()))


def partners(text: str) -> dict[int, int]:
    """Where the partner of each bracket stands, by a stack."""
    found, unclosed = {}, []
    for at, character in enumerate(text):
        if character in PAIRS:
            unclosed.append(at)
        elif character in PAIRS.values():
            opened = unclosed.pop()
            assert PAIRS[text[opened]] == character
            found[at], found[opened] = opened, at
    assert not unclosed
    return found


def test_the_folder_is_small_and_complete():
    names = {path.name for path in FOLDER.iterdir()}
    assert names == {"README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000


@pytest.mark.parametrize("pairs", brackets.MEASURED_PAIRS[:3])
def test_what_training_never_saw(network, card, head, pairs):
    row = re.search(rf"^\| {pairs} \| \d+ \| (.+) \|$", card, re.M)[1]
    accuracy, partner, of_mask, uniform, adjacent = map(float, row.split(" | "))
    measured = brackets.measure(network, pairs, random.Random(91))
    assert measured.accuracy >= 0.97
    assert measured.partner[head] >= 0.8
    assert measured.partner_of_mask[head] > 5 * measured.uniform
    assert measured.accuracy == pytest.approx(accuracy, abs=0.03)
    assert measured.partner[head].item() == pytest.approx(partner, abs=0.03)
    assert measured.partner_of_mask[head].item() == pytest.approx(of_mask, abs=0.06)
    assert measured.uniform == pytest.approx(uniform, abs=1e-3)
    assert measured.adjacent == pytest.approx(adjacent, abs=0.06)
    assert measured.partner[head] > measured.adjacent


def test_deep_brackets_too(network, card, head):
    measured = brackets.measure(network, brackets.PAIRS[1], random.Random(92))
    said = dict(re.findall(r"^\| (\d+) \| ([\d.]+) \|$", card, re.M))
    assert len(said) == brackets.DEPTH
    for depth, weight in measured.partner_at_depth.items():
        assert weight[head] >= 0.7
        assert weight[head].item() == pytest.approx(float(said[str(depth)]), abs=0.05)


@pytest.mark.parametrize(
    "text",
    ["( [ ] { ( ) } )", "( ( ( ) ) )", "< > < > < >", "f(a[0], {b: [c, (d)]})", "[ ( ) { < > } ( [ ] ) ]"],
)
@torch.no_grad()
def test_partners_of_typed_brackets(tokenizer, head, text):
    """As a reader finds it in the weights that the class itself returns, with no part of ours."""
    network = AutoModelForMaskedLM.from_pretrained(FOLDER, attn_implementation="eager").eval()
    encoding = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
    place = {start: at for at, (start, end) in enumerate(encoding.pop("offset_mapping")[0].tolist()) if end}
    layer, index = head
    weights = network(**encoding, output_attentions=True).attentions[layer][0, index]
    for at, partner in partners(text).items():
        assert weights[place[at]].argmax() == place[partner]


@pytest.mark.parametrize(("text", "expected"), MISSING)
def test_typed_masks(text, expected):
    trace = selfattn.trace("brackets", text)
    assert trace.prediction.kind == "masked token"
    (best, probability), *_ = trace.prediction.top(2)
    assert (best, probability > 0.9) == (expected, True)


def test_text_without_a_mask_is_shown_all_the_same():
    trace = selfattn.trace("brackets", "( [ ] { ( ) } )")
    assert trace.prediction is None
    assert trace.tokens.text == ("[CLS]", *"([]{()})")
    assert trace.fidelity < 1e-5


def test_drawn_sequences_are_nested(tokenizer):
    randomness = random.Random(5)
    for letters in (0, 3):
        for _ in range(100):
            one = brackets.draw(6, letters, randomness, held_out=True)
            pieces = [tokenizer.decode([token]) for token in one.ids]
            text = "".join(piece if piece in {*PAIRS, *PAIRS.values()} else "." for piece in pieces)
            assert (len(text), text[0]) == (1 + 12 + letters, ".")
            assert one.partner == partners(text)
            for at, depth in enumerate(one.depth):
                before = sum((character in PAIRS) - (character in PAIRS.values()) for character in text[:at])
                assert depth == before + (text[at] in PAIRS)
            assert brackets.is_held_out(one.ids)


def test_a_label_is_what_fits_the_partner(tokenizer):
    randomness = random.Random(6)
    missing = mismatched = 0
    fitting = {**PAIRS, **{closing: opening for opening, closing in PAIRS.items()}}
    for _ in range(100):
        one = brackets.draw(5, 2, randomness, held_out=False)
        ids, labels = brackets.corrupt(one, randomness)
        pieces = [tokenizer.decode([token]) for token in ids]
        for at, label in enumerate(labels):
            partner = pieces[one.partner[at]] if at in one.partner else "[MASK]"
            told = None if label == -100 else tokenizer.decode([label])
            assert told == fitting.get(partner)
            missing += pieces[at] == "[MASK]"
            mismatched += told is not None and pieces[at] not in (told, "[MASK]")
        assert not any(pieces[at] == pieces[partner] == "[MASK]" for at, partner in one.partner.items())
    assert missing > 30
    assert mismatched > 100


def test_the_same_seed_draws_the_same_batches():
    first, again, other = (next(brackets.batches(random.Random(seed))) for seed in (7, 7, 8))
    assert first["input_ids"].equal(again["input_ids"])
    assert first["labels"].equal(again["labels"])
    assert not first["input_ids"].equal(other["input_ids"])


@pytest.mark.parametrize("text", ["naïve 🙂 (注意力)", "a\0b", "ﬁ \u200d\u202e [x]", "«(“ ”)»"])
def test_no_text_is_unknown(tokenizer, text):
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    assert tokenizer.unk_token is None
    covered = {at for start, end in offsets for at in range(start, end)}
    assert covered == {at for at, character in enumerate(text) if not character.isspace()}


def test_the_tokenizer_that_ships_is_the_one_that_is_made(tokenizer):
    text = "( [ { < a [MASK] > } ] ) é"
    assert tokenizer(text)["input_ids"] == brackets.make_tokenizer()(text)["input_ids"]
    assert tokenizer("([MASK]>")["input_ids"] == [1, 3, 2, brackets.CLOSE + 3]
    assert (tokenizer.pad_token_id, tokenizer.cls_token_id, tokenizer.mask_token_id) == (0, 1, 2)
