"""What a classifier says of animals whose species or side nobody has told."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from hanzaki.ahead import ahead, batches
from hanzaki.catalogue import gallery
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.tables import Annotation, Encounter
from hanzaki.errors import BadMedium, ModelError
from hanzaki.fieldwork.crops import Crops
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.settings import settings
from hanzaki.vision.classifier import Classifier

#: How probable a label must be to be written down, if nothing else is said.
SURE = 0.8

_BATCH = 32

Floats = npt.NDArray[np.float32]


@dataclass
class ClassifyReport:
    """What a classifier told.

    Attributes:
        label: the column that it fills.
        filled: annotations (of a side) or encounters (of a species) of which it was sure.
        unsure: of which it was not; they stay without.
        skipped: pictures that could not be read, with the reason.
    """

    label: str
    filled: int = 0
    unsure: int = 0
    skipped: list[BadMedium] = field(default_factory=list)


def classify(
    catalogue: Catalogue, classifier: Classifier, *, sure: float = SURE, progress: Progress = silent
) -> ClassifyReport:
    """Fill in species or sides that nobody has told, where a classifier is sure of them.

    A side is of one picture; a species is of an encounter, by the mean over its pictures. What is known stays.

    Args:
        catalogue: whose animals.
        classifier: of ``species`` or ``orientation``.
        sure: how probable a label must be to be written down.
        progress: told after every batch.

    Raises:
        ModelError: if the classifier is of something else.
    """
    if classifier.label not in ("species", "orientation"):
        name = classifier.model.config.name
        raise ModelError(f"{name} tells {classifier.label}; only species and orientation can be filled in")
    of_species = classifier.label == "species"
    with catalogue.reading() as session:
        unit: dict[int, int] = {row[0]: row[1] for row in session.execute(_untold(of_species))}
    told: dict[int, list[Floats]] = defaultdict(list)
    report = ClassifyReport(classifier.label)
    crops = Crops(catalogue, list(unit), classifier.area_fraction)

    def prepare(annotation: int) -> tuple[int, Floats | BadMedium]:
        try:
            return annotation, classifier.prepare(crops.cut(annotation).pixels)
        except BadMedium as bad:
            return annotation, bad

    done = 0
    for batch in batches(ahead(prepare, unit, settings().threads), _BATCH):
        good = [(annotation, seen) for annotation, seen in batch if not isinstance(seen, BadMedium)]
        report.skipped += [bad for _, bad in batch if isinstance(bad, BadMedium)]
        for (annotation, _), shares in zip(good, classifier.classify([seen for _, seen in good]), strict=True):
            told[unit[annotation]].append(shares)
        done += len(batch)
        progress("classifying", done, len(unit))
    with catalogue.writing() as session:
        for number, all_shares in told.items():
            mean = np.mean(all_shares, axis=0)
            if mean.max() < sure:
                report.unsure += 1
            else:
                report.filled += _fill(session, of_species, number, classifier.labels[int(mean.argmax())])
    return report


def _untold(of_species: bool) -> Select[*tuple[Any, ...]]:
    """Annotations that can be looked at, each with what it would tell of: its encounter, or itself."""
    query = select(Annotation.id, Annotation.encounter_id if of_species else Annotation.id)
    query = query.join(Annotation.medium).join(Annotation.encounter).where(~gallery.is_unwatched())
    missing = Encounter.species.is_(None) if of_species else Annotation.orientation.is_(None)
    return query.where(missing).order_by(Annotation.id)


def _fill(session: Session, of_species: bool, number: int, label: str) -> bool:
    """Write a label down, unless somebody told meanwhile."""
    if of_species:
        meeting = session.get(Encounter, number)
        if meeting is None or meeting.species is not None or meeting.individual_id is not None:
            return False
        meeting.species = label
    else:
        row = session.get(Annotation, number)
        if row is None or row.orientation is not None:
            return False
        row.orientation = label
    return True
