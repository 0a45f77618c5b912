"""Tokens as the reader wrote them, each in its place."""

import re
import time
from itertools import pairwise

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

import selfattn
from selfattn.models.inputs.described import described, word_names
from selfattn.models.inputs.given import Pair
from selfattn.models.inputs.parts import parts_of
from selfattn.models.inputs.tokens import Tokens, encode, of_ids, visible
from selfattn.models.inputs.words import words_of
from tests.tools import made


def texts(tokenizer, text):
    return encode(tokenizer, text)[0].text


@pytest.fixture(scope="module")
def word_piece(minilm):
    return minilm.tokenizer


@pytest.fixture(scope="module")
def byte_level():
    return made.byte_level()


def test_text_is_as_written_not_as_the_vocabulary_spells_it(word_piece):
    assert texts(word_piece, "NAÏVE café 犬") == ("[CLS]", "NAÏVE", "café", "犬", "[SEP]")


def test_an_unknown_token_says_so_beside_what_was_written(word_piece):
    text = "I 喜欢吃 🍎."
    tokens, _ = encode(word_piece, text)
    assert [each for each in tokens.ids if each == word_piece.unk_token_id]
    for index, name, (start, end) in list(zip(tokens.ids, tokens.text, tokens.offsets, strict=True))[1:-1]:
        written = text[start:end]
        assert name == (f"[UNK] {written}" if index == word_piece.unk_token_id else written)
    assert "[UNK] 喜" in tokens.text
    assert "[UNK] 🍎" in tokens.text


def test_two_texts_that_the_model_cannot_tell_apart_say_so(minilm):
    first, second = (selfattn.trace(minilm, text) for text in ("喜 🍎", "欢 🍌"))
    assert torch.equal(first.output, second.output)
    assert first.tokens.text[1:-1] == ("[UNK] 喜", "[UNK] 🍎")
    assert second.tokens.text[1:-1] == ("[UNK] 欢", "[UNK] 🍌")


def test_an_unknown_word_is_whole_and_the_tokens_own_name_stands_once():
    assert texts(made.word_level(), "the Zebra [UNK] sat") == ("[CLS]", "the", "[UNK] Zebra", "[UNK]", "sat", "[SEP]")
    assert texts(made.byte_level(), "喜") == ("喜[1/3]", "喜[2/3]", "喜[3/3]")


def test_unknown_tokens_of_both_texts_of_a_pair(word_piece):
    assert encode(word_piece, Pair("🍎", "a 🍌"))[0].text == ("[CLS]", "[UNK] 🍎", "[SEP]", "a", "[UNK] 🍌", "[SEP]")


def test_a_tokenizer_of_sentence_pieces_counts_no_space_in():
    tokenizer = made.word_level()
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_next")
    assert texts(tokenizer, "🍎 🍌")[1:-1] == ("[UNK] 🍎", "[UNK] 🍌")


def test_words_are_counted_by_white_space(word_piece):
    tokens, _ = encode(word_piece, "It  isn't\tun-known")
    assert tokens.text == ("[CLS]", "It", "isn", "'", "t", "un", "-", "known", "[SEP]")
    assert tokens.words == (None, 0, 1, 1, 1, 2, 2, 2, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("我们 喜欢", [0, 1, 2, 3]),
        ("「犬」と、ねこ。 ok!", [0, 0, 0, 1, 1, 2, 3, 3, 4, 4, 4]),
        ("カメラだ ゴジラ", [0, 0, 0, 1, 2, 2, 2]),
        ("a犬b c", [0, 1, 2, 3]),
        ("a–b, (x) “y”", [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]),
        ("한국 말", [0, 0, 1]),
    ],
)
def test_words_where_a_script_has_no_spaces(text, words):
    letters = [(place, place + 1) for place, letter in enumerate(text) if letter != " "]
    assert list(words_of((text,), (0,) * len(letters), letters)) == words


def test_white_space_alone_belongs_to_the_word_after_it(byte_level):
    tokens, _ = encode(byte_level, "a  b \n cat ")
    assert list(zip(tokens.text, tokens.words, strict=True))[:4] == [("a", 0), (" ", 1), (" ", 1), ("b", 1)]
    assert (tokens.text[-1], tokens.words[-1]) == (" ", 2)
    assert words_of(("the cat",), (0,) * 4, ((0, 0), (0, 3), (3, 3), (4, 7))) == (0, 0, 1, 1)


def test_pieces_cut_a_word_where_the_text_does(word_piece):
    assert texts(word_piece, "unbelievably")[1:-1] == ("un", "bel", "ie", "va", "bly")


