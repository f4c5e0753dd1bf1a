"""How well animals are found in photographs: average precision as COCO counts it, precision, recall, a threshold.

What is found is matched to what is there from the highest score down, each to the free box that it overlaps most
(Lin et al. 2014, Microsoft COCO; its reference program is pycocotools, with which this agrees). Intervals draw
photographs again, or the individuals in them where these are known.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hanzaki.evaluation.resampling import (
    USUAL,
    Interval,
    Resampling,
    draw_individuals,
    number_individuals,
    percentile_intervals,
    quotient,
)

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Intersections over union from which a box counts as found, of COCO's mAP@50-95.
OVERLAPS = np.linspace(0.5, 0.95, 10)

#: Most that counts of what is found of one label in one photograph.
MOST = 100

MEASURES = ("map", "map50", "precision", "recall")

_RECALLS = np.linspace(0, 1, 101)
_BLOCK = 1 << 22  # overlaps in one block of photographs: 32 MB


class Boxes(NamedTuple):
    """Boxes in many photographs.

    Attributes:
        picture: int64 (n,), the photograph of each, from 0.
        label: int64 (n,), the number of its label.
        corners: float64 (n, 4), x1 y1 x2 y2 in pixels.
        score: float64 (n,) of what was found; of what is there it is not looked at.
    """

    picture: Integers
    label: Integers
    corners: Floats
    score: Floats


def boxes_of(pictures: Sequence[Sequence[tuple[int, Sequence[float], float]]]) -> Boxes:
    """Boxes of a list for each photograph: label, x1 y1 x2 y2, score."""
    rows = [
        (place, label, *corners, score) for place, some in enumerate(pictures) for label, corners, score in some
    ]
    table = np.array(rows, np.float64).reshape(-1, 7)
    return Boxes(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2:6], table[:, 6])


@dataclass(frozen=True)
class Matches:
    """What was found beside what is there.

    Attributes:
        pictures: how many photographs there are.
        labels: how many labels there are.
        there: int64 (labels, pictures), boxes there are of each.
        picture: int64 (n,) of what was found, from the highest score to the lowest.
        label: int64 (n,) likewise.
        score: float64 (n,) likewise.
        row: int64 (n,), where each stands among the boxes found that were given.
        right: bool (n, overlaps), whether it is a box that is there.
        partner: int64 (n,), the box there that it was matched to at the first overlap, -1 if none.
        overlaps: from which a box counts as found.
    """

    pictures: int
    labels: int
    there: Integers
    picture: Integers
    label: Integers
    score: Floats
    row: Integers
    right: npt.NDArray[np.bool_]
    partner: Integers
    overlaps: Floats


def intersection_over_union(ones: Floats, others: Floats) -> Floats:
    """Of every box of one list with every box of another, in each of many pairs of lists.

    Args:
        ones: float64 (..., n, 4), x1 y1 x2 y2.
        others: float64 (..., m, 4).

    Returns:
        float64 (..., n, m), 0 to 1; empty boxes overlap nothing.
    """
    one, other = ones[..., :, None, :], others[..., None, :, :]
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    common = np.prod(np.maximum(sides, 0), axis=-1)
    areas = [np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1) for boxes in (one, other)]
    union = areas[0] + areas[1] - common
    result: Floats = np.zeros_like(common)
    np.divide(common, union, out=result, where=(common > 0) & (union > 0))
    return result


def match(
    there: Boxes, found: Boxes, pictures: int, labels: int, *, overlaps: Floats = OVERLAPS, most: int = MOST
) -> Matches:
    """Match what was found to what is there, within each photograph and label.

    Args:
        there: the boxes that are there.
        found: the boxes that were found; of equal scores the first comes first.
        pictures: how many photographs there are, with or without boxes.
        labels: how many labels there are.
        overlaps: from which a box counts as found, at each of which the matching is made anew.
        most: that counts of a label in a photograph.
    """
    cells = pictures * labels
    own, truth = found.picture * labels + found.label, there.picture * labels + there.label
    order = np.lexsort((np.arange(len(own)), -found.score, own))
    rank = _rank(own[order])
    order, rank = order[rank < most], rank[rank < most]
    place = _rank(np.sort(truth, kind="stable"))
    ordered_truth = np.argsort(truth, kind="stable")
    right = np.zeros((len(own), len(overlaps)), bool)
    partner = np.full(len(own), -1, np.int64)
    wide, deep = int(place.max(initial=-1)) + 1, int(rank.max(initial=-1)) + 1
    step = max(1, _BLOCK // max(1, wide * deep))
    for first in range(0, cells if wide and deep else 0, step):
        mine = (own[order] >= first) & (own[order] < first + step)
        theirs = (truth[ordered_truth] >= first) & (truth[ordered_truth] < first + step)
        rows, columns = order[mine], ordered_truth[theirs]
        size = min(step, cells - first)
        one = np.zeros((size, deep, 4))
        one[own[rows] - first, rank[mine]] = found.corners[rows]
        other = np.zeros((size, wide, 4))
        other[truth[columns] - first, place[theirs]] = there.corners[columns]
        chosen = _greedy(intersection_over_union(one, other), overlaps)[own[rows] - first, rank[mine]]
        right[rows] = chosen >= 0
        names = np.full((size, wide), -1, np.int64)
        names[truth[columns] - first, place[theirs]] = columns
        partner[rows] = np.where(chosen[:, 0] >= 0, names[own[rows] - first, chosen[:, 0]], -1)
    by_score = order[np.lexsort((order, found.picture[order], -found.score[order]))]
    counts = np.bincount(there.label * pictures + there.picture, minlength=cells).reshape(labels, pictures)
    return Matches(
        pictures,
        labels,
        counts.astype(np.int64),
        found.picture[by_score],
        found.label[by_score],
        found.score[by_score],
        by_score.astype(np.int64),
        right[by_score],
        partner[by_score],
        overlaps,
    )


def _rank(ordered: Integers) -> Integers:
    """The place of each within its run of equal values."""
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.empty(0, np.int64)
    lengths = np.diff(np.r_[starts, len(ordered)])
    return np.arange(len(ordered)) - np.repeat(starts, lengths)


def _greedy(overlap: Floats, overlaps: Floats) -> Integers:
    """(cells, found, there) to (cells, found, overlaps): the box that each takes, -1 if none is free and near."""
    cells, deep, wide = overlap.shape
    chosen = np.full((cells, deep, len(overlaps)), -1, np.int64)
    taken = np.zeros((cells, len(overlaps), wide), bool)
    rows, columns = np.ogrid[:cells, : len(overlaps)]
    for rank in range(deep):
        free = np.where(taken, -1.0, overlap[:, rank, None, :])
        best = wide - 1 - free[..., ::-1].argmax(axis=-1)  # of equal ones the last, as pycocotools has it
        near = np.take_along_axis(free, best[..., None], axis=-1)[..., 0] >= np.minimum(overlaps, 1 - 1e-10)
        chosen[:, rank] = np.where(near, best, -1)
        taken[rows, columns, best] |= near
    return chosen


def average_precision(matches: Matches, weights: Integers | None = None) -> Floats:
    """Precision averaged over 101 recalls, each the best at that recall or a higher one (COCO).

    Args:
        matches: of all photographs.
        weights: int64 (pictures,), how often each photograph counts; once if None.

    Returns:
        float64 (overlaps, labels), NaN of a label that no photograph has.
    """
    weights = np.ones(matches.pictures, np.int64) if weights is None else weights
    result = np.full((len(matches.overlaps), matches.labels), np.nan)
    for label in range(matches.labels):
        total = int(matches.there[label] @ weights)
        if not total:
            continue
        mine = matches.label == label
        counts = weights[matches.picture[mine]]
        seen = np.cumsum(counts)
        hits = np.cumsum(matches.right[mine] * counts[:, None], axis=0)
        for place in range(len(matches.overlaps)):
            result[place, label] = _area(hits[:, place], seen, total)
    return result


def _area(hits: Integers, seen: Integers, total: int) -> float:
    if not len(hits):
        return 0.0
    precision = np.maximum.accumulate((hits / np.maximum(seen, 1))[::-1])[::-1]
    at = np.searchsorted(hits / total, _RECALLS, side="left")
    return float(np.where(at < len(precision), precision[np.minimum(at, len(precision) - 1)], 0.0).mean())


def best_threshold(matches: Matches) -> float:
    """The least score to count as found that gives the highest F1 at the first overlap.

    Of equally good ones it is the highest, and it lies halfway to the next score below.

    Raises:
        ValueError: if nothing was found, or nothing is there.
    """
    total = int(matches.there.sum())
    if not len(matches.score) or not total:
        raise ValueError("a threshold is chosen by boxes that are there and boxes that were found")
    hits = np.cumsum(matches.right[:, 0])
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + total)
    last = np.r_[matches.score[1:] < matches.score[:-1], True]  # a threshold cannot part equal scores
    best = int(np.argmax(np.where(last, f1, -1)))
    below = float(matches.score[best + 1]) if best + 1 < len(matches.score) else 0.0
    return (float(matches.score[best]) + below) / 2


@dataclass(frozen=True)
class Judged:
    """What a detector found beside what is there.

    Attributes:
        there: the boxes that are there.
        found: the boxes that were found.
        matches: of the two.
        labels: by number.
        threshold: least score that counts as found.
    """

    there: Boxes
    found: Boxes
    matches: Matches
    labels: Sequence[str]
    threshold: float

    @property
    def missed(self) -> Integers:
        """Rows of what is there and was not found, the largest first."""
        taken = self.matches.partner[self.matches.score >= self.threshold]
        rows = np.setdiff1d(np.arange(len(self.there.picture)), taken)
        sides = self.there.corners[rows, 2:] - self.there.corners[rows, :2]
        return np.asarray(rows[np.argsort(-sides.prod(axis=1), kind="stable")], np.int64)

    @property
    def false_alarms(self) -> Integers:
        """Rows of what was found and is not there, the surest first."""
        wrong = (self.matches.score >= self.threshold) & ~self.matches.right[:, 0]
        return self.matches.row[wrong]

    @property
    def loose(self) -> list[tuple[int, int, float]]:
        """What was found, the row there that it is of, and their overlap; the loosest first."""
        good = (self.matches.score >= self.threshold) & self.matches.right[:, 0]
        rows, partners = self.matches.row[good], self.matches.partner[good]
        overlap = intersection_over_union(self.found.corners[rows][:, None], self.there.corners[partners][:, None])
        triples = zip(rows.tolist(), partners.tolist(), overlap[:, 0, 0].tolist(), strict=True)
        return sorted(triples, key=lambda one: one[2])


def measures(matches: Matches, threshold: float, weights: Integers | None = None) -> Floats:
    """``map`` (mean over overlaps and labels), ``map50`` (at the first), and precision and recall at the first.

    Args:
        matches: of all photographs.
        threshold: least score for precision and recall.
        weights: int64 (pictures,), how often each photograph counts; once if None.

    Returns:
        float64 (4,), NaN where a measure has no value.
    """
    weights = np.ones(matches.pictures, np.int64) if weights is None else weights
    averages = average_precision(matches, weights)
    averages = averages[:, ~np.isnan(averages[0])]
    taken = matches.score >= threshold
    counts = weights[matches.picture[taken]]
    hits = float(matches.right[taken, 0] @ counts)
    rates = quotient([hits, hits], [float(counts.sum()), float((matches.there @ weights).sum())])
    means = (averages.mean(), averages[0].mean()) if averages.size else (np.nan, np.nan)
    return np.array([*means, *rates])


def measure_intervals(
    matches: Matches,
    threshold: float,
    groups: Sequence[Hashable] | None = None,
    resampling: Resampling = USUAL,
) -> dict[str, Interval]:
    """The measures of :func:`measures` with their intervals.

    Args:
        matches: of all photographs.
        threshold: least score for precision and recall.
        groups: what each photograph is drawn again with, as its individual; by itself if None.
        resampling: how they are drawn.
    """
    member, count = number_individuals(list(range(matches.pictures)) if groups is None else groups)
    value = measures(matches, threshold)
    drawn = [
        measures(matches, threshold, times[member])
        for block in (draw_individuals(count, resampling, width=len(matches.score) + 1) if count else ())
        for times in block
    ]
    resampled = np.stack(drawn) if drawn else np.empty((0, len(value)))
    return dict(zip(MEASURES, percentile_intervals(value, resampled, resampling.level), strict=True))
