"""Whether a probability means what it says: reliability diagram, calibration error, Brier score and log loss.

A probability is of an event, (n,) with a truth for each; or of c classes, (n, c) with rows that sum to one, of
which the reliability diagram and calibration error judge the highest (the *top label*: Guo et al. 2017, On
calibration of modern neural networks).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from hanzaki.evaluation.resampling import (
    USUAL,
    Floats,
    Integers,
    Interval,
    Resampling,
    interval_of_rows,
    number_individuals,
    quotient,
)

#: How the bins of confidence are cut: into equal parts of 0..1, or so that each holds as many queries.
Binning = Literal["width", "mass"]

MEASURES = ("ece", "ece_mass", "brier", "log_loss")
BINS = 15

_SUM_TOLERANCE = 1e-5  # rows of float32 probabilities sum to one so far


@dataclass(frozen=True, eq=False)
class Reliability:
    """A reliability diagram: b bins of confidence, from low to high; bins that nothing fell into are left out.

    Attributes:
        edges: float64 (b, 2), the confidences each bin reaches from (not included, but in the first) and to.
        count: int64 (b,), how many queries fell into it.
        confidence: (b,), their mean confidence.
        accuracy: (b,), the share of them that are true.
        low: (b,), lower end of the Wilson interval of the accuracy.
        high: (b,), upper end.
    """

    edges: Floats
    count: Integers
    confidence: Floats
    accuracy: Floats
    low: Floats
    high: Floats

    def as_json(self) -> dict[str, Any]:
        """All of it, as lists."""
        return {name: column.tolist() for name, column in vars(self).items()}


@dataclass(frozen=True, eq=False)
class Calibration:
    """Whether probabilities mean what they say.

    Attributes:
        queries: how many were judged.
        individuals: how many individuals they are of.
        measures: ``ece`` (bins of equal width), ``ece_mass`` (of equal mass), ``brier``, ``log_loss``.
        reliability: the diagram, in bins of equal width.
    """

    queries: int
    individuals: int
    measures: Mapping[str, Interval]
    reliability: Reliability

    def as_json(self) -> dict[str, Any]:
        """All of it, as numbers that JSON takes."""
        return {
            "queries": self.queries,
            "individuals": self.individuals,
            **{name: interval.as_json() for name, interval in self.measures.items()},
            "reliability": self.reliability.as_json(),
        }


def judge_calibration(
    probabilities: Floats,
    truth: npt.NDArray[np.integer] | npt.NDArray[np.bool_],
    individuals: Sequence[Hashable],
    bins: int = BINS,
    resampling: Resampling = USUAL,
) -> Calibration:
    """Measure whether probabilities mean what they say, with intervals by individual.

    A calibration error is never negative, so that chance alone raises it, and resamples, which add chance, raise
    it again: the interval of a well-calibrated model's error lies too high. Brier score and log loss have no such
    bias.

    Args:
        probabilities: (n,) of an event, or (n, c) of classes.
        truth: bool (n,), whether the event happened; or int (n,), the column of the true class.
        individuals: whom each query is of.
        bins: of the diagram and of both calibration errors.
        resampling: how animals are drawn.

    Raises:
        ValueError: if lengths differ, or the probabilities are none.
    """
    member, count = number_individuals(individuals)
    if len(member) != len(probabilities):
        raise ValueError(f"{len(probabilities)} queries, but {len(member)} individuals")
    columns = calibration_columns(probabilities, truth)

    def statistic(rows: Integers) -> Floats:
        return calibration_measures(columns[rows], bins)

    intervals = interval_of_rows(individuals, statistic, resampling)
    return Calibration(
        queries=len(probabilities),
        individuals=count,
        measures=dict(zip(MEASURES, intervals, strict=True)),
        reliability=reliability(columns[:, 0], columns[:, 1] > 0, bins, level=resampling.level),
    )


def calibration_columns(probabilities: Floats, truth: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Floats:
    """What of each query the measures are made of: confidence, whether right, squared error, log loss: (n, 4)."""
    confidence, right = top_label(probabilities, truth)
    columns = confidence, right, squared_errors(probabilities, truth), log_losses(probabilities, truth)
    return np.stack(columns, axis=1).astype(np.float64)


def calibration_measures(columns: Floats, bins: int = BINS) -> Floats:
    """All of :data:`MEASURES` of (n, 4) columns as :func:`calibration_columns` gives them; NaN if n = 0."""
    confidence, right = columns[:, 0], columns[:, 1] > 0
    errors = [calibration_error(confidence, right, bins, binning) for binning in ("width", "mass")]
    return np.array([*errors, *quotient(columns[:, 2:].sum(axis=0), len(columns))])


def top_label(
    probabilities: Floats, truth: npt.NDArray[np.integer] | npt.NDArray[np.bool_]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The probability to be judged, and whether it came true.

    Args:
        probabilities: (n,) of an event, or (n, c) of classes.
        truth: bool (n,), whether the event happened; or int (n,), the column of the true class.

    Returns:
        float64 (n,) and bool (n,): of the event itself; or of the likeliest class, the first where some tie.

    Raises:
        ValueError: if lengths differ, or the probabilities are none.
    """
    _check(probabilities, truth)
    if probabilities.ndim == 1:
        return probabilities.astype(np.float64), truth.astype(bool)
    return probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == truth


