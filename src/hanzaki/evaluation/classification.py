"""How well labels are given: confusion matrix, accuracy, Cohen's kappa and F1, with intervals by individual.

All measures are functions of three counts a label (its *tallies*): how often it was right, true and given. Counts
of one individual's photographs add up to counts of many, so that thousands of resamples are measured at once; that
is why this is not scikit-learn, with which the values agree.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hanzaki.evaluation.resampling import (
    USUAL,
    Floats,
    Integers,
    Interval,
    Resampling,
    StatisticOfSums,
    interval_of_sums,
    number_individuals,
    quotient,
)

MEASURES = ("accuracy", "kappa", "macro_f1", "weighted_f1")
CLASS_MEASURES = ("precision", "recall", "f1")


@dataclass(frozen=True, eq=False)
class Classification:
    """How well labels were given.

    Attributes:
        labels: the c labels, in the order of the matrix.
        matrix: int64 (c, c), photographs by true label (row) and given label (column).
        individuals: how many individuals the photographs are of.
        measures: ``accuracy kappa macro_f1 weighted_f1`` with their intervals.
        classes: for each label ``precision recall f1`` with their intervals.
    """

    labels: tuple[Hashable, ...]
    matrix: Integers
    individuals: int
    measures: Mapping[str, Interval]
    classes: Mapping[Hashable, Mapping[str, Interval]]

    @property
    def queries(self) -> int:
        """How many photographs were labelled."""
        return int(self.matrix.sum())

    def as_json(self) -> dict[str, Any]:
        """All of it, as numbers that JSON takes."""
        return {
            "queries": self.queries,
            "individuals": self.individuals,
            **{name: interval.as_json() for name, interval in self.measures.items()},
            "labels": [str(label) for label in self.labels],
            "confusion_matrix": self.matrix.tolist(),
            "classes": {
                str(label): {name: interval.as_json() for name, interval in scores.items()}
                for label, scores in self.classes.items()
            },
        }


def judge_labels(
    truth: Sequence[Hashable],
    given: Sequence[Hashable],
    labels: Sequence[Hashable],
    individuals: Sequence[Hashable],
    resampling: Resampling = USUAL,
) -> Classification:
    """Measure a classifier's labels, with intervals by individual; see :func:`statistic_of_tallies`.

    Args:
        truth: the true label of each of n photographs.
        given: the label that each was given.
        labels: all c labels, in the order wanted.
        individuals: whom each photograph is of.
        resampling: how animals are drawn.

    Raises:
        ValueError: if the lengths differ, a label stands twice, or one is not in ``labels``.
    """
    tallies, count = tallies_by_individual(truth, given, labels, individuals)
    intervals = interval_of_sums(
        tallies.reshape(count, 3 * len(labels)), statistic_of_tallies(tallies), resampling
    )
    of_classes = iter(intervals[len(MEASURES) :])
    return Classification(
        labels=tuple(labels),
        matrix=confusion_matrix(truth, given, labels),
        individuals=count,
        measures=dict(zip(MEASURES, intervals[: len(MEASURES)], strict=True)),
        classes={label: {name: next(of_classes) for name in CLASS_MEASURES} for label in labels},
    )


def confusion_matrix(truth: Sequence[Hashable], given: Sequence[Hashable], labels: Sequence[Hashable]) -> Integers:
    """Count photographs by true and given label.

    Args:
        truth: the true label of each of n photographs.
        given: the label that each was given.
        labels: all c labels, in the order wanted.

    Returns:
        int64 (c, c), rows by truth and columns by label given; zeros if there are no photographs.

    Raises:
        ValueError: if the lengths differ, a label stands twice, or one is not in ``labels``.
    """
    rows, columns = _places(truth, labels), _places(given, labels)
    _same_length(rows, columns)
    size = len(labels)
    return np.bincount(rows * size + columns, minlength=size * size).reshape(size, size).astype(np.int64)


def tallies_of(matrix: npt.NDArray[np.number]) -> Floats:
    """How often each label was right, true and given.

    Args:
        matrix: (..., c, c), confusion matrices with rows by truth.

    Returns:
        float64 (..., c, 3).
    """
    right = np.diagonal(matrix, axis1=-2, axis2=-1)
    return np.stack([right, matrix.sum(axis=-1), matrix.sum(axis=-2)], axis=-1).astype(np.float64)


def tallies_by_individual(
    truth: Sequence[Hashable],
    given: Sequence[Hashable],
    labels: Sequence[Hashable],
    individuals: Sequence[Hashable],
) -> tuple[Floats, int]:
    """The tallies of each individual's photographs alone, which add up to those of all.

    Returns:
        float64 (count, c, 3), and how many individuals there are.

    Raises:
        ValueError: if the lengths differ, a label stands twice, or one is not in ``labels``.
    """
    rows, columns = _places(truth, labels), _places(given, labels)
    member, count = number_individuals(individuals)
    _same_length(rows, columns, member)
    tallies = np.zeros((count, len(labels), 3))
    times_right, times_true, times_given = np.moveaxis(tallies, -1, 0)
    np.add.at(times_right, (member, rows), rows == columns)
    np.add.at(times_true, (member, rows), 1)
    np.add.at(times_given, (member, columns), 1)
    return tallies, count


def statistic_of_tallies(by_individual: Floats) -> StatisticOfSums:
    """Make the statistic that a sample's measures are, of the sums of its individuals' tallies.

    A label whose animals a resample did not draw is left out of that resample. Where each label is of one
    individual, as where the labels *are* the individuals, an animal drawn twice is two labels, each with all its
    own photographs and all that are falsely given it. Were they one label, its own photographs would outweigh the
    false ones, and F1 would rise in every resample. Such a label's own recall does not vary, and its interval says
    nothing.

    Args:
        by_individual: (count, c, 3), the tallies of each individual of the whole sample.

    Returns:
        From (b, 3c) sums to (b, 4 + 3c): :data:`MEASURES`, then :data:`CLASS_MEASURES` of each label.
    """
    true = by_individual[..., 1]
    whole = true.sum(axis=0)
    of_one = bool(((true > 0).sum(axis=0) <= 1).all())

    def statistic(sums: Floats) -> Floats:
        tallies = sums.reshape(len(sums), -1, 3)
        drawn = tallies[..., 1] / np.maximum(whole, 1) if of_one else (tallies[..., 1] > 0).astype(np.float64)
        times = np.where(whole > 0, drawn, 1)
        single = _single(tallies, times) if of_one else tallies
        measures = [measure(single, times) for measure in (accuracy, cohen_kappa, macro_f1, weighted_f1)]
        return np.concatenate([np.stack(measures, axis=1), class_scores(single).reshape(len(sums), -1)], axis=1)

    return statistic


def _single(tallies: Floats, times: Floats) -> Floats:
    """The tallies of one of a label's copies, if it was drawn ``times``: (b, c, 3) and (b, c) give (b, c, 3)."""
    right, true, given = np.moveaxis(tallies, -1, 0)
    divisor = np.where(times > 0, times, 1)
    return np.stack([right / divisor, true / divisor, given - right + right / divisor], axis=-1)


