"""Who, by local features: scores annotations against a gallery by their keypoints, with no trained model.

The contest is LNBNN (McCann & Lowe 2012, eq. 8) as HotSpotter uses it (Crall et al. 2013, §4): each keypoint
votes for the annotations of the individual that has its nearest neighbour, with the margin by which they are
nearer than any other individual. Both sides vote: the query's points for the gallery, the gallery's for the
query. Where boxes are drawn around whole upright animals, a point is sought near its own place in the box, and
distance there counts like unlikeness (Boiman et al. 2008, §4). The best of the contest are then verified: what
agrees with one movement of the animal adds to the score.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from hanzaki.keypoints import Keypoints
from hanzaki.matching.geometry import correspondences
from hanzaki.matching.points import UPRIGHT, Floats, Indices, LocalParameters, Points

_MOST = 1 << 24  # similarities held at a time: 64 MB


class LocalIndex:
    """The keypoints of one gallery, ready to be searched.

    Args:
        gallery: keypoints of each annotation.
        individuals: who each annotation shows; an unknown one (None) counts as an individual of its own.
        parameters: how keypoints are compared.

    Raises:
        ValueError: if the two sequences differ in length.
    """

    def __init__(
        self,
        gallery: Sequence[Keypoints],
        individuals: Sequence[str | None],
        parameters: LocalParameters = UPRIGHT,
    ) -> None:
        if len(gallery) != len(individuals):
            raise ValueError("gallery and individuals differ in length")
        self._gallery = list(gallery)
        self._individuals = individual_codes(individuals)
        self._parameters = parameters
        self._points = Points.of(gallery, parameters)
        sample = sample_of(gallery, parameters.rivals)
        # the first few rivals silence most points already, at an eighth of the cost of all
        samples = (sample[: len(sample) // 8], sample)
        self._rivals = [_Rivals(gallery, few, self._points, self._individuals, parameters) for few in samples]

    def __len__(self) -> int:
        return len(self._gallery)

    def search(self, queries: Sequence[Keypoints], exclude: Sequence[Indices] | None = None) -> Iterator[Floats]:
        """Score every gallery annotation for every query, a block of queries at a time.

        Args:
            queries: keypoints of Q annotations.
            exclude: for each query the gallery positions that take no part in its contest (itself, say, and
                all of its own encounter); None excludes nothing.

        Yields:
            float32 (B, G), Q rows in all: higher is more alike, 0 without any evidence, -inf where excluded.

        Raises:
            ValueError: if ``exclude`` has not one entry a query.
        """
        if exclude is None:
            exclude = [np.zeros(0, np.intp)] * len(queries)
        if len(exclude) != len(queries):
            raise ValueError("exclude must have one entry for each query")
        for start in range(0, len(queries), self._parameters.block):
            block = queries[start : start + self._parameters.block]
            banned = np.zeros((len(block), len(self)), bool)
            for row, out in zip(banned, exclude[start : start + self._parameters.block], strict=True):
                row[out] = True
            scores = self._votes(block, banned)
            scores[banned] = -np.inf
            for row, query in zip(scores, block, strict=True):
                self._verify(row, query)
            yield scores

    def _votes(self, queries: Sequence[Keypoints], banned: npt.NDArray[np.bool_]) -> Floats:
        """Votes of both sides for one block of queries, float32 (Q, G)."""
        asked = Points.of(queries, self._parameters)
        votes = np.zeros((len(queries), len(self)))
        seen = np.full((len(queries), len(self._points.owners)), -np.inf, np.float32)
        for rows, near, similarity in neighbourhoods(asked, self._points, self._parameters):
            owners, starts = runs(asked.owners[rows])
            best = best_of_annotations(similarity, self._points.owners[near], len(self))
            best[banned[asked.owners[rows]]] = -np.inf
            margin = margins(best, self._individuals, self._parameters.background)
            votes[owners] += np.add.reduceat(margin * asked.weights[rows, None], starts, axis=0)
            for owner, part in zip(owners, np.split(similarity, starts[1:]), strict=True):
                seen[owner, near] = np.maximum(seen[owner, near], part.max(axis=0))
        for query, similarity in enumerate(seen):
            voters = np.arange(len(similarity))
            margin = similarity - np.float32(self._parameters.background)
            for rivals in self._rivals:
                voters = voters[margin > 0]
                margin = similarity[voters] - rivals.nearest(voters, banned[query])
            weight = np.maximum(margin, 0) * self._points.weights[voters]
            votes[query] += np.bincount(self._points.owners[voters], weight, len(self))
        return votes.astype(np.float32)

    def _verify(self, scores: Floats, query: Keypoints) -> None:
        """Raise the best scores of one query, in place, by what agrees with one movement of the animal."""
        for position in (-scores).argsort(kind="stable")[: self._parameters.shortlist]:
            if scores[position] > 0:
                pairs = correspondences(query, self._gallery[position], self._parameters)
                scores[position] += self._parameters.verified_weight * pairs.evidence


class _Rivals:
    """How near each gallery point's nearest stranger is, judged by a fixed sample of the gallery.

    A point that looks like those of other individuals must not vote. All of the gallery would tell exactly how
    near the nearest is, at the cost of comparing it with itself, which no single query is worth. A point is
    compared when it first has something to say, and the answer is kept.
    """

    def __init__(
        self,
        gallery: Sequence[Keypoints],
        sample: Indices,
        points: Points,
        individuals: Indices,
        parameters: LocalParameters,
    ) -> None:
        self._sample = sample
        self._sampled = Points.of([gallery[position] for position in sample], parameters)
        self._points, self._individuals, self._parameters = points, individuals, parameters
        self._forget(depth=min(2, len(sample)))

    def nearest(self, rows: Indices, banned: npt.NDArray[np.bool_]) -> Floats:
        """Similarity of gallery points to their nearest stranger that is not banned; at least the background.

        Args:
            rows: which points.
            banned: bool (G,), annotations that take no part.
        """
        depth = min(len(self._sample), 1 + int(banned[self._sample].sum()))
        if depth > self._values.shape[1]:
            self._forget(depth)
        self._compare(rows[~self._known[rows]])
        allowed = np.where(banned[self._sample][self._order[rows]], -np.inf, self._values[rows])
        background = np.float32(self._parameters.background)
        return np.asarray(allowed.max(axis=1, initial=background), np.float32)

    def _forget(self, depth: int) -> None:
        """Make room for each point's ``depth`` nearest sampled strangers: similarity, and place in the sample."""
        count = len(self._points.owners)
        self._values = np.empty((count, depth), np.float32)
        self._order = np.empty((count, depth), np.intp)
        self._known = np.zeros(count, bool)

    def _compare(self, rows: Indices) -> None:
        depth, strangers = self._values.shape[1], self._individuals[self._sample]
        self._values[rows], self._order[rows] = -np.inf, 0
        self._known[rows] = True
        asked = self._points.take(rows)
        for part, near, similarity in neighbourhoods(asked, self._sampled, self._parameters):
            best = best_of_annotations(similarity, self._sampled.owners[near], len(self._sample))
            best[self._individuals[asked.owners[part]][:, None] == strangers] = -np.inf
            top = best.argpartition(-depth, axis=1)[:, -depth:]
            self._order[rows[part]] = top
            self._values[rows[part]] = np.take_along_axis(best, top, axis=1)