def calibration_error(
    confidence: Floats, right: npt.NDArray[np.bool_], bins: int = BINS, binning: Binning = "width"
) -> float:
    r"""Expected calibration error: how far confidence lies from accuracy, on average over queries.

    .. math:: ECE = \sum_b \frac{n_b}{n} |acc_b - conf_b|

    With bins of equal width: Naeini, Cooper & Hauskrecht 2015, Obtaining well calibrated probabilities using
    Bayesian binning; Guo et al. 2017, equation 3. With bins of equal mass: Nixon et al. 2019, Measuring
    calibration in deep learning.

    Args:
        confidence: (n,), from 0 to 1.
        right: bool (n,).
        bins: how many.
        binning: how they are cut; see :func:`bin_edges`.

    Returns:
        From 0 to 1; NaN if there are no queries.

    Raises:
        ValueError: if there is not at least one bin.
    """
    if not len(confidence):
        return float("nan")
    place = _place(confidence, bin_edges(confidence, bins, binning))
    gaps = np.bincount(place, right) - np.bincount(place, confidence)  # n_b (acc_b - conf_b)
    return float(np.abs(gaps).sum() / len(confidence))


def bin_edges(confidence: Floats, bins: int, binning: Binning) -> Floats:
    """Cut confidences into bins: each reaches from above its lower edge up to its upper, the first from its lower.

    Equal mass cuts at quantiles; as equal confidences fall into one bin, there may be fewer bins than asked for.

    Args:
        confidence: (n,), at least one.
        bins: how many.
        binning: into equal parts of 0..1, or equal parts of the queries.

    Returns:
        float64, ascending, one more than there are bins.

    Raises:
        ValueError: if there is not at least one bin.
    """
    if bins < 1:
        raise ValueError(f"there must be at least one bin, not {bins}")
    cuts = np.linspace(0, 1, bins + 1)
    if binning == "width":
        return cuts
    edges = np.unique(np.quantile(confidence, cuts))
    return edges if len(edges) > 1 else np.repeat(edges, 2)


