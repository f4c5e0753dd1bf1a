"""A hub on this machine: it speaks as much of Hugging Face's protocol as fetching a model needs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

LARGE = 10_000  # bytes from which on a file lies on a second host under its SHA-256, as git-lfs files do


class Hub:
    """Repositories by name, the requests that came, and what goes wrong.

    Attributes:
        repositories: name to the folder that is its only commit.
        gated: names of repositories that are closed to us.
        requests: method, path and Range of every request.
        cut: bytes after which the next bodies of large files break off, one a request.
        broken: large files are answered with an error.
        ranges: whether Range is heeded.
        damaged: large files arrive with a byte changed.
    """

    commit = "4f1d7f2b521149e5fe34bb85f377248ce9971a7d"
    branches = ("main", "v3", commit)

    def __init__(self) -> None:
        self.repositories: dict[str, Path] = {}
        self.gated: set[str] = set()
        self.requests: list[tuple[str, str, str | None]] = []
        self.cut: list[int] = []
        self.broken = False
        self.ranges = True
        self.damaged = False
        self.port = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fetched(self) -> list[str]:
        """Names of the files whose bodies were asked for, those on the second host by their SHA-256."""
        return [
            path.rpartition("/")[2] for method, path, _ in self.requests if method == "GET" and "/api/" not in path
        ]


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub that runs until the block ends."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.hub.requests.append((self.command, self.path, self.headers.get("Range")))
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/?]+))?(?:\?.*)?", self.path):
            self._info(match[1], match[2] or "main")
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path):
            self._resolve(match[1], match[2], match[3])
        elif match := re.fullmatch(r"/second-host/([0-9a-f]{64})", self.path):
            self._large(match[1])
        else:
            self._refuse(404, "EntryNotFound")

    def _info(self, name: str, revision: str) -> None:
        if name not in self.hub.repositories:
            return self._refuse(404, "RepoNotFound")
        if revision not in self.hub.branches:
            return self._refuse(404, "RevisionNotFound")
        files = sorted(path.name for path in self.hub.repositories[name].iterdir())
        said = {"id": name, "sha": self.hub.commit, "private": False, "tags": [], "downloads": 0,
                "siblings": [{"rfilename": file} for file in files]}  # fmt: skip
        return self._send(json.dumps(said).encode(), {"Content-Type": "application/json"})

    def _resolve(self, name: str, revision: str, file: str) -> None:
        path = self.hub.repositories[name] / file
        if name in self.hub.gated:
            return self._refuse(403, "GatedRepo")
        if revision not in self.hub.branches or not path.is_file():
            return self._refuse(404, "EntryNotFound")
        headers = {"X-Repo-Commit": self.hub.commit}
        content = path.read_bytes()
        if len(content) < LARGE:
            return self._send(content, headers | {"ETag": f'"{hashlib.sha1(content).hexdigest()}"'})
        digest = hashlib.sha256(content).hexdigest()
        headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        headers["Location"] = f"http://localhost:{self.hub.port}/second-host/{digest}"
        return self._send(b"", headers, 302)

    def _large(self, digest: str) -> None:
        if self.hub.broken:
            return self._refuse(500, "Broken")
        files = (file for folder in self.hub.repositories.values() for file in folder.iterdir())
        content = next(
            data for data in (f.read_bytes() for f in files) if hashlib.sha256(data).hexdigest() == digest
        )
        if self.hub.damaged:
            content = content[:-1] + bytes([content[-1] ^ 1])
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if asked and self.hub.ranges:
            start = int(asked[1])
            return self._send(
                content[start:], {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}, 206
            )
        return self._send(content, {})

    def _send(self, content: bytes, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            cut = self.hub.cut.pop(0) if self.hub.cut and len(content) >= LARGE else None
            self.wfile.write(content[:cut])

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", code)
        self.send_header("Content-Length", "0")
        self.end_headers()
