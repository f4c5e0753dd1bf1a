"""HTTP for large files on bad lines: patient, one request at a time, going on where a file broke off."""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import requests
import urllib3

from hanzaki.datasets.errors import DatasetError, on_disk

#: Called as ``progress(name, bytes that are here, bytes in all)``.
Progress = Callable[[str, int, int], None]

Result = TypeVar("Result")

_CHUNK = 1 << 18  # bytes, at most
_TIMEOUT = (15.0, 60.0)  # seconds to connect, and without a byte
_LONGEST_WAIT = 300.0  # seconds; who is told to wait longer comes back by hand
_TRIES = 6  # in a row, without a byte more
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_PARTIAL, _BEYOND = 206, 416
_REFUSALS = {
    401: "is not open to everybody: ask its authors, fetch it with a browser, then `hanzaki data lay-out FOLDER`",
    403: "is not open to everybody: ask its authors, fetch it with a browser, then `hanzaki data lay-out FOLDER`",
    404: "is not there",
    410: "was taken back by its authors",
}
_MD5 = re.compile(r'(?:W/)?"?md5:([0-9a-f]{32})"?', re.IGNORECASE)
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True)
class RemoteFile:
    """A file as its repository tells of it.

    Attributes:
        name: the repository's, which may have slashes.
        url: where it is.
        size: in bytes.
        checksum: as ``md5:`` and 32 hexadecimal digits; None if there is none.
    """

    name: str
    url: str
    size: int
    checksum: str | None = None


