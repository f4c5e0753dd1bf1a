"""Spatial verification: which keypoint pairs of two pictures agree with one movement of the animal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanzaki.keypoints import Keypoints
from hanzaki.matching.points import UPRIGHT, Floats, Indices, LocalParameters, Points


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
    query: Keypoints, candidate: Keypoints, parameters: LocalParameters = UPRIGHT
) -> Correspondences:
    """Verified pairs of two annotations: mutual nearest neighbours that agree with one transform.

    Each pair alone proposes a similarity transform from its places, sizes and directions (as HotSpotter does,
    Crall et al. 2013, §3), so that nothing is drawn at random; the proposal with the most weight is refined
    to an affine one.
    """
    if not len(query) or not len(candidate):
        return no_correspondences()
    left, right = Points.of([query], parameters), Points.of([candidate], parameters)
    similarity = left.as_queries(slice(None)) @ right.vectors.T
    pairs, weights = mutual_pairs(similarity, parameters.background)
    weights = weights * np.sqrt(left.weights[pairs[:, 0]] * right.weights[pairs[:, 1]])
    return agreeing(query, candidate, pairs, weights, parameters.tolerance)


def agreeing(
    query: Keypoints, candidate: Keypoints, pairs: Indices, weights: Floats, tolerance: float = UPRIGHT.tolerance
) -> Correspondences:
    """Those of some pairs that agree with one transform; see :func:`correspondences`.

    Args:
        query: keypoints of the one annotation.
        candidate: of the other.
        pairs: intp (P, 2), positions in either.
        weights: (P,), what each pair is worth, 0 or more.
        tolerance: distance, as a share of the candidate's longer side, within which a point agrees.
    """
    if not weights.any():
        return no_correspondences()
    near = tolerance * max(candidate.extent)
    proposals = proposed_similarities(query, candidate, pairs)
    source, target = (
        side.points[column].astype(np.float64) for side, column in zip((query, candidate), pairs.T, strict=True)
    )
    agree = np.linalg.norm(moved(source, proposals) - target, axis=2) <= near
    chosen = int((agree @ weights).argmax())
    transform, inliers = proposals[chosen], agree[chosen]
    for _ in range(2):
        better = fitted_affine(source[inliers], target[inliers], weights[inliers], transform, near)
        nearer = np.linalg.norm(moved(source, better[None])[0] - target, axis=1) <= near
        if weights[nearer].sum() < weights[inliers].sum():
            break
        transform, inliers = better, nearer
    return Correspondences(pairs[inliers], weights[inliers].astype(np.float32), transform)


def no_correspondences() -> Correspondences:
    """What is found where nothing is."""
    return Correspondences(np.zeros((0, 2), np.intp), np.zeros(0, np.float32), np.zeros((2, 3)))


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
