"""Data of the reader's own: every kind of file reads to the same corpus, and bad data are one clear sentence."""

import codecs
import csv
import io
import json
import tracemalloc
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from selfattn.training.data import corpora, encoded, lines
from selfattn.training.data.corpora import Corpus, columns, guess, read
from selfattn.training.data.splits import split
from selfattn.training.data.vocabulary import train_tokenizer
from selfattn.training.run.settings import Settings

NAMES = ("  spaced out ", "🐈 cat")
ROWS = [(row, f'He said "{row}", twice,\nthen left — ça va', NAMES[row % 2]) for row in range(23)]
HEADER = ("number", "text", "label")
TEXTS, LABELS = [row[1] for row in ROWS], [row[0] % 2 for row in ROWS]


def separated(delimiter: str = ",", rows=ROWS, header=HEADER) -> str:
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter)
    writer.writerows([header, *rows])
    return written.getvalue()


def table(labels=None) -> pyarrow.Table:
    return pyarrow.table({"number": [row[0] for row in ROWS], "text": TEXTS, "label": labels or [r[2] for r in ROWS]})


def stream(path: Path, content: pyarrow.Table) -> None:
    with pyarrow.OSFile(str(path), "wb") as sink, pyarrow.ipc.new_stream(sink, content.schema) as writer:
        writer.write_table(content)


def objects() -> str:
    return "\n".join(json.dumps(dict(zip(HEADER, row, strict=True))) for row in ROWS)


def saved(folder: Path, name: str) -> Path:
    """A dataset as `save_to_disk` writes it, its labels as numbers of names."""
    folder.mkdir(parents=True)
    stream(folder / name, table(LABELS))
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    features = {"text": {"_type": "Value"}, "label": {"_type": "ClassLabel", "names": list(NAMES)}}
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    return folder


def splits(path: Path) -> Path:
    for name in ("test", "train"):
        saved(path / name, f"data-{name}.arrow")
    (path / "dataset_dict.json").write_text(json.dumps({"splits": ["test", "train"]}))
    return path


def with_data_files(path: Path) -> Path:
    (path / "data").mkdir(parents=True)
    (path / "README.md").write_text("a card")
    pyarrow.parquet.write_table(table(), path / "data" / "train-00000-of-00001.parquet")
    pyarrow.parquet.write_table(table(), path / "data" / "test-00000-of-00001.parquet")
    return path


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


