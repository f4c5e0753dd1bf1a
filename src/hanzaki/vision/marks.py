"""Local features that were learnt: the points of RootSIFT, each described by a network that sees its patch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.errors import ModelError
from hanzaki.keypoints import Keypoints
from hanzaki.vision.model import ModelFolder, PointsConfig
from hanzaki.vision.patches import cut_patches
from hanzaki.vision.rootsift import FoundPoints, RootSift
from hanzaki.vision.runtime import RuntimeName, load_network

Prepared = tuple[FoundPoints, npt.NDArray[np.uint8]]

# Vectors of length one whose cosines go from about 0 (strangers) to 1 become rows whose cosines go from 0.6 to 1,
# as those of RootSIFT do, by numbers that all rows have in common: matching then weighs likeness, place and
# direction the same for either. Four numbers share the load, so that the others keep room in int8.
_COMMON = 1.5  # square of the common part: 1.5 / (1 + 1.5) = 0.6
_COLUMNS = 4
_SCALE = 200.0  # the common numbers become 122, and an entry of a vector may reach 0.63

_RECIPE = f"{_COMMON} {_COLUMNS} {_SCALE}"


def name_of_keypoints(model: ModelFolder[Any], found: str) -> str:
    """What identifies keypoints whose vectors are written by :func:`signed_rows`.

    Args:
        model: the folder of the network that describes them.
        found: what says how they are found.
    """
    recipe = f"{found} {model.fingerprint} {_RECIPE}"
    return f"{model.config.name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


class Marks:
    """Finds the points of RootSIFT and describes them by a model folder's network.

    Args:
        model: the folder.
        runtime: what runs it.
        threads: how many to use.

    Raises:
        ModelError: if the network cannot be loaded.
    """

    def __init__(
        self, model: ModelFolder[PointsConfig], runtime: RuntimeName = "openvino", threads: int = 1
    ) -> None:
        self.model = model
        self._points = RootSift()
        self._network = load_network(model.onnx, runtime, threads)

    @property
    def name(self) -> str:
        """What identifies its keypoints: how points are found, the network, and how rows are written."""
        return name_of_keypoints(self.model, self._points.name)

    @property
    def kind(self) -> str:
        """It makes keypoints."""
        return "keypoints"

    @property
    def area_fraction(self) -> float:
        """It looks at the whole box, as RootSIFT does."""
        return self._points.area_fraction

    def prepare(self, crop: npt.NDArray[np.uint8]) -> Prepared:
        """Find the points, and cut their patches: uint8 (N, patch, patch)."""
        found = self._points.find(crop)
        return found, patches_of(found, self.model.config.patch, self.model.config.reach)

    def describe(self, prepared: Sequence[Prepared]) -> list[Keypoints]:
        """Run the network on all patches.

        Raises:
            ModelError: if the network gives something else than its config says.
        """
        counts = [len(patches) for _, patches in prepared]
        rows = np.zeros((0, self.model.config.embedding_size), np.float32)
        if any(counts):
            patches = np.concatenate([patches for _, patches in prepared])
            rows = self._network(patches[:, None].astype(np.float32))
        if rows.shape != (sum(counts), self.model.config.embedding_size) or not np.isfinite(rows).all():
            raise ModelError(f"{self.model.folder}: the network does not give what its config says")
        parts = np.split(signed_rows(rows), np.cumsum(counts)[:-1])
        return [found.described(part) for (found, _), part in zip(prepared, parts, strict=True)]


def patches_of(found: FoundPoints, side: int, reach: float) -> npt.NDArray[np.uint8]:
    """The patches of a picture's points, cut at the working size: uint8 (N, side, side)."""
    points: Sequence[cv2.KeyPoint] = found.points
    return cut_patches(
        found.grey,
        np.array([point.pt for point in points], np.float32).reshape(-1, 2),
        np.array([point.size for point in points], np.float32),
        np.array([point.angle for point in points], np.float32),
        side,
        reach,
    )


def signed_rows(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
    """Vectors of length one as rows of small numbers, whose cosines are ``(0.6 + 0.4 cos)`` of the vectors'.

    Args:
        vectors: float32 (N, D), of length one.

    Returns:
        int8 (N, D + 4).
    """
    common = np.full((len(vectors), _COLUMNS), np.sqrt(_COMMON / _COLUMNS), np.float32)
    rows = np.rint(np.concatenate([vectors, common], axis=1) * _SCALE)
    return np.clip(rows, -127, 127).astype(np.int8)


def vectors_of(rows: npt.NDArray[np.int8] | npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The vectors of :func:`signed_rows` but for rounding, of length one: float32 (N, D)."""
    vectors = rows[:, :-_COLUMNS].astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.float32(1e-9)), np.float32)
