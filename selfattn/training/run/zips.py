"""A run as a zip file, and a zip file as a run: nothing of it is believed before it is checked."""

import io
import json
import re
import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, Any

from selfattn.training.data import encoded
from selfattn.training.data.encoded import Encoded
from selfattn.training.run import progress
from selfattn.training.run.run import Run, open_run

# What a run is made of: anything else is not taken.
NAMES = re.compile(
    r"(settings|about|status)\.json|metrics\.jsonl|(data|checkpoint)\.safetensors|"
    r"(model|tokenizer)/[\w.-]+\.(json|txt|jinja|model)|model/(README\.md|model\.safetensors)|"
    r"history/\d+\.safetensors"
)
NEEDED = ("settings.json", "about.json", "status.json", "data.safetensors", "tokenizer/tokenizer.json")
MOST_BYTES = 4_000_000_000
MOST_FILES = 1000
LARGEST_JSON = 50_000_000


def export(run: Run) -> bytes:
    """The run as a zip file: settings, data as ids, checkpoint, curves, history and model; no path of this machine.

    Raises ValueError while it is trained.
    """
    if run.status.state == "running":
        raise ValueError(f"{run.folder.name} is being trained; pause it, then export it.")
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(run.folder.rglob("*")):
            name = file.relative_to(run.folder).as_posix()
            if file.is_file() and NAMES.fullmatch(name):
                archive.write(file, name)
    return written.getvalue()


def import_zip(file: Path | IO[bytes], home: Path, name: str = "imported") -> Run:
    """A run from a zip file, in a new folder of `home`. Raises ValueError for anything that is not exactly a run.

    A zip may come from anyone: only known names are taken, sizes are counted as they are unpacked, and every file is
    JSON, text or safetensors that opens.
    """
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=".import-") as beside:
        folder = Path(beside) / "run"
        try:
            with zipfile.ZipFile(file) as archive:
                _unpack(archive, folder)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise ValueError(f"This is no zip file that can be opened ({error}); export the run again.") from error
        except OSError as error:
            raise ValueError(f"The run could not be unpacked in {home} ({error.strerror}); free some space.") from error
        _check(folder)
        place = _free(home, re.sub(r"[^\w-]+", "-", name).strip("-") or "imported")
        shutil.move(folder, place)
    (place / "lock").touch()
    return Run(place)


def _unpack(archive: zipfile.ZipFile, folder: Path) -> None:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MOST_FILES:
        raise ValueError(f"This zip holds {len(entries):,} files, and a run has at most {MOST_FILES:,}.")
    names = [entry.filename for entry in entries]
    for name in names:
        if not NAMES.fullmatch(name):
            raise ValueError(f"This zip holds {name[:80]!r}, which is no part of a run; export the run again.")
    if len(set(names)) < len(names):
        raise ValueError("This zip holds a file twice; export the run again.")
    if missing := [name for name in NEEDED if name not in names]:
        raise ValueError(f"This zip lacks {missing[0]}, so it is no run; export the run again.")
    left = MOST_BYTES
    for entry in entries:
        allowed = left if entry.filename.endswith(".safetensors") else min(left, LARGEST_JSON)
        left -= _copy(archive, entry, folder / PurePosixPath(entry.filename), allowed)


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: Path, allowed: int) -> int:
    """Unpack one file, counting what really comes out, whatever the archive says of it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with archive.open(entry) as packed, place.open("wb") as unpacked:
        while part := packed.read(1 << 20):
            size += len(part)
            if size > allowed:
                raise ValueError(f"{entry.filename} in this zip is larger than a run's may be; it is not unpacked.")
            unpacked.write(part)
    return size


def _check(folder: Path) -> None:
    """Raise ValueError where a file is not what its name says, or the run does not open."""
    from safetensors import SafetensorError, safe_open

    for file in folder.rglob("*"):
        try:
            if file.suffix == ".json":
                json.loads(file.read_text(encoding="utf-8"))
            elif file.suffix == ".safetensors":
                with safe_open(file, "pt"):
                    pass
        except (ValueError, RecursionError, SafetensorError) as error:
            raise ValueError(f"{file.name} in this zip is damaged; export the run again.") from error
    run = open_run(folder)
    try:
        status = progress.read_status(folder / "status.json")
        run.metrics()
        data = encoded.read(run.data)
        sound = status.state != "running" and _is_data(data, len(run.tokenizer()), run.about)
    except (KeyError, TypeError, AttributeError, RuntimeError, ValueError) as error:
        raise ValueError("The files of this zip do not fit together as a run; export the run again.") from error
    if not sound:
        raise ValueError("The data of this zip do not fit together as a run; export the run again.")


def _is_data(data: Encoded, vocabulary: int, about: dict[str, Any]) -> bool:
    """Whether ids, texts, sides and labels fit together, and into the vocabulary."""
    labels = data.labels
    return (
        len(data.starts) == len(data.held_out) + 1
        and int(data.starts[0]) == 0
        and int(data.starts[-1]) == len(data.ids)
        and bool((data.lengths > 0).all())
        and bool(data.held_out.any())
        and not bool(data.held_out.all())
        and int(data.ids.min()) >= 0
        and int(data.ids.max()) < vocabulary
        and 0 <= data.pad < vocabulary
        and (labels is None) == (not about["labels"])
        and (labels is None or len(labels) == len(data.held_out))
        and (labels is None or 0 <= int(labels.min()) <= int(labels.max()) < len(about["labels"]))
    )


def _free(home: Path, name: str) -> Path:
    """A folder of that name that is not there yet."""
    place, number = home / name, 1
    while place.exists():
        number += 1
        place = home / f"{name}-{number}"
    return place
