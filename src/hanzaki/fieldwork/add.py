"""Photographs and videos into a catalogue: each once, each whole, whatever happens in between."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.orm import Session

from hanzaki.ahead import ahead, batches
from hanzaki.annotations import Annotations
from hanzaki.catalogue import records
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.tables import Medium
from hanzaki.errors import BadMedium, CatalogueError
from hanzaki.fieldwork.bursts import BURST, join_bursts
from hanzaki.fieldwork.files import absolute, digest_of, find_media, is_video, rows_by_file
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.fieldwork.record import Circumstances, record_medium, record_rows
from hanzaki.media import SUFFIX_OF, VIDEO_SUFFIX_OF, PhotoFacts, VideoFacts, inspect, inspect_video, read
from hanzaki.settings import settings

_BATCH = 64  # files a transaction: a kill loses at most the bookkeeping of so many


@dataclass
class AddReport:
    """What became of every file.

    Attributes:
        added: photographs and videos that the catalogue did not know.
        known: those whose bytes it knew already.
        joined: photographs that joined the encounter of the one before, as of one burst.
        annotated: animals of which a table told something new.
        kept: rows of a table that name another animal than was decided before; the decision stands.
        skipped: files that cannot be used, each with its reason.
        troubled: videos of which only a part can be read, which were added, with what is the matter.
        others: endings of files that are neither photographs nor videos, with their numbers.
        absent: paths in the table that were not among the files.
        interrupted: whether the user stopped it; the same command goes on where it was.
    """

    added: int = 0
    known: int = 0
    joined: int = 0
    annotated: int = 0
    kept: int = 0
    skipped: list[BadMedium] = field(default_factory=list)
    troubled: list[BadMedium] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    absent: list[str] = field(default_factory=list)
    interrupted: bool = False


@dataclass(frozen=True)
class _Prepared:
    """A file that was read, hashed, checked and stored, and waits to be written down."""

    file: Path
    sha256: str
    size: int
    facts: PhotoFacts | VideoFacts | None  # None: the catalogue knew these bytes
    path: str | None  # where it was stored; None: where it was before


def add(
    catalogue: Catalogue,
    paths: Sequence[Path | str] = (),
    *,
    table: Annotations | None = None,
    circumstances: Circumstances | None = None,
    link: bool = False,
    burst: float = BURST,
    progress: Progress = silent,
) -> AddReport:
    """Add photographs and videos to a catalogue.

    Adding is idempotent: the same bytes are added once. It can be killed at any moment and run again; then what
    was added is found, and the end is the same as of a run that was never disturbed.

    Args:
        catalogue: where to.
        paths: files and folders; without any, the table's files.
        table: identities, boxes, sides, encounters and dates of (some of) them.
        circumstances: what holds for all of them.
        link: leave the files where they are, and remember them by path and content.
        burst: photographs of no table that one camera took within so many seconds of one another are one
            encounter; 0 leaves each alone.
        progress: told after every batch.

    Raises:
        CatalogueError: if the disk is full or fails; what was added so far stands.
    """
    named = paths or ([] if table is None else [table.folder / row.path for row in table])
    found = find_media(named)
    rows, absent = rows_by_file(table, found.files, paths)
    report = AddReport(skipped=found.unreadable, others=found.others, absent=absent)
    told = circumstances or Circumstances()
    table_name = table.source.name if table is not None and table.source is not None else "table"
    catalogue.media.sweep()

    def prepare(file: Path) -> _Prepared | BadMedium:
        try:
            return _prepare(catalogue, file, link)
        except BadMedium as bad:
            return bad

    done, untold = 0, list[int]()
    try:
        for batch in batches(ahead(prepare, found.files, settings().threads), _BATCH):
            with catalogue.writing() as session:
                changes = AddReport()
                for outcome in batch:
                    if isinstance(outcome, BadMedium):
                        changes.skipped.append(outcome)
                        continue
                    medium = _write_down(session, outcome, link, changes)
                    if told_of := rows.get(absolute(outcome.file)):
                        record_rows(session, medium, told_of, told, table_name, outcome.file, changes)
                    else:
                        record_medium(session, medium, told)
                        untold.append(medium.id)
            _count(report, changes)
            done += len(batch)
            progress("adding", done, len(found.files))
        with catalogue.writing() as session:
            report.joined = join_bursts(session, untold, burst)
    except KeyboardInterrupt:
        report.interrupted = True
    return report


def _prepare(catalogue: Catalogue, file: Path, link: bool) -> _Prepared:
    """Everything about one file that needs no database lock; runs in a thread."""
    try:
        str(file).encode("utf-8")
    except UnicodeEncodeError:
        raise BadMedium(file, "its name is not UTF-8: rename it") from None
    data = None if is_video(file) else read(file)
    sha256, size = digest_of(file) if data is None else (hashlib.sha256(data).hexdigest(), len(data))
    if link:
        _refuse_changed(catalogue, file, sha256)
    before = catalogue.place_of(sha256)
    if before is not None and before.is_file():
        return _Prepared(file, sha256, size, None, None)
    most = settings().max_megapixels
    facts: PhotoFacts | VideoFacts
    if data is None:  # new, or its file was lost: here it is again
        facts = inspect_video(file, most)
        suffix = VIDEO_SUFFIX_OF[facts.format]
    else:
        facts = inspect(data, file, most)
        suffix = SUFFIX_OF[facts.format]
    if link:
        path = str(absolute(file))
    elif data is None:
        path = catalogue.media.put_file(file, size, sha256, suffix)
    else:
        path = catalogue.media.put(data, sha256, suffix, file)
    return _Prepared(file, sha256, size, facts, path)


def _refuse_changed(catalogue: Catalogue, file: Path, sha256: str) -> None:
    with catalogue.reading() as session:
        linked = records.linked_at(session, str(absolute(file)))
    if linked is not None and linked.sha256 != sha256:
        raise BadMedium(
            file,
            "changed since it was linked: put the original back, or add the changed file under another name",
        )


def _write_down(session: Session, prepared: _Prepared, link: bool, report: AddReport) -> Medium:
    medium = records.medium(session, prepared.sha256)
    if medium is not None:
        report.known += 1
        if prepared.path is not None and prepared.path != medium.path:
            medium.path, medium.linked = prepared.path, link
        return medium
    facts = prepared.facts
    if facts is None or prepared.path is None:
        raise CatalogueError(
            f"{prepared.file}: was taken out of the catalogue while it was being added; run again"
        )
    medium = Medium(
        sha256=prepared.sha256,
        kind="video" if isinstance(facts, VideoFacts) else "photo",
        format=facts.format,
        size=prepared.size,
        width=facts.width,
        height=facts.height,
        taken_at=facts.taken_at,
        utc_offset=facts.utc_offset,
        latitude=facts.latitude,
        longitude=facts.longitude,
        camera=facts.camera,
        seconds=facts.seconds if isinstance(facts, VideoFacts) else None,
        trouble=facts.trouble if isinstance(facts, VideoFacts) else None,
        name=prepared.file.name,
        path=prepared.path,
        linked=link,
    )
    session.add(medium)
    session.flush()
    report.added += 1
    if medium.trouble is not None:
        report.troubled.append(BadMedium(prepared.file, medium.trouble))
    return medium


def _count(report: AddReport, changes: AddReport) -> None:
    report.added += changes.added
    report.known += changes.known
    report.annotated += changes.annotated
    report.kept += changes.kept
    report.skipped += changes.skipped
    report.troubled += changes.troubled
