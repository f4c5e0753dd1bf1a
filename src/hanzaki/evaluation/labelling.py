"""How well a classifier labels a table's animals, and whether its probabilities mean what they say.

The model folder is judged as the field runs it: the same crops, the same network, the same temperature.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import softmax

from hanzaki.ahead import ahead, batches
from hanzaki.annotations import COLUMNS, AnnotationRow, Annotations
from hanzaki.errors import BadMedium, ModelError, SettingError, printable
from hanzaki.evaluation.calibration import Calibration, judge_calibration
from hanzaki.evaluation.classification import Classification, judge_labels
from hanzaki.evaluation.cropping import read_crop
from hanzaki.evaluation.encounters import Individual, individual_of
from hanzaki.evaluation.openset import OpenSet, judge_open_set
from hanzaki.evaluation.protocols import Progress
from hanzaki.evaluation.ranges import range_of
from hanzaki.evaluation.resampling import USUAL, Resampling
from hanzaki.evaluation.unknown import SCORES, Refusals, Score, UnknownRule, sureness
from hanzaki.media import Pixels
from hanzaki.settings import settings
from hanzaki.vision.classifier import Classifier
from hanzaki.vision.model import Column

Floats = npt.NDArray[np.float64]

#: Labels that all pictures of an animal share, so that they can be put together.
OF_THE_ANIMAL: frozenset[Column] = frozenset({"origin", "sex", "species"})

_BATCH = 32


def truth_of(row: AnnotationRow, label: Column, labels: Sequence[str] = ()) -> str | None:
    """What a table says of an animal.

    Args:
        row: of the table.
        label: what is asked.
        labels: of ``quality``, which a table has as a number, the ranges that it is put into.

    Returns:
        The label as the table has it, whether or not it is among ``labels``; None if the table does not say, or
        the number lies in none of the ranges.

    Raises:
        ValueError: if a label of ``quality`` is no range of numbers.
    """
    if label == "quality":
        return None if row.quality is None else range_of(row.quality, labels)
    if label == "individual":
        return row.identity
    value: str | None = getattr(row, label)
    return value


def whom(row: AnnotationRow) -> Hashable:
    """What a row is drawn again with for intervals: its individual; of nobody known its encounter, or its file.

    Pictures of one encounter, and frames of one video, show one animal even where nobody knows which.
    """
    if row.identity is not None:
        return individual_of(row)
    return ("encounter", row.encounter) if row.encounter is not None else ("file", row.path)


@dataclass(frozen=True, eq=False)
class Strangers:
    """Pictures of what the classifier never learnt; whatever label they are given is wrong.

    Attributes:
        frame: the table's rows, with ``truth``, ``given`` and ``probability`` as in :class:`Labelled`.
        logits: float64 (M, C).
        whom: whom each row is drawn again with.
        told: how well each score tells them from the known; see :func:`hanzaki.evaluation.unknown.sureness`.
    """

    frame: pd.DataFrame
    logits: Floats
    whom: tuple[Hashable, ...]
    told: Mapping[Score, OpenSet]

    @property
    def labels(self) -> dict[str, int]:
        """How many pictures there are of each label that was never learnt, most first."""
        return dict(Counter(self.frame["truth"].tolist()).most_common())


@dataclass(frozen=True, eq=False)
class Labelled:
    """How well a classifier labelled a table.

    Attributes:
        label: what was asked.
        labels: the C classes, in the order of the columns.
        temperature: of the model's softmax.
        frame: the table's rows that were judged, with what is true (``truth``), what the classifier says
            (``given``) and how probable it says that is (``probability``).
        whom: whom each row is drawn again with; see :func:`whom`.
        logits: float64 (N, C), as the network gives them.
        probabilities: float64 (N, C), at the model's temperature.
        classification: how well pictures were labelled.
        before: whether probabilities at a temperature of one mean what they say.
        after: whether those at the model's do.
        by_individual: how well animals were labelled by the mean of their pictures' probabilities, where the label
            is of the animal and individuals are known; an animal of which the table says two things counts as two.
        strangers: rows whose true label the classifier never learnt; None if there are none.
        untold: how many rows the table does not say the truth of.
        bad: pictures that could not be used, with the reason.
        pixels: gives the crop of a row of ``frame``, uint8 (h, w, 3); raises ``BadMedium``.
        seconds: of the whole run.
    """

    label: Column
    labels: tuple[str, ...]
    temperature: float
    frame: pd.DataFrame
    whom: tuple[Hashable, ...]
    logits: Floats
    probabilities: Floats
    classification: Classification
    before: Calibration
    after: Calibration
    by_individual: Classification | None
    strangers: Strangers | None
    untold: int
    bad: tuple[BadMedium, ...]
    pixels: Callable[[int], Pixels] = field(repr=False)
    seconds: float

    def judge_rule(self, rule: UnknownRule, resampling: Resampling = USUAL) -> Refusals:
        """Measure a rule that says "unknown" on the rows that were judged, and on the strangers if any."""
        logits, individuals = self.logits, self.whom
        if self.strangers is not None:
            logits = np.concatenate([logits, self.strangers.logits])
            individuals += self.strangers.whom
        return rule.judge(logits, np.arange(len(logits)) < len(self.logits), individuals, resampling)

    def as_json(self) -> dict[str, Any]:
        """The object that ``hanzaki evaluate --json`` prints for a classifier."""
        told = {} if self.strangers is None else self.strangers.told
        return {
            "label": self.label,
            **self.classification.as_json(),
            "calibration": {
                "temperature": self.temperature,
                "before": self.before.as_json(),
                "after": self.after.as_json(),
            },
            "by_individual": None if self.by_individual is None else self.by_individual.as_json(),
            "never_learnt": {} if self.strangers is None else self.strangers.labels,
            "unknown": {score: opened.as_json() for score, opened in told.items()},
            "untold": self.untold,
            "bad": [{"path": printable(bad.path), "reason": bad.reason} for bad in self.bad],
            "seconds": round(self.seconds, 3),
        }


def judge_classifier(
    table: Annotations, classifier: Classifier, progress: Progress | None = None, resampling: Resampling = USUAL
) -> Labelled:
    """Label a table's animals and compare with what the table says.

    A row that stands twice counts once.

    Args:
        table: paths start from its own folder.
        classifier: of a model folder.
        progress: told how far it is.
        resampling: how animals are drawn again for the intervals.

    Raises:
        ModelError: if the network gives something else than its config says, or its labels make no sense.
        SettingError: if the table has no picture that can be judged.
    """
    started = time.perf_counter()
    asked, untold = _asked(table, classifier)
    answered, bad = _answer(table, asked, classifier, progress)
    learnt = np.array([truth in classifier.labels for _, truth in answered.asked], bool)
    if not learnt.any():
        raise _nothing_to_judge(table, classifier, answered, bad)
    known, others = answered.part(learnt), answered.part(~learnt)
    return Labelled(
        label=classifier.label,
        labels=tuple(classifier.labels),
        temperature=classifier.model.config.temperature,
        frame=known.frame(),
        whom=known.whom,
        logits=known.logits,
        probabilities=known.probabilities(),
        classification=judge_labels(known.truth, known.given, classifier.labels, known.whom, resampling),
        before=known.calibration(1.0, resampling),
        after=known.calibration(classifier.model.config.temperature, resampling),
        by_individual=_by_individual(known, resampling) if classifier.label in OF_THE_ANIMAL else None,
        strangers=_strangers(known, others, resampling) if others.asked else None,
        untold=untold,
        bad=tuple(bad),
        pixels=lambda row: read_crop(table.folder, known.asked[row][0], classifier.area_fraction),
        seconds=time.perf_counter() - started,
    )


def chance_of(labelled: Labelled) -> float:
    """The share of pictures that have the most frequent label: what always saying that one would give."""
    return float(labelled.frame["truth"].value_counts(normalize=True).iloc[0])


@dataclass(frozen=True, eq=False)
class _Answered:
    """Rows with what is true of them, and the network's answers: float64 (n, C)."""

    classifier: Classifier
    asked: tuple[tuple[AnnotationRow, str], ...]
    logits: Floats

    @property
    def truth(self) -> list[str]:
        return [truth for _, truth in self.asked]

    @property
    def given(self) -> list[str]:
        return [self.classifier.labels[column] for column in self.logits.argmax(axis=1)]

    @property
    def whom(self) -> tuple[Hashable, ...]:
        return tuple(whom(row) for row, _ in self.asked)

    def part(self, rows: npt.NDArray[np.bool_]) -> _Answered:
        chosen = np.flatnonzero(rows)
        return _Answered(self.classifier, tuple(self.asked[row] for row in chosen), self.logits[chosen])

    def probabilities(self, temperature: float | None = None) -> Floats:
        divisor = self.classifier.model.config.temperature if temperature is None else temperature
        return np.asarray(softmax(self.logits / divisor, axis=1), np.float64)

    def frame(self) -> pd.DataFrame:
        columns = {name: [getattr(row, name) for row, _ in self.asked] for name in COLUMNS}
        frame = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})
        probability = self.probabilities().max(axis=1)
        return frame.assign(truth=self.truth, given=self.given, probability=probability)

    def calibration(self, temperature: float, resampling: Resampling) -> Calibration:
        columns = np.array([self.classifier.labels.index(truth) for truth in self.truth], np.int64)
        return judge_calibration(self.probabilities(temperature), columns, self.whom, resampling=resampling)


