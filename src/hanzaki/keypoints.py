"""Local features of one animal in one picture, as vision makes them and matching compares them."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Keypoints:
    """Points that can be found again in another photograph, each with what it looks like.

    Attributes:
        points: float32 (N, 2), x and y in pixels of the picture given to the extractor.
        sizes: float32 (N,), diameter of each point's neighbourhood in the same pixels.
        angles: float32 (N,), direction of each point in degrees, clockwise from the x axis.
        weights: float32 (N,), 0 to 1, how probably the point lies on the animal.
        descriptors: uint8 or int8 (N, D), one row a point.
        extent: width and height of that picture in pixels.
    """

    points: npt.NDArray[np.float32]
    sizes: npt.NDArray[np.float32]
    angles: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    descriptors: npt.NDArray[np.uint8] | npt.NDArray[np.int8]
    extent: tuple[int, int]

    def __post_init__(self) -> None:
        count = len(self.points)
        if self.points.shape != (count, 2) or self.descriptors.ndim != 2:
            raise ValueError("points must be (N, 2) and descriptors (N, D)")
        if not len(self.sizes) == len(self.angles) == len(self.weights) == len(self.descriptors) == count:
            raise ValueError("keypoint arrays differ in length")

    def __len__(self) -> int:
        return len(self.points)

    def to_bytes(self) -> bytes:
        """These keypoints as the bytes of an uncompressed ``.npz`` file."""
        buffer = io.BytesIO()
        np.savez(
            buffer,
            points=self.points,
            sizes=self.sizes,
            angles=self.angles,
            weights=self.weights,
            descriptors=self.descriptors,
            extent=np.array(self.extent, np.int64),
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Keypoints:
        """The inverse of :meth:`to_bytes`; never unpickles."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            columns = {name: arrays[name] for name in cls.__dataclass_fields__ if name != "extent"}
            width, height = arrays["extent"].tolist()
            return cls(**columns, extent=(width, height))