def accuracy(tallies: Floats, times: Floats | None = None) -> Floats:
    """Share of photographs with the right label.

    Args:
        tallies: (..., c, 3).
        times: (..., c), how often each label is in the sample; once, if not said.

    Returns:
        float64 (...); NaN if there are no photographs.
    """
    right, true, _ = _weighed(tallies, times)
    return quotient(right.sum(axis=-1), true.sum(axis=-1))


def cohen_kappa(tallies: Floats, times: Floats | None = None) -> Floats:
    r"""Agreement beyond chance (Cohen 1960, A coefficient of agreement for nominal scales, equation 1).

    .. math:: \kappa = (p_o - p_e) / (1 - p_e)

    with :math:`p_o` the accuracy and :math:`p_e` the sum over labels of share true times share given.

    Args:
        tallies: (..., c, 3).
        times: (..., c), how often each label is in the sample; once, if not said.

    Returns:
        float64 (...); NaN if there are no photographs, or if one label is all that is true and all that is given.
    """
    weighed = _weighed(tallies, times)
    chance = (weighed[1] * tallies[..., 2]).sum(axis=-1)
    right, true, given = (column.sum(axis=-1) for column in weighed)
    return quotient(given * right - chance, given * true - chance)  # counts, not shares, so that 1 - 1 is 0


def class_scores(tallies: Floats) -> Floats:
    """Precision, recall and F1 of each label (van Rijsbergen 1979, Information retrieval, chapter 7).

    Precision is right / given, recall right / true, F1 = 2 right / (true + given), their harmonic mean.

    Args:
        tallies: (..., c, 3).

    Returns:
        float64 (..., c, 3); NaN for the precision of a label never given, the recall of one never true, and the F1
        of one that is neither.
    """
    right, true, given = np.moveaxis(tallies, -1, 0)
    return np.stack([quotient(right, given), quotient(right, true), quotient(2 * right, true + given)], axis=-1)


def macro_f1(tallies: Floats, times: Floats | None = None) -> Floats:
    """Mean of the labels' F1 (the mean of F1s, not the F1 of means: Opitz & Burst 2019, Macro F1 and macro F1).

    Labels that are neither true nor given do not count; one that is given but never true counts as 0.

    Args:
        tallies: (..., c, 3).
        times: (..., c), how often each label is in the sample; once, if not said.

    Returns:
        float64 (...); NaN if no label counts.
    """
    scores = class_scores(tallies)[..., 2]
    weights = ~np.isnan(scores) * (1.0 if times is None else times)
    return quotient((np.nan_to_num(scores) * weights).sum(axis=-1), weights.sum(axis=-1))


def weighted_f1(tallies: Floats, times: Floats | None = None) -> Floats:
    """Mean of the labels' F1, each weighing as many photographs as are truly of it.

    Args:
        tallies: (..., c, 3).
        times: (..., c), how often each label is in the sample; once, if not said.

    Returns:
        float64 (...); NaN if there are no photographs.
    """
    _, true, _ = _weighed(tallies, times)
    return quotient((np.nan_to_num(class_scores(tallies)[..., 2]) * true).sum(axis=-1), true.sum(axis=-1))


def _weighed(tallies: Floats, times: Floats | None) -> tuple[Floats, Floats, Floats]:
    right, true, given = np.moveaxis(tallies if times is None else tallies * times[..., None], -1, 0)
    return right, true, given


def _places(names: Sequence[Hashable], labels: Sequence[Hashable]) -> Integers:
    place = {label: number for number, label in enumerate(labels)}
    if len(place) < len(labels):
        raise ValueError("a label stands twice in the list of labels")
    strangers = {name for name in names if name not in place}
    if strangers:
        raise ValueError(f"not in the list of labels: {', '.join(sorted(map(repr, strangers)))}")
    return np.array([place[name] for name in names], np.int64)


def _same_length(*columns: Integers) -> None:
    if len({len(column) for column in columns}) > 1:
        raise ValueError(f"columns of different lengths: {', '.join(str(len(column)) for column in columns)}")