KINDS = {
    "csv": lambda at: written(at / "a.csv", separated()),
    "semicolons": lambda at: written(at / "a.csv", separated(";")),
    "tsv": lambda at: written(at / "a.tsv", separated("\t")),
    "utf-8 with a mark": lambda at: written(at / "a.csv", codecs.BOM_UTF8 + separated().encode()),
    "utf-16": lambda at: written(at / "a.csv", separated().encode("utf-16")),
    "json lines": lambda at: written(at / "a.jsonl", objects()),
    "json array": lambda at: written(at / "a.json", f"[{','.join(objects().splitlines())}]"),
    "parquet": lambda at: pyarrow.parquet.write_table(table(), at / "a.parquet") or at / "a.parquet",
    "arrow": lambda at: stream(at / "a.arrow", table()) or at / "a.arrow",
    "saved dataset": lambda at: saved(at / "set", "data-00000-of-00001.arrow"),
    "saved splits": lambda at: splits(at / "set"),
    "data files": lambda at: with_data_files(at / "set"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_reads_to_the_same_corpus(tmp_path, kind):
    path = KINDS[kind](tmp_path)
    assert columns(path) == HEADER
    assert guess(path) == ("text", "label")
    found = read(path)
    # The writer ends its lines, not those within a text, as CSV wants.
    assert [text.replace("\r\n", "\n") for text in found.texts] == TEXTS
    assert found.labels == LABELS
    assert found.names == NAMES
    assert read(path, task="next token").labels is None


def test_plain_text_is_read_whole_in_pieces_of_lines(tmp_path):
    text = "".join(f"Line {line} of a story, né?\n" for line in range(997))
    found = read(written(tmp_path / "story.txt", text), task="next token")
    assert "".join(found.texts) == text
    assert len(found.texts) > 10
    with pytest.raises(ValueError, match="no column that looks like labels"):
        read(tmp_path / "story.txt")


def rows(*labels: str, text: str = "text number {}") -> str:
    return separated(rows=[(at, text.format(at), label) for at, label in enumerate(labels)])


GOOD = rows(*["a", "b"] * 8)
BAD = {
    "no such file": ("a.csv", None, "There is no file or folder"),
    "another kind": ("a.docx", b"PK", "a.docx ends in none of .csv"),
    "an excel sheet": ("a.csv", b"PK\x03\x04" + bytes(99), "a zip archive or an Excel sheet; save it as CSV"),
    "binary": ("a.csv", bytes(range(256)) * 9 + bytes(900), "a.csv is a binary file, no text"),
    "empty": ("a.csv", b"", "a.csv is empty"),
    "blank": ("a.csv", b" \n \n", "a.csv is empty"),
    "a header alone": ("a.csv", "text,label\n", "has a header and no rows"),
    "one label": ("a.csv", rows(*["a"] * 9), "Every row of a.csv has the label 'a'"),
    "labels by the thousand": ("a.csv", rows(*map(str, range(1500))), "more than 1,000 different values"),
    "too few of a label": (
        "a.csv",
        rows(*["a"] * 9, "b", "c"),
        r"fewer than two labels with 5 rows .*'b' \(1\), 'c' \(1\)",
    ),
    "no texts": (
        "a.csv",
        "x,label\n" + "1,a\n2,b\n" * 9,
        "No column of a.csv looks like texts; it has 'x' and 'label'",
    ),
    "empty texts": ("a.csv", rows(*["a", "b"] * 9, text="   "), "18 rows have no text"),
    "an open quotation mark": ("a.csv", GOOD + '99,"open,a\n' + "x" * 200_000, "was a quotation mark left open there"),
    "no objects": ("a.jsonl", "[1]\n" * 9, "does not end as one"),
    "no json": ("a.jsonl", "text,label\n" * 9, "holds no JSON objects"),
    "a short parquet": ("a.parquet", b"PAR1" + bytes(99), "a.parquet is damaged or cut short"),
    "a short arrow": ("a.arrow", b"ARROW1" + bytes(99), "a.arrow is damaged or cut short"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_are_refused_in_one_sentence(tmp_path, case):
    name, content, sentence = BAD[case]
    path = tmp_path / name
    if content is not None:
        written(path, content)
    with pytest.raises(ValueError, match=sentence) as refused:
        read(path)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_a_parquet_file_that_was_cut_is_refused(tmp_path):
    pyarrow.parquet.write_table(table(), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    with pytest.raises(ValueError, match="damaged or cut short"):
        read(written(tmp_path / "a.parquet", whole[: len(whole) // 2]))


def test_a_missing_column_names_those_that_are_there(tmp_path):
    path = written(tmp_path / "a.csv", GOOD)
    with pytest.raises(ValueError, match="no column 'review'; it has 'number', 'text' and 'label'"):
        read(path, text="review")
    with pytest.raises(ValueError, match="no column 'stars'"):
        read(path, label="stars")


MENDED = {
    "empty rows": (GOOD + "90,,a\n91,more,\n92\n\n", "2 rows have no text", "1 row has no label"),
    "a line of latin-1": (GOOD.encode() + "93,ça va,a\n".encode("latin-1"), "1 line is not UTF-8 and was read as"),
    "nul characters": (GOOD + "94,so\0so,a\n", "1 line held NUL characters"),
    "a comma without quotes": (GOOD + "95,one, two,a\n", "1 row has more fields than the header"),
    "a rare label": (GOOD + "96,another,rare\n", r"Labels with fewer than 5 rows are left out: 'rare' (1)."),
}


@pytest.mark.parametrize("case", MENDED)
def test_what_can_be_mended_is_and_a_note_says_so(tmp_path, case):
    content, *notes = MENDED[case]
    found = read(written(tmp_path / "a.csv", content))
    assert len(found.notes) == len(notes)
    for note, wanted in zip(found.notes, notes, strict=True):
        assert note.startswith(wanted)
    assert found.texts[:16] == read(written(tmp_path / "a.csv", GOOD)).texts
    assert found.names == ("a", "b")
    if case == "a line of latin-1":
        assert found.texts[-1] == "ça va"


@pytest.mark.slow
def test_a_large_file_is_streamed_into_bounded_memory(tmp_path, monkeypatch):
    """Forty megabytes sorted by label, of which two may be kept: what is kept is drawn from all of it."""
    path = tmp_path / "large.csv"
    with path.open("w") as large:
        large.write("text,label\n")
        for label in ("first", "second"):
            large.writelines(f"{'x' * 1990} {row},{label}\n" for row in range(10_000))
    monkeypatch.setattr(corpora, "MOST_BYTES", 2_000_000)
    tracemalloc.start()
    found = read(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 39_000_000
    assert most < 8_000_000
    assert 250 < len(found.texts) < 1100
    assert 0.35 < sum(found.labels) / len(found.labels) < 0.65
    assert found.notes[-1].startswith(f"Of 20,000 rows, {len(found.texts):,} are used, drawn evenly by chance")
    assert read(path).texts == found.texts


def test_a_line_without_end_is_never_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_LINE", 10_000)
    with pytest.raises(ValueError, match="has a line of more than 10,000 characters"):
        read(written(tmp_path / "a.jsonl", b'{"text": "' + b"x" * 100_000))


def test_a_saved_dataset_cannot_reach_out_of_its_folder(tmp_path):
    folder = saved(tmp_path / "set", "data.arrow")
    stream(tmp_path / "outside.arrow", table(LABELS))
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "../outside.arrow"}]}))
    with pytest.raises(ValueError, match=r"set lacks 'outside.arrow'"):
        read(folder)


def test_columns_are_guessed_by_what_they_hold(tmp_path):
    content = separated(
        rows=[(at, "yes" if at % 3 else "no", f"A sentence of some length, {at}.") for at in range(31)],
        header=("id", "answer", "written"),
    )
    assert guess(written(tmp_path / "a.csv", content)) == ("written", "answer")


def test_the_split_takes_a_share_of_each_label_and_keeps_equal_texts_together():
    texts = [f"text {row % 83}" for row in range(211)]
    labels = [int(row % 83 > 70) for row in range(211)]
    parts = split(texts, labels, ("a", "b"), 0.2, seed=5)
    assert sorted([*parts.training, *parts.held_out]) == list(range(211))
    assert not {texts[row] for row in parts.training} & {texts[row] for row in parts.held_out}
    for label in (0, 1):
        here = [row for row in range(211) if labels[row] == label]
        assert abs(sum(row in parts.held_out for row in here) - 0.2 * len(here)) <= 3
    assert parts == split(texts, labels, ("a", "b"), 0.2, seed=5)
    assert parts != split(texts, labels, ("a", "b"), 0.2, seed=6)


def test_the_split_says_what_is_odd():
    parts = split([*map(str, range(9)), "same", "same", "same", "0"], [0] * 9 + [1] * 4, ("a", "b"), 0.1, seed=0)
    assert parts.notes == (
        "Every row of 'b' has the same text, so this label has no text to be measured on.",
        "1 text has more than one label; on these no model can always be right.",
    )
    with pytest.raises(ValueError, match="All 7 texts are the same"):
        split(["same"] * 7, None, (), 0.1, seed=0)


def test_an_epoch_has_every_text_once_with_little_padding():
    texts = ["word " * (1 + row % 29) + str(row) for row in range(613)]
    corpus = Corpus("a", texts, [row % 2 for row in range(613)], ("a", "b"))
    settings = Settings(vocabulary=300)
    parts = split(texts, corpus.labels, corpus.names, 0.1, seed=0)
    data = encoded.encode(corpus, parts, train_tokenizer(texts, 300), settings)
    batches = data.epoch(16, seed=3, epoch=1)
    assert sorted(row for batch in batches for row in batch.tolist()) == data.rows(held_out=False).tolist()
    assert len(batches) == data.steps(16)
    filled = sum(data.batch(rows)["attention_mask"].sum().item() for rows in batches)
    whole = sum(data.batch(rows)["attention_mask"].numel() for rows in batches)
    assert filled / whole > 0.9
    assert [rows.tolist() for rows in data.epoch(16, 3, 1)] == [rows.tolist() for rows in batches]
    assert [rows.tolist() for rows in data.epoch(16, 3, 2)] != [rows.tolist() for rows in batches]


def test_next_token_blocks_are_the_text_and_padding_is_no_label():
    texts = [f"one two three {row} " * 11 for row in range(20)]
    tokenizer = train_tokenizer(texts, 300, framed=False)
    settings = Settings(task="next token", longest=7)
    corpus = Corpus("a", texts, None, ())
    parts = split(texts, None, (), 0.1, seed=0)
    data = encoded.encode(corpus, parts, tokenizer, settings)
    assert data.lengths.max() == 7
    first = tokenizer(texts[parts.training[0]])["input_ids"]
    assert data.text(0).tolist() == first[:7]
    assert data.text(1).tolist() == first[7:14]
    batch = data.batch(data.rows(held_out=False))
    assert bool(((batch["labels"] == -100) == (batch["attention_mask"] == 0)).all())


@pytest.mark.parametrize(
    "other",
    [
        {"texts": [*(f"text {n}" for n in range(29)), "another"]},
        {"labels": [1, *[0, 1] * 14, 1]},
        {"names": ("no", "yes")},
    ],
)
def test_corpora_that_differ_anywhere_have_two_keys(other):
    given = {"name": "c", "texts": [f"text {n}" for n in range(30)], "labels": [0, 1] * 15, "names": ("a", "b")}
    assert Corpus(**given).key == Corpus(**given).key != Corpus(**given | other).key
