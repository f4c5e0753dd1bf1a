"""Annotations described by a model, each once, and kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from hanzaki.ahead import batches
from hanzaki.catalogue import gallery, records
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.tables import Annotation, Embedding
from hanzaki.errors import BadMedium
from hanzaki.fieldwork.crops import Crops, Cut, judge
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.media import Pixels
from hanzaki.settings import settings
from hanzaki.vision.describing import Describer, describe_all, to_bytes

_BATCH = 64  # annotations a transaction
_NONE = np.empty((0, 0, 3), np.uint8)


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

    How well its animal can be seen is judged and kept too, where nobody has judged it; one that can hardly be seen
    is set aside.

    Args:
        catalogue: whose annotations.
        describer: a model, or SIFT.
        progress: told after every batch.
    """
    with catalogue.reading() as session:
        known = len(gallery.described(session, describer.name))
        missing = gallery.undescribed(session, describer.name)
    report = DescribeReport(known=known)
    crops = Crops(catalogue, missing, describer.area_fraction)
    cuts: dict[int, Cut] = {}

    def crop_of(annotation: int) -> Pixels:
        cut = crops.cut(annotation)
        cuts[annotation] = replace(cut, pixels=_NONE)  # what is described already need not be kept
        return cut.pixels

    results = describe_all(describer, missing, crop_of, settings().threads)
    try:
        for batch in batches(results, _BATCH):
            with catalogue.writing() as session:
                for annotation, description in batch:
                    if isinstance(description, BadMedium):
                        continue
                    row, cut = session.get(Annotation, annotation), cuts.pop(annotation)
                    if row is None or records.box_of(row) != cut.box:
                        continue  # somebody drew another box meanwhile; the next run describes that one
                    if cut.quality is not None:
                        judge(row, cut.quality)
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
