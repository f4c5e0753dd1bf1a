"""Animals found in a catalogue's photographs and videos by a detector: boxes, tracks and their encounters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from hanzaki.ahead import ahead, batches
from hanzaki.catalogue import records
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.tables import Annotation, Encounter, Medium, Search, Track
from hanzaki.errors import BadMedium, SettingError
from hanzaki.fieldwork.crops import judge
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.fieldwork.watch import BEST, RATE, Sighting, Watched, watch
from hanzaki.media import Pixels, decode
from hanzaki.settings import settings
from hanzaki.vision.crop import crop
from hanzaki.vision.detector import Detection, Detector, PreparedPhoto
from hanzaki.vision.quality import assess

_BATCH = 4  # photographs, of which each may have a hundred megapixels


@dataclass
class DetectReport:
    """What became of the photographs and videos that a detector had not looked at.

    Attributes:
        looked: photographs and videos that it looked at now.
        known: those that it had looked at before.
        animals: that it found.
        empty: photographs and videos in which it found none; their encounters stay as they were.
        boxed: those that it need not look at, since they have boxes, which stand.
        skipped: that could not be read, with the reason.
        troubled: videos of which only a part could be read, with what is the matter.
        interrupted: whether the user stopped it; the same command goes on where it was.
    """

    looked: int = 0
    known: int = 0
    animals: int = 0
    empty: int = 0
    boxed: int = 0
    skipped: list[BadMedium] = field(default_factory=list)
    troubled: list[BadMedium] = field(default_factory=list)
    interrupted: bool = False


def detect(
    catalogue: Catalogue,
    detector: Detector,
    *,
    rate: float = RATE,
    best: int = BEST,
    progress: Progress = silent,
) -> DetectReport:
    """Find the animals in every photograph and video that this detector has not looked at.

    A photograph's encounter gets the box of the most prominent animal; every further animal, and every further
    track of a video, becomes an encounter of its own, at the same place. Boxes that are there already stand.

    Args:
        catalogue: whose media.
        detector: that finds the animals.
        rate: frames of a video to look at, a second.
        best: frames of each track that become annotations.
        progress: told after every batch of photographs and, by its seconds, while a video is watched; a photograph
            counts as one.

    Raises:
        SettingError: if ``rate`` or ``best`` is not above 0.
    """
    if best < 1 or not rate > 0:
        raise SettingError("the frames of a track and the frames a second to look at must be above 0")
    with catalogue.reading() as session:
        looked = select(Search.medium_id).where(Search.detector == detector.name)
        unseen = select(Medium).where(Medium.id.not_in(looked)).order_by(Medium.id)
        media = session.scalars(unseen.options(selectinload(Medium.annotations))).all()
        waiting = [medium for medium in media if _blank(medium) is not None]
        report = DetectReport(known=len(session.scalars(looked).all()), boxed=len(media) - len(waiting))
    photographs = [medium for medium in waiting if medium.kind == "photo"]
    videos = [medium for medium in waiting if medium.kind == "video"]
    total = len(photographs) + sum(math.ceil(medium.seconds or 1) for medium in videos)
    done = 0
    try:
        for looks in _looks(catalogue, detector, photographs):
            with catalogue.writing() as session:
                for look in looks:
                    if isinstance(look, BadMedium):
                        report.skipped.append(look)
                    else:
                        _record_look(session, look, detector, report)
            done += len(looks)
            progress("detecting", done, total)
        for medium in videos:
            before, length = done, math.ceil(medium.seconds or 1)

            def told(seconds: float, before: int = before, length: int = length) -> None:
                progress("detecting", before + min(int(seconds), length), total)

            try:
                watched = watch(catalogue.file_of(medium), detector, rate=rate, best=best, told=told)
            except BadMedium as bad:
                report.skipped.append(bad)
            else:
                with catalogue.writing() as session:
                    _record_video(session, medium, watched, detector, report)
            done += length
            progress("detecting", done, total)
    except KeyboardInterrupt:
        report.interrupted = True
    return report


@dataclass(frozen=True)
class _Look:
    """What was found in one photograph, the most prominent animal first."""

    medium: Medium
    image: Pixels
    found: Sequence[Detection]


def _looks(
    catalogue: Catalogue, detector: Detector, photographs: Sequence[Medium]
) -> Iterator[list[_Look | BadMedium]]:
    """What was found in each photograph, or why it cannot be read; in batches."""

    def prepare(medium: Medium) -> tuple[Medium, Pixels, PreparedPhoto] | BadMedium:
        try:
            image = decode(catalogue.bytes_of(medium), medium.name, settings().max_megapixels)
        except BadMedium as bad:
            return bad
        return medium, image, detector.prepare(image)

    for batch in batches(ahead(prepare, photographs, settings().threads, _BATCH), _BATCH):
        ready = [item for item in batch if not isinstance(item, BadMedium)]
        found = detector.detect([prepared for _, _, prepared in ready])
        sure = detector.model.config.threshold
        looks: list[_Look | BadMedium] = [item for item in batch if isinstance(item, BadMedium)]
        for (medium, image, _), detections in zip(ready, found, strict=True):
            good = [detection for detection in detections if detection.score >= sure]
            good.sort(key=lambda detection: -detection.score * detection.box.area)
            looks.append(_Look(medium, image, good))
        yield looks


def _record_look(session: Session, look: _Look, detector: Detector, report: DetectReport) -> None:
    medium = session.get_one(Medium, look.medium.id)
    blank = _blank(medium)
    _count(session, medium, detector, len(look.found), blank, report)
    if blank is None or not look.found:
        return
    height, width = look.image.shape[:2]
    for number, detection in enumerate(look.found):
        if number == 0:
            row = blank
            records.set_box(session, row, detection.box)
        else:
            meeting = _beside(session, blank.encounter, f"{records.own_key(medium)} {detection.box}", medium)
            row = records.new_annotation(session, medium, detection.box, meeting, blank.orientation)
        row.orientation = row.orientation or detector.model.config.orientation
        row.label, row.confidence = detection.label, detection.score
        judge(row, assess(crop(look.image, detection.box), detection.box, (width, height)))


def _record_video(
    session: Session, of: Medium, watched: Watched, detector: Detector, report: DetectReport
) -> None:
    medium = session.get_one(Medium, of.id)
    blank = _blank(medium)
    _count(session, medium, detector, len(watched.sightings), blank, report, watched.trouble)
    if blank is None or not watched.sightings:
        return
    for number, sighting in enumerate(watched.sightings, 1):
        track = _track(session, medium, sighting, detector)
        meeting = blank.encounter
        if number > 1:
            meeting = _beside(session, blank.encounter, f"{records.own_key(medium)} track {track.id}", medium)
            meeting.starts = medium.taken_at and medium.taken_at + timedelta(seconds=int(sighting.boxes[0][0]))
        for glimpse in sighting.best:
            side = blank.orientation or detector.model.config.orientation
            row = records.new_annotation(session, medium, glimpse.box, meeting, side)
            row.frame, row.label, row.confidence = glimpse.seconds, sighting.label, glimpse.score
            row.track_id = track.id
            judge(row, glimpse.quality)
    session.delete(blank)


def _track(session: Session, medium: Medium, sighting: Sighting, detector: Detector) -> Track:
    boxes = [[round(number, 3) for number in (at, *box[:4], score)] for at, box, score in sighting.boxes]
    track = Track(medium_id=medium.id, detector=detector.name, label=sighting.label, boxes=boxes)
    session.add(track)
    session.flush()
    return track


def _blank(medium: Medium) -> Annotation | None:
    """The one annotation of a medium that says no more than that the animal is in it; None if there are others."""
    if len(medium.annotations) == 1 and records.is_blank(medium.annotations[0]):
        return medium.annotations[0]
    return None


def _beside(session: Session, first: Encounter, key: str, medium: Medium) -> Encounter:
    """The encounter of another animal at the same place and time."""
    return records.encounter(
        session,
        key,
        label=None,
        species=first.species,
        starts=medium.taken_at,
        place=first.site,
        occasion=first.survey,
    )


def _count(
    session: Session,
    medium: Medium,
    detector: Detector,
    found: int,
    blank: Annotation | None,
    report: DetectReport,
    trouble: str | None = None,
) -> None:
    session.add(Search(detector=detector.name, medium_id=medium.id, found=found, trouble=trouble))
    report.looked += 1
    report.animals += found if blank is not None else 0  # somebody may have drawn a box meanwhile
    report.empty += not found
    if trouble is not None:
        report.troubled.append(BadMedium(medium.name, trouble))
