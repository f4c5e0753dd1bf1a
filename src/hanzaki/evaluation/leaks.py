"""Leaks: what stands on both sides of a comparison, and makes numbers too good.

A *leak* is a row that is the same as, or nearly the same as, an earlier one: of the side that was learnt from, or
among those that it is looked for among. Every such row is listed once, with the strongest reason, so that to take
the listed rows out is to be rid of all leaks.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, groupby
from pathlib import Path
from typing import Literal

import numpy as np

from hanzaki.ahead import ahead
from hanzaki.annotations import AnnotationRow, Annotations
from hanzaki.boxes import Box
from hanzaki.errors import BadMedium, HanzakiError, printable
from hanzaki.evaluation.encounters import frame_of, has_time, individual_of
from hanzaki.evaluation.perceptual_hash import BITS, FAR_BITS, Hashes, apart, near, perceptual_hash
from hanzaki.media import Pixels, decode, frame_at, read
from hanzaki.settings import settings
from hanzaki.vision.crop import crop

Kind = Literal["same bytes", "same picture", "neighbouring frames", "same encounter"]
Progress = Callable[[str, int, int], None]

#: Photographs of one individual that were taken within so many seconds are neighbours.
NEAR_SECONDS = 10

#: So are frames of one video whose numbers differ by no more: ten seconds at the salamander paper's ten a second.
NEAR_FRAMES = 100

_SAME_BOX = 0.5  # overlap (intersection over union) from which on two boxes in one photograph are one animal

_EPOCH = datetime(1970, 1, 1)

_SENTENCES: dict[Kind, str] = {
    "same bytes": "is the same file as",
    "same picture": "is the same picture as",
    "neighbouring frames": "was taken next to",
    "same encounter": "is of the same encounter as",
}


@dataclass(frozen=True)
class Leak:
    """A row that ought not to stand where it stands.

    Attributes:
        kind: why.
        one: path of the earlier row, as its table has it: of the side learnt from.
        other: path of the row concerned.
        sides: the names of the two rows' sides, where they have any.
        detail: how near the two are, in words.
    """

    kind: Kind
    one: str
    other: str
    sides: tuple[str, str] = ("", "")
    detail: str = ""

    @property
    def text(self) -> str:
        """The leak in a sentence."""
        one, other = (
            f"{printable(path)} ({side})" if side else printable(path)
            for path, side in zip((self.one, self.other), self.sides, strict=True)
        )
        return f"{other} {_SENTENCES[self.kind]} {one}" + (f" ({self.detail})" if self.detail else "")


class LeakError(HanzakiError):
    """A split or a table leaks, and nobody said that this is wanted.

    Args:
        leaks: all of them; the message shows the first ten.
        where: what leaks, as a file's name.
        regardless: what goes on all the same, as a clause: ``go on regardless with --allow-leaks``; "" if nothing.
    """

    shown = 10

    def __init__(
        self,
        leaks: Sequence[Leak],
        where: Path | str,
        regardless: str = "go on regardless with --allow-leaks",
    ) -> None:
        self.leaks = tuple(leaks)
        lines = [
            f"{printable(where)} leaks ({counted(leaks)}):",
            *(f"  {leak.text}" for leak in leaks[: self.shown]),
        ]
        if len(leaks) > self.shown:
            lines.append(f"  and {len(leaks) - self.shown} more")
        otherwise = f"Split it otherwise, or {regardless}" if regardless else "Take those rows out of its table"
        lines.append(f"Numbers made with it are too good. {otherwise}")
        super().__init__("\n".join(lines))


def counted(leaks: Sequence[Leak]) -> str:
    """Leaks by kind, the strongest first, as ``3 same bytes, 1 same encounter``."""
    counts = Counter(leak.kind for leak in leaks)
    return ", ".join(f"{counts[kind]} {kind}" for kind in _SENTENCES if counts[kind]) or "none"


def find_leaks_between(
    parts: Mapping[str, Annotations], progress: Progress | None = None, bad: list[BadMedium] | None = None
) -> list[Leak]:
    """What leaks from any part of a split into any later one.

    Found are: files of the same bytes, unless two different boxes in it were drawn; pictures (in their boxes) that
    look the same, whoever they are said to show, unless they were taken on two days with nothing alike around the
    boxes (within a tight box one animal in one pose is the same to the last spot); photographs of one individual
    taken within :data:`NEAR_SECONDS`, frames of one video within as long, or within :data:`NEAR_FRAMES` by the
    numbers in their names; encounters of one individual that the tables call by one name.

    Args:
        parts: in order, each table with its own folder.
        progress: told how far the reading is.
        bad: takes up the pictures that cannot be read, which only dates and names then speak for.

    Returns:
        At most one leak a row, in the order of the parts.
    """
    rows = [row for number, table in enumerate(parts.values()) for row in _rows(table, number)]
    return _found(rows, tuple(parts), progress, bad)


def find_leaks_within(
    table: Annotations, progress: Progress | None = None, bad: list[BadMedium] | None = None
) -> list[Leak]:
    """What makes one-against-all evaluation too easy: rows that find a copy or neighbour of themselves.

    Only rows that are sought among each other and count as a right answer are compared, those of one side of one
    individual. The later one of two is listed; kinds and arguments are those of :func:`find_leaks_between`.
    """
    known = [row for row in table if row.identity is not None]
    known.sort(key=lambda row: (row.date or datetime.min, row.path, str(row.bbox)))
    rows = [
        _Row(row, table.folder / row.path, number, (*individual_of(row), row.orientation))
        for number, row in enumerate(known)
    ]
    return _found(rows, ("",) * len(rows), progress, bad)


@dataclass(frozen=True)
class _Row:
    """A row, and what it is compared with: all of its pool that stand on a lower side."""

    row: AnnotationRow
    file: Path
    side: int
    pool: Hashable = None


@dataclass(frozen=True)
class _Print:
    """What of a picture is compared: its file's digest, and the hashes of what its box shows and of all of it."""

    digest: bytes
    look: Hashes | None = None
    view: Hashes | None = None


