"""The shipped dates specimen, measured again: it writes dates as its card says, and looks where they are written."""

import random
import re
from datetime import date

import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

import selfattn
from selfattn.places import SPECIMENS
from selfattn.recording.doors import install
from selfattn.training.specimens import dates

pytestmark = pytest.mark.slow

FOLDER = SPECIMENS / "dates"
TYPED = [
    ("3 March 2021", "2021-03-03"),
    ("Tuesday, 1st of May 1999", "1999-05-01"),
    ("March 3rd, 2021", "2021-03-03"),
    ("03.03.2021", "2021-03-03"),
    ("the 12th day of June, 1987", "1987-06-12"),
    ("We met on Saturday, 1st of May 1999 in Paris.", "1999-05-01"),
    ("14 JULY 1789", "1789-07-14"),
    ("Sept. 5, 2001", "2001-09-05"),
    ("due on 2024/02/29", "2024-02-29"),
]


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def network():
    network = AutoModelForSeq2SeqLM.from_pretrained(FOLDER).eval()
    install(network)
    return network


@pytest.fixture(scope="module")
def card() -> dict[str, list[str]]:
    """What the card's table says of each field, and the two shares in its sentences."""
    text = (FOLDER / "README.md").read_text()
    rows = {field: re.search(rf"^\| {field} \| (.+) \|$", text, re.M)[1].split(" | ") for field in dates.FIELDS}
    exact, all_three = re.search(r"symbol: ([\d.]+)\.$", text, re.M)[1], re.search(r"aligned: ([\d.]+) of", text)[1]
    return {**rows, "exact": [exact], "all three": [all_three]}


@pytest.fixture(scope="module")
def measured(network, tokenizer):
    fresh = random.Random(77)
    return dates.measure(network, tokenizer, [dates.draw(fresh, held_out=True) for _ in range(400)])


