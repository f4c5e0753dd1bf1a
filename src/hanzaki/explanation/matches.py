"""The keypoints of two pictures that show the same marks, as local matching verified them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanzaki.keypoints import Keypoints
from hanzaki.matching.geometry import correspondences
from hanzaki.matching.points import UPRIGHT, LocalParameters


@dataclass(frozen=True, eq=False)
class Matches:
    """Pairs of points that agree with one movement of the animal, the strongest first.

    Attributes:
        left: float32 (M, 2), x and y in pixels of the first picture as it was given to the extractor.
        right: float32 (M, 2), likewise of the second.
        weights: float32 (M,), by how much each pair is nearer than the next best choice of either point, times how
            probably both lie on animals.
    """

    left: npt.NDArray[np.float32]
    right: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def evidence(self) -> float:
        """Sum of the weights."""
        return float(self.weights.sum())


def verified_matches(left: Keypoints, right: Keypoints, parameters: LocalParameters = UPRIGHT) -> Matches:
    """The verified pairs of two pictures; see :func:`hanzaki.matching.geometry.correspondences`.

    Args:
        left: of the first picture.
        right: of the second, of the same describer.
        parameters: how keypoints are compared.

    Raises:
        ValueError: if the two were described in different ways.
    """
    if len(left) and len(right) and left.descriptors.shape[1] != right.descriptors.shape[1]:
        raise ValueError("keypoints of two describers cannot be compared")
    found = correspondences(left, right, parameters)
    order = (-found.weights).argsort(kind="stable")
    first, second = found.pairs[order].T
    return Matches(left.points[first], right.points[second], found.weights[order])
