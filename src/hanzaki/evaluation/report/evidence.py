"""The parts of a classifier's page that are pictures: what it took for what, and where it looked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.ahead import batches
from hanzaki.errors import BadMedium, ModelError
from hanzaki.evaluation.labelling import Labelled
from hanzaki.evaluation.report.page import Picture, Section, Strip
from hanzaki.evaluation.report.pictures import Album, within_page
from hanzaki.evaluation.report.report import count
from hanzaki.explanation import gradcam
from hanzaki.explanation.colours import heated
from hanzaki.explanation.placing import Sight
from hanzaki.media import Pixels
from hanzaki.vision.classifier import Classifier

Integers = npt.NDArray[np.intp]

_MISTAKES = 8
_LABELS = 6
_ACROSS = 4  # pictures of a strip
_SIDE = 240  # pixels: the heat is drawn at the size that it is shown at

_HEAT = (
    "The heat is Grad-CAM (Selvaraju et al. 2017): places that speak for the label, from violet (little) to "
    "yellow (the most in that picture). The heats of two pictures cannot be compared with each other."
)
_HINT = "Where the heat lies beside the animal, the classifier may know the place and not the animal."
_NO_HEAT = "This model's network does not tell which places speak for a label, so that no heat is shown."


class Evidence:
    """Shows pictures with what of them speaks for a label.

    Args:
        labelled: whose rows are shown.
        crop_of: gives the crop of a row; may raise ``BadMedium``.
        classifier: is asked what it looked at.
    """

    def __init__(self, labelled: Labelled, crop_of: Callable[[int], Pixels], classifier: Classifier) -> None:
        self._labelled, self._crop_of, self._classifier = labelled, crop_of, classifier
        self._album = Album(labelled.frame, crop_of)
        self._silent = False  # known once a picture was shown

    @property
    def said(self) -> str:
        """What the heat is, or that there is none; known once a picture was shown."""
        return _NO_HEAT if self._silent else _HEAT

    @property
    def hint(self) -> str:
        """What to look for, if there is heat."""
        return "" if self._silent else _HINT

    def plain(self, row: int) -> Picture:
        """A row's crop, with what is true of it and its file's name."""
        return self._album.show(row, f"truly {self._labelled.frame['truth'].iloc[row]}")

    def heats(self, row: int, labels: Sequence[str]) -> list[Picture]:
        """A row's crop once for each label, with what speaks for it; none where the network does not tell."""
        if self._silent:
            return []
        try:
            seen = self._crop_of(row)
            explained = self._classifier.explain([self._classifier.prepare(seen)])[0]
        except BadMedium:
            return []
        except ModelError:
            self._silent = True
            return []
        crop = _small(seen)
        sight, config = Sight((crop.shape[1], crop.shape[0])), self._classifier.model.config
        truth = self._labelled.frame["truth"].iloc[row]
        pictures = []
        for label in labels:
            column = self._labelled.labels.index(label)
            heat = gradcam.heat(explained, column, sight, config)
            share = 100 * self._labelled.probabilities[row, column]
            said = [f"what speaks for {label}", f"{share:.1f}% probable"]
            if not heat.any():
                said[0] = f"nothing speaks for {label}"
            mark: Literal["right", "wrong"] = "right" if label == truth else "wrong"
            pictures.append(Picture(within_page(heated(crop, heat)), said, mark))
        return pictures


def mistakes_section(labelled: Labelled, evidence: Evidence) -> Section:
    """The wrong labels that were said most surely, one an individual, with what speaks for them and the truth."""
    heading = "The surest mistakes"
    frame = labelled.frame
    wrong = np.flatnonzero((frame["truth"] != frame["given"]).to_numpy())
    if not len(wrong):
        return Section(heading, ["Every picture was labelled rightly."])
    chosen = _one_each(labelled, _surest(labelled, wrong))[:_MISTAKES]
    strips = []
    for row in chosen:
        given, truth = str(frame["given"].iloc[row]), str(frame["truth"].iloc[row])
        title = f"Taken for {given} ({100 * frame['probability'].iloc[row]:.1f}%), truly {truth}"
        strips.append(Strip([evidence.plain(row), *evidence.heats(row, [given, truth])], title))
    said = (
        f"{len(chosen)} of the {len(wrong):,} pictures labelled wrongly: those said most surely, one an "
        "individual, each with what speaks for the label given (dashed) and for the true one (full frame). Look "
        "here first for wrong entries in the table."
    )
    return Section(heading, [said, evidence.said], strips=strips)


def right_section(labelled: Labelled, evidence: Evidence) -> Section:
    """For each label the picture most surely labelled rightly: does the heat lie on the animal?"""
    heading = "What it looks at when it is right"
    frame = labelled.frame
    right = np.flatnonzero((frame["truth"] == frame["given"]).to_numpy())
    if not len(right):
        return Section(heading, ["No picture was labelled rightly."])
    best: dict[str, int] = {}
    for row in _surest(labelled, right).tolist():
        best.setdefault(str(frame["given"].iloc[row]), row)
    often = [label for label in frame["truth"].value_counts().index if label in best][:_LABELS]
    pictures = chain.from_iterable(_pair(evidence, best[label], label) for label in often)
    strips = [Strip(strip) for strip in batches(pictures, _ACROSS)]
    whose = "each label" if len(often) == len(labelled.labels) else count(len(often), "label")
    said = [f"The surest right answer of {whose}. {evidence.hint}".rstrip()]
    if len(right) == len(frame):
        said.append(evidence.said)  # which otherwise stands above the mistakes
    return Section(heading, said, strips=strips)


def _pair(evidence: Evidence, row: int, label: str) -> Iterator[Picture]:
    yield evidence.plain(row)
    yield from evidence.heats(row, [label])


def _surest(labelled: Labelled, rows: Integers) -> Integers:
    probability = labelled.frame["probability"].to_numpy(np.float64)[rows]
    return np.asarray(rows[np.argsort(-probability, kind="stable")], np.intp)


def _one_each(labelled: Labelled, rows: Integers) -> list[int]:
    """The first row of each individual."""
    first: dict[object, int] = {}
    for row in rows.tolist():
        first.setdefault(labelled.whom[row], row)
    return list(first.values())


def _small(crop: Pixels) -> Pixels:
    scale = _SIDE / max(crop.shape[:2])
    if scale >= 1:
        return crop
    size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    return np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)