def test_the_folder_is_small_and_complete():
    assert {path.name for path in FOLDER.iterdir()} == {
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000


def test_it_writes_dates_that_training_never_saw(measured, card):
    assert measured.exact >= 0.98
    assert measured.exact == pytest.approx(float(card["exact"][0]), abs=0.015)


def test_each_field_is_read_where_it_is_written(measured, card):
    heads = [tuple(map(int, card[field][0].split("."))) for field in dates.FIELDS]
    shares, all_three = measured.share(heads)
    assert min(shares) >= 0.9
    assert all_three >= 0.9
    assert all_three == pytest.approx(float(card["all three"][0]), abs=0.03)
    for at, (field, (layer, head)) in enumerate(zip(dates.FIELDS, heads, strict=True)):
        _, share, weight, uniform = card[field]
        assert shares[at] == pytest.approx(float(share), abs=0.03)
        assert measured.weight[layer, head, at].item() == pytest.approx(float(weight), abs=0.03)
        assert measured.uniform[at].item() == pytest.approx(float(uniform), abs=0.01)


@torch.no_grad()
def test_a_row_predicts_the_symbol_after_it(tokenizer, card):
    """As a reader finds it in the weights that the class itself returns, with no part of ours."""
    network = AutoModelForSeq2SeqLM.from_pretrained(FOLDER, attn_implementation="eager").eval()
    source = tokenizer("Tuesday, the 2nd of March 2021", return_tensors="pt")
    tokens = tokenizer.convert_ids_to_tokens(source.input_ids[0].tolist())
    assert tokens == ["tuesday", ",", "the", "2nd", "of", "march", "2", "0", "2", "1", "[EOS]"]
    written = tokenizer.convert_tokens_to_ids(["[BOS]", *"2021-03-02"])
    weights = network(**source, decoder_input_ids=torch.tensor([written]), output_attentions=True).cross_attentions
    expected = {"year": [6, 7, 8, 9], "month": [5, 5], "day": [3, 3]}
    for field, symbols in dates.FIELDS.items():
        layer, head = map(int, card[field][0].split("."))
        assert weights[layer][0, head, symbols].argmax(-1).tolist() == expected[field]


@pytest.mark.parametrize(("text", "expected"), TYPED)
def test_it_writes_typed_dates(text, expected):
    model = selfattn.load("dates")
    written = model.network.generate(**model.tokenizer(text, return_tensors="pt"))
    assert written[0].tolist()[0] == model.tokenizer.bos_token_id
    assert written[0].tolist()[-1] == model.tokenizer.eos_token_id
    assert model.tokenizer.decode(written[0], skip_special_tokens=True) == expected


def test_cross_attention_is_there_and_exact():
    trace = selfattn.trace("dates", "the 12th day of June, 1987")
    assert [(a.part, a.kind, a.layers, a.heads) for a in trace.model.attentions] == [
        ("encoder", "self", 2, 4),
        ("decoder", "self", 2, 4),
        ("decoder", "cross", 2, 4),
    ]
    assert trace.fidelity < 1e-5
    assert trace.prediction.top(1)[0][0] == "1"


def test_where_each_symbol_comes_from(tokenizer):
    drawn = [
        dates.Written("on 12 Sept. 1987", "1987-09-12", {"day": (3, 5), "month": (6, 10), "year": (12, 16)}),
        dates.Written("1987-09-02", "1987-09-02", {"year": (0, 4), "month": (5, 7), "day": (8, 10)}),
        dates.Written("2nd May 1987", "1987-05-02", {"day": (0, 3), "month": (4, 7), "year": (8, 12)}),
    ]
    right = dates.sources(tokenizer, drawn)
    found = [[row.nonzero().flatten().tolist() for row in one] for one in right]
    assert found == [
        [[5], [6], [7], [8], [], [3], [3], [], [1], [2]],
        [[0], [1], [2], [3], [], [5], [6], [], [8], [9]],
        [[2], [3], [4], [5], [], [1], [1], [], [0], [0]],
    ]


def test_what_is_drawn_says_the_date_it_means():
    randomness = random.Random(3)
    for _ in range(300):
        one = dates.draw(randomness, held_out=False)
        day = date.fromisoformat(one.iso)
        assert not dates.is_held_out(day)
        written = {field: one.text[start:end] for field, (start, end) in one.spans.items()}
        assert written["year"] == str(day.year)
        assert int(re.match(r"\d+", written["day"])[0]) == day.day
        assert written["month"] in {f"{day:%m}", f"{day:%B}", f"{day:%b}", *(["Sept"] if day.month == 9 else [])}
        assert written.get("weekday", f"{day:%A}") in {f"{day:%A}", f"{day:%a}"}


def test_the_same_seed_draws_the_same_dates():
    first, again, other = (random.Random(seed) for seed in (7, 7, 8))
    drawn = [dates.draw(first, held_out=True) for _ in range(20)]
    assert drawn == [dates.draw(again, held_out=True) for _ in range(20)]
    assert drawn != [dates.draw(other, held_out=True) for _ in range(20)]
    assert all(dates.is_held_out(date.fromisoformat(one.iso)) for one in drawn)


def test_ordinals():
    days = (1, 2, 3, 4, 11, 12, 13, 20, 21, 22, 23, 24, 30, 31)
    expected = "1st 2nd 3rd 4th 11th 12th 13th 20th 21st 22nd 23rd 24th 30th 31st"
    assert " ".join(dates.ORDINALS[day - 1] for day in days) == expected


@pytest.mark.parametrize("text", ["naïve 🙂", "3 März 2021", "注意力", "a\0b", "ﬁ \u200d\u202e x", "İ ß 99th 123rd"])
def test_no_text_is_unknown(tokenizer, text):
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    assert tokenizer.unk_token is None
    covered = {at for start, end in offsets for at in range(start, end)}
    assert covered == {at for at, character in enumerate(text) if not character.isspace()}


def test_the_tokenizer_that_ships_is_the_one_that_is_made(tokenizer):
    text = "Wed the 22nd of Sept. 1999, 4st -- Ж"
    assert tokenizer(text)["input_ids"] == dates.make_tokenizer()(text)["input_ids"]
    assert (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) == (0, 1, 2)
