"""Who, by local features: scores annotations against a gallery by their keypoints, with no trained model.

The contest is LNBNN (McCann & Lowe 2012, eq. 8) as HotSpotter uses it (Crall et al. 2013, §4): each keypoint
votes for the annotations of the individual that has its nearest neighbour, with the margin by which they are
nearer than any other individual. Both sides vote: the query's points for the gallery, the gallery's for the
query. As boxes are drawn around whole animals, a point is sought near its own place in the box, and distance
there counts like unlikeness (Boiman et al. 2008, §4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanzaki.keypoints import Keypoints

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class LocalParameters:
    """How keypoints are compared.

    Attributes:
        position_weight: similarity lost per squared shift, in box sides, between two points (times 1/2).
        size_weight: the same per squared octave between their sizes, taken as shares of the longer side.
        angle_weight: similarity lost per 1 - cos of two points' difference in direction.
        cells: cells along each side of the box.
        reach: points are compared if their cells lie at most this many cells apart; ``cells`` compares all.
        background: cosine similarity that points of different animals reach by chance: what a match must
            beat where the gallery has no other individual to compare with.
        symmetric: whether the gallery's points vote for the query too.
        shortlist: best annotations of each query whose votes are verified geometrically.
        verified_weight: what verified correspondences add to the score, per unit of their weights.
        tolerance: distance, as a share of the box's longer side, within which a point agrees with a transform.
        block: queries compared at a time; memory grows with it.
    """

    position_weight: float = 1.0
    size_weight: float = 0.1
    angle_weight: float = 0.15
    cells: int = 8
    reach: int = 1
    background: float = 0.6
    symmetric: bool = True
    shortlist: int = 20
    verified_weight: float = 0.5
    tolerance: float = 0.05
    block: int = 64


STANDARD = LocalParameters()


@dataclass(frozen=True, eq=False)
class _Points:
    """All keypoints of several annotations: ``left @ right.T`` is the similarity of any two of them."""

    left: Floats
    right: Floats
    cells: Indices
    owners: Indices
    weights: Floats

    @classmethod
    def of(cls, annotations: Sequence[Keypoints], parameters: LocalParameters) -> _Points:
        lengths = [len(keypoints) for keypoints in annotations]
        filled = [keypoints for keypoints in annotations if len(keypoints)]
        if not filled:
            none = np.zeros((0, 1), np.float32)
            return cls(none, none, np.zeros((0, 2), np.intp), np.zeros(0, np.intp), none[:, 0])
        place = np.concatenate([keypoints.points / np.array(keypoints.extent) for keypoints in filled])
        place = np.clip(place, 0, 1).astype(np.float32)
        angle = np.deg2rad(np.concatenate([keypoints.angles for keypoints in filled]))
        vectors = np.concatenate([unit_rows(keypoints.descriptors) for keypoints in filled])
        size = np.log2(np.concatenate([relative_sizes(keypoints) for keypoints in filled]))
        extra = np.column_stack(
            [
                np.sqrt(parameters.position_weight) * place,
                np.sqrt(parameters.size_weight) * size,
                np.sqrt(parameters.angle_weight) * np.cos(angle),
                np.sqrt(parameters.angle_weight) * np.sin(angle),
            ]
        )
        # Appended columns turn the inner product into cosine - |difference of extra|^2 / 2.
        half = (extra**2).sum(axis=1, keepdims=True) / 2
        ones = np.ones_like(half)
        return cls(
            left=np.hstack([vectors, extra, -half, ones]).astype(np.float32),
            right=np.hstack([vectors, extra, ones, -half]).astype(np.float32),
            cells=np.minimum((place * parameters.cells).astype(np.intp), parameters.cells - 1),
            owners=np.repeat(np.arange(len(annotations)), lengths),
            weights=np.concatenate([keypoints.weights for keypoints in filled]).astype(np.float32),
        )


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
        parameters: LocalParameters = STANDARD,
    ) -> None:
        if len(gallery) != len(individuals):
            raise ValueError("gallery and individuals differ in length")
        self._gallery = list(gallery)
        self._individuals = individual_codes(individuals)
        self._parameters = parameters
        self._points = _Points.of(gallery, parameters)
        self._rivals: tuple[Floats, Indices] | None = None

    def __len__(self) -> int:
        return len(self._gallery)

    def search(self, queries: Sequence[Keypoints], exclude: Sequence[Indices] | None = None) -> Floats:
        """Score every gallery annotation for every query.

        Args:
            queries: keypoints of Q annotations.
            exclude: for each query the gallery positions that take no part in its contest (itself, say, and
                all of its own encounter); None excludes nothing.

        Returns:
            float32 (Q, G), higher is more alike, 0 without any evidence, -inf for excluded positions.

        Raises:
            ValueError: if ``exclude`` has not one entry a query.
        """
        if exclude is None:
            exclude = [np.zeros(0, np.intp)] * len(queries)
        if len(exclude) != len(queries):
            raise ValueError("exclude must have one entry for each query")
        scores = np.zeros((len(queries), len(self)), np.float32)
        if not len(self):
            return scores
        for start in range(0, len(queries), self._parameters.block):
            block = slice(start, start + self._parameters.block)
            scores[block] = self._votes(queries[block], exclude[block])
        for row, query, out in zip(scores, queries, exclude, strict=True):
            row[out] = -np.inf
            self._verify(row, query)
        return scores

    def _votes(self, queries: Sequence[Keypoints], exclude: Sequence[Indices]) -> Floats:
        """Votes of both sides for one block of queries, float32 (Q, G)."""
        query_points = _Points.of(queries, self._parameters)
        banned = np.zeros((len(queries), len(self)), bool)
        for row, out in zip(banned, exclude, strict=True):
            row[out] = True
        votes = np.zeros((len(queries), len(self)))
        seen = np.full((len(queries), len(self._points.owners)), -np.inf, np.float32)
        for rows, near, similarity in neighbourhoods(query_points, self._points, self._parameters):
            owners, starts = runs(query_points.owners[rows])
            best = best_of_annotations(similarity, self._points.owners[near], len(self))
            best[banned[query_points.owners[rows]]] = -np.inf
            margin = margins(best, self._individuals, self._parameters.background)
            votes[owners] += np.add.reduceat(margin * query_points.weights[rows, None], starts, axis=0)
            if self._parameters.symmetric:
                for owner, part in zip(owners, np.split(similarity, starts[1:]), strict=True):
                    seen[owner, near] = np.maximum(seen[owner, near], part.max(axis=0))
        if self._parameters.symmetric:
            depth = 1 + max(len(out) for out in exclude)
            for number in range(len(queries)):
                votes[number] += self._gallery_votes(seen[number], banned[number], depth)
        return votes.astype(np.float32)

    def _gallery_votes(self, seen: Floats, banned: npt.NDArray[np.bool_], depth: int) -> npt.NDArray[np.float64]:
        """Votes of the gallery's points for one query, (G,): where it is nearer than any other individual.

        Args:
            seen: (M,), each gallery point's best similarity to the query.
            banned: (G,), annotations that take no part.
            depth: rivals needed for each point so that one that is not banned is surely among them.
        """
        values, annotations = self._nearest_rivals(min(depth, len(self)))
        allowed = ~banned[annotations]
        first = allowed.argmax(axis=1)
        rows = np.arange(len(seen))
        rival = np.where(allowed[rows, first], values[rows, first], -np.inf)
        margin = np.maximum(seen - np.maximum(rival, self._parameters.background), 0) * self._points.weights
        return np.asarray(np.bincount(self._points.owners, margin, len(self)), np.float64)

    def _nearest_rivals(self, depth: int) -> tuple[Floats, Indices]:
        """Each gallery point's nearest annotations of other individuals: values and positions, (M, depth)."""
        if self._rivals is None or self._rivals[0].shape[1] < depth:
            points = self._points
            values = np.full((len(points.owners), depth), -np.inf, np.float32)
            positions = np.zeros((len(points.owners), depth), np.intp)
            for rows, near, similarity in neighbourhoods(points, points, self._parameters):
                best = best_of_annotations(similarity, points.owners[near], len(self))
                own = self._individuals[points.owners[rows]]
                best[own[:, None] == self._individuals] = -np.inf
                top = best.argpartition(-depth, axis=1)[:, -depth:]
                order = np.take_along_axis(best, top, axis=1).argsort(axis=1)[:, ::-1]
                positions[rows] = np.take_along_axis(top, order, axis=1)
                values[rows] = np.take_along_axis(best, positions[rows], axis=1)
            self._rivals = values, positions
        return self._rivals

    def _verify(self, scores: Floats, query: Keypoints) -> None:
        """Raise the best scores of one query, in place, by what agrees with one transform of the animal."""
        if self._parameters.verified_weight <= 0:
            return
        for position in (-scores).argsort(kind="stable")[: self._parameters.shortlist]:
            if scores[position] > 0:
                pairs = correspondences(query, self._gallery[position], self._parameters)
                scores[position] += self._parameters.verified_weight * pairs.evidence


