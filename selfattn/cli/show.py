"""The app on a model that is in memory: from a notebook or a script, in this very process."""

import asyncio
import socket
from dataclasses import dataclass
from html import escape
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import urlencode

from torch import nn

from selfattn.models.loading import memory
from selfattn.models.loading.library import opened
from selfattn.models.model import Model
from selfattn.places import HOME

HERE = "127.0.0.1"
# A server that answers at all of a machine's addresses is called by the machine's name.
EVERYWHERE = ("0.0.0.0", "::")
# Seconds until the server must have answered.
PATIENCE = 30
HEIGHT = 860
_address: str | None = None
_asked: tuple[str, int | None] | None = None
_lock = Lock()


@dataclass(frozen=True)
class Shown:
    """A model that the app shows. In a notebook it is the app itself."""

    url: str
    name: str

    def close(self) -> None:
        """Take the model out of the app."""
        memory.forget(self.name)

    def _repr_html_(self) -> str:
        return f'<iframe src="{escape(self.url)}" width="100%" height="{HEIGHT}" style="border:0"></iframe>'


def show(
    model: Model | nn.Module | str | Path,
    tokenizer: Any | None = None,
    text: str = "",
    *,
    host: str = HERE,
    port: int | None = None,
) -> Shown:
    """Open the app on a model that is in memory, and print its address; in a notebook the result shows it.

    The app runs in this process, in a thread of its own, and answers this machine alone. For a notebook that runs
    elsewhere `host` is an address that the browser reaches, or "0.0.0.0" for all of them, and `port` the one that is
    open: whoever reaches it can use the app. The model may be all that `Model.wrap` takes. It is not copied, and
    is set to `eval()`. Training that goes on changes it: call `show` again to see it then, under a name of its own.
    A network that is in train mode again is run in eval mode, and put back: a step of training in that very moment
    goes without its dropout.
    `selfattn.release(model)` takes off what recording put on it.
    Raises ValueError for a model that cannot be recorded, and where the app cannot answer at that host and port.
    """
    found = opened(model, tokenizer)
    name = memory.keep(found)
    link = {"model": name} | ({"text": text} if text else {})
    try:
        url = f"{_server(host, port)}/?{urlencode(link)}"
    except ValueError:
        memory.forget(name)
        raise
    print(url)
    return Shown(url, name)


def _server(host: str = HERE, port: int | None = None) -> str:
    """The address of the app in this process, started with the first call."""
    global _address, _asked
    from streamlit import runtime

    with _lock:
        if _address is not None and (host, port) not in (_asked, (HERE, None)):
            raise ValueError(f"The app of this process answers at {_address} already; leave host and port out.")
        if _address is None:
            if runtime.exists():
                raise ValueError("Streamlit runs in this process already; call show from a notebook or a script.")
            free, ready = _free_port(host, port), Event()
            Thread(target=_serve, args=(host, free, ready), name="selfattn app", daemon=True).start()
            if not ready.wait(PATIENCE):
                raise ValueError("The app could not be started in this process; `selfattn app` starts it in its own.")
            named = socket.gethostname() if host in EVERYWHERE else f"[{host}]" if ":" in host else host
            _address, _asked = f"http://{named}:{free}", (host, port)
    return _address


def _serve(host: str, port: int, ready: Event) -> None:
    """Run Streamlit's server to the end of this process."""
    from streamlit import config
    from streamlit.web import bootstrap
    from streamlit.web.server import Server

    script = str(HOME / "app.py")
    config._main_script_path = script  # where the app's own settings are looked for
    bootstrap.load_config_options(
        {
            "server_address": host,
            "server_port": port,
            "server_headless": True,
            "server_fileWatcherType": "none",
            "logger_level": "warning",
            "logger_hideWelcomeMessage": True,
        }
    )

    async def run() -> None:
        server = Server(script, is_hello=False)
        await server.start()
        bootstrap.prepare_streamlit_environment(script)
        ready.set()
        await server.stopped

    asyncio.run(run())


def _free_port(host: str, port: int | None) -> int:
    """The port asked for, or any that is free there. Raises ValueError where it cannot be had."""
    if port is not None and (not isinstance(port, int) or not 0 < port < 65536):
        raise ValueError(f"A port is a number from 1 to 65535; got {port!r}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port or 0), family=family) as found:
            return int(found.getsockname()[1])
    except OSError as error:
        asked = "any port" if port is None else f"port {port}"
        raise ValueError(f"The app cannot answer at {asked} of {host!r}: {error}.") from error