def reliability(
    confidence: Floats,
    right: npt.NDArray[np.bool_],
    bins: int = BINS,
    binning: Binning = "width",
    *,
    level: float = 0.95,
) -> Reliability:
    """Accuracy by confidence (DeGroot & Fienberg 1983; Niculescu-Mizil & Caruana 2005), for a figure.

    The intervals are Wilson's score intervals of a share (Wilson 1927, Probable inference); they take each query
    for a draw of its own, and are too narrow where many are of one animal.

    Args:
        confidence: (n,), from 0 to 1.
        right: bool (n,).
        bins: how many.
        binning: how they are cut; see :func:`bin_edges`.
        level: of the intervals.

    Returns:
        The bins that hold queries; none if there are no queries.

    Raises:
        ValueError: if there is not at least one bin.
    """
    edges = bin_edges(confidence, bins, binning if len(confidence) else "width")
    place = _place(confidence, edges)
    size = len(edges) - 1
    count = np.bincount(place, minlength=size)
    hits = np.bincount(place[right], minlength=size)
    sums = np.bincount(place, confidence, size)
    there = count > 0
    wilson = np.array(
        [_wilson(int(hit), int(n), level) for hit, n in zip(hits[there], count[there], strict=True)]
    ).reshape(-1, 2)
    return Reliability(
        edges=np.stack([edges[:-1], edges[1:]], axis=1)[there],
        count=count[there].astype(np.int64),
        confidence=sums[there] / count[there],
        accuracy=hits[there] / count[there],
        low=wilson[:, 0],
        high=wilson[:, 1],
    )


def squared_errors(probabilities: Floats, truth: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Floats:
    """Squared error of each query, the mean of which is the Brier score.

    Of an event ``(p - y)^2``, from 0 to 1; of classes the sum of that over classes, from 0 to 2 (Brier 1950,
    Verification of forecasts expressed in terms of probability). Two classes give twice the error of one event.

    Args:
        probabilities: (n,) of an event, or (n, c) of classes.
        truth: bool (n,), whether the event happened; or int (n,), the column of the true class.

    Returns:
        float64 (n,).

    Raises:
        ValueError: if lengths differ, or the probabilities are none.
    """
    _check(probabilities, truth)
    if probabilities.ndim == 1:
        return (probabilities.astype(np.float64) - truth) ** 2
    happened = np.arange(probabilities.shape[1]) == truth[:, None]
    squared: Floats = ((probabilities.astype(np.float64) - happened) ** 2).sum(axis=1)
    return squared


def log_losses(probabilities: Floats, truth: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Floats:
    """Minus the natural logarithm of the probability of what happened, in nats; its mean is the log loss.

    A probability under 2.2e-16 (the precision of a float) counts as that, as in scikit-learn: what was called
    impossible and happened costs 36 nats, not infinitely many.

    Args:
        probabilities: (n,) of an event, or (n, c) of classes.
        truth: bool (n,), whether the event happened; or int (n,), the column of the true class.

    Returns:
        float64 (n,).

    Raises:
        ValueError: if lengths differ, or the probabilities are none.
    """
    _check(probabilities, truth)
    if probabilities.ndim == 1:
        happened = np.where(truth.astype(bool), probabilities, 1 - probabilities)
    else:
        happened = probabilities[np.arange(len(truth)), truth.astype(np.int64)]
    losses: Floats = -np.log(np.clip(happened.astype(np.float64), np.finfo(np.float64).eps, 1))
    return losses


def _place(confidence: Floats, edges: Floats) -> Integers:
    return np.searchsorted(edges[1:-1], confidence, side="left").astype(np.int64)


def _wilson(hits: int, count: int, level: float) -> tuple[float, float]:
    interval = binomtest(hits, count).proportion_ci(confidence_level=level, method="wilson")
    return float(interval.low), float(interval.high)


def _check(probabilities: Floats, truth: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> None:
    if len(probabilities) != len(truth):
        raise ValueError(f"{len(probabilities)} probabilities, but {len(truth)} truths")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("a probability is not from 0 to 1")
    if probabilities.ndim == 1:
        return
    if (np.abs(probabilities.sum(axis=1) - 1) > _SUM_TOLERANCE).any():
        raise ValueError("the probabilities of a query's classes do not sum to one")
    if len(truth) and (truth.min() < 0 or truth.max() >= probabilities.shape[1]):
        raise ValueError(f"a true class is not one of the {probabilities.shape[1]} columns")
