"""Augmentation of whole scenes: the boxes move with what they hold."""

from __future__ import annotations

from typing import Self

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from hanzaki.boxes import Box
from hanzaki.learning.augment import Augmentation
from hanzaki.vision.crop import Pixels

Corners = npt.NDArray[np.float64]

_LEAST_SHOWN = 0.3  # of a box: what shows less of itself after the cut is no longer to be found


class SceneAugmentation(Augmentation):
    """How strongly, and how often, scenes are changed.

    Framing moves and scales the window that is seen of the photograph, and what of it lies outside of the
    photograph is padding. Chances are from 0 to 1.
    """

    framing: float = Field(0.8, ge=0, le=1, description="Chance of another window: shift, scale and stretch.")
    shift: float = Field(0.2, ge=0, le=1, description="Most that the window moves, as a share of its sides.")
    scale: float = Field(0.4, ge=0, lt=1, description="Most that the window grows or shrinks, as a share.")
    rotate: float = Field(0.0, ge=0, le=0, description="A box that turns no longer fits: flips and turns alone.")
    stretch: float = Field(0.2, ge=0, lt=1, description="Most that the window's shape changes, as a share.")
    flip: float = Field(0.5, ge=0, le=1, description="Chance that left and right are exchanged.")
    turn: bool = Field(False, description="Quarter turns, for animals that are seen from above.")

    @model_validator(mode="after")
    def _stays_in_sight(self) -> Self:
        if self.shift + self.scale / 2 >= 1:
            raise ValueError("augmentation.shift and augmentation.scale leave nothing of the photograph in sight")
        return self

    def scene(
        self, picture: Pixels, corners: Corners, padding: int, dice: np.random.Generator
    ) -> tuple[Pixels, Corners, npt.NDArray[np.bool_]]:
        """Another view of a scene; colours change later, by :meth:`pixels`.

        Args:
            picture: uint8 (H, W, 3).
            corners: float64 (M, 4), x1 y1 x2 y2 of its boxes.
            padding: grey of what lies outside of the picture.
            dice: the only source of chance.

        Returns:
            the view, uint8 (h, w, 3); the corners in it, clipped to it; and which of the boxes are still to be
            found there.
        """
        flipped, quarter = dice.random() < self.flip, int(dice.integers(4))
        if flipped:
            picture, corners = picture[:, ::-1], _flipped(corners, picture.shape[1])
        for _ in range(quarter if self.turn else 0):
            picture, corners = np.rot90(picture), _turned(corners, picture.shape[1])
        height, width = picture.shape[:2]
        window, _ = self.frame(Box(0, 0, width, height), dice)
        left, top = round(window.x), round(window.y)
        right, bottom = max(left + 1, round(window.x + window.w)), max(top + 1, round(window.y + window.h))
        moved = corners - np.array([left, top, left, top], np.float64)
        shown = np.clip(moved, 0, np.array([right - left, bottom - top] * 2, np.float64))
        return (
            _window(picture, left, top, right, bottom, padding),
            shown,
            _areas(shown) >= _LEAST_SHOWN * _areas(moved),
        )


def _window(picture: Pixels, left: int, top: int, right: int, bottom: int, padding: int) -> Pixels:
    height, width = picture.shape[:2]
    inside = np.ascontiguousarray(picture[max(0, top) : max(0, bottom), max(0, left) : max(0, right)])
    over = (max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width))
    if not any(over):
        return inside
    return np.asarray(cv2.copyMakeBorder(inside, *over, cv2.BORDER_CONSTANT, value=(padding,) * 3), np.uint8)


def _flipped(corners: Corners, width: int) -> Corners:
    return np.stack([width - corners[:, 2], corners[:, 1], width - corners[:, 0], corners[:, 3]], axis=1)


def _turned(corners: Corners, width: int) -> Corners:
    """As ``np.rot90`` turns the picture, a quarter anticlockwise."""
    return np.stack([corners[:, 1], width - corners[:, 2], corners[:, 3], width - corners[:, 0]], axis=1)


def _areas(corners: Corners) -> npt.NDArray[np.float64]:
    areas: npt.NDArray[np.float64] = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    return areas
