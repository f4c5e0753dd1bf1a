"""From the name of a published data set to an annotation table, step by step, each done once."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from hanzaki.annotations import Annotations
from hanzaki.datasets import unpack as unpacking
from hanzaki.datasets.errors import DatasetError, on_disk
from hanzaki.datasets.known import KnownSet, folder_for, known_by_number
from hanzaki.datasets.layout import PARTS, TABLE, Layout, Rule, lay_out
from hanzaki.datasets.record import Record, ask_record, facts, in_words
from hanzaki.datasets.transfer import Progress, RemoteFile, Transfer
from hanzaki.datasets.unpack import Unpacked
from hanzaki.errors import printable
from hanzaki.exchange.identity_csv import write_identity_csv
from hanzaki.exchange.writing import write_json, write_whole

#: What lies in the folder of a data set, beside its tables.
FILES, UNPACKED = "files", "unpacked"
FACTS, README = "dataset.json", "README.md"


@dataclass(frozen=True)
class Fetched:
    """A data set that is here.

    Attributes:
        folder: where.
        record: what its repository says of it.
        notes: what was left out of archives, or cannot be unpacked here, with how many of each.
    """

    folder: Path
    record: Record
    notes: Mapping[str, int] = field(default_factory=dict)


def fetch(
    number: int,
    folder: Path | None = None,
    *,
    base: str,
    accept: Callable[[Sequence[str]], bool],
    files: Sequence[str] = (),
    only: Sequence[str] = (),
    transfer: Transfer | None = None,
    progress: Progress | None = None,
    unpacked: Unpacked | None = None,
) -> Fetched:
    """Fetch a record of Zenodo and unpack its archives.

    ``<folder>/files`` gets what the record has, ``<folder>/unpacked`` what is in its archives, each in a folder of
    its name. After a kill or a broken line the next call goes on. What was fetched is checked again.

    Args:
        number: of the record.
        folder: new, empty, or where an earlier call began; by default named after the data set.
        base: Zenodo's address.
        accept: is shown title, authors, DOI, licence and size before anything comes; False ends it.
        files: patterns as ``*.zip``, of which a file's name must match one; all by default.
        only: patterns of what to unpack from archives; all by default.
        transfer: does the asking.
        progress: is told how far each file is, in bytes.
        unpacked: is told how many files of each archive are unpacked.

    Raises:
        DatasetError: if it cannot be had, is not what its checksums say, or the folder is of something else.
    """
    folder = folder or folder_for(number)
    transfer = transfer or Transfer()
    record = ask_record(transfer, base, number)
    wanted = [file for file in record.files if _is_wanted(file, files)]
    if not wanted:
        names = ", ".join(file.name for file in record.files)
        raise DatasetError(f"no file of {record.page} is called {' or '.join(files)}; there are: {names}")
    targets = {file: folder / FILES / unpacking.safe_path(file.name) for file in wanted}
    _require_ours(folder, record)
    if not accept(facts(record, wanted)):
        raise DatasetError(f"{record.doi} was not fetched")
    _require_room(folder, targets)
    _write_facts(folder, record)
    for file, target in targets.items():
        transfer.file(file, target, progress)
    return Fetched(folder, record, _unpack(folder, targets.values(), only, unpacked))


def lay_out_here(
    folder: Path,
    *,
    origin_from: Sequence[str] = (),
    identity_from: Sequence[str] = (),
    known: KnownSet | None = None,
    replace: bool = False,
) -> Layout:
    """Write the annotation table of a folder that is here, as :func:`hanzaki.datasets.layout.lay_out` reads it.

    ``annotations.csv`` has all photographs; where the authors divided them, ``train.csv``, ``validation.csv`` and
    ``test.csv`` have their parts.

    Args:
        folder: of a data set that was fetched, or any other.
        origin_from: rules as :meth:`Rule.parse` reads them.
        identity_from: likewise.
        known: which data set it is; found out where hanzaki fetched it.
        replace: write over a table that says otherwise.

    Raises:
        DatasetError: if nothing tells what is what, or a table is there that says otherwise.
        TableError: if a name cannot be written into a table.
    """
    layout = lay_out(
        folder,
        origin_from=[Rule.parse(text) for text in origin_from],
        identity_from=[Rule.parse(text) for text in identity_from],
        known=known or known_by_number(_fetched_number(folder)),
    )
    tables = {TABLE: layout.annotations}
    for part, name in PARTS.items():
        rows = [told == part for told in layout.parts]
        if any(rows):
            tables[name] = Annotations(
                layout.annotations.frame[rows].reset_index(drop=True), layout.annotations.source
            )
    with on_disk(folder):
        for name, annotations in tables.items():
            _write_table(annotations, folder / name, replace=replace)
    return layout


def _write_table(annotations: Annotations, path: Path, *, replace: bool) -> None:
    """Write a table, but not over one that somebody may have worked on."""
    if replace or not path.exists():
        write_identity_csv(annotations, path)
        return
    trial = path.with_name(f".{path.name}.trial")
    try:
        write_identity_csv(annotations, trial)
        if trial.read_bytes() != path.read_bytes():
            raise DatasetError(f"{printable(path)} is there and says otherwise: move it, or say --replace")
    finally:
        trial.unlink(missing_ok=True)


def _is_wanted(file: RemoteFile, patterns: Sequence[str]) -> bool:
    return not patterns or any(unpacking.matches(file.name, pattern) for pattern in patterns)


def _require_ours(folder: Path, record: Record) -> None:
    """See that a folder is free, or of this very record."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if _fetched_number(folder) != record.number:
        raise DatasetError(f"{printable(folder)} is not empty and not of {record.doi}: name a new folder")


