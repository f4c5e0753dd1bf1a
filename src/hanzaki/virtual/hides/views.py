"""A hard photograph of a hide: body, light, water, things in the way and a poor camera, all by chance."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.hides.bodies import NO_MAP, View
from hanzaki.virtual.hides.camera import develop, illumination, relief, through_water
from hanzaki.virtual.hides.scenery import background, before, mud, stock
from hanzaki.virtual.hides.species import SHEET, Hide
from hanzaki.virtual.noise import Floats

Bytes = npt.NDArray[np.uint8]
_BYTE = np.float32(1 / 255)


def photograph_hide(hide: Hide, view: View, rng: np.random.Generator) -> Bytes:
    """Photographs a hide.

    Args:
        hide: Who.
        view: How it stands before the camera.
        rng: The photograph's own generator, for all the rest.

    Returns:
        The photograph, uint8 RGB, of the view's height and width.
    """
    shape = view.animal.shape[0], view.animal.shape[1]
    skin = _skin(hide, view, rng)
    animal = view.animal.astype(np.float32) * _BYTE
    picture = _blend(background(rng, shape), skin, animal)
    covering = before(rng, view.animal)
    if covering is not None:
        opacity = covering[1].astype(np.float32) * _BYTE
        picture = _blend(picture, covering[0], opacity)
        animal *= 1.0 - opacity
    light = illumination(rng, shape)
    light *= 1.0 + animal * (relief(rng, view.facing) - 1.0)
    lit = cv2.multiply(picture, cv2.merge([light] * 3), scale=1 / 255, dtype=cv2.CV_32F)
    return develop(rng, through_water(rng, np.asarray(lit, np.float32)))


def _skin(hide: Hide, view: View, rng: np.random.Generator) -> Bytes:
    """The skin as seen from there, with this day's dirt and this day's grain of fur."""
    height = hide.sheet.shape[0]
    middle = np.array((SHEET * hide.scale, height / 2), np.float32) - np.float32(0.5)
    places: Any = view.skin * np.float32(hide.scale) + middle
    skin = cv2.remap(hide.sheet, places, NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    shape = skin.shape[0], skin.shape[1]
    fur = stock().field(rng, shape, rng.uniform(4, 9), (rng.uniform(1, 3), rng.uniform(1, 3)))
    fur = 1.0 + np.float32(rng.uniform(0.0, 0.08)) * fur
    skin = cv2.multiply(skin, cv2.merge([fur] * 3), dtype=cv2.CV_8U)
    dirt = mud(rng, shape)
    if dirt is not None:
        skin = _blend(skin, np.broadcast_to(dirt[0], skin.shape), dirt[1])
    return np.asarray(skin, np.uint8)


def _blend(below: Any, above: Any, opacity: Floats) -> Bytes:
    """Lays one picture upon another."""
    return np.asarray(cv2.blendLinear(np.ascontiguousarray(above), below, opacity, 1.0 - opacity), np.uint8)
