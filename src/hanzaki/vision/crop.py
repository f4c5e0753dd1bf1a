"""From a photograph and a box to the pixels that a model sees."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.boxes import Box

Pixels = npt.NDArray[np.uint8]
_FAR = 2  # times the photograph's side that a box may reach over its edge

ResizeMode = Literal["squash", "pad"]


def crop(image: Pixels, box: Box | None, area_fraction: float = 1.0) -> Pixels:
    """Cut a box out of a photograph.

    What of the box lies over the photograph's edge is filled by repeating the edge, so that the animal stays where
    the box has it.

    Args:
        image: uint8 (H, W, 3).
        box: in pixels of the image; None takes the whole of it.
        area_fraction: of the box, about its centre and in its shape (0.6 in the salamander paper, Figure 2).

    Returns:
        uint8 (h, w, 3), at least one pixel in size; a view of the image where the box lies inside of it.

    Raises:
        ValueError: if what is wanted of the box lies outside of the photograph, or reaches far beyond it.
    """
    height, width = image.shape[:2]
    box = (Box(0, 0, width, height) if box is None else box).scaled_area(area_fraction)
    if not box.meets(width, height):
        raise ValueError(f"the box {box} lies outside of the photograph ({width} x {height} pixels)")
    if max(-box.x, box.x + box.w - width) > _FAR * width or max(-box.y, box.y + box.h - height) > _FAR * height:
        raise ValueError(f"the box {box} reaches far beyond the photograph ({width} x {height} pixels)")
    left, top = min(round(box.x), width - 1), min(round(box.y), height - 1)
    right, bottom = max(round(box.x + box.w), left + 1, 1), max(round(box.y + box.h), top + 1, 1)
    over = (max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width))
    inside = image[max(0, top) : min(height, bottom), max(0, left) : min(width, right)]
    if not any(over):
        return inside
    return np.asarray(cv2.copyMakeBorder(inside, *over, cv2.BORDER_REPLICATE), dtype=np.uint8)


def resize(image: Pixels, size: tuple[int, int], mode: ResizeMode) -> Pixels:
    """Bring a picture to a model's input size.

    The one resize of hanzaki: training, evaluation and field call it alike, since two that differ by a hair are
    enough to reorder the candidates.

    Args:
        image: uint8 (H, W, 3).
        size: width and height wanted.
        mode: ``squash`` gives up the aspect ratio, ``pad`` keeps it and fills with black at right and bottom.
    """
    height, width = image.shape[:2]
    if mode == "pad":
        scale = min(size[0] / width, size[1] / height)
        inner = (max(1, round(width * scale)), max(1, round(height * scale)))
        resized = _resampled(image, inner)
        below, beside = size[1] - inner[1], size[0] - inner[0]
        padded = cv2.copyMakeBorder(resized, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=(0, 0, 0))
        return np.asarray(padded, dtype=np.uint8)
    return _resampled(image, size)


def _resampled(image: Pixels, size: tuple[int, int]) -> Pixels:
    shrinking = size[0] * size[1] < image.shape[0] * image.shape[1]
    # area averaging is OpenCV's only shrinking that does not alias, and aliased markings are other markings
    interpolation = cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=interpolation), dtype=np.uint8)
