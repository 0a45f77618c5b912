"""Tables of Apache Arrow: Parquet files, Arrow files, and the folders that Hugging Face datasets are saved as."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import psutil

from selfattn.models.budgets import SHARE, in_words
from selfattn.training.data.lines import Faults
from selfattn.training.data.table import KINDS, Table, listed

AT_ONCE = 1000
# What lies beside the data in such a folder.
BESIDE = ("dataset_info.json", "state.json", "dataset_dict.json", "dataset_infos.json")


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """One sentence for whatever a damaged file makes Arrow raise."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise ValueError(f"{file.name} is damaged or cut short ({reason}); copy it again.") from error


def parquet(file: Path) -> Table:
    """A Parquet file, read a thousand rows at a time."""
    import pyarrow.parquet

    with _reading(file), pyarrow.parquet.ParquetFile(file) as opened:
        schema, groups = opened.schema_arrow, opened.metadata
        sizes = [groups.row_group(at).total_byte_size for at in range(groups.num_row_groups)]
    allowed = SHARE * psutil.virtual_memory().available
    if max(sizes, default=0) > allowed:
        raise ValueError(
            f"{file.name} has a row group of {in_words(max(sizes))}, and {in_words(allowed)} may be used; "
            "write it with smaller row groups."
        )

    def rows(columns: Sequence[str], faults: Faults) -> Iterator[tuple[Any, ...]]:
        with _reading(file), pyarrow.parquet.ParquetFile(file) as opened:
            for batch in opened.iter_batches(AT_ONCE, columns=list(dict.fromkeys(columns))):
                yield from _values(batch, columns)

    return Table(file.name, tuple(schema.names), rows, _classes_of(schema))


def arrow(file: Path) -> Table:
    """An Arrow file, of the streaming kind that datasets write or the other one."""
    with _reading(file), _opened(file) as opened:
        schema = opened.schema

    def rows(columns: Sequence[str], faults: Faults) -> Iterator[tuple[Any, ...]]:
        with _reading(file), _opened(file) as opened:
            for batch in _batches(opened):
                yield from _values(batch, columns)

    return Table(file.name, tuple(schema.names), rows, _classes_of(schema))


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    import pyarrow

    with pyarrow.memory_map(str(file)) as source:
        try:
            opened = pyarrow.ipc.open_stream(source)
        except pyarrow.ArrowInvalid:
            source.seek(0)
            opened = pyarrow.ipc.open_file(source)
        with opened:
            yield opened


def _batches(opened: Any) -> Iterator[Any]:
    count = getattr(opened, "num_record_batches", None)
    whole = iter(opened) if count is None else map(opened.get_batch, range(count))
    for batch in whole:
        yield from (batch.slice(start, AT_ONCE) for start in range(0, batch.num_rows, AT_ONCE))


def _values(batch: Any, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)


def _classes_of(schema: Any) -> dict[str, tuple[str, ...]]:
    """The names of the labels, where a dataset left them in the file."""
    known = (schema.metadata or {}).get(b"huggingface")
    try:
        return _classes(json.loads(known)["info"]["features"]) if known else {}
    except (ValueError, KeyError, TypeError):  # of another version; the labels are shown as numbers
        return {}


def _classes(features: Any) -> dict[str, tuple[str, ...]]:
    """The names of the labels in the features of a dataset."""
    return {
        column: tuple(map(str, feature["names"]))
        for column, feature in (features.items() if isinstance(features, dict) else ())
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list)
    }


def folder(path: Path, open_table: Callable[[Path], Table]) -> Table:
    """A dataset folder: as `save_to_disk` writes it, with splits or without, or one with data files in it.

    Of several splits, the one for training is read, and the others are named in a note.
    """
    if (path / "dataset_dict.json").is_file():
        return _split(path, open_table)
    if (path / "state.json").is_file():
        state = _json(path / "state.json")
        files = [path / Path(str(each.get("filename"))).name for each in state.get("_data_files", [])]
        return _joined(path, files, open_table)
    files = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in KINDS
        and file.name not in BESIDE
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    training = [file for file in files if "train" in str(file.relative_to(path)).lower()] or files
    kind = next((kind for kind in (*KINDS[4:6], *KINDS) if any(file.suffix.lower() == kind for file in training)), "")
    chosen = [file for file in training if file.suffix.lower() == kind]
    others = [str(file.relative_to(path)) for file in files if file not in chosen]
    return _joined(path, chosen, open_table, _left_out("file", others))


def _split(path: Path, open_table: Callable[[Path], Table]) -> Table:
    names = [str(name) for name in _json(path / "dataset_dict.json").get("splits", [])]
    here = [name for name in names if Path(name).name == name and (path / name).is_dir()]
    if not here:
        raise ValueError(f"{path.name} lists no split that is there; copy the dataset again.")
    chosen = "train" if "train" in here else here[0]
    table = folder(path / chosen, open_table)
    notes = _left_out("split", [name for name in here if name != chosen])
    return Table(f"{path.name}/{chosen}", table.columns, table.rows, table.classes, (*notes, *table.notes))


def _left_out(what: str, names: Sequence[str]) -> tuple[str, ...]:
    return (f"Not read: the {what}{'s' * (len(names) > 1)} {listed(names, 5)}.",) if names else ()


def _joined(
    path: Path, files: Sequence[Path], open_table: Callable[[Path], Table], notes: tuple[str, ...] = ()
) -> Table:
    """Several files as one table, with the columns of the first."""
    if missing := [file.name for file in files if not file.is_file()]:
        raise ValueError(f"{path.name} lacks {listed(missing, 5)}; copy the dataset again.")
    if not files:
        raise ValueError(
            f"{path.name} holds no data; choose a folder with {', '.join(KINDS)} files or a saved dataset."
        )
    parts = [open_table(file) for file in files]
    info = path / "dataset_info.json"
    named: Mapping[str, tuple[str, ...]] = _classes(_json(info).get("features")) if info.is_file() else {}

    def rows(columns: Sequence[str], faults: Faults) -> Iterator[tuple[Any, ...]]:
        for part in parts:
            for column in columns:
                part.check(column)
        yield from chain.from_iterable(part.rows(columns, faults) for part in parts)

    return Table(path.name, parts[0].columns, rows, {**parts[0].classes, **named}, notes)


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{file.name} could not be read as JSON; copy the dataset again.") from error
    return found if isinstance(found, dict) else {}
