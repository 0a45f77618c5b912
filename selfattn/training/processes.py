"""Work on a folder in a process of its own, which outlives the one that started it."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from selfattn.training import locks

_PACKAGE = str(Path(__file__).resolve().parents[2])


def start(module: str, folder: Path) -> None:
    """Run `python -m MODULE FOLDER LOCK`, which holds the folder's lock. Raises ValueError where another holds it."""
    lock = locks.acquire(folder / "lock")
    if lock is None:
        raise ValueError(f"{folder.name} is being trained already; pause or cancel it first.")
    try:
        with (folder / "log.txt").open("ab") as log:
            _spawn([sys.executable, "-m", module, str(folder.resolve())], lock, log)
    finally:
        os.close(lock)


def _spawn(command: list[str], lock: int, log: Any) -> None:
    # The package is found from wherever this process was started.
    paths = os.pathsep.join(filter(None, [_PACKAGE, os.environ.get("PYTHONPATH")]))
    keywords: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        keywords = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}
    else:
        # The child inherits the lock itself: there is no moment in which nobody holds it.
        keywords["pass_fds"] = (lock,)
        command.append(str(lock))
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | {"PYTHONPATH": paths}, **keywords
    )
    # When it ends while this process lives, somebody has to take note of it.
    threading.Thread(target=process.wait, daemon=True).start()