def _fetched_number(folder: Path) -> int | None:
    """The record that a folder was fetched from; None if from none."""
    try:
        number = json.loads((folder / FACTS).read_text(encoding="utf-8"))["record"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return number if isinstance(number, int) else None


def _require_room(folder: Path, targets: Mapping[RemoteFile, Path]) -> None:
    """See that the disk can hold what is still to come, before any of it comes."""
    with on_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        here = sum(file.stat().st_size for file in (folder / FILES).rglob("*") if file.is_file())
        free = shutil.disk_usage(folder).free
    needed = sum(file.size for file in targets) - here
    if needed > free:
        raise DatasetError(
            f"{printable(folder)}: {in_words(needed)} are to come, and the disk has room for {in_words(free)}: "
            "make room, or name a folder on another disk"
        )


def _write_facts(folder: Path, record: Record) -> None:
    """Keep beside the files what must be known of them: whose they are, and what one may do with them."""
    files = [{"name": file.name, "bytes": file.size, "checksum": file.checksum} for file in record.files]
    document = {
        "record": record.number,
        "title": record.title,
        "authors": record.authors,
        "doi": record.doi,
        "licence": record.licence,
        "published": record.published,
        "page": record.page,
        "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": files,
    }
    known = known_by_number(record.number)
    cite = (
        known.citation if known else f"{'; '.join(record.authors)}: {record.title}. https://doi.org/{record.doi}"
    )
    lines = [
        f"# {record.title}",
        *(f"- {line}" for line in facts(record, ())[1:-1]),
        f"- cite as: {cite}",
        f"- fetched {document['fetched']} into `{FILES}/`, archives unpacked into `{UNPACKED}/`",
    ]
    write_json(folder / FACTS, document)
    write_whole(folder / README, "\n".join([lines[0], "", *lines[1:]]) + "\n")


def _unpack(
    folder: Path, archives: Iterable[Path], only: Sequence[str], unpacked: Unpacked | None
) -> Mapping[str, int]:
    notes: Counter[str] = Counter()
    for archive in archives:
        if unpacking.is_archive(archive.name):
            inside = archive.relative_to(folder / FILES)
            target = folder / UNPACKED / inside.with_name(unpacking.stem(inside.name))
            notes.update(unpacking.unpack(archive, target, only=only, unpacked=unpacked))
        elif unpacking.is_foreign_archive(archive.name):
            notes["archives that other programs must unpack, then `hanzaki data lay-out`"] += 1
    return dict(notes)