def _asked(table: Annotations, classifier: Classifier) -> tuple[list[tuple[AnnotationRow, str]], int]:
    """The rows that there is a truth of, once each, and how many there is none of."""
    told: dict[Hashable, tuple[AnnotationRow, str]] = {}
    untold = 0
    for row in table:
        try:
            truth = truth_of(row, classifier.label, classifier.labels)
        except ValueError as error:
            raise ModelError(f"{printable(classifier.model.folder)}: {error}") from error
        if truth is None:
            untold += 1
        else:
            told.setdefault((row.path, row.frame, row.bbox, row.identity, truth), (row, truth))
    return list(told.values()), untold


def _answer(
    table: Annotations,
    asked: Sequence[tuple[AnnotationRow, str]],
    classifier: Classifier,
    progress: Progress | None,
) -> tuple[_Answered, list[BadMedium]]:
    """Read, cut out and label; what cannot be read is kept apart."""

    def prepare(one: tuple[AnnotationRow, str]) -> Any:
        try:
            return classifier.prepare(read_crop(table.folder, one[0], classifier.area_fraction))
        except BadMedium as bad:
            return bad

    kept: list[tuple[AnnotationRow, str]] = []
    logits: list[npt.NDArray[np.float32]] = []
    bad: list[BadMedium] = []
    done = 0
    for batch in batches(zip(asked, ahead(prepare, asked, settings().threads), strict=True), _BATCH):
        bad += [prepared for _, prepared in batch if isinstance(prepared, BadMedium)]
        good = [(one, prepared) for one, prepared in batch if not isinstance(prepared, BadMedium)]
        kept += [one for one, _ in good]
        logits += classifier.logits([prepared for _, prepared in good])
        done += len(batch)
        if progress is not None:
            progress("classifying", done, len(asked))
    rows = np.array(logits, np.float64).reshape(len(logits), len(classifier.labels))
    return _Answered(classifier, tuple(kept), rows), bad


