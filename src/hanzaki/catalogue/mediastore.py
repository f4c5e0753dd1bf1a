"""Where the bytes of photographs and videos live: a folder, each file under its SHA-256."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import os
import shutil
from collections.abc import Callable
from io import BufferedRandom
from pathlib import Path

from hanzaki.errors import BadMedium, CatalogueError, printable

_FICLONE = 0x40049409  # Linux: share the blocks of another file until one of the two is written
_INCOMING = ".incoming"
_CHUNK = 1 << 20
_serial = itertools.count()


class MediaStore:
    """Files by content, two hexadecimal digits a folder, written whole or not at all.

    Args:
        folder: the catalogue's ``media`` folder, made when the first file comes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes, sha256: str, suffix: str, original: Path | None = None) -> str:
        """Keep a file, once.

        Args:
            data: its bytes.
            sha256: their digest in hexadecimal.
            suffix: the file's ending, with its dot.
            original: where the bytes were read from; on a disk that can, its blocks are shared (a reflink),
                which costs neither time nor space and, unlike a hard link, outlives later edits of either.

        Returns:
            The path below the folder.
        """

        def fill(file: BufferedRandom) -> None:
            if original is None or not _reflink(original, file.fileno(), data):
                file.write(data)

        return self._keep(f"{sha256[:2]}/{sha256}{suffix}", len(data), fill)

    def put_file(self, original: Path, size: int, sha256: str, suffix: str) -> str:
        """Keep a file that is too large for memory, once.

        Args:
            original: the file; where the disk can, its blocks are shared.
            size: its bytes.
            sha256: their digest in hexadecimal, with which what was kept is compared.
            suffix: the file's ending, with its dot.

        Returns:
            The path below the folder.

        Raises:
            BadMedium: if the original is not what it was.
        """

        def fill(file: BufferedRandom) -> None:
            with original.open("rb") as source:
                try:
                    fcntl.ioctl(file.fileno(), _FICLONE, source.fileno())
                except OSError:
                    shutil.copyfileobj(source, file, _CHUNK)
            file.seek(0)
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise BadMedium(original, "changed while it was being added: run again")

        return self._keep(f"{sha256[:2]}/{sha256}{suffix}", size, fill)

    def _keep(self, relative: str, size: int, fill: Callable[[BufferedRandom], None]) -> str:
        target = self.folder / relative
        if _has_size(target, size):
            return relative
        incoming = self.folder / _INCOMING / f"{os.getpid()}-{next(_serial)}"
        try:
            incoming.parent.mkdir(parents=True, exist_ok=True)
            target.parent.mkdir(exist_ok=True)
            with incoming.open("w+b") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())  # the database must never name a file that a power cut can still empty
            incoming.replace(target)
        except OSError as error:
            raise CatalogueError(
                f"{printable(self.folder)}: a file could not be stored ({error.strerror}). "
                "What was added so far is safe; make room or mend the disk, then run the same command again."
            ) from error
        finally:
            with contextlib.suppress(OSError):
                incoming.unlink(missing_ok=True)
        return relative

    def path(self, relative: str) -> Path:
        """Where a stored file is; an absolute path (a linked file) stays as it is."""
        return self.folder / relative

    def sweep(self) -> None:
        """Remove what killed processes left half written."""
        for leftover in (self.folder / _INCOMING).glob("*-*"):
            owner = leftover.name.partition("-")[0]
            if not (owner.isdigit() and _alive(int(owner))):
                leftover.unlink(missing_ok=True)


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _reflink(original: Path, target: int, data: bytes) -> bool:
    """Share the original's blocks with ``target`` if the disk can and the blocks still hold ``data``."""
    try:
        with original.open("rb") as source:
            fcntl.ioctl(target, _FICLONE, source.fileno())
        if os.pread(target, len(data) + 1, 0) == data:
            return True
    except OSError:
        return False
    os.ftruncate(target, 0)  # somebody wrote to the original since it was read
    return False


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
