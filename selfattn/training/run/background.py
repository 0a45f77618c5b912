"""The process that trains a run: `python -m selfattn.training.run.background FOLDER`, started by `runs.start`."""

import sys
import traceback
from dataclasses import replace
from pathlib import Path

from selfattn.models.errors import first_line
from selfattn.training.run import progress
from selfattn.training.run.run import open_run
from selfattn.training.run.train import train


def main(folder: Path, lock: int | None) -> None:
    """Train the run; whatever goes wrong is one sentence in its status, and all of it in its log."""
    run = open_run(folder)
    try:
        train(run, lock=lock)
    except Exception as error:
        traceback.print_exc()
        said = f"It stopped ({first_line(error)}); started again, it goes on from its last checkpoint."
        progress.write_status(folder / "status.json", replace(run.status, state="failed", sentence=said))
        raise SystemExit(1) from error


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
