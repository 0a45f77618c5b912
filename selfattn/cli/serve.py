"""`selfattn app`: the server of the app in a process of its own, for its reader or for strangers."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from selfattn.models.loading import names as known
from selfattn.places import HOME

# What Streamlit may be sent by strangers, in megabytes: a file, and one message of the websocket.
OF_STRANGERS = {"maxUploadSize": 5, "maxMessageSize": 50}


def serve(
    model: str | None, share: float, host: str | None, port: int | None, public: bool, models: Sequence[str]
) -> int:
    """Serve until it is stopped; returns the exit code. Raises ValueError for models that cannot be listed."""
    if models and not public:
        raise ValueError("--models lists what strangers may open; give it with --public.")
    chosen = {"SELFATTN_SHARE": str(share)}
    options: dict[str, object] = {"address": host, "port": port}
    if public:
        listed, places = _listed(models)
        listed = listed or [*known.names()]
        if model is not None and model not in listed:
            raise ValueError(f"--model is one of those that --models lists: {', '.join(listed)}; got {model!r}.")
        model = model or (listed[0] if models else None)
        chosen |= {"SELFATTN_PUBLIC": json.dumps(listed), known.NAMED: json.dumps(places)}
        options |= OF_STRANGERS
    if model is not None:
        chosen["SELFATTN_MODEL"] = model
    command = [sys.executable, "-m", "streamlit", "run", str(HOME / "app.py")]
    command += [f"--server.{name}={value}" for name, value in options.items() if value is not None]
    return subprocess.call(command, env=os.environ | chosen)


def _listed(models: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The names that strangers see, and the places of those that lie on this machine under another."""
    here, listed, places = known.names(), [], {}
    for each in models:
        name, _, place = each.partition("=")
        if place:
            if not re.fullmatch(r"[\w.-]{1,40}", name):
                raise ValueError(f"A model's name is of up to 40 letters, digits, dots and dashes; got {name[:80]!r}.")
            if not Path(place).exists():
                raise ValueError(f"--models {name}: there is no {place!r} on this machine.")
            places[name] = str(Path(place).resolve())
        elif name not in here and Path(name).exists():
            raise ValueError(f"--models shows strangers no path: give {name!r} a name, as in --models mine={name}.")
        listed.append(name)
    return listed, places
