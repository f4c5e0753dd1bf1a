"""From a photograph and a box to the pixels that a model sees."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.boxes import Box

Pixels = npt.NDArray[np.uint8]
_KERNEL = 3  # pixels beside it that a pixel between others is made of
_FAR = 2  # times the photograph's side that a box may reach over its edge

ResizeMode = Literal["squash", "pad"]
Interpolation = Literal["linear", "area"]


def crop(image: Pixels, box: Box | None, area_fraction: float = 1.0) -> Pixels:
    """Cut a box out of a photograph.

    What of the box lies over the photograph's edge is filled by repeating the edge, so that the animal stays where
    the box has it. A box that is turned comes out upright, in time that depends on its size alone; to turn a whole
    photograph, as MiewID does, takes a second of 12 megapixels.

    Args:
        image: uint8 (H, W, 3).
        box: in pixels of the image; None takes the whole of it.
        area_fraction: of the box, about its centre and in its shape (0.6 in the salamander paper, Figure 2).

    Returns:
        uint8 (h, w, 3), at least one pixel in size; a view of the image where an upright box lies inside of it.

    Raises:
        ValueError: if what is wanted of the box lies outside of the photograph, or reaches far beyond it.
    """
    height, width = image.shape[:2]
    box = (Box(0, 0, width, height) if box is None else box).scaled_area(area_fraction)
    if not box.meets(width, height):
        raise ValueError(f"the box {box} lies outside of the photograph ({width} x {height} pixels)")
    x, y, w, h, _ = box.upright
    if max(-x, x + w - width) > _FAR * width or max(-y, y + h - height) > _FAR * height:
        raise ValueError(f"the box {box} reaches far beyond the photograph ({width} x {height} pixels)")
    return _turned(image, box) if box.theta else _upright(image, box)


def _upright(image: Pixels, box: Box) -> Pixels:
    height, width = image.shape[:2]
    left, top = min(round(box.x), width - 1), min(round(box.y), height - 1)
    right, bottom = max(round(box.x + box.w), left + 1, 1), max(round(box.y + box.h), top + 1, 1)
    over = (max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width))
    inside = image[max(0, top) : min(height, bottom), max(0, left) : min(width, right)]
    if not any(over):
        return inside
    return np.asarray(cv2.copyMakeBorder(inside, *over, cv2.BORDER_REPLICATE), dtype=np.uint8)


def _turned(image: Pixels, box: Box) -> Pixels:
    """A turned box set upright, from no more of the photograph than it covers."""
    height, width = image.shape[:2]
    around = box.upright
    left, top = max(0, math.floor(around.x) - _KERNEL), max(0, math.floor(around.y) - _KERNEL)
    right, bottom = math.ceil(around.x + around.w) + _KERNEL, math.ceil(around.y + around.h) + _KERNEL
    covered = image[min(top, height - 1) : max(bottom, 1), min(left, width - 1) : max(right, 1)]
    w, h = max(1, round(box.w)), max(1, round(box.h))
    cosine, sine = math.cos(box.theta), math.sin(box.theta)
    # from a pixel's centre in the cut-out to where it lies in what is covered; pixel (0, 0) has its centre at 0.5
    x, y = box.x + box.w / 2 - min(left, width - 1) - 0.5, box.y + box.h / 2 - min(top, height - 1) - 0.5
    half_w, half_h = (w - 1) / 2, (h - 1) / 2
    back = np.array(
        [
            [cosine, -sine, x - cosine * half_w + sine * half_h],
            [sine, cosine, y - sine * half_w - cosine * half_h],
        ]
    )
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    turned = cv2.warpAffine(covered, back, (w, h), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, dtype=np.uint8)


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


@dataclass(frozen=True)
class Placement:
    """Where a photograph lies in the input of a network.

    Attributes:
        image: width and height of the photograph in its own pixels.
        inner: width and height that it was resized to.
        left, top: where it begins in the input.
    """

    image: tuple[int, int]
    inner: tuple[int, int]
    left: int
    top: int

    def to_input(self, boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Corners x1 y1 x2 y2, float64 (N, 4), in pixels of the photograph to pixels of the input."""
        return boxes * self._scale + self._shift

    def to_image(self, boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The inverse of :meth:`to_input`; clips nothing."""
        return (boxes - self._shift) / self._scale

    @property
    def _scale(self) -> npt.NDArray[np.float64]:
        # what OpenCV really resized by, each way; the ratio that was aimed at differs by what rounding took
        return np.array([self.inner[0] / self.image[0], self.inner[1] / self.image[1]] * 2)

    @property
    def _shift(self) -> npt.NDArray[np.float64]:
        return np.array([self.left, self.top] * 2, np.float64)


def letterbox(
    image: Pixels,
    size: tuple[int, int],
    mode: ResizeMode = "pad",
    *,
    centred: bool = False,
    padding: int = 114,
    interpolation: Interpolation = "linear",
) -> tuple[Pixels, Placement]:
    """Bring a whole photograph to a detector's input size, as the program that trained the detector does.

    Detectors have it apart from :func:`resize` since other people's are run, which learnt from pixels that were
    resampled and padded otherwise.

    Args:
        image: uint8 (H, W, 3).
        size: width and height wanted.
        mode: ``squash`` gives up the aspect ratio, ``pad`` keeps it.
        centred: pad on both sides and round the inner size, as ultralytics' ``LetterBox`` does; else at right and
            bottom, and round down, as YOLOX's ``preproc`` does.
        padding: grey value of the padding.
        interpolation: ``linear`` as YOLOX and ultralytics, which aliases; ``area`` averages where it shrinks, and
            comes near to the antialiasing of Pillow and torchvision.
    """
    height, width = image.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    rounding = round if centred else int
    inner = size if mode == "squash" else (max(1, rounding(width * scale)), max(1, rounding(height * scale)))
    shrinking = interpolation == "area" and inner[0] * inner[1] < width * height
    resized = cv2.resize(image, inner, interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    beside, below = size[0] - inner[0], size[1] - inner[1]
    left, top = (beside // 2, below // 2) if centred else (0, 0)
    border = (top, below - top, left, beside - left)
    padded = (
        cv2.copyMakeBorder(resized, *border, cv2.BORDER_CONSTANT, value=(padding,) * 3) if any(border) else resized
    )
    return np.asarray(padded, dtype=np.uint8), Placement((width, height), inner, left, top)
