"""Opening a table: which file or folder of data is read by what."""

from pathlib import Path

from selfattn.training.data import arrow, text
from selfattn.training.data.table import KINDS, Table


def open_table(path: Path) -> Table:
    """The table in a .csv, .tsv, .jsonl, .json, .parquet, .arrow or .txt file, or in a Hugging Face dataset folder.

    Raises ValueError where there is none, or it is of another kind.
    """
    if path.is_dir():
        return arrow.folder(path, open_table)
    if not path.is_file():
        raise ValueError(f"There is no file or folder {str(path)!r}; check its path.")
    if not path.stat().st_size:
        raise ValueError(f"{path.name} is empty; choose a file with rows.")
    match path.suffix.lower():
        case ".csv" | ".tsv":
            return text.separated(path)
        case ".jsonl" | ".json":
            return text.json_lines(path)
        case ".txt":
            return text.plain(path)
        case ".parquet":
            return arrow.parquet(path)
        case ".arrow":
            return arrow.arrow(path)
    raise ValueError(f"{path.name} ends in none of {', '.join(KINDS)}; save it as one of them.")
