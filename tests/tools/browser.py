"""A real browser on a real server: Debian's Chromium, driven by Playwright."""

import functools
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
HOME = Path(__file__).resolve().parent.parent.parent


def require_chromium() -> None:
    """Skip where there is no Chromium, saying how to get it; fail instead where SELFATTN_BROWSER is set to require."""
    if CHROMIUM.exists():
        return
    how = "no Chromium: `apt-get install chromium`, or set CHROMIUM to its path"
    if os.environ.get("SELFATTN_BROWSER") == "require":
        pytest.fail(how)
    pytest.skip(how)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start(port: int) -> subprocess.Popen[bytes]:
    """`streamlit run app.py` on a port, once it is healthy."""
    options = ["--server.headless=true", f"--server.port={port}", "--server.address=127.0.0.1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", *options, "--server.fileWatcherType=none"],
        cwd=HOME,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    return process


@contextmanager
def server() -> Iterator[str]:
    """The app on a free port; its address."""
    port = free_port()
    process = start(port)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


@contextmanager
def modules() -> Iterator[str]:
    """The live components' ES modules on a server of their own: import them in a page with no app around them."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(HOME / "selfattn" / "canvas" / "browser"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


class Reader:
    """One reader's tab, which remembers everything that must not happen."""

    def __init__(self, context: object, address: str) -> None:
        self.address = address
        self.page = context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        self.page.on("request", self._check_request)
        self.page.on("console", self._check_console)

    def _check_request(self, request: object) -> None:
        if not request.url.startswith((self.address, self.address.replace("http", "ws"), "data:", "blob:")):
            self.faults.append(f"request outside the machine: {request.url}")

    def _check_console(self, message: object) -> None:
        # Streamlit asks for its health below a deep link too, and gets a harmless 404.
        if message.type == "error" and "404" not in message.text:
            self.faults.append(f"console: {message.text}")

    def open(self, path: str = "/") -> "Reader":
        self.page.goto(self.address + path)
        return self.settle()

    def settle(self) -> "Reader":
        """Wait until the script has run to its end, has drawn the frame, and stays there."""
        for _ in range(2):
            self.page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=60_000)
            self.page.locator(".st-key-board, .st-key-panel_True, .sa-notice").first.wait_for(timeout=60_000)
            self.page.locator(".canvas:not([data-ready=true])").first.wait_for(state="detached", timeout=60_000)
            self.page.wait_for_timeout(350)
        return self

    def type(self, text: str) -> "Reader":
        self.page.locator(".st-key-text input").fill(text)
        self.page.locator(".st-key-text input").press("Enter")
        return self.settle()

    def click(self, selector: str) -> "Reader":
        self.page.locator(selector).first.click()
        return self.settle()

    def text(self, selector: str = "body") -> str:
        return self.page.locator(selector).first.inner_text()

    def check(self) -> None:
        """Nothing uncaught, nothing asked of the outside, no exception box."""
        assert self.page.locator(".stException").count() == 0
        assert self.faults == []
