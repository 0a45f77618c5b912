"""Does an encoder learn what a bag of words cannot, and how long does that take?

python -m tests.benchmarks.training

It writes 10,000 sentences of two labels to a CSV, in which word order alone decides, and trains on it as a reader
would: with the command, in its default settings. What it prints is the command's own, then the seconds of all of it.
"""

import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from selfattn.training.data.generated import generate

ROWS = 10_000


def write(file: Path, rows: int = ROWS) -> None:
    """The hard corpus as a table."""
    corpus = generate("hard", rows, seed=0)
    with file.open("w", newline="", encoding="utf-8") as lines:
        table = csv.writer(lines)
        table.writerow(["text", "label"])
        table.writerows((text, corpus.names[label]) for text, label in zip(corpus.texts, corpus.labels, strict=True))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "hard.csv"
        write(data)
        begun = time.perf_counter()
        command = [
            sys.executable,
            "-m",
            "selfattn.cli.main",
            "train",
            str(data),
            "--out",
            str(Path(folder) / "run"),
        ]
        subprocess.run(command, check=True)
        print(f"\n{ROWS:,} sentences: {time.perf_counter() - begun:.0f} s in all, at most 300 are allowed.")
