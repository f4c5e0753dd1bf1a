"""Evidence from a learned matcher: how many keypoints of two annotations it pairs, and how surely.

The matcher looks at all points of two pictures at once (LightGlue: Lindenberger et al., ICCV 2023), so that it
costs much more a pair than a vote and is asked about a shortlist only. It is handed in as a callable: what runs
networks is no business of matching. Its pairs are verified as all others are: what agrees with one movement of
the animal counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hanzaki.ahead import batches
from hanzaki.keypoints import Keypoints
from hanzaki.matching.evidence import Asked, Photographed
from hanzaki.matching.geometry import Correspondences, agreeing
from hanzaki.matching.points import UPRIGHT, Floats, Indices, LocalParameters

#: Keypoints of two annotations each, to positions of P points in either, intp (P, 2), and how sure each pair is,
#: float32 (P,), 0 to 1; as :class:`hanzaki.vision.point_matcher.PointMatcher` is.
Matcher = Callable[[Sequence[tuple[Keypoints, Keypoints]]], Sequence[tuple[Indices, Floats]]]

_BATCH = 64  # pairs handed over at a time


class LearnedEvidence:
    """What a learned matcher says; an :class:`hanzaki.matching.evidence.Evidence` for a shortlist.

    Args:
        gallery: whose descriptions by the describer are keypoints.
        describer: whose keypoints the matcher knows.
        matcher: pairs keypoints.
        name: by which the fusion knows it: another than the describer's, whose keypoints may be voted on as well.
        parameters: the tolerance within which pairs agree with one movement.
    """

    def __init__(
        self,
        gallery: Photographed,
        describer: str,
        matcher: Matcher,
        name: str,
        parameters: LocalParameters = UPRIGHT,
    ) -> None:
        self.name = name
        self._gallery = gallery
        self._describer = describer
        self._matcher = matcher
        self._parameters = parameters

    def compare(self, asked: Asked, positions: Indices | None = None) -> Floats:
        """Score pairs of photographs by the sum of how sure their verified pairs of keypoints are.

        Args:
            asked: the query.
            positions: gallery annotations to compare with; None compares all that may be.

        Returns:
            float32 (q, n), 0 without any pair of keypoints; NaN where not compared.
        """
        admitted = asked.admitted(self._gallery)
        if positions is not None:
            admitted &= np.isin(np.arange(len(self._gallery)), positions)
        scores = np.full(admitted.shape, np.nan, np.float32)
        mine, theirs = (part.descriptions[self._describer] for part in (asked, self._gallery))
        for cells in batches(np.argwhere(admitted).tolist(), _BATCH):
            pairs = [(mine[row], theirs[column]) for row, column in cells]
            for (row, column), found in zip(cells, matches(pairs, self._matcher, self._parameters), strict=True):
                scores[row, column] = found.evidence
        return scores


def matches(
    pairs: Sequence[tuple[Keypoints, Keypoints]], matcher: Matcher, parameters: LocalParameters = UPRIGHT
) -> list[Correspondences]:
    """The verified pairs of keypoints of each two annotations, for scoring and drawing.

    A pair weighs what the matcher's sureness is, times how probably both of its points lie on animals.

    Args:
        pairs: keypoints of a query and of a candidate each.
        matcher: pairs keypoints.
        parameters: the tolerance within which pairs agree with one movement.
    """
    return [
        _verified(query, candidate, found, sure, parameters)
        for (query, candidate), (found, sure) in zip(pairs, matcher(pairs), strict=True)
    ]


def _verified(
    query: Keypoints, candidate: Keypoints, found: Indices, sure: Floats, parameters: LocalParameters
) -> Correspondences:
    on_animals = np.sqrt(query.weights[found[:, 0]] * candidate.weights[found[:, 1]])
    return agreeing(query, candidate, found, sure * on_animals, parameters.tolerance)