def neighbourhoods(
    queries: _Points, gallery: _Points, parameters: LocalParameters, most: int = 2048
) -> Iterator[tuple[Indices, Indices, Floats]]:
    """Similarities of all points that lie near each other in their boxes, a cell of query points at a time.

    Yields:
        positions of R query points, positions of N gallery points, and their similarities, float32 (R, N).
    """
    for cell in np.unique(queries.cells, axis=0):
        rows = np.flatnonzero((queries.cells == cell).all(axis=1))
        near = np.flatnonzero((np.abs(gallery.cells - cell) <= parameters.reach).all(axis=1))
        if len(near):
            right = gallery.right[near].T
            for start in range(0, len(rows), most):
                part = rows[start : start + most]
                yield part, near, queries.left[part] @ right


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


def relative_sizes(keypoints: Keypoints) -> Floats:
    """Sizes as shares of the picture's longer side, float32 (N,), above 0."""
    shares = keypoints.sizes / np.float32(max(keypoints.extent))
    return np.asarray(np.maximum(shares, np.float32(1e-6)), np.float32)


def unit_rows(descriptors: npt.NDArray[np.uint8]) -> Floats:
    """Rows of length one, float32; a row of zeros stays so."""
    rows = descriptors.astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.float32(1e-9)), np.float32)


