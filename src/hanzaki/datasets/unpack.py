"""Archives from strangers, unpacked so that nothing leaves its folder, fills the disk or comes half."""

from __future__ import annotations

import json
import lzma
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Literal

from hanzaki.datasets.errors import DatasetError, on_disk
from hanzaki.errors import printable

#: Called as ``unpacked(archive's name, files unpacked)``; how many there are is known at the end.
Unpacked = Callable[[str, int], None]

_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_OTHER_ENDINGS = (".7z", ".rar", ".gz", ".bz2", ".xz", ".zst", ".z01")
_CHUNK = 1 << 20  # bytes
_MOST_TIMES = 200  # photographs hardly shrink and tables by 10 to 20 times; a bomb by thousands
_ALWAYS_ALLOWED = 64 << 20  # bytes: of a small archive of nearly nothing
_MOST_FILES = 2_000_000
_SPARE = 256 << 20  # bytes that are left free on the disk
_MARK = ".unpacked"
_LITTER = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_ENCRYPTED, _UTF8 = 0x1, 0x800  # flags of a zip's entry
_DRIVE = re.compile("[A-Za-z]:")
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


@dataclass(frozen=True)
class _Entry:
    name: str
    kind: Literal["file", "folder", "other"]
    opened: Callable[[], IO[bytes] | None]


def is_archive(name: str) -> bool:
    """Whether :func:`unpack` knows a file of this name."""
    return name.lower().endswith(_ENDINGS)


def is_foreign_archive(name: str) -> bool:
    """Whether it is an archive that only other programs unpack."""
    return name.lower().endswith(_OTHER_ENDINGS) and not is_archive(name)


def stem(name: str) -> str:
    """An archive's name without what makes it one."""
    ending = max((ending for ending in _ENDINGS if name.lower().endswith(ending)), key=len, default="")
    return name[: len(name) - len(ending)] or name


def safe_path(name: str) -> Path:
    """A name from elsewhere as a path that stays below the folder it is put in.

    Raises:
        DatasetError: if it would leave it.
    """
    text = name.replace("\\", "/")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if text.startswith("/") or ".." in parts or _DRIVE.match(text) or "\0" in text or not parts:
        raise DatasetError(f"{name!r} would lie outside its folder; nothing of it was taken")
    return Path(*parts)


def unpack(
    archive: Path, folder: Path, *, only: Sequence[str] = (), unpacked: Unpacked | None = None
) -> Mapping[str, int]:
    """Unpack an archive into a folder of its own, whole or not at all.

    Unpacked are regular files alone, without their rights; links and devices are left out and counted, and so is
    what Finder and Explorer leave behind. What was unpacked before with the same words is left as it is.

    Args:
        archive: zip, tar, or tar pressed by gzip, bzip2 or xz.
        folder: to make.
        only: patterns as ``*/head/*.jpg``, of which a file's path or name must match one; any file by default.
        unpacked: is told of each file.

    Returns:
        What was left out, with how many of each.

    Raises:
        DatasetError: if it is damaged, encrypted or a bomb, if a name in it leads elsewhere, or the disk refuses.
    """
    facts = archive.stat()
    mark = json.dumps(
        {"archive": archive.name, "bytes": facts.st_size, "changed": facts.st_mtime_ns, "only": list(only)}
    )
    if folder.exists():
        if _marked(folder) == mark:
            return {}
        if _marked(folder) is None:
            raise DatasetError(f"{printable(folder)} is in the way: move it, since {archive.name} goes there")
    incoming = folder.with_name(folder.name + ".incoming")
    notes: Counter[str] = Counter()
    with on_disk(folder):
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.mkdir(parents=True)
        try:
            with _readable(archive):
                _unpack_all(archive, incoming, only, notes, unpacked)
            (incoming / _MARK).write_text(mark, encoding="utf-8")
            if folder.exists():
                shutil.rmtree(folder)
            incoming.rename(folder)
        finally:
            shutil.rmtree(incoming, ignore_errors=True)
    return dict(notes)


