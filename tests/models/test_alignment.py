"""Tokenizers that keep no places: their pieces stand where the text spells them, or show themselves."""

import time
import unicodedata

import pytest
import transformers as hf

import selfattn
from selfattn import Model
from selfattn.models.inputs.alignment import align
from selfattn.models.inputs.described import described
from selfattn.models.inputs.given import Pair
from selfattn.models.inputs.tokens import encode
from tests.tools import made, tiny

TEXTS = (
    "the cat playing, élève.",
    "The  CATS\nsat on\tÉlève 喜欢 😀!",
    "the \u200bcat ½ e\u0301 ﬁlm ",
    "n'est [a] «b» 한국 👩‍👧 ###@@ ▁",
)
MARKS = ("##", "@@", "</w>", "▁", "[UNK]", "<unk>")


@pytest.fixture(scope="module", params=made.SLOW)
def slow(request, tmp_path_factory):
    return made.slow(request.param, tmp_path_factory.mktemp(request.param))


def folded(text):
    letters = unicodedata.normalize("NFKD", text).lower()
    return "".join(each for each in letters if each.isalnum())


@pytest.mark.parametrize("text", TEXTS)
def test_each_piece_stands_where_the_text_spells_it(slow, text):
    tokens, tensors = encode(slow, text)
    assert list(tokens.ids) == tensors["input_ids"][0].tolist() == slow(text)["input_ids"]
    assert list(tokens.pieces) == slow.convert_ids_to_tokens(list(tokens.ids))
    spans = [span for span in tokens.offsets if span != (0, 0)]
    assert spans == sorted(spans)
    known = [
        span != (0, 0) or piece == "▁"
        for span, piece, segment in zip(tokens.offsets, tokens.pieces, tokens.segments, strict=True)
        if segment is not None
    ]
    unknown = [index == slow.unk_token_id for index, own in zip(tokens.ids, tokens.segments, strict=True) if own == 0]
    assert all(placed or unsure for placed, unsure in zip(known, unknown, strict=True))
    letters = {place for place, letter in enumerate(text) if letter.isalnum()}
    assert letters <= {place for span in spans for place in range(*span)} or not all(known)
    for piece, index, segment, (start, end) in zip(
        tokens.pieces, tokens.ids, tokens.segments, tokens.offsets, strict=True
    ):
        if segment is not None and start < end and index != slow.unk_token_id and "[" not in text[start:end]:
            for mark in MARKS:
                piece = piece.replace(mark, "")
            letter = list(text[start:end].encode())
            shared = len(piece) == 1 and (ord(piece) in letter or folded(piece) in folded(text[start:end]))
            assert shared or folded(piece) == folded(text[start:end])


def test_the_letters_of_a_pair_stand_in_their_own_text(slow):
    tokens, _ = encode(slow, Pair("the cat", "a the"))
    assert tokens.ids == tuple(slow("the cat", "a the")["input_ids"])
    assert {segment for segment in tokens.segments if segment is not None} == {0, 1}
    for index, text in enumerate(("the cat", "a the")):
        spans = [span for span, each in zip(tokens.offsets, tokens.segments, strict=True) if each == index]
        assert "".join(text[start:end] for start, end in spans).replace(" ", "") == text.replace(" ", "")


def test_a_model_with_such_a_tokenizer_is_traced():
    network = hf.BertForMaskedLM(hf.BertConfig(**tiny.SMALL | {"vocab_size": 400}))
    model = Model.wrap(network, hf.ByT5Tokenizer(), "bytes")
    trace = selfattn.trace(model, "née")
    assert trace.tokens.text == ("n", "é[1/2]", "é[2/2]", "e", "</s>")
    assert described(trace.tokens, model.tokenizer)[1:3] == (
        "Ã · id 198 · byte 1 of 2 of é",
        "© · id 172 · byte 2 of 2 of é",
    )
    expected = hf.ByT5Tokenizer()("née", return_tensors="pt")
    assert {name: tensor.tolist() for name, tensor in trace.inputs.items()} == {
        name: tensor.tolist() for name, tensor in expected.items()
    }


@pytest.mark.parametrize(
    ("pieces", "text", "places"),
    [
        (["▁the", "▁c", "at"], "the cat", [(0, 3), (4, 5), (5, 7)]),
        (["▁", "the"], " the", [(0, 0), (1, 4)]),
        (["the", "##cat"], "TheCat", [(0, 3), (3, 6)]),
        (["<0xE6>", "<0x88>", "<0x91>", "▁a"], "我 a", [(0, 1)] * 3 + [(2, 3)]),
        (["æĪĳ", "Ġa"], "我 a", [(0, 1), (2, 3)]),
        ([None, None], "foo bar", [(0, 3), (4, 7)]),
        ([None, "a", None], "xyaz", [(0, 2), (2, 3), (3, 4)]),
        # Read in two ways: what both say holds, what only one says does not.
        ([None, None, "▁b"], "xyz b", [None, None, (4, 5)]),
        (["a", " ", "b"], "a  b", [(0, 1), None, (3, 4)]),
        # Not spelled by the pieces.
        (["the", "dog"], "the cat", [None, None]),
        (["the"], "the cat", [None]),
        (["the", "cat", "cat"], "the cat", [None] * 3),
    ],
)
def test_a_piece_has_a_place_only_where_it_is_certain(pieces, text, places):
    assert align(pieces, text) == places


def test_what_a_tokenizer_makes_of_a_text_in_its_own_way_shows_its_pieces(tmp_path):
    tokenizer = made.slow("ctrl", tmp_path)
    tokenizer._tokenize = lambda text: ["the", "c@@"]
    assert encode(tokenizer, "犬")[0].text == ("the", "c@@")
    tokenizer.prepare_for_model = lambda ids, *_, **__: hf.BatchEncoding({"input_ids": [1, 0, 2]})
    tokens, _ = encode(tokenizer, "犬")
    assert (tokens.text, tokens.segments) == (("the", "<unk>", "cat"), (0, None, 0))


def test_a_word_that_is_not_spelled_leaves_the_others_their_places(tmp_path):
    tokenizer = made.slow("ctrl", tmp_path)
    read = tokenizer._tokenize
    tokenizer._tokenize = lambda text: [piece for word in text.split() for piece in ["a"] * (word == "&") or read(word)]
    assert encode(tokenizer, "the & cat")[0].offsets == ((0, 3), (0, 0), (6, 9))


@pytest.mark.parametrize("text", ["word " * 2_000, "喜" * 2_000, " " * 2_000 + "a", "\n" * 2_000 + "a"])
def test_a_long_text_takes_no_longer_than_its_length_to_align(text):
    start = time.process_time()
    align(list(text.strip()), text)
    align([None] * 2000, text)
    assert time.process_time() - start < 9
