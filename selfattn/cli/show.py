"""The app on a model that is in memory: from a notebook or a script, in this very process."""

import asyncio
import socket
from dataclasses import dataclass
from html import escape
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import urlencode

from transformers import PreTrainedModel

from selfattn.models.loading import memory
from selfattn.models.model import Model
from selfattn.places import HOME

HERE = "127.0.0.1"
# Seconds until the server must have answered.
PATIENCE = 30
HEIGHT = 860
_address: str | None = None
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


def show(model: Model | PreTrainedModel, tokenizer: Any | None = None, text: str = "") -> Shown:
    """Open the app on a model that is in memory, and print its address; in a notebook the result shows it.

    The app runs in this process, in a thread of its own, and answers this machine alone. The model is not copied, and
    is set to `eval()`. Training that goes on changes it: call `show` again to see it then, under a name of its own.
    While the network is in train mode, where dropout makes every run different, the app says so and runs nothing.
    Raises ValueError for a model that cannot be recorded.
    """
    found = model if isinstance(model, Model) else Model.wrap(model, tokenizer)
    name = memory.keep(found)
    link = {"model": name} | ({"text": text} if text else {})
    url = f"{_server()}/?{urlencode(link)}"
    print(url)
    return Shown(url, name)


def _server() -> str:
    """The address of the app in this process, started with the first call."""
    global _address
    from streamlit import runtime

    with _lock:
        if _address is None:
            if runtime.exists():
                raise ValueError("Streamlit runs in this process already; call show from a notebook or a script.")
            port, ready = _free_port(), Event()
            Thread(target=_serve, args=(port, ready), name="selfattn app", daemon=True).start()
            if not ready.wait(PATIENCE):
                raise ValueError("The app could not be started in this process; `selfattn app` starts it in its own.")
            _address = f"http://{HERE}:{port}"
    return _address


def _serve(port: int, ready: Event) -> None:
    """Run Streamlit's server to the end of this process."""
    from streamlit import config
    from streamlit.web import bootstrap
    from streamlit.web.server import Server

    script = str(HOME / "app.py")
    config._main_script_path = script  # where the app's own settings are looked for
    bootstrap.load_config_options(
        {
            "server_address": HERE,
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


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HERE, 0))
        return int(listener.getsockname()[1])