def sample_of(gallery: Sequence[Keypoints], size: int) -> Indices:
    """Positions of ``size`` annotations drawn by their content: the same ones in whatever order they stand."""
    lots = [hashlib.blake2b(keypoints.descriptors.tobytes(), digest_size=8).digest() for keypoints in gallery]
    return np.array(sorted(range(len(gallery)), key=lots.__getitem__)[:size], np.intp)


def neighbourhoods(
    queries: Points, gallery: Points, parameters: LocalParameters
) -> Iterator[tuple[Indices, Indices, Floats]]:
    """Similarities of all points that lie near each other in their boxes, a cell of query points at a time.

    Args:
        queries: points to compare.
        gallery: points to compare them with.
        parameters: how far apart they may lie.

    Yields:
        positions of R query points, positions of N gallery points, and their similarities, float32 (R, N).
    """
    for cell in np.unique(queries.cells, axis=0):
        rows = np.flatnonzero((queries.cells == cell).all(axis=1))
        near = np.flatnonzero((np.abs(gallery.cells - cell) <= parameters.reach).all(axis=1))
        if len(near):
            right = gallery.vectors if len(near) == len(gallery.vectors) else gallery.vectors[near]
            step = max(1, _MOST // len(near))  # bounds memory however crowded a cell is
            for start in range(0, len(rows), step):
                part = rows[start : start + step]
                yield part, near, queries.as_queries(part) @ right.T


def best_of_annotations(similarity: Floats, owners: Indices, count: int) -> Floats:
    """Each query point's best similarity to each annotation, float32 (R, count); -inf where none is near."""
    best = np.full((len(similarity), count), -np.inf, np.float32)
    present, starts = runs(owners)
    best[:, present] = np.maximum.reduceat(similarity, starts, axis=1)
    return best


def margins(best: Floats, individuals: Indices, background: float) -> Floats:
    """What each point votes: by how much the nearest individual's annotations beat every other individual.

    Args:
        best: (R, G), each point's best similarity to each annotation, -inf for none.
        individuals: (G,), a number for each annotation's individual.
        background: the least similarity that must be beaten.

    Returns:
        float32 (R, G), 0 or more; above 0 only for annotations of one individual in each row.
    """
    nearest = individuals[best.argmax(axis=1)]
    others = np.where(nearest[:, None] == individuals, np.float32(-np.inf), best)
    rival = np.maximum(others.max(axis=1, keepdims=True), np.float32(background))
    return np.asarray(np.maximum(best - rival, 0), np.float32)


def individual_codes(individuals: Sequence[str | None]) -> Indices:
    """A number for each annotation's individual; each None gets one of its own."""
    numbers: dict[str | int, int] = {}
    keys = [position if name is None else name for position, name in enumerate(individuals)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.intp)


def runs(owners: Indices) -> tuple[Indices, Indices]:
    """The distinct values of a sorted array, and where each begins."""
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    return owners[starts], starts