@pytest.mark.parametrize(
    "text",
    ["the cat", "a\x00b \x07", "שלום עולם", "e\u0301a\u0300 \u202e.", "👩‍👩‍👧 ok", " x ", "\ufeffx", "zero\u200bwidth"],
)
@pytest.mark.parametrize("kind", ["word_piece", "byte_level"])
def test_offsets_point_into_the_text_in_order(request, kind, text):
    tokenizer = request.getfixturevalue(kind)
    tokens, tensors = encode(tokenizer, text)
    assert tensors["input_ids"].tolist() == [list(tokens.ids)] == [tokenizer(text)["input_ids"]]
    placed = [(place, written) for place, written in zip(tokens.offsets, tokens.text, strict=True) if place != (0, 0)]
    assert placed
    plain = ((place, re.sub(r"(\[\d/\d\])+$", "", written)) for place, written in placed)
    assert all(written in (text[start:end], f"[UNK] {text[start:end]}") for (start, end), written in plain)
    assert all(before <= after for (before, _), (after, _) in pairwise(place for place, _ in placed))
    words = [word for word in tokens.words if word is not None]
    assert words == sorted(words)
    assert set(words) <= set(range(len(text.split())))


def test_a_character_of_several_tokens_shows_in_each_which_part_it_is(byte_level):
    tokens, _ = encode(byte_level, "a👍")
    assert tokens.text == ("a", "👍[1/4]", "👍[2/4]", "👍[3/4]", "👍[4/4]")
    assert tokens.words == (0,) * 5


def test_a_token_that_ends_within_a_letter():
    tokenizer = made.byte_level()
    tokens = encode(tokenizer, "x 犬 犭")[0]
    assert "".join(tokens.pieces) == "".join(tokenizer.tokenize("x 犬 犭"))
    parts = parts_of(("a犬b",), (0, 0, 0, 0), ((0, 2), (1, 2), (1, 3), (2, 3)))
    assert {place: [(part.number, part.count, part.letter) for part in each] for place, each in parts.items()} == {
        0: [(1, 3, "犬")],
        1: [(2, 3, "犬")],
        2: [(3, 3, "犬"), (1, 2, "b")],
        3: [(2, 2, "b")],
    }


def test_a_space_before_a_byte_level_word_is_kept(byte_level):
    tokens, _ = encode(byte_level, "the cat\n\nsat")
    assert "".join(tokens.text) == "the cat\n\nsat"
    assert (tokens.words[0], tokens.words[-1]) == (0, 2)


def test_a_token_that_stands_for_no_text_has_its_own_name():
    tokenizer = made.byte_level()
    tokenizer.backend_tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    tokens, _ = encode(tokenizer, "a  b")
    assert tokens.text == ("a", " ", " ", "b")[: len(tokens)]
    assert tokens.offsets[1][0] == tokens.offsets[1][1]


def test_padding_stands_at_the_end_and_is_masked(word_piece):
    plain, without = encode(word_piece, "the cat")
    padded, tensors = encode(word_piece, "the cat", pad=3)
    assert padded.text == (*plain.text, "[PAD]", "[PAD]", "[PAD]")
    assert (padded.offsets[-3:], padded.words[-3:]) == (((0, 0),) * 3, (None,) * 3)
    assert tensors["attention_mask"].tolist() == [[1, 1, 1, 1, 0, 0, 0]]
    assert tensors["token_type_ids"].shape == (1, 7)
    assert torch.equal(tensors["input_ids"][:, :4], without["input_ids"])


def test_padding_stands_where_the_tokenizer_puts_it():
    tokenizer = made.word_level()
    tokenizer.padding_side = "left"
    plain, _ = encode(tokenizer, "the cat", written=[7])
    padded, tensors = encode(tokenizer, "the cat", pad=2, written=[7])
    assert padded.text == ("[PAD]", "[PAD]", *plain.text)
    assert padded.pieces == ("[PAD]", "[PAD]", "[CLS]", "the", "cat", "[SEP]", "cat")
    assert (padded.offsets[2:], padded.words[2:], padded.segments[2:]) == (plain.offsets, plain.words, plain.segments)
    assert tensors["attention_mask"].tolist() == [[0, 0, 1, 1, 1, 1, 1]]
    assert tensors["input_ids"].tolist() == [list(padded.ids)] == [[0, 0, *plain.ids]]


def test_padding_needs_a_token_for_it(byte_level):
    with pytest.raises(ValueError, match="no padding token"):
        encode(byte_level, "the cat", pad=1)


@pytest.mark.parametrize("pad", [-1, 10**12])
def test_padding_out_of_range(word_piece, pad):
    with pytest.raises(ValueError, match="Padding is 0 to 100,000 tokens"):
        encode(word_piece, "the cat", pad)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "empty"), (" \t\n\u3000", "empty"), ("\x00\x01", "no character"), ("a \ud83d b", "surrogate")],
)
def test_a_text_without_a_token(word_piece, text, said):
    with pytest.raises(ValueError, match=said):
        encode(word_piece, text)