@dataclass(frozen=True, eq=False)
class Correspondences:
    """Keypoint pairs of two annotations that agree with one affine transform, for verifying and drawing.

    Attributes:
        pairs: intp (M, 2), positions in the query's and in the candidate's keypoints.
        weights: float32 (M,), how much better each pair is than the next best choice for either point,
            times how probably both points lie on animals.
        transform: float64 (2, 3), takes the query's pixels to the candidate's; zeros without pairs.
    """

    pairs: Indices
    weights: Floats
    transform: npt.NDArray[np.float64]

    @property
    def evidence(self) -> float:
        """Sum of the weights."""
        return float(self.weights.sum())


def correspondences(
    query: Keypoints, candidate: Keypoints, parameters: LocalParameters = STANDARD
) -> Correspondences:
    """Verified pairs of two annotations: mutual nearest neighbours that agree with one transform.

    Each pair alone proposes a similarity transform from its places, sizes and directions (as HotSpotter does,
    Crall et al. 2013, §3), so that nothing is drawn at random; the proposal with the most weight is refined
    to an affine one.
    """
    none = Correspondences(np.zeros((0, 2), np.intp), np.zeros(0, np.float32), np.zeros((2, 3)))
    if not len(query) or not len(candidate):
        return none
    left, right = _Points.of([query], parameters), _Points.of([candidate], parameters)
    pairs, weights = mutual_pairs(left.left @ right.right.T, parameters.background)
    weights = weights * np.sqrt(left.weights[pairs[:, 0]] * right.weights[pairs[:, 1]])
    if not weights.any():
        return none
    proposals = proposed_similarities(query, candidate, pairs)
    source, target = (
        side.points[column].astype(np.float64) for side, column in zip((query, candidate), pairs.T, strict=True)
    )
    tolerance = parameters.tolerance * max(candidate.extent)
    agree = np.linalg.norm(moved(source, proposals) - target, axis=2) <= tolerance
    chosen = int((agree @ weights).argmax())
    transform, inliers = proposals[chosen], agree[chosen]
    for _ in range(2):
        better = fitted_affine(source[inliers], target[inliers], weights[inliers], transform, tolerance)
        agreeing = np.linalg.norm(moved(source, better[None])[0] - target, axis=1) <= tolerance
        if weights[agreeing].sum() < weights[inliers].sum():
            break
        transform, inliers = better, agreeing
    return Correspondences(pairs[inliers], weights[inliers].astype(np.float32), transform)