def _unpack_all(
    archive: Path, folder: Path, only: Sequence[str], notes: Counter[str], unpacked: Unpacked | None
) -> None:
    left = min(_MOST_TIMES * archive.stat().st_size + _ALWAYS_ALLOWED, shutil.disk_usage(folder).free - _SPARE)
    entries = _zipped if archive.name.lower().endswith(".zip") else _tarred
    done = 0
    for entry in entries(archive):
        if entry.kind == "folder":
            continue
        path = safe_path(entry.name)
        if entry.kind == "other":
            notes["links and devices left out"] += 1
        elif not _is_litter(path) and _is_asked(path, only):
            left -= _write(entry, folder / path, left)
            done += 1
            if done > _MOST_FILES:
                raise DatasetError(
                    f"{archive.name} has more than {_MOST_FILES} files: unpack it by hand if it is no bomb"
                )
            if unpacked is not None:
                unpacked(archive.name, done)
            if is_archive(path.name) or is_foreign_archive(path.name):
                notes["archives within archives left as they are"] += 1


def _write(entry: _Entry, path: Path, most: int) -> int:
    """Write one file; returns its bytes, counted and not believed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    source = entry.opened()
    if source is None:
        return 0
    with source, path.open("wb") as target:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > most:
                raise DatasetError(
                    f"{entry.name}: unpacks to much more than the archive's size or the disk can bear; "
                    "make room, or unpack it by hand if it is no bomb, then `hanzaki data lay-out FOLDER`"
                )
            target.write(chunk)
    return written


def _zipped(archive: Path) -> Iterator[_Entry]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            if info.flag_bits & _ENCRYPTED:
                raise DatasetError(
                    f"{archive.name} is encrypted: unpack it by hand with the password of its authors"
                )
            kind: Literal["file", "folder", "other"] = "folder" if info.is_dir() else "file"
            mode = info.external_attr >> 16  # of Unix; 0 where the archive was made by others
            if kind == "file" and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                kind = "other"
            yield _Entry(_zip_name(info), kind, lambda info=info: file.open(info))  # type: ignore[misc]


def _zip_name(info: zipfile.ZipInfo) -> str:
    """An entry's name; older programs wrote the machine's own encoding, in Japan that of Windows, unmarked."""
    if info.flag_bits & _UTF8 or info.filename.isascii():
        return info.filename
    raw = info.filename.encode("cp437")
    for encoding in ("utf-8", "cp932"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename


def _tarred(archive: Path) -> Iterator[_Entry]:
    with tarfile.open(archive, "r:*") as file:
        for member in file:
            kind: Literal["file", "folder", "other"]
            kind = "folder" if member.isdir() else "file" if member.isreg() else "other"
            yield _Entry(member.name, kind, lambda member=member: file.extractfile(member))  # type: ignore[misc]


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise DatasetError(f"{printable(archive)} cannot be unpacked: {error or 'it ends too early'}") from error
    except RuntimeError as error:  # zipfile's, of encryption that the flags did not tell
        raise DatasetError(f"{printable(archive)} cannot be unpacked: {error}") from error


def _marked(folder: Path) -> str | None:
    """What was unpacked into a folder; None if none of ours was."""
    try:
        return (folder / _MARK).read_text(encoding="utf-8")
    except OSError:
        return None


def _is_litter(path: Path) -> bool:
    return path.parts[0] == "__MACOSX" or path.name.startswith("._") or path.name.lower() in _LITTER


def _is_asked(path: Path, only: Sequence[str]) -> bool:
    return not only or any(matches(path.as_posix(), pattern) for pattern in only)


def matches(name: str, pattern: str) -> bool:
    """Whether a path, or its last part, is of a pattern as ``*.jpg``, whatever the case."""
    name, pattern = name.lower(), pattern.lower()
    return fnmatchcase(name, pattern) or fnmatchcase(name.rpartition("/")[2], pattern)
