"""Which files the user means."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hanzaki.annotations import AnnotationRow, Annotations
from hanzaki.errors import BadMedium, printable
from hanzaki.exchange.pictures import displayed_size
from hanzaki.media import SUFFIXES, VIDEO_SUFFIXES, inspect_video, open_medium
from hanzaki.settings import settings


@dataclass
class Found:
    """What a search of files and folders gave.

    Attributes:
        files: photographs and videos in a fixed order, each once.
        unreadable: files and folders that cannot even be looked at, with the reason.
        others: file endings that are of neither, with how many there were of each.
    """

    files: list[Path] = field(default_factory=list)
    unreadable: list[BadMedium] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


def find_media(paths: Iterable[Path | str]) -> Found:
    """Every photograph and video that is named or lies below a named folder.

    A named file is taken whatever its ending. Hidden files and folders are passed over, and links to folders are
    not followed, since they can lead in circles.
    """
    found = Found()
    seen: set[Path] = set()
    for path in map(Path, paths):
        for file in _walk(path, found) if path.is_dir() else [path]:
            place = absolute(file)
            if place not in seen:
                seen.add(place)
                found.files.append(file)
    return found


def is_video(file: Path) -> bool:
    """Whether a file is a video, by its ending."""
    return file.suffix.lower() in VIDEO_SUFFIXES


def size_of(file: Path) -> tuple[int, int]:
    """Width and height of a photograph or video, in pixels as displayed; no more than its head is read.

    Raises:
        BadMedium: if it is missing, or neither.
    """
    if not is_video(file):
        return displayed_size(file)
    facts = inspect_video(file, settings().max_megapixels)
    return facts.width, facts.height


def digest_of(file: Path) -> tuple[str, int]:
    """The SHA-256 of a file's bytes in hexadecimal, and how many they are; the file may be larger than memory.

    Raises:
        BadMedium: if it is missing, empty or cannot be read.
    """
    with open_medium(file) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest(), stream.tell()


def absolute(path: Path) -> Path:
    """The path from the root, with ``..`` worked out; unlike ``resolve`` it leaves symbolic links alone."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def rows_by_file(
    table: Annotations | None, files: Iterable[Path], roots: Iterable[Path | str]
) -> tuple[dict[Path, list[AnnotationRow]], list[str]]:
    """Which rows of a table speak of which files.

    A row's path is looked for below the table's own folder, then below each of the roots that the user named.

    Returns:
        The rows of each file, by absolute path, and the paths of the table that are none of the files.
    """
    if table is None:
        return {}, []
    places = {absolute(file) for file in files}
    folders = [table.folder, *map(Path, roots)]
    rows: dict[Path, list[AnnotationRow]] = {}
    absent: dict[str, None] = {}
    for row in table:
        candidates = (absolute(folder / row.path) for folder in folders)
        place = next((candidate for candidate in candidates if candidate in places), None)
        if place is None:
            absent[row.path] = None
        else:
            rows.setdefault(place, []).append(row)
    return rows, list(absent)


def _walk(folder: Path, found: Found) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        found.unreadable.append(BadMedium(folder, f"the folder cannot be read ({error.strerror})"))
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path, found)
        elif path.suffix.lower() in SUFFIXES or is_video(path):
            yield path
        elif not entry.is_dir():
            found.others[printable(path.suffix.lower()) or "(no ending)"] += 1
