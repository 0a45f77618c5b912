"""A real browser on a real server: Debian's Chromium, driven by Playwright."""

import functools
import http.server
import json
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
from urllib.parse import parse_qsl, urlsplit

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

# The shell has no windows to keep ready: its pages open in a fifth of the time.
FOUND = [path for path in ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium") if Path(path).exists()]
CHROMIUM = Path(os.environ.get("CHROMIUM") or [*FOUND, "/usr/bin/chromium"][0])
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--in-process-gpu"]
# What a tab of tests is spared: Streamlit's own fading and shimmering, which the processor draws sixty times a second,
# and the script of charts, which is read ahead and few tests ask for.
SPARED = """window[Symbol.for("selfattn.charts")] = true;
addEventListener("DOMContentLoaded", () => {
  const still = document.createElement("style");
  still.textContent =
    "[data-testid=stSkeleton] { animation: none !important } .stElementContainer { transition: none !important }";
  document.head.append(still);
})"""
DESK = {"width": 1440, "height": 900}
HOME = Path(__file__).resolve().parent.parent.parent


def require_chromium() -> None:
    """Skip where there is no Chromium, saying how to get it; fail instead where SELFATTN_BROWSER is set to require."""
    if CHROMIUM.exists():
        return
    how = "no Chromium: `apt-get install chromium-headless-shell`, or set CHROMIUM to its path"
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
    wait_for(port)
    return process


def wait_for(port: int) -> None:
    """Until the server on a port is healthy, or half a minute has gone."""
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)


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


# What ends a run of the whole script, and of a fragment of it: a run that is broken off for another ends nothing.
ENDS = {ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR}
ENDS_FRAGMENT = {*ENDS, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY}
QUIET = 0.12  # seconds without a word, to the server or from it, until a page is taken to be at rest
REST = 120  # seconds until a page must have come to rest
PAPER = {"light": "rgb(251, 250, 247)", "dark": "rgb(21, 21, 24)"}
# Nothing left to do, and what was done is on the screen.
PAINTED = """() => new Promise((done) =>
  requestIdleCallback(() => requestAnimationFrame(() => requestAnimationFrame(done)), { timeout: 1000 }))"""


def numbers(of: object, function: str, given: object = None) -> object:
    """What a function finds in a page or an element, as one string: of a list Playwright checks number by number."""
    return json.loads(of.evaluate(f"async (...given) => JSON.stringify(await ({function})(...given))", given))


class Reader:
    """One reader's tab, which hears what the page and its server say, and remembers everything that must not happen."""

    def __init__(self, page: object, address: str) -> None:
        self.address = address
        self.page = page
        self.faults: list[str] = []
        self.ends: set[int] = set()  # what ends the run that was asked for last; empty when it has come
        self.fetching: set[object] = set()
        self.heard = 0.0
        self.hears = {
            "pageerror": self._check_error,
            "request": self._fetch,
            "requestfinished": self._fetched,
            "requestfailed": self._fetched,
            "console": self._check_console,
            "websocket": self._listen,
        }
        for event, hear in self.hears.items():
            self.page.on(event, hear)

    def _fetch(self, request: object) -> None:
        if not request.url.startswith((self.address, self.address.replace("http", "ws"), "data:", "blob:")):
            self.faults.append(f"request outside the machine: {request.url}")
        self.fetching.add(request)

    def _fetched(self, request: object) -> None:
        self.fetching.discard(request)
        self.heard = time.monotonic()

    def _check_error(self, error: object) -> None:
        self.faults.append(f"uncaught: {error}")

    def _check_console(self, message: object) -> None:
        # Streamlit asks for its health below a deep link too, and gets a harmless 404.
        if message.type == "error" and "404" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _listen(self, socket: object) -> None:
        self.ends = set()
        socket.on("framesent", self._ask)
        socket.on("framereceived", self._answer)

    def _ask(self, message: bytes) -> None:
        self.heard = time.monotonic()
        asked = BackMsg.FromString(message)
        # A fragment that runs by the clock is nobody's act, and waited for by nobody.
        if asked.WhichOneof("type") == "rerun_script" and not asked.rerun_script.is_auto_rerun:
            self.ends = ENDS_FRAGMENT if asked.rerun_script.fragment_id else ENDS

    def _answer(self, message: bytes) -> None:
        self.heard = time.monotonic()
        answer = ForwardMsg.FromString(message)
        if answer.WhichOneof("type") == "script_finished" and answer.script_finished in self.ends:
            self.ends = set()

    def open(self, path: str = "/") -> "Reader":
        self.page.goto(self.address + path)
        return self.settle()

    def look(self, scheme: str, width: int) -> "Reader":
        """See the page as it stands in another scheme and width."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme)
        paper = "paper => getComputedStyle(document.querySelector('.stApp')).backgroundColor === paper"
        self.page.wait_for_function(paper, arg=PAPER[scheme])
        return self.settle()

    def settle(self) -> "Reader":
        """Wait until every run that was asked for has come to its end, all is drawn, and it stays so."""
        began = self.heard = time.monotonic()
        while self.ends or self.fetching or time.monotonic() - self.heard < QUIET:
            assert time.monotonic() - began < REST, f"the page does not come to rest: {self.ends}, {self.fetching}"
            self.page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=60_000)
            self.page.locator(".st-key-board, .st-key-panel_True, .sa-notice").first.wait_for(timeout=60_000)
            # A canvas that is not drawn, or holds back what the reader did until the hand rests.
            held = ".canvas:not([data-ready=true]), [data-resting], [data-pending]:not([data-pending='0'])"
            self.page.locator(held).first.wait_for(state="detached", timeout=60_000)
            self.page.evaluate(PAINTED)
        return self

    def type(self, text: str) -> "Reader":
        self.page.locator(".st-key-text input").fill(text)
        self.page.locator(".st-key-text input").press("Enter")
        return self.settle()

    def click(self, selector: str) -> "Reader":
        self.page.locator(selector).first.click()
        return self.settle()

    def link(self) -> dict[str, str]:
        """What the address asks for."""
        return dict(parse_qsl(urlsplit(self.page.url).query))

    def text(self, selector: str = "body") -> str:
        return self.page.locator(selector).first.inner_text()

    def leave(self) -> None:
        """The tab is as a new one for the next reader, but that it has compiled Streamlit's scripts."""
        self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        for event, hear in self.hears.items():
            self.page.remove_listener(event, hear)
        self.page.goto("about:blank")
        self.page.context.clear_cookies()
        self.page.unroute_all()
        self.page.set_viewport_size(DESK)
        self.page.emulate_media(color_scheme="light", reduced_motion="no-preference")

    def check(self) -> None:
        """Nothing uncaught, nothing asked of the outside, no exception box."""
        assert self.page.locator(".stException").count() == 0
        assert self.faults == []
