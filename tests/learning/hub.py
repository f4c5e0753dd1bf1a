"""A hub on this machine: it speaks as much of Hugging Face's protocol as fetching and sharing a model need."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

LARGE = 10_000  # bytes from which on a file lies on a second host under its SHA-256, as git-lfs files do


@dataclass(frozen=True)
class Commit:
    """What somebody pushed: where to, its message, and all files that the branch holds since."""

    name: str
    branch: str
    message: str
    files: dict[str, bytes]

    @property
    def sha(self) -> str:
        everything = (self.name, self.branch, self.message, sorted(self.files.items()))
        return hashlib.sha1(repr(everything).encode()).hexdigest()


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
        tokens: who may write, to the owner of what they may write to.
        private: names of repositories that only those with a token see.
        pushed: all commits that came, in their order.
        objects: large files that were sent, by SHA-256.
        scratch: where pushed files lie.
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
        self.tokens: dict[str, str] = {}
        self.private: set[str] = set()
        self.pushed: list[Commit] = []
        self.objects: dict[str, bytes] = {}
        self.scratch = Path()
        self._branches: dict[tuple[str, str], Commit] = {}

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fetched(self) -> list[str]:
        """Names of the files whose bodies were asked for, those on the second host by their SHA-256."""
        return [
            path.rpartition("/")[2] for method, path, _ in self.requests if method == "GET" and "/api/" not in path
        ]

    def head(self, name: str, revision: str) -> tuple[Path, str] | None:
        """The folder and the commit of a branch or commit."""
        found = self._branches.get((name, revision))
        if found is None:
            found = next((commit for commit in self.pushed if (commit.name, commit.sha) == (name, revision)), None)
        if found is not None:
            return self.scratch / found.sha, found.sha
        if name in self.repositories and revision in self.branches:
            return self.repositories[name], self.commit
        return None

    def create(self, name: str, private: bool) -> None:
        """A new repository holds what the hub puts into each."""
        self.private |= {name} if private else set()
        self.receive(Commit(name, "main", "initial commit", {".gitattributes": b"*.onnx filter=lfs\n"}))
        self.pushed.pop()

    def branch(self, name: str, branch: str) -> None:
        """A branch that begins where main is."""
        self._branches[name, branch] = self._branches[name, "main"]

    def receive(self, commit: Commit) -> None:
        """Write a commit down."""
        folder = self.scratch / commit.sha
        folder.mkdir(exist_ok=True)
        for file, content in commit.files.items():
            (folder / file).write_bytes(content)
        self.repositories.setdefault(commit.name, folder)
        self._branches[commit.name, commit.branch] = commit
        self.pushed.append(commit)


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub that runs until the block ends."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            hub.scratch = Path(scratch)
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

    def do_POST(self) -> None:
        self._take()

    def do_PUT(self) -> None:
        self._take()

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
        hidden = name in self.hub.private and self._owner() is None
        if name not in self.hub.repositories or hidden:
            return self._refuse(401 if hidden else 404, "RepoNotFound")
        head = self.hub.head(name, revision)
        if head is None:
            return self._refuse(404, "RevisionNotFound")
        files = sorted(path.name for path in head[0].iterdir())
        return self._say({"id": name, "sha": head[1], "private": name in self.hub.private, "tags": [],
                          "downloads": 0, "siblings": [{"rfilename": file} for file in files]})  # fmt: skip

    def _resolve(self, name: str, revision: str, file: str) -> None:
        if name in self.hub.gated:
            return self._refuse(403, "GatedRepo")
        head = self.hub.head(name, revision)
        if head is None or not (head[0] / file).is_file():
            return self._refuse(404, "EntryNotFound")
        headers = {"X-Repo-Commit": head[1]}
        content = (head[0] / file).read_bytes()
        if len(content) < LARGE:
            return self._send(content, headers | {"ETag": f'"{hashlib.sha1(content).hexdigest()}"'})
        digest = hashlib.sha256(content).hexdigest()
        headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        headers["Location"] = f"http://localhost:{self.hub.port}/second-host/{digest}"
        return self._send(b"", headers, 302)

    def _large(self, digest: str) -> None:
        if self.hub.broken:
            return self._refuse(500, "Broken")
        folders = {*self.hub.repositories.values(), *self.hub.scratch.iterdir()}
        files = (file for folder in folders for file in folder.iterdir())
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
        if self.command != "HEAD":
            cut = self.hub.cut.pop(0) if self.hub.cut and len(content) >= LARGE else None
            self.wfile.write(content[:cut])

    def _say(self, what: object, status: int = 200) -> None:
        self._send(json.dumps(what).encode(), {"Content-Type": "application/json"}, status)

    # ---- what is sent to us

    def _take(self) -> None:
        self.hub.requests.append((self.command, self.path, None))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if match := re.fullmatch(r"/second-host/([0-9a-f]{64})", self.path):
            return self._store(match[1], body)
        if self._owner() is None:
            return self._refuse(401, "", "Invalid username or password.")
        if self.path == "/api/repos/create":
            return self._create(json.loads(body))
        if self.path == "/api/validate-yaml":
            return self._validate(json.loads(body)["content"])
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/(branch|preupload|commit|verify)/([^/]+)", self.path):
            return getattr(self, f"_{match[2]}")(match[1], match[3], body)
        if re.fullmatch(r"/[^/]+/[^/]+\.git/info/lfs/objects/batch", self.path):
            return self._batch(json.loads(body))
        return self._refuse(404, "EntryNotFound")

    def _owner(self) -> str | None:
        return self.hub.tokens.get((self.headers.get("Authorization") or "").removeprefix("Bearer "))

    def _create(self, wanted: dict[str, str]) -> None:
        name = f"{wanted['organization']}/{wanted['name']}"
        owner = wanted["organization"]
        if owner != self._owner():
            return self._refuse(403, "", f"You don't have the rights to create a model under {owner}")
        said = {"url": f"{self.hub.endpoint}/{name}", "name": name}
        if name in self.hub.repositories:
            return self._say(said | {"error": "You already created this model repo"}, 409)
        self.hub.create(name, wanted.get("visibility") == "private" or wanted.get("private") is True)
        return self._say(said)

    def _validate(self, card: str) -> None:
        if "license: no-such" in card:
            return self._say({"errors": [{"message": '"license" must be one of [apache-2.0, ...]'}]}, 400)
        return self._say({"errors": [], "warnings": []})

    def _branch(self, name: str, branch: str, _: bytes) -> None:
        if self.hub.head(name, branch) is not None:
            return self._say({"error": "Reference already exists"}, 409)
        self.hub.branch(name, branch)
        return self._say({})

    def _preupload(self, name: str, branch: str, body: bytes) -> None:
        """Which files go to the second host, and what is there of them already."""
        head = self.hub.head(name, branch)
        if head is None:
            return self._refuse(404, "RevisionNotFound")
        files = []
        for file in json.loads(body)["files"]:
            large = file["size"] >= LARGE
            path = head[0] / file["path"]
            files.append({"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
                         | ({"oid": _oid(path.read_bytes(), large)} if path.is_file() else {}))  # fmt: skip
        return self._say({"files": files})

    def _batch(self, wanted: dict[str, list[dict[str, object]]]) -> None:
        objects = []
        for thing in wanted["objects"]:
            actions = {"upload": {"href": f"http://localhost:{self.hub.port}/second-host/{thing['oid']}"},
                       "verify": {"href": f"{self.hub.endpoint}/api/models/any/one/verify/main"}}  # fmt: skip
            objects.append(thing | ({} if thing["oid"] in self.hub.objects else {"actions": actions}))
        return self._say({"transfer": "basic", "objects": objects})

    def _store(self, digest: str, body: bytes) -> None:
        if self.hub.broken:
            return self._refuse(400, "Broken")
        if hashlib.sha256(body).hexdigest() != digest:
            return self._refuse(400, "Damaged")
        self.hub.objects[digest] = body
        return self._say({})

    def _verify(self, _: str, __: str, body: bytes) -> None:
        thing = json.loads(body)
        there = len(self.hub.objects.get(thing["oid"], b"")) == thing["size"]
        return self._say({}) if there else self._refuse(404, "EntryNotFound")

    def _commit(self, name: str, branch: str, body: bytes) -> None:
        head = self.hub.head(name, branch)
        if head is None:
            return self._refuse(404, "RevisionNotFound")
        header, *operations = (json.loads(line) for line in body.splitlines())
        files = {path.name: path.read_bytes() for path in head[0].iterdir()}
        for operation in operations:
            value = operation["value"]
            small = operation["key"] == "file"
            files[value["path"]] = base64.b64decode(value["content"]) if small else self.hub.objects[value["oid"]]
        commit = Commit(name, branch, header["value"]["summary"], files)
        self.hub.receive(commit)
        url = f"{self.hub.endpoint}/{name}/commit/{commit.sha}"
        return self._say({"success": True, "commitUrl": url, "commitOid": commit.sha})

    def _refuse(self, status: int, code: str, message: str | None = None) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", message or code)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _oid(content: bytes, large: bool) -> str:
    """A file's name: the SHA-256 of a large one, git's of a small one."""
    git = b"blob %d\0%s" % (len(content), content)
    return hashlib.sha256(content).hexdigest() if large else hashlib.sha1(git).hexdigest()
