"""From what a network saw back to the photograph: the box, its share, and the resize undone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.boxes import Box
from hanzaki.vision.model import CropConfig

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sight:
    """What of a photograph somebody looked at.

    Attributes:
        size: width and height of the photograph.
        box: of the animal; None for the whole photograph.
        area_fraction: share of the box's area that was looked at.
    """

    size: tuple[int, int]
    box: Box | None = None
    area_fraction: float = 1.0

    @property
    def seen(self) -> Box:
        """The rectangle that was looked at, in pixels of the photograph."""
        whole = Box(0, 0, *map(float, self.size)) if self.box is None else self.box
        return whole.scaled_area(self.area_fraction)

    def to_photograph(self, points: npt.ArrayLike, extent: tuple[int, int]) -> npt.NDArray[np.float64]:
        """Points of the picture that was cut out, in pixels of the photograph.

        Args:
            points: (N, 2), x and y; whole numbers are pixels' centres.
            extent: width and height of that picture.

        Returns:
            float64 (N, 2).
        """
        x, y, w, h, theta = self.seen
        offset = (np.asarray(points, np.float64) + 0.5) / extent - 0.5
        across, down = offset[:, 0] * w, offset[:, 1] * h
        cosine, sine = math.cos(theta), math.sin(theta)
        turned = np.stack([across * cosine - down * sine, across * sine + down * cosine], axis=1)
        return np.asarray(turned + np.array([x + w / 2 - 0.5, y + h / 2 - 0.5]), np.float64)

    def from_photograph(self) -> tuple[Floats, Floats]:
        """Where each pixel of the photograph lies in what was looked at: 0 to 1 across and down, or beyond.

        Returns:
            float32 (H, W) each.
        """
        x, y, w, h, theta = self.seen
        width, height = self.size
        across = np.arange(width, dtype=np.float32)[None] + np.float32(0.5 - x - w / 2)
        down = np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5 - y - h / 2)
        cosine, sine = math.cos(theta), math.sin(theta)
        u = (across * cosine + down * sine) / w + 0.5
        v = (down * cosine - across * sine) / h + 0.5
        return u.astype(np.float32), v.astype(np.float32)


def spread_over(grid: Floats, sight: Sight, config: CropConfig) -> Floats:
    """A map over the network's input, over the photograph: smooth between the map's cells, 0 outside of the box.

    Args:
        grid: float32 (h, w), cells of the input.
        sight: what of the photograph the network saw.
        config: how that was brought to the network's input.

    Returns:
        float32 (H, W) of the photograph; no value is outside of the grid's range, but for the zeros.

    Raises:
        ValueError: if the grid is no picture.
    """
    if grid.ndim != 2 or not grid.size:
        raise ValueError(f"a map is (h, w), not {grid.shape}")
    u, v = sight.from_photograph()
    share_x, share_y = _filled(sight, config)
    columns = u * np.float32(share_x * grid.shape[1]) - np.float32(0.5)
    rows = v * np.float32(share_y * grid.shape[0]) - np.float32(0.5)
    # cubic, since the creases of a linear surface look like edges of the animal
    smooth = cv2.remap(
        np.ascontiguousarray(grid, np.float32), columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    inside = (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
    return np.asarray(np.where(inside, np.clip(smooth, grid.min(), grid.max()), 0), np.float32)


def in_photograph(points: npt.ArrayLike, sight: Sight, config: CropConfig) -> npt.NDArray[np.float64]:
    """Places of the network's input, in pixels of the photograph.

    Args:
        points: (N, 2), x and y, 0 to 1 across and down of the input.
        sight: what of the photograph the network saw.
        config: how that was brought to the network's input.

    Returns:
        float64 (N, 2); a place in the input's padding comes out beyond the box.
    """
    shares = np.asarray(points, np.float64) / np.array(_filled(sight, config))
    return sight.to_photograph(shares - 0.5, (1, 1))


def _filled(sight: Sight, config: CropConfig) -> tuple[float, float]:
    """Share of the input's width and height that the picture fills; the rest is padding."""
    if config.resize == "squash":
        return 1.0, 1.0
    width, height = config.input_size
    _, _, w, h, _ = sight.seen
    scale = min(width / w, height / h)
    return max(1, round(w * scale)) / width, max(1, round(h * scale)) / height
