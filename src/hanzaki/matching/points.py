"""When are two keypoints alike? By look, and by place in the animal's box."""

from __future__ import annotations

from collections.abc import Sequence
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
        angle_weight: similarity lost per 1 - cos of two points' difference in direction.
        cells: cells along each side of the box.
        reach: points are compared if their cells lie at most this many cells apart; ``cells`` compares all.
        background: cosine similarity that points of different animals reach by chance: what a match must
            beat where the gallery has no other individual to compare with.
        rivals: annotations of the gallery, drawn once, against which its own points are normalised.
        shortlist: best annotations of each query whose votes are verified geometrically.
        verified_weight: what verified correspondences add to the score, per unit of their weights.
        tolerance: distance, as a share of the box's longer side, within which a point agrees with a transform.
        block: queries compared at a time; memory grows with it.
    """

    position_weight: float = 1.0
    angle_weight: float = 0.05
    cells: int = 8
    reach: int = 1
    background: float = 0.6
    rivals: int = 96
    shortlist: int = 20
    verified_weight: float = 0.5
    tolerance: float = 0.05
    block: int = 32


#: For animals that stand upright in their boxes: flanks, faces.
UPRIGHT = LocalParameters()

#: For animals that may lie any way in their boxes, as those seen from above: place and direction say nothing.
ANY_WAY = LocalParameters(position_weight=0, angle_weight=0, cells=1, reach=1)


@dataclass(frozen=True, eq=False)
class Points:
    """All keypoints of several annotations, with their places made part of their vectors.

    Attributes:
        vectors: float32 (N, D + 6), such that ``as_queries(rows) @ vectors.T`` is the similarity of any two
            points: the cosine of their descriptors, less what their distance in the box and in direction costs.
        cells: intp (N, 2), each point's cell in the box.
        owners: intp (N,), each point's annotation, in ascending order.
        weights: float32 (N,), how probably each lies on its animal.
    """

    vectors: Floats
    cells: Indices
    owners: Indices
    weights: Floats

    @classmethod
    def of(cls, annotations: Sequence[Keypoints], parameters: LocalParameters) -> Points:
        """The points of annotations, in their order."""
        filled = [keypoints for keypoints in annotations if len(keypoints)]
        if not filled:
            none = np.zeros((0, 1), np.float32)
            return cls(none, np.zeros((0, 2), np.intp), np.zeros(0, np.intp), none[:, 0])
        lengths = [len(keypoints) for keypoints in annotations]
        place = np.concatenate([keypoints.points / np.array(keypoints.extent, np.float32) for keypoints in filled])
        place = np.clip(place, 0, 1)
        angle = np.deg2rad(np.concatenate([keypoints.angles for keypoints in filled]))
        near, along = np.sqrt(np.float32(parameters.position_weight)), np.sqrt(np.float32(parameters.angle_weight))
        extra = np.column_stack([near * place, along * np.cos(angle), along * np.sin(angle)])
        count, width = len(place), filled[0].descriptors.shape[1]
        vectors = np.empty((count, width + 6), np.float32)
        unit_rows(np.concatenate([keypoints.descriptors for keypoints in filled]), out=vectors[:, :width])
        vectors[:, width:-2] = extra
        # these two columns turn the inner product into cosine - |difference of extra|^2 / 2
        vectors[:, -2], vectors[:, -1] = 1, -(extra**2).sum(axis=1) / 2
        return cls(
            vectors=vectors,
            cells=np.minimum((place * parameters.cells).astype(np.intp), parameters.cells - 1),
            owners=np.repeat(np.arange(len(annotations)), lengths),
            weights=np.concatenate([keypoints.weights for keypoints in filled]).astype(np.float32),
        )

    def take(self, rows: Indices) -> Points:
        """Some of the points."""
        return Points(self.vectors[rows], self.cells[rows], self.owners[rows], self.weights[rows])

    def as_queries(self, rows: Indices | slice) -> Floats:
        """The vectors of some points as the left side of the product: the last two columns trade places."""
        vectors = self.vectors[rows].copy()
        vectors[:, [-2, -1]] = vectors[:, [-1, -2]]
        return vectors


def unit_rows(descriptors: npt.NDArray[np.uint8] | npt.NDArray[np.int8], out: Floats) -> None:
    """Write descriptors as rows of length one; a row of zeros stays so.

    Args:
        descriptors: uint8 or int8 (N, D).
        out: float32 (N, D), written.
    """
    out[...] = descriptors
    lengths = np.sqrt(np.einsum("ij,ij->i", out, out))
    out /= np.maximum(lengths, np.float32(1e-9))[:, None]