#: Kind, positions of the earlier row and of the one concerned, and how near they are.
_Pair = tuple[Kind, int, int, str]


def _rows(table: Annotations, side: int) -> list[_Row]:
    return [_Row(row, table.folder / row.path, side) for row in table]


def _found(
    rows: Sequence[_Row], names: Sequence[str], progress: Progress | None, bad: list[BadMedium] | None
) -> list[Leak]:
    prints = _fingerprints(rows, progress, [] if bad is None else bad)
    leaks: dict[int, Leak] = {}
    # the strongest reason first
    pairs = chain(_same_bytes(rows, prints), _same_picture(rows, prints), _neighbours(rows), _same_encounter(rows))
    for kind, one, other, detail in pairs:
        sides = names[rows[one].side], names[rows[other].side]
        leaks.setdefault(other, Leak(kind, rows[one].row.path, rows[other].row.path, sides, detail))
    return [leaks[position] for position in sorted(leaks)]


def _fingerprints(rows: Sequence[_Row], progress: Progress | None, bad: list[BadMedium]) -> list[_Print | None]:
    """Of each row; every file is read once, in threads."""
    of_picture: dict[tuple[Path, float | None], list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        of_picture[row.file, row.row.frame].append(position)

    def look_at(
        item: tuple[tuple[Path, float | None], list[int]],
    ) -> tuple[list[tuple[int, _Print]], list[BadMedium]]:
        (file, frame), positions = item
        try:
            digest, image, trouble = _read(file, frame)
        except BadMedium as error:
            return [], [error]
        if image is None:
            return [(position, _Print(digest)) for position in positions], [trouble] if trouble else []
        prints, troubles = _seen(image, file, _Print(digest), [rows[position].row.bbox for position in positions])
        return list(zip(positions, prints, strict=True)), troubles

    prints: list[_Print | None] = [None] * len(rows)
    for done, (found, troubles) in enumerate(ahead(look_at, of_picture.items(), settings().threads), 1):
        bad.extend(troubles)
        for position, fingerprint in found:
            prints[position] = fingerprint
        if progress is not None:
            progress("comparing", done, len(of_picture))
    return prints


def _read(file: Path, frame: float | None) -> tuple[bytes, Pixels | None, BadMedium | None]:
    """The digest of a photograph's bytes or a frame's pixels, and the pixels; where they cannot be seen, why."""
    if frame is not None:
        image = frame_at(file, frame, settings().max_megapixels)
        return hashlib.sha256(image.data).digest(), image, None
    data = read(file)
    digest = hashlib.sha256(data).digest()
    try:
        return digest, decode(data, file, settings().max_megapixels), None
    except BadMedium as error:
        return digest, None, error


def _seen(
    image: Pixels, file: Path, unseen: _Print, boxes: Sequence[Box | None]
) -> tuple[list[_Print], list[BadMedium]]:
    """What each box of a picture shows; ``unseen``, and why, where that cannot be seen."""
    view = perceptual_hash(image)
    prints: list[_Print] = []
    troubles: list[BadMedium] = []
    for box in boxes:
        try:
            look = view if box is None else perceptual_hash(crop(image, box))
            prints.append(replace(unseen, look=look, view=view))
        except ValueError as error:
            prints.append(unseen)
            troubles.append(BadMedium(file, str(error)))
    return prints, troubles


def _same_bytes(rows: Sequence[_Row], prints: Sequence[_Print | None]) -> Iterator[_Pair]:
    buckets: dict[Hashable, list[int]] = defaultdict(list)
    for position, (row, fingerprint) in enumerate(zip(rows, prints, strict=True)):
        if fingerprint is not None:
            buckets[row.pool, fingerprint.digest].append(position)
    for bucket in buckets.values():
        for place, other in enumerate(bucket):
            for one in bucket[:place]:
                if rows[one].side < rows[other].side and _one_animal(rows[one].row.bbox, rows[other].row.bbox):
                    yield "same bytes", one, other, ""
                    break


def _one_animal(one: Box | None, other: Box | None) -> bool:
    """Whether boxes of one photograph may be of one animal: a missing one may be any."""
    if one is None or other is None:
        return True
    return one.overlap(other) >= _SAME_BOX


def _same_picture(rows: Sequence[_Row], prints: Sequence[_Print | None]) -> Iterator[_Pair]:
    pools: dict[Hashable, list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        pools[row.pool].append(position)
    for pool in pools.values():
        seen = [(position, fingerprint.look) for position in pool if (fingerprint := prints[position])]
        kept = [(position, look) for position, look in seen if look is not None]
        if not kept:
            continue
        members, looks = [position for position, _ in kept], np.stack([look for _, look in kept])
        end = 0
        for _, run in groupby(members, key=lambda position: rows[position].side):
            start, end = end, end + len(list(run))
            for asked, alike in groupby(near(looks[start:end], looks[:start]), key=lambda pair: pair[0]):
                other = members[start + asked]
                for _, at, bits in alike:
                    one = members[at]
                    if not _two_days(rows[one].row, rows[other].row) or not _apart(prints[one], prints[other]):
                        yield "same picture", one, other, f"{bits} of {BITS} bits apart"
                        break


def _two_days(one: AnnotationRow, other: AnnotationRow) -> bool:
    """Whether two boxes were drawn in photographs of different days; what was cut out of one has no box."""
    if one.bbox is None or other.bbox is None or one.date is None or other.date is None:
        return False
    return one.date.date() != other.date.date()


def _apart(one: _Print | None, other: _Print | None) -> bool:
    """Whether two photographs as a whole show nothing alike."""
    if one is None or other is None or one.view is None or other.view is None:
        return False
    return apart(one.view, other.view) >= FAR_BITS


def _neighbours(rows: Sequence[_Row]) -> Iterator[_Pair]:
    streams: dict[tuple[Hashable, ...], list[tuple[float, int]]] = defaultdict(list)
    for position, row in enumerate(rows):
        if row.row.identity is None:
            continue
        who = (row.pool, individual_of(row.row))
        frame = frame_of(row.row.path)
        if row.row.frame is not None:
            streams["second", who, row.file].append((row.row.frame, position))
        elif frame is not None:
            streams["frame", who, row.file.parent / Path(frame[0]).name].append((frame[1], position))
        if row.row.date is not None and has_time(row.row.date):
            streams["second", who].append(((row.row.date - _EPOCH).total_seconds(), position))
    for (unit, *_), stream in streams.items():
        for one, other, between in _close(sorted(stream), NEAR_FRAMES if unit == "frame" else NEAR_SECONDS, rows):
            yield "neighbouring frames", one, other, f"{between:g} {unit}{'' if between == 1 else 's'} apart"


def _close(
    stream: Sequence[tuple[float, int]], width: float, rows: Sequence[_Row]
) -> Iterator[tuple[int, int, float]]:
    """For each of a stream in order, the nearest within ``width`` that stands on a lower side."""
    for place, (at, other) in enumerate(stream):
        found: list[tuple[float, int]] = []
        for way in (range(place - 1, -1, -1), range(place + 1, len(stream))):
            for step in way:
                when, one = stream[step]
                if abs(when - at) > width:
                    break
                if rows[one].side < rows[other].side:
                    found.append((abs(when - at), one))
                    break
        if found:
            between, one = min(found)
            yield one, other, between


def _same_encounter(rows: Sequence[_Row]) -> Iterator[_Pair]:
    first: dict[Hashable, int] = {}
    for position, row in enumerate(rows):  # sides come in order, so that the first is on the lowest
        if row.row.identity is None or row.row.encounter is None:
            continue
        one = first.setdefault((row.pool, individual_of(row.row), row.row.encounter), position)
        if rows[one].side < row.side:
            yield "same encounter", one, position, f"encounter {row.row.encounter}"
