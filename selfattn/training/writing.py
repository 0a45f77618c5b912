"""Files that are there whole or not at all, and one sentence where the disk is full."""

import errno
import os
from pathlib import Path

# No space, a quota, a file larger than the system allows: to the reader they are one thing.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFullError(OSError):
    """What was written did not fit; what was there before is untouched."""


def atomically(file: Path, content: bytes, *, lasting: bool = True) -> None:
    """Write a file beside its place, then move it there: a reader, or a crash, sees the old one or the new one.

    `lasting` waits until it is on the disk, so that a power cut cannot take it either. Raises DiskFullError where it
    does not fit; the old file stays.
    """
    beside = file.with_name(f".{file.name}.new")
    try:
        with beside.open("wb") as writer:
            writer.write(content)
            if lasting:
                writer.flush()
                os.fsync(writer.fileno())
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        if error.errno in FULL:
            raise DiskFullError(error.errno, f"{file.name} did not fit") from error
        raise
