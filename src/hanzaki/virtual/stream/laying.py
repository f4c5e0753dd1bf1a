"""Lays lit skin along a line of the bed into a picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.noise import Floats, enlarge
from hanzaki.virtual.stream.layers import Layers
from hanzaki.virtual.stream.ribbon import Line

Bytes = npt.NDArray[np.uint8]

_MARGIN = 0.12  # head lengths beyond a part's half width that the water may shift it


@dataclass(frozen=True)
class Laid:
    """One part of an animal in the picture.

    Attributes:
        layer: (h, w, 4): lit colour times opacity, and opacity; uint8.
        rows: Which rows of the picture it covers.
        columns: Which columns.
    """

    layer: Bytes
    rows: slice
    columns: slice

    def over(self, picture: Bytes) -> None:
        """Lays it over the picture."""
        window = picture[self.rows, self.columns]
        beside = cv2.bitwise_not(cv2.cvtColor(cv2.extractChannel(self.layer, 3), cv2.COLOR_GRAY2RGB))
        below = cv2.multiply(window, beside, scale=1 / 255)
        cv2.add(below, cv2.cvtColor(self.layer, cv2.COLOR_RGBA2RGB), dst=window)

    def mark(self, opacity: Floats, size: tuple[int, int]) -> None:
        """Raises a coarse field of the whole picture to this part's opacity."""
        rows, columns = opacity.shape
        top, bottom = self.rows.start * rows // size[1], -(-self.rows.stop * rows // size[1])
        left, right = self.columns.start * columns // size[0], -(-self.columns.stop * columns // size[0])
        part = cv2.extractChannel(self.layer, 3)
        small = (
            cv2.resize(part, (right - left, bottom - top), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        )
        window = opacity[top:bottom, left:right]
        np.maximum(window, small, out=window)


def lay(
    layers: Layers,
    skin: Bytes,
    line: Line,
    girth: float,
    bed: tuple[Floats, Floats],
    size: tuple[int, int],
) -> Laid | None:
    """Lays one part of an animal along its line.

    Args:
        layers: Its map.
        skin: The map as it is lit, from `Layers.lit`.
        line: The line, on the bed.
        girth: How much wider than the map it is.
        bed: Which place on the bed every cell of the coarse grid shows, x and y.
        size: Width and height of the picture in pixels.

    Returns:
        The part where the picture shows it, or None if it does not.
    """
    half = layers.colour.shape[1] / layers.per_head / 2
    window = _window(bed, line, half + _MARGIN)
    if window is None:
        return None
    rows, columns = window
    shape = bed[0].shape
    across, along = line.on_map(bed[0][rows, columns], bed[1][rows, columns])
    map_x = (across / girth + half) * layers.per_head - 0.5
    map_y = (along - layers.start) * layers.per_head - 0.5
    top, bottom = rows.start * size[1] // shape[0], -(-rows.stop * size[1] // shape[0])
    left, right = columns.start * size[0] // shape[1], -(-columns.stop * size[0] // shape[1])
    full = right - left, bottom - top
    places = cv2.convertMaps(enlarge(map_x, full), enlarge(map_y, full), cv2.CV_16SC2)
    layer = cv2.remap(skin, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return Laid(np.asarray(layer, np.uint8), slice(top, bottom), slice(left, right))


def _window(bed: tuple[Floats, Floats], line: Line, reach: float) -> tuple[slice, slice] | None:
    """The rows and columns of the coarse grid that may show something within `reach` of the line."""
    low, high = line.points.min(axis=0) - reach, line.points.max(axis=0) + reach
    near = (bed[0] > low[0]) & (bed[0] < high[0]) & (bed[1] > low[1]) & (bed[1] < high[1])
    x, y, w, h = cv2.boundingRect(near.astype(np.uint8))
    return None if min(w, h) < 2 else (slice(y, y + h), slice(x, x + w))
