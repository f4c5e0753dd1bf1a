"""The neighbourhoods of keypoints as small upright pictures of one size."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_MOST_ROWS = 32_000  # OpenCV's remap takes fewer than 2^15 rows at a time


def cut_patches(grey: Bytes, points: Floats, sizes: Floats, angles: Floats, side: int, reach: float) -> Bytes:
    """Cut the neighbourhood of each point, turned to the point's own direction.

    A patch that is coarser than the picture is cut from a smaller picture (an octave of a Gaussian pyramid), so
    that nothing is aliased; beyond the picture's edge it is mirrored.

    Args:
        grey: uint8 (H, W).
        points: (N, 2), x and y in pixels; whole numbers are centres of pixels.
        sizes: (N,), diameter of each point's neighbourhood in pixels.
        angles: (N,), its direction in degrees, clockwise from the x axis.
        side: of a patch, in pixels.
        reach: side of the square that is cut, in sizes of its point.

    Returns:
        uint8 (N, side, side).
    """
    patches = np.empty((len(points), side, side), np.uint8)
    x, y = _places(points, sizes, angles, side, reach)
    octaves = np.clip(np.floor(np.log2(np.maximum(reach * sizes / side, 1))), 0, None).astype(int)
    layer = grey
    for octave in range(int(octaves.max(initial=-1)) + 1):
        rows = np.flatnonzero(octaves == octave)
        scale = np.float32(2.0**octave)
        across, down = ((part[rows].reshape(-1, side) + 0.5) / scale - 0.5 for part in (x, y))
        patches[rows] = _looked_up(layer, across, down).reshape(-1, side, side)
        layer = np.asarray(cv2.pyrDown(layer), np.uint8)
    return patches


def _places(points: Floats, sizes: Floats, angles: Floats, side: int, reach: float) -> tuple[Floats, Floats]:
    """Where each pixel of each patch looks, float32 (N, side, side) across and down."""
    line = (np.arange(side, dtype=np.float32) + 0.5) / side - 0.5
    across, down = np.meshgrid(line, line)
    turn = np.deg2rad(angles)
    cos, sin = (reach * sizes * part for part in (np.cos(turn), np.sin(turn)))
    x = points[:, 0, None, None] + cos[:, None, None] * across - sin[:, None, None] * down
    y = points[:, 1, None, None] + sin[:, None, None] * across + cos[:, None, None] * down
    return x.astype(np.float32), y.astype(np.float32)


def _looked_up(layer: Bytes, across: Floats, down: Floats) -> Bytes:
    parts = [
        cv2.remap(
            layer,
            np.ascontiguousarray(across[start : start + _MOST_ROWS]),
            np.ascontiguousarray(down[start : start + _MOST_ROWS]),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
        for start in range(0, len(across), _MOST_ROWS)
    ]
    return np.asarray(np.concatenate(parts) if parts else np.empty(across.shape), np.uint8)
