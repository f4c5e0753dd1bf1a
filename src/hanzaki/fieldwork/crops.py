"""The pixels of annotations' animals, and how well they can be seen; a video gives all its frames in one pass."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from hanzaki.ahead import batches
from hanzaki.boxes import Box
from hanzaki.catalogue import records
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.engine import IN_CHUNK
from hanzaki.catalogue.tables import Annotation
from hanzaki.errors import BadMedium
from hanzaki.media import Pixels, decode, frames_at
from hanzaki.settings import settings
from hanzaki.vision.crop import crop
from hanzaki.vision.quality import Quality, assess


@dataclass(frozen=True)
class Cut:
    """An annotation's animal.

    Attributes:
        box: as it was when the animal was cut out; None for the whole picture.
        pixels: uint8 (h, w, 3), the share of the box that was asked for.
        quality: of the whole box; None where it was judged before.
    """

    box: Box | None
    pixels: Pixels
    quality: Quality | None


class Crops:
    """Cuts annotations' animals out of a catalogue's photographs and videos.

    May be asked by several threads. What is asked of a video is cut in one pass over it; each cut is given once.

    Args:
        catalogue: whose.
        annotations: all that will be asked for; one of a video without a frame is none.
        area_fraction: of each box, see :func:`hanzaki.vision.crop.crop`.
    """

    def __init__(self, catalogue: Catalogue, annotations: Sequence[int], area_fraction: float = 1.0) -> None:
        self._catalogue = catalogue
        self._fraction = area_fraction
        self._of_video: dict[int, list[int]] = defaultdict(list)
        self._video_of: dict[int, int] = {}
        with catalogue.reading() as session:
            for chunk in batches(annotations, IN_CHUNK):
                query = select(Annotation.id, Annotation.medium_id).where(
                    Annotation.id.in_(chunk), Annotation.frame.is_not(None)
                )
                for annotation, medium in session.execute(query):
                    self._of_video[medium].append(annotation)
                    self._video_of[annotation] = medium
        self._cut: dict[int, Cut | BadMedium] = {}
        self._locks: dict[int, threading.Lock] = {medium: threading.Lock() for medium in self._of_video}

    def cut(self, annotation: int) -> Cut:
        """The animal of an annotation.

        Raises:
            BadMedium: if its photograph or video is gone, changed or cannot be decoded.
        """
        medium = self._video_of.get(annotation)
        if medium is None:
            (row,) = self._rows([annotation])
            path = self._catalogue.media.path(row.medium.path)
            image = decode(self._catalogue.bytes_of(row.medium), path, settings().max_megapixels)
            return self._cut_out(image, row)
        with self._locks[medium]:
            if annotation not in self._cut:
                self._read_video(self._of_video[medium])
            cut = self._cut.pop(annotation)
        if isinstance(cut, BadMedium):
            raise cut
        return cut

    def _read_video(self, annotations: Sequence[int]) -> None:
        rows = self._rows(annotations)
        of_frame: dict[float, list[Annotation]] = defaultdict(list)
        for row in rows:
            of_frame[row.frame or 0.0].append(row)
        try:
            path = self._catalogue.file_of(rows[0].medium)
            for (_, shown), (_, image) in zip(
                sorted(of_frame.items()),
                frames_at(path, of_frame, settings().max_megapixels, settings().threads),
                strict=True,
            ):
                for row in shown:
                    try:
                        self._cut[row.id] = self._cut_out(image, row, copy=True)
                    except BadMedium as bad:
                        self._cut[row.id] = bad
        except BadMedium as bad:
            for row in rows:
                self._cut.setdefault(row.id, bad)

    def _rows(self, annotations: Iterable[int]) -> list[Annotation]:
        with self._catalogue.reading() as session:
            return [
                session.get_one(Annotation, annotation, options=[joinedload(Annotation.medium)])
                for annotation in annotations
            ]

    def _cut_out(self, image: Pixels, row: Annotation, copy: bool = False) -> Cut:
        box = records.box_of(row)
        try:
            whole, part = crop(image, box), crop(image, box, self._fraction)
        except ValueError as error:
            raise BadMedium(self._catalogue.media.path(row.medium.path), str(error)) from error
        height, width = image.shape[:2]
        quality = None if row.quality is not None else assess(whole, box, (width, height))
        return Cut(box, part.copy() if copy else part, quality)


def judge(row: Annotation, quality: Quality) -> None:
    """Write down how well an annotation's animal can be seen, unless that is known; the worst are set aside."""
    if row.quality is None:
        row.quality = {**asdict(quality), "score": quality.score}
        row.aside = quality.low


def crop_of_annotation(catalogue: Catalogue, annotation: int, area_fraction: float = 1.0) -> Pixels:
    """The pixels of an annotation's animal, uint8 (h, w, 3).

    Raises:
        BadMedium: if its photograph or video is gone, changed or cannot be decoded.
    """
    return Crops(catalogue, [annotation], area_fraction).cut(annotation).pixels
