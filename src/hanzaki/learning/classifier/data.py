"""What a classifier learns from: pictures of animals, each with the number of its label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanzaki.annotations import Annotations
from hanzaki.evaluation.encounters import individual_of
from hanzaki.evaluation.labelling import truth_of
from hanzaki.learning.card import TrainingData
from hanzaki.learning.classifier.config import ClassifierTraining
from hanzaki.learning.data import Picture
from hanzaki.learning.sampling import Balanced, Sampler, Shuffled
from hanzaki.vision.model import Column


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures and the labels that theirs count.

    Attributes:
        pictures: of animals.
        labels: their names, by number.
        individuals: how many individuals they are of; None if some are of nobody known.
    """

    pictures: tuple[Picture, ...]
    labels: tuple[str, ...]
    individuals: int | None

    @property
    def counts(self) -> list[int]:
        """Pictures of each label."""
        counts = Counter(picture.label for picture in self.pictures)
        return [counts[number] for number in range(len(self.labels))]

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """What a picture of each label counts so that all labels count alike; a picture counts 1 on average.

        It is ``n / (C n_c)``, scikit-learn's ``balanced`` (King and Zeng 2001); float64 (C,).
        """
        counts = np.array(self.counts, np.float64)
        weights: npt.NDArray[np.float64] = counts.sum() / (len(counts) * np.maximum(counts, 1))
        return weights

    def described(self, licence: str) -> TrainingData:
        """What a model card says of it; labels by name, the first six of many."""
        told = [f"{count} of {label}" for label, count in zip(self.labels, self.counts, strict=True)]
        more = f" and {len(told) - 6} labels more" if len(told) > 6 else ""
        return TrainingData(
            f"pictures: {', '.join(told[:6])}{more}",
            licence,
            images=len(self.pictures),
            individuals=self.individuals,
        )


def labelled_pictures(table: Annotations, label: Column, labels: Sequence[str]) -> LabelledPictures:
    """The pictures of a table that have one of some labels; a row that stands twice counts once.

    Args:
        table: paths start from its own folder.
        label: the column that is learnt.
        labels: by number.
    """
    numbers = {name: number for number, name in enumerate(labels)}
    found: dict[Picture, tuple[str, str] | None] = {}
    for row in table:
        truth = truth_of(row, label, labels)
        if truth in numbers:
            picture = Picture(table.folder / row.path, row.bbox, numbers[truth], frame=row.frame)
            found[picture] = None if row.identity is None else individual_of(row)
    whom = set(found.values())
    return LabelledPictures(tuple(found), tuple(labels), None if None in whom else len(whom))


def sampler_of(config: ClassifierTraining, data: LabelledPictures) -> Sampler:
    """Which pictures stand in which batch, as the config wants them balanced."""
    batch, seed = config.sampling.batch, config.run.seed
    if config.loss.balance == "sampling":
        each = max(1, batch // len(data.labels))
        return Balanced([picture.label for picture in data.pictures], batch, each, seed)
    return Shuffled(len(data.pictures), batch, seed)
