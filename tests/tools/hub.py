"""A hub on this machine: it serves folders as models, holds back what a test wants, and counts what it is asked."""

import hashlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "1234567890123456789012345678901234567890"


class Hub:
    """What it serves, by hub id; of the file called `held` only half is given until that is empty again."""

    def __init__(self) -> None:
        self.models: dict[str, Path] = {}
        self.held = ""
        self.asked: list[str] = []
        self.address = ""


@contextmanager
def hub() -> Iterator[Hub]:
    """A hub while the block runs."""
    state = Hub()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            state.asked.append(f"{self.command} {path}")
            if path.startswith("/api/models/"):
                self.tell(path.removeprefix("/api/models/").split("/revision/")[0])
            elif "/resolve/" in path:
                self.give(path, body)
            else:
                self.refuse()

        def tell(self, name: str) -> None:
            if name not in state.models:
                return self.refuse("RepoNotFound")
            files = [
                {"rfilename": str(file.relative_to(state.models[name])), "size": file.stat().st_size}
                for file in sorted(state.models[name].rglob("*"))
                if file.is_file()
            ]
            return self.send(json.dumps({"id": name, "sha": COMMIT, "siblings": files}).encode())

        def give(self, path: str, body: bool) -> None:
            name, _, rest = path[1:].partition("/resolve/")
            file = state.models.get(name, Path("/nowhere")) / rest.partition("/")[2]
            if not file.is_file():
                return self.refuse("EntryNotFound")
            return self.send(file.read_bytes(), body, file.name)

        def refuse(self, reason: str = "") -> None:
            self.send_response(404)
            self.send_header("X-Error-Code", reason)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def send(self, data: bytes, body: bool = True, name: str = "") -> None:
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if not body:
                return
            half = len(data) // 2
            with suppress(OSError):  # who asked has gone
                self.wfile.write(data[:half])
                while name and name == state.held:
                    time.sleep(0.02)
                self.wfile.write(data[half:])

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield state
        server.shutdown()
