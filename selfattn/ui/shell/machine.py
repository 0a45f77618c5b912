"""Whether the reader sits at the machine that the app runs on: only there may a path be typed."""

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

import streamlit as st

from selfattn.ui import public

# What a proxy adds to a request: behind one, everybody seems to sit here.
FORWARDED = ("X-Forwarded-For", "X-Real-Ip", "Forwarded")


def on_this_machine() -> bool:
    """Does the reader of this session sit at the machine? Of strangers nobody does."""
    return public.PUBLIC is None and is_local(st.context.ip_address, st.context.headers)


def is_local(address: str | None, headers: Mapping[str, str]) -> bool:
    """Did a request begin on this machine? `address` is None for the loopback, as Streamlit has it.

    The page must have come from it too: a name of the outside that leads here, or a proxy, is somebody else's.
    """
    if address is not None or any(name in headers for name in FORWARDED):
        return False
    return _is_loopback("//" + headers.get("Host", "")) and _is_loopback(headers.get("Origin", ""))


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name, or no address at all
        return False
