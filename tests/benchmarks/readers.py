"""How many readers does one server serve, how long do they wait, and is nobody shown what another wrote?

python -m tests.benchmarks.readers [--beside CHECKOUT] [--visits 2000]

Readers speak Streamlit's own protocol over a websocket of the loopback, without a browser: each opens a text of their
own, and then another layer and head with each act. With `--beside`, the server of another checkout runs the same first.
"""

import argparse
import asyncio
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

from tests.tools.browser import ENDS, HOME, free_port, wait_for

# Acts of each reader who does not pause, and of each at human pace; seconds between two of these.
ACTS, CALM_ACTS, PAUSE = 20, 8, 3.0
# What each reader's text holds, and no other's.
MARK = re.compile(rb"mark(\d+)end")
# Sessions that come at once while many come and go.
AT_ONCE = 8


@contextmanager
def served(tree: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The app of a checkout on a free port, once it is healthy: its address, and its process."""
    port = free_port()
    options = ["--server.headless=true", f"--server.port={port}", "--server.address=127.0.0.1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", *options],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        yield f"127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=60)


@dataclass
class Seen:
    """What readers were shown: how long each act took, and texts that were another's."""

    waits: list[float] = field(default_factory=list)
    foreign: int = 0

    def share(self, part: float) -> float:
        return sorted(self.waits)[min(int(part * len(self.waits)), len(self.waits) - 1)]


async def visit(address: str, number: int, acts: int, pause: float, seen: Seen) -> None:
    """One reader's session: the page of one head on their own text, then another head with each act."""
    chance = random.Random(number)
    # At human pace readers do not act in step.
    await asyncio.sleep(chance.uniform(0, pause))
    controls: dict[str, Any] = {}
    link = urlencode({"text": f"The film mark{number}end was not good."})
    kept = {"max_size": 2**26, "open_timeout": 120, "ping_interval": None}  # a server that is slow is waited for
    async with connect(f"ws://{address}/_stcore/stream", subprotocols=["streamlit"], **kept) as socket:
        for act in range(acts):
            at = dict(zip(("Layer", "Head"), map(str, divmod(act % 8, 4)), strict=True))
            message = BackMsg()
            message.rerun_script.query_string = link
            for name, value in at.items() if act else ():
                message.rerun_script.widget_states.widgets.add(id=controls[name].id, string_value=value)
            start = time.perf_counter()
            await socket.send(message.SerializeToString())
            seen.foreign += await _shown(socket, number, controls)
            if act:  # the first opens the page
                seen.waits.append(time.perf_counter() - start)
            if any(controls[name].raw_value != value for name, value in at.items()):
                raise ValueError(f"{at} was chosen; {[controls[name].raw_value for name in at]} is shown.")
            await asyncio.sleep(chance.uniform(0.5, 1.5) * pause)


async def _shown(socket: Any, number: int, controls: dict[str, Any]) -> int:
    """Hear a run to its end, with its controls by their names; how many messages held what another reader wrote."""
    foreign = 0
    async for message in socket:
        foreign += any(int(other) != number for other in MARK.findall(message))
        answer = ForwardMsg.FromString(message)
        kind = answer.WhichOneof("type")
        if kind == "delta" and answer.delta.new_element.WhichOneof("type") == "selectbox":
            control = answer.delta.new_element.selectbox
            controls[control.label] = control
        if kind == "script_finished" and answer.script_finished in ENDS:
            return foreign
    raise ConnectionError("The server ended the session.")


async def together(address: str, readers: range, acts: int, pause: float) -> Seen:
    """Readers at the same time."""
    seen = Seen()
    await asyncio.gather(*(visit(address, number, acts, pause, seen) for number in readers))
    return seen


async def one_after_the_other(address: str, count: int) -> None:
    """Sessions that come and go."""
    for first in range(0, count, AT_ONCE):
        await together(address, range(first, min(first + AT_ONCE, count)), 1, 0.0)


def measured(name: str, tree: Path, visits: int, readers: int) -> None:
    """Print a row before, and one after many sessions have come and gone."""
    with served(tree) as (address, process):
        asyncio.run(one_after_the_other(address, AT_ONCE))  # what the first page loads
        for when in ("at first", f"after {visits:,} sessions"):
            start = time.perf_counter()
            eager = asyncio.run(together(address, range(8), ACTS, 0.0))
            rate = len(eager.waits) / (time.perf_counter() - start)
            memory = process.memory_info().rss
            calm = asyncio.run(together(address, range(1000, 1000 + readers), CALM_ACTS, PAUSE))
            grown = max(process.memory_info().rss - memory, 0) / readers / 1e6
            waits = f"median {calm.share(0.5):.2f} s, 95th percentile {calm.share(0.95):.2f} s"
            print(
                f"{name}, {when}: 8 without pause {rate:.1f} reruns/s; {readers} at human pace {waits}, "
                f"{grown:.1f} MB each; another's text shown {eager.foreign + calm.foreign} times",
                flush=True,
            )
            if when == "at first":
                asyncio.run(one_after_the_other(address, visits))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--visits", type=int, default=2000)
    parser.add_argument("--readers", type=int, default=200)
    given = parser.parse_args()
    for name, tree in (("beside", given.beside), ("here", HOME)):
        if tree is not None:
            measured(name, tree.resolve(), given.visits, given.readers)


if __name__ == "__main__":
    main()
