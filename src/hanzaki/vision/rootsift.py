"""Local features that need no training: RootSIFT keypoints of one animal's picture."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.keypoints import Keypoints

VERSION = 1
"""Raised whenever the code below gives other features for the same parameters."""

DESCRIPTOR_SCALE = 512.0
"""RootSIFT rows have length one and entries seldom above 0.5: times 512 they use the whole of uint8."""


@dataclass(frozen=True)
class RootSift:
    """SIFT points (Lowe 2004) with the RootSIFT descriptor (Arandjelović & Zisserman 2012, §2).

    The picture is brought to one working size, so that stripes and spots have about the same size in
    every photograph, and its local contrast is evened out (CLAHE), so that sun and shade cost less.

    Attributes:
        longest: working length of the picture's longer side, in pixels.
        contrast_limit: CLAHE's clip limit, in multiples of a flat histogram; 0 leaves contrast as it is.
        tiles: CLAHE tiles along each side.
        most: keypoints kept, the strongest on the animal first.
        threshold: SIFT's contrast threshold on grey values from 0 to 1; lower finds fainter points.
        edge: SIFT's edge threshold; higher keeps more points along edges.
        upright: whether every point's direction is fixed to 0 instead of measured.
        spread: standard deviation of the prior of the animal's place (a Gaussian around the picture's
            centre), as a share of each side: it becomes ``Keypoints.weights``.
    """

    longest: int = 400
    contrast_limit: float = 2.0
    tiles: int = 8
    most: int = 400
    threshold: float = 0.01
    edge: float = 12.0
    upright: bool = False
    spread: float = 0.3

    @property
    def name(self) -> str:
        """Names this recipe: another recipe has another name, so that features are never mixed."""
        recipe = json.dumps({"version": VERSION, **asdict(self)}, sort_keys=True)
        return f"rootsift-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"

    @property
    def kind(self) -> str:
        """It makes keypoints."""
        return "keypoints"

    @property
    def area_fraction(self) -> float:
        """It looks at the whole box; the prior of the animal's place does the rest."""
        return 1.0

    def prepare(self, crop: npt.NDArray[np.uint8]) -> Keypoints:
        """The whole work, which is done in threads: OpenCV releases Python's lock."""
        return self(crop)

    def describe(self, prepared: Sequence[Keypoints]) -> Sequence[Keypoints]:
        """Nothing is left to do."""
        return prepared

    def __call__(self, image: npt.NDArray[np.uint8]) -> Keypoints:
        """Find and describe the points of one picture.

        Args:
            image: uint8 (H, W, 3), RGB, cropped to the animal.

        Returns:
            Keypoints: at most ``most`` of them, strongest first, in pixels of ``image``.
        """
        found = self.find(image)
        described = self._sift().compute(found.grey, found.points)[1] if found.points else np.zeros((0, 128))
        return found.described(root_descriptors(np.asarray(described, np.float32)))

    def find(self, image: npt.NDArray[np.uint8]) -> FoundPoints:
        """Find the points of one picture: uint8 (H, W, 3), RGB, cropped to the animal."""
        height, width = image.shape[:2]
        grey = self._working_grey(image)
        points = self._strongest(list(self._sift().detect(grey, None)), grey.shape[1], grey.shape[0])
        return FoundPoints(grey, points, (width, height), self.spread)

    def _sift(self) -> cv2.SIFT:
        return cv2.SIFT.create(contrastThreshold=self.threshold, edgeThreshold=self.edge)

    def _working_grey(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Lightness at the working size with evened contrast, uint8 (h, w)."""
        height, width = image.shape[:2]
        scale = self.longest / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        grey = np.ascontiguousarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB)[..., 0])
        if self.contrast_limit > 0:
            grey = cv2.createCLAHE(self.contrast_limit, (self.tiles, self.tiles)).apply(grey)
        return np.asarray(grey, np.uint8)

    def _strongest(self, found: list[cv2.KeyPoint], width: int, height: int) -> list[cv2.KeyPoint]:
        """The ``most`` points of the greatest response times prior, in a fixed order."""
        if self.upright:
            # A point with two directions is found twice: upright the two would be the same point.
            found = list({(p.pt, p.size): p for p in found}.values())
            for point in found:
                point.angle = 0.0
        if not found:
            return []
        places = np.array([point.pt for point in found], np.float32)
        strength = np.array([point.response for point in found])
        strength = strength * central_weights(places, width, height, self.spread)
        order = np.lexsort((places[:, 1], places[:, 0], -strength))
        return [found[i] for i in order[: self.most]]


@dataclass(frozen=True, eq=False)
class FoundPoints:
    """The points of one picture, not yet described.

    Attributes:
        grey: uint8 (h, w), the picture at the working size, in whose pixels the points are.
        points: at most as many as are kept, strongest first.
        extent: width and height of the picture that was given.
        spread: of the prior of the animal's place.
    """

    grey: npt.NDArray[np.uint8]
    points: Sequence[cv2.KeyPoint]
    extent: tuple[int, int]
    spread: float

    def described(self, descriptors: npt.NDArray[np.uint8] | npt.NDArray[np.int8]) -> Keypoints:
        """The points with what each looks like, in pixels of the picture that was given."""
        width, height = self.extent
        points = np.array([point.pt for point in self.points], np.float32).reshape(-1, 2)
        # OpenCV puts whole coordinates at pixel centres: a resize maps x + 1/2, not x.
        scale = np.array([width / self.grey.shape[1], height / self.grey.shape[0]], np.float32)
        points = (points + 0.5) * scale - 0.5
        return Keypoints(
            points=points,
            sizes=np.array([point.size for point in self.points], np.float32) * np.float32(scale.mean()),
            angles=np.array([point.angle for point in self.points], np.float32),
            weights=central_weights(points, width, height, self.spread),
            descriptors=descriptors,
            extent=self.extent,
        )


def central_weights(
    points: npt.NDArray[np.float32], width: int, height: int, spread: float
) -> npt.NDArray[np.float32]:
    """How probably each point lies on the animal, judged by its place in the animal's box.

    Args:
        points: (N, 2), x and y in pixels.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        spread: standard deviation as a share of each side.

    Returns:
        float32 (N,), 1 in the picture's centre and less towards its border.
    """
    offset = (points / np.array([width, height], np.float32) - 0.5) / spread
    return np.asarray(np.exp(-0.5 * (offset**2).sum(axis=1)), np.float32)


def root_descriptors(sift: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """SIFT rows as RootSIFT rows: Euclidean distance then compares histograms by Hellinger's kernel.

    Args:
        sift: float32 (N, 128), not negative.

    Returns:
        uint8 (N, 128), 512 times the square root of each row divided by its sum.
    """
    total = np.maximum(sift.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    rows = np.rint(np.sqrt(sift / total) * DESCRIPTOR_SCALE)
    return np.asarray(np.minimum(rows, 255), np.uint8)
