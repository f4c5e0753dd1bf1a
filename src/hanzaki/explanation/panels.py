"""A picture as it is to be drawn: the part of a photograph that matters, with what is marked on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.boxes import Box
from hanzaki.explanation.placing import Sight
from hanzaki.vision.crop import Pixels

Floats = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]

_LONGEST = 1200  # pixels of a view; more is not seen on a page
_MARGIN = 0.12  # of the box's longer side, shown around it


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture of a drawing; all places are in its own pixels.

    Attributes:
        pixels: uint8 (H, W, 3).
        caption: what stands under it.
        box: of the animal, to be outlined.
        heat: float32 (H, W), 0 to 1.
        rings: places to be ringed and numbered, x and y.
    """

    pixels: Pixels
    caption: str = ""
    box: Box | None = None
    heat: Floats | None = None
    rings: Sequence[tuple[float, float]] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width = self.pixels.shape[:2]
        return width, height

    def sight(self, area_fraction: float = 1.0) -> Sight:
        """What of this picture somebody looked at who wants a share of the box."""
        return Sight(self.size, self.box, area_fraction)

    def scaled(self, height: int) -> Panel:
        """The same at another height."""
        scale = height / self.size[1]
        size = (max(1, round(self.size[0] * scale)), height)
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        heat = None
        if self.heat is not None:
            heat = np.asarray(cv2.resize(self.heat, size, interpolation=cv2.INTER_LINEAR), np.float32)
        return replace(
            self,
            pixels=np.asarray(cv2.resize(self.pixels, size, interpolation=way), np.uint8),
            box=None if self.box is None else _scaled_box(self.box, (0.0, 0.0), scale),
            heat=heat,
            rings=[(x * scale, y * scale) for x, y in self.rings],
        )


def panel_of(photograph: Pixels, box: Box | None, caption: str = "") -> Panel:
    """An animal as it is to be drawn: its box with a margin around it, or else the whole photograph.

    Args:
        photograph: uint8 (H, W, 3).
        box: of the animal, in pixels of the photograph.
        caption: what is to stand under it.
    """
    height, width = photograph.shape[:2]
    left, top, right, bottom = 0, 0, width, height
    if box is not None:
        x, y, w, h, _ = box.upright
        margin = _MARGIN * max(w, h)
        left, top = max(0, int(x - margin)), max(0, int(y - margin))
        right, bottom = min(width, round(x + w + margin)), min(height, round(y + h + margin))
    part = photograph[top : max(bottom, top + 1), left : max(right, left + 1)]
    moved = None if box is None else _scaled_box(box, (left, top), 1.0)
    panel = Panel(np.ascontiguousarray(part), caption, moved)
    longest = max(panel.size)
    return panel if longest <= _LONGEST else panel.scaled(max(1, round(panel.size[1] * _LONGEST / longest)))


def _scaled_box(box: Box, corner: tuple[float, float], scale: float) -> Box:
    x, y, w, h, theta = box
    return Box((x - corner[0]) * scale, (y - corner[1]) * scale, w * scale, h * scale, theta)