def mutual_pairs(similarity: Floats, background: float) -> tuple[Indices, Floats]:
    """Points that choose each other, and by how much they beat the second choice of either and ``background``.

    Args:
        similarity: (N, M) of each query point to each candidate point.
        background: the least similarity that must be beaten.

    Returns:
        intp (P, 2), query and candidate positions, and float32 (P,), 0 or more.
    """
    columns = similarity.argmax(axis=1)
    rows = np.flatnonzero(similarity.argmax(axis=0)[columns] == np.arange(len(similarity)))
    columns = columns[rows]
    best = similarity[rows, columns]
    across, down = similarity[rows], similarity[:, columns]
    across[np.arange(len(rows)), columns] = background
    down[rows, np.arange(len(rows))] = background
    second = np.maximum(np.maximum(across.max(axis=1), down.max(axis=0)), np.float32(background))
    return np.column_stack([rows, columns]), np.maximum(best - second, 0)


def proposed_similarities(query: Keypoints, candidate: Keypoints, pairs: Indices) -> npt.NDArray[np.float64]:
    """The similarity transform that takes each pair's query point onto its candidate point, (M, 2, 3)."""
    rows, columns = pairs.T
    scale = candidate.sizes[columns] / np.maximum(query.sizes[rows], 1e-6)
    turn = np.deg2rad(candidate.angles[columns] - query.angles[rows])
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2).astype(np.float64)
    shift = candidate.points[columns] - np.einsum("mij,mj->mi", linear, query.points[rows])
    return np.concatenate([linear, shift[..., None]], axis=2)


def moved(points: npt.NDArray[np.float64], transforms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Points (M, 2) after each of T transforms (T, 2, 3), as (T, M, 2)."""
    shifted: npt.NDArray[np.float64] = points @ transforms[:, :, :2].transpose(0, 2, 1)
    return shifted + transforms[:, None, :, 2]


def fitted_affine(
    source: npt.NDArray[np.float64],
    target: npt.NDArray[np.float64],
    weights: Floats,
    start: npt.NDArray[np.float64],
    length: float,
) -> npt.NDArray[np.float64]:
    """The affine transform (2, 3) of least weighted squares, held near ``start`` where points say little.

    Args:
        source: (M, 2), M at least 1.
        target: (M, 2).
        weights: (M,).
        start: (2, 3), the transform to stay near.
        length: in target pixels; how far apart points must lie to move the linear part from ``start``.
    """
    weights = weights / max(float(weights.sum()), 1e-12)
    middle = weights @ source
    centred = source - middle
    residual = target - moved(source, start[None])[0]
    shift = weights @ residual
    spread = centred.T @ (weights[:, None] * centred) + length**2 * np.eye(2)
    change = np.linalg.solve(spread, centred.T @ (weights[:, None] * (residual - shift))).T
    step: npt.NDArray[np.float64] = np.column_stack([change, shift - change @ middle])
    return start + step