def _by_individual(known: _Answered, resampling: Resampling) -> Classification | None:
    groups: dict[tuple[Individual, str], list[int]] = {}
    for at, (row, truth) in enumerate(known.asked):
        if row.identity is not None:
            groups.setdefault((individual_of(row), truth), []).append(at)
    if not groups:
        return None
    labels, probabilities = known.classifier.labels, known.probabilities()
    given = [labels[int(probabilities[rows].mean(axis=0).argmax())] for rows in groups.values()]
    return judge_labels([truth for _, truth in groups], given, labels, [who for who, _ in groups], resampling)


def _strangers(known: _Answered, others: _Answered, resampling: Resampling) -> Strangers:
    logits, individuals = np.concatenate([known.logits, others.logits]), known.whom + others.whom
    there = np.arange(len(logits)) < len(known.logits)
    right = there.copy()
    right[there] = np.array(known.truth) == np.array(known.given)
    temperature = known.classifier.model.config.temperature
    told = {
        score: judge_open_set(
            sureness(logits, score, temperature), there, right, individuals, resampling=resampling
        )
        for score in SCORES
    }
    return Strangers(others.frame(), others.logits, others.whom, told)


def _nothing_to_judge(
    table: Annotations, classifier: Classifier, answered: _Answered, bad: Sequence[BadMedium]
) -> SettingError:
    name = "the table" if table.source is None else printable(table.source)
    learnt = ", ".join(classifier.labels)
    if answered.asked:
        there = ", ".join(sorted(set(answered.truth)))
        return SettingError(
            f"{name}: no animal's {classifier.label} is one that the model learnt ({learnt}): {there}"
        )
    if bad:
        return SettingError(f"{name}: no picture can be read; the first: {bad[0]}")
    column = "identity" if classifier.label == "individual" else classifier.label
    return SettingError(f"{name}: no row has the column {column!r}, which this model tells ({learnt})")