def test_a_long_text_takes_no_longer_than_its_length(word_piece):
    start = time.process_time()
    tokens, _ = encode(word_piece, "word " * 20_000)
    assert tokens.words[1:-1] == tuple(range(20_000))
    assert time.process_time() - start < 5  # 0.2 s; counting the words again for each token took 14 s


def test_ids_without_a_text(word_piece):
    assert of_ids(torch.tensor([101, 4937]), word_piece).text == ("[CLS]", "cat")
    assert of_ids(torch.tensor([3, 1]), None).text == ("#3", "#1")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("cat", "cat"),
        (" cat", " cat"),
        (" ", "␣"),
        ("\n\t ", "⏎⇥␣"),
        ("a\x00b", "a␀b"),
        ("a\x7fb", "a⟨007F⟩b"),
        ("\u202eabc", "⟨202E⟩abc"),
        ("\u200b", "⟨200B⟩"),
        ("👩‍👧", "👩‍👧"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_is_drawn(text, seen):
    assert visible(text) == seen


def test_each_token_says_which_one_it_is(word_piece, byte_level):
    tokens, _ = encode(word_piece, "Unbelievably 喜 isn't", pad=1)
    assert described(tokens, word_piece) == (
        "[CLS] · id 101 · special",
        "un · id 4895",
        "##bel · id 8671 · continues a word",
        "##ie · id 2666 · continues a word",
        "##va · id 3567 · continues a word",
        "##bly · id 6321 · continues a word",
        "[UNK] · id 100 · unknown to the tokenizer",
        "isn · id 3475",
        "' · id 1005",
        "t · id 1056",
        "[SEP] · id 102 · special",
        "[PAD] · id 0 · special",
    )
    notes = [note.split(" · ") for note in described(encode(byte_level, "the cat\n😀é")[0], byte_level)]
    pieces = byte_level.tokenize("the cat\n😀é")
    assert [note[0] for note in notes] == pieces
    assert [note[1] for note in notes] == [f"id {index}" for index in byte_level.convert_tokens_to_ids(pieces)]
    assert [note[2] if len(note) > 2 else "" for note in notes] == [
        "",
        "with the space before it",
        "white space",
        *(f"byte {n} of 4 of 😀" for n in (1, 2, 3, 4)),
        *(f"byte {n} of 2 of é" for n in (1, 2)),
    ]


def test_parts_that_are_no_bytes_are_not_called_so():
    tokenizer = made.byte_level()
    tokenizer.backend_tokenizer.normalizer = normalizers.NFD()
    tokens, _ = encode(tokenizer, "é")
    assert tokens.text == ("é[1/3]", "é[2/3]", "é[3/3]")  # the letter, and the two bytes of its accent
    assert [note.split(" · ")[2] for note in described(tokens, tokenizer)] == [f"part {n} of 3 of é" for n in (1, 2, 3)]


def test_a_space_that_is_a_piece_of_its_own_has_no_letter():
    pieces = Tokenizer(models.BPE({"▁": 0, "t": 1, "h": 2, "e": 3}, []))
    pieces.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=pieces)
    tokens, _ = encode(tokenizer, "the he")
    assert tokens.pieces == ("▁", "t", "h", "e", "▁", "h", "e")
    assert tokens.text == (" ", "t", "h", "e", " ", "h", "e")
    assert tokens.words == (0, 0, 0, 0, 1, 1, 1)
    assert [note.split(" · ")[2:] for note in described(tokens, tokenizer)] == [
        *([], [], ["continues a word"], ["continues a word"]),
        *(["white space"], [], ["continues a word"]),
    ]
    assert word_names(tokens, tokenizer) == ("the", " he")


def test_the_name_of_a_word_is_what_was_written_and_says_what_is_unknown(word_piece, byte_level):
    text = "unbelievably 喜欢 吃的 isn't 🍎🍎"
    tokens, _ = encode(word_piece, text)
    names = word_names(tokens, word_piece)
    assert names[:3] == ("[CLS]", "unbelievably", "[UNK] 喜")
    assert names[-3:] == ("isn't", "[UNK] 🍎🍎", "[SEP]")
    assert len(names) == 2 + len({word for word in tokens.words if word is not None})
    assert word_names(encode(byte_level, "我们 the")[0], byte_level) == ("我", "们", " the")
    unsure = Tokens((4, 5, 4), ("[UNK] a", "b", "[UNK] c"), ((0, 1), (1, 2), (2, 3)), (0,) * 3, (0,) * 3, (), ("abc",))
    assert word_names(unsure, made.word_level()) == ("[UNK] a b [UNK] c",)


def test_tokens_that_come_without_a_text_say_which_they_are(word_piece):
    assert described(of_ids(torch.tensor([101, 4937]), word_piece), word_piece) == (
        "[CLS] · id 101 · special",
        "cat · id 4937",
    )
    assert described(of_ids(torch.tensor([3]), None), None) == ("#3 · id 3",)
