"""Annotations described by a model, each once, and kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from hanzaki.ahead import batches
from hanzaki.boxes import Box
from hanzaki.catalogue import gallery, records
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.tables import Annotation, Embedding, Medium
from hanzaki.errors import BadMedium
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.media import Pixels, decode
from hanzaki.settings import settings
from hanzaki.vision.crop import crop
from hanzaki.vision.describing import Describer, describe_all, to_bytes

_BATCH = 64  # annotations a transaction


@dataclass
class DescribeReport:
    """What became of the annotations that a model had not seen.

    Attributes:
        described: newly.
        known: described before.
        skipped: that could not be read, with the reason.
        interrupted: whether the user stopped it; the same command goes on where it was.
    """

    described: int = 0
    known: int = 0
    skipped: list[BadMedium] = field(default_factory=list)
    interrupted: bool = False


def describe(catalogue: Catalogue, describer: Describer, progress: Progress = silent) -> DescribeReport:
    """Describe every annotation of a catalogue that this describer has not described yet.

    Args:
        catalogue: whose annotations.
        describer: a model, or SIFT.
        progress: told after every batch.
    """
    with catalogue.reading() as session:
        known = gallery.described(session, describer.name)
        missing = [
            row for row in session.scalars(select(Annotation.id).order_by(Annotation.id)) if row not in known
        ]
    report = DescribeReport(known=len(known))
    threads = settings().threads

    boxes: dict[int, Box | None] = {}

    def crop_of(annotation: int) -> Pixels:
        medium, boxes[annotation] = _seen(catalogue, annotation)
        return _crop(catalogue, medium, boxes[annotation], describer.area_fraction)

    results = describe_all(describer, missing, crop_of, threads)
    try:
        for batch in batches(results, _BATCH):
            with catalogue.writing() as session:
                for annotation, description in batch:
                    if isinstance(description, BadMedium):
                        continue
                    row = session.get(Annotation, annotation)
                    if row is None or records.box_of(row) != boxes.pop(annotation):
                        continue  # somebody drew another box meanwhile; the next run describes that one
                    session.merge(
                        Embedding(
                            model=describer.name,
                            annotation_id=annotation,
                            kind=describer.kind,
                            data=to_bytes(description),
                        )
                    )
            report.skipped += [bad for _, bad in batch if isinstance(bad, BadMedium)]
            report.described += sum(not isinstance(bad, BadMedium) for _, bad in batch)
            progress("describing", report.described + len(report.skipped), len(missing))
    except KeyboardInterrupt:
        report.interrupted = True
    return report


def crop_of_annotation(catalogue: Catalogue, annotation: int, area_fraction: float = 1.0) -> Pixels:
    """The pixels of an annotation's animal, uint8 (h, w, 3).

    Raises:
        BadMedium: if its photograph is gone, changed or cannot be decoded.
    """
    return _crop(catalogue, *_seen(catalogue, annotation), area_fraction)


def _seen(catalogue: Catalogue, annotation: int) -> tuple[Medium, Box | None]:
    with catalogue.reading() as session:
        row = session.get_one(Annotation, annotation, options=[joinedload(Annotation.medium)])
        return row.medium, records.box_of(row)


def _crop(catalogue: Catalogue, medium: Medium, box: Box | None, area_fraction: float) -> Pixels:
    path = catalogue.media.path(medium.path)
    image = decode(catalogue.bytes_of(medium), path, settings().max_megapixels)
    try:
        return crop(image, box, area_fraction)
    except ValueError as error:
        raise BadMedium(path, str(error)) from error