class _Broken(Exception):
    """It may go better next time, ``after`` so many seconds if the server said."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Transfer:
    """Fetches documents and files.

    Proxies and certificates are those of the environment (``HTTPS_PROXY``, ``REQUESTS_CA_BUNDLE``).

    Args:
        wait: waits for so many seconds.
    """

    def __init__(self, wait: Callable[[float], None] = time.sleep) -> None:
        self._wait = wait
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"hanzaki/{version('hanzaki')}"
        self._session.headers["Accept-Encoding"] = "identity"  # ranges and sizes are of the file itself

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def document(self, url: str) -> Any:
        """A JSON document.

        Raises:
            DatasetError: if it cannot be had, or is no JSON.
        """

        def step() -> bytes:
            with self._opened(url, {"Accept": "application/json"}) as response, _line():
                return response.content

        text = self._patiently(url, step, lambda: 0)
        try:
            return json.loads(text)
        except ValueError as error:
            raise DatasetError(f"{url} does not answer as Zenodo's API does (no JSON)") from error

    def file(self, remote: RemoteFile, target: Path, progress: Progress | None = None) -> None:
        """Have a file, whole and checked, or raise; what came of it before is gone on with.

        What has come lies in ``<target>.<checksum>.part`` until all of it is there, so that a file that changed
        at its source is not sewn to the beginning of an earlier one.

        Raises:
            DatasetError: if it cannot be fetched, is not what its checksum says, or the disk refuses it.
        """
        if _is_whole(remote, target):
            _tell(progress, remote, remote.size)
            return
        part = target.with_name(f"{target.name}.{_tag(remote)}.part")
        with on_disk(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            self._patiently(remote.name, lambda: self._go_on(remote, part, progress), lambda: _length(part))
            _verify(remote, part)
            part.replace(target)
            for earlier in target.parent.glob(f"{_escaped(target.name)}.*.part"):
                earlier.unlink()

    def _go_on(self, remote: RemoteFile, part: Path, progress: Progress | None) -> None:
        """Fetch what is missing of a part."""
        if _length(part) > remote.size:
            part.unlink()
        here = _length(part)
        if here == remote.size and part.exists():
            return
        wanted = {"Range": f"bytes={here}-"} if here else {}
        with self._opened(remote.url, wanted) as response:
            if response.status_code == _BEYOND:
                part.unlink(missing_ok=True)
                raise _Broken("the server does not have the rest of it")
            _see_unchanged(remote, response)
            done = _beginning(response, here)
            with part.open("r+b" if done else "wb") as file:
                file.seek(done)
                for chunk in _chunks(response):
                    done += len(chunk)
                    if done > remote.size:
                        raise DatasetError(f"{remote.name} is larger than its repository says; run it again")
                    file.write(chunk)
                    _tell(progress, remote, done)
        if done < remote.size:
            raise _Broken("the connection was closed early")

    def _patiently(self, what: str, step: Callable[[], Result], length: Callable[[], int]) -> Result:
        """Try until it is done, with longer and longer waits as long as nothing comes."""
        failures, longest = 0, length()
        while True:
            try:
                return step()
            except _Broken as broken:
                failures = 1 if length() > longest else failures + 1
                longest = max(longest, length())
                pause = min(2.0 ** (failures - 1), 30.0) if broken.after is None else broken.after
                if failures >= _TRIES or pause > _LONGEST_WAIT:
                    when = f" in {math.ceil(pause / 60)} minutes" if pause > _LONGEST_WAIT else ""
                    kept = "; what came is kept" if longest else ""
                    raise DatasetError(f"{what}: {broken}{kept}; run it again{when} to go on") from broken
                self._wait(pause)

    @contextmanager
    def _opened(self, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
        with _line():
            response = self._session.get(url, headers=headers, stream=True, timeout=_TIMEOUT)
        with response:
            status = response.status_code
            if status in _AGAIN:
                raise _Broken(f"{_host(url)} answers {status} {response.reason}", _asked_to_wait(response))
            if status >= 400 and not (status == _BEYOND and "Range" in headers):
                raise DatasetError(f"{url} {_REFUSALS.get(status, f'cannot be had ({status} {response.reason})')}")
            yield response


@contextmanager
def _line() -> Iterator[None]:
    """Turn what can go wrong on the line into ours."""
    try:
        yield
    except (
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
        requests.exceptions.MissingSchema,
    ) as e:
        raise DatasetError(f"no address that can be asked: {e} (is HANZAKI_ZENODO set to something odd?)") from e
    except requests.exceptions.TooManyRedirects as error:
        raise DatasetError(f"{error}; is this the right address?") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            text = "its certificate is not trusted here; behind a proxy, name the proxy's in REQUESTS_CA_BUNDLE"
            raise DatasetError(f"{_asked(error)}: {text}") from error
        raise _Broken(f"{_asked(error)} cannot be reached ({_plainly(error)})") from error


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """What comes over the line as it comes, so that nothing of it is lost when the line breaks."""
    while True:
        with _line():
            chunk = response.raw.read1(_CHUNK, decode_content=False)
        if not chunk:
            return
        yield chunk


def _beginning(response: requests.Response, here: int) -> int:
    """Where in the file the answer begins; servers may answer with the whole file, whatever was asked."""
    if response.status_code != _PARTIAL:
        return 0
    match = _RANGE.match(response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != here:
        raise _Broken("the server sent another part than was asked for")
    return here


def _see_unchanged(remote: RemoteFile, response: requests.Response) -> None:
    """Compare what the answer says of the file with what its repository said, before bytes are spent on it."""
    tag = _MD5.fullmatch(response.headers.get("ETag", ""))
    other = tag is not None and remote.checksum not in (None, f"md5:{tag[1].lower()}")
    match = _RANGE.match(response.headers.get("Content-Range", ""))
    size = match[2] if match else response.headers.get("Content-Length", "*")
    if other or (size.isdigit() and int(size) != remote.size):
        raise DatasetError(f"{remote.name} has changed at its repository meanwhile; run it again")


def _is_whole(remote: RemoteFile, path: Path) -> bool:
    return path.is_file() and _length(path) == remote.size and remote.checksum in (None, _checksum(path))


def _verify(remote: RemoteFile, part: Path) -> None:
    if remote.checksum is not None and _checksum(part) != remote.checksum:
        part.unlink()
        raise DatasetError(
            f"{remote.name} arrived damaged (its checksum is not {remote.checksum}) and was thrown away: "
            "run it again"
        )


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return f"md5:{hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()}"


def _asked_to_wait(response: requests.Response) -> float | None:
    """Seconds that the server asks for: ``Retry-After`` (RFC 9110, 10.2.3), or else Zenodo's own header."""
    said = response.headers.get("Retry-After", "").strip()
    if said.isdigit():
        return float(said)
    now = datetime.now(UTC)
    if said:
        try:
            return max((parsedate_to_datetime(said) - now).total_seconds(), 0.0)
        except (ValueError, TypeError):
            return None
    reset = response.headers.get("X-RateLimit-Reset", "")
    return max(int(reset) - now.timestamp(), 0.0) if reset.isdigit() else None


def _tag(remote: RemoteFile) -> str:
    return remote.checksum[-8:] if remote.checksum else str(remote.size)


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _tell(progress: Progress | None, remote: RemoteFile, done: int) -> None:
    if progress is not None:
        progress(remote.name, done, remote.size)


def _host(url: str) -> str:
    return urllib3.util.parse_url(url).host or url


def _asked(error: Exception) -> str:
    request = getattr(error, "request", None)
    return _host(str(request.url)) if request is not None and request.url else "the server"


def _plainly(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not answer"
    return "no connection" if isinstance(error, requests.ConnectionError) else "the connection broke off"
