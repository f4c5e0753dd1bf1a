"""Colours of strength: a perceptual map, laid over a photograph the thicker the stronger."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.vision.crop import Pixels

Floats = npt.NDArray[np.float32]
Colour = tuple[int, int, int]

PAPER: Colour = (250, 249, 246)
INK: Colour = (34, 48, 58)
QUIET: Colour = (112, 123, 130)

#: How much of the photograph the strongest heat covers.
THICKEST = 0.75

# the ends of inferno are left out: on a photograph black looks like shade, and the palest yellow like glare
_DARKEST, _PALEST = 0.18, 0.95


def colours_of(strength: npt.ArrayLike) -> Pixels:
    """The colour of each strength, uint8 (..., 3): equal steps of strength are equal steps to the eye.

    Args:
        strength: 0 to 1, of any shape.
    """
    values = np.clip(np.asarray(strength, np.float32), 0, 1) * (_PALEST - _DARKEST) + _DARKEST
    levels = np.rint(values * 255).astype(np.uint8)
    table = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[None], cv2.COLORMAP_INFERNO)[0, :, ::-1]
    return np.ascontiguousarray(table[levels])


def covering(strength: npt.ArrayLike) -> Floats:
    """How much of the photograph a strength covers, 0 to :data:`THICKEST`: nothing where there is nothing."""
    return np.asarray(THICKEST * np.clip(np.asarray(strength, np.float32), 0, 1) ** 1.5, np.float32)


def heated(picture: Pixels, heat: Floats) -> Pixels:
    """A picture with heat laid over it; itself where there is none.

    Args:
        picture: uint8 (H, W, 3).
        heat: float32 (H, W), 0 to 1.

    Raises:
        ValueError: if the two differ in size.
    """
    if heat.shape != picture.shape[:2]:
        raise ValueError(f"heat of {heat.shape} does not lie over a picture of {picture.shape[:2]}")
    share = covering(heat)[..., None]
    mixed = picture * (1 - share) + colours_of(heat) * share
    return np.asarray(np.rint(mixed), np.uint8)
