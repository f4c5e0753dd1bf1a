"""Light, water and camera: what happens to a picture of a hide on its way to the file."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.hides.scenery import stock
from hanzaki.virtual.noise import Floats, blur, smoothstep

_GREY = np.array((0.299, 0.587, 0.114), np.float32)
_MIDDLE = 0.42  # what a camera takes for a picture's mean


def relief(rng: np.random.Generator, facing: Floats) -> Floats:
    """How brightly a round body is lit from a random side, (H, W), about 1.

    Args:
        rng: The photograph's own generator.
        facing: Height component of the skin's normal, (H, W), -1 to 1.
    """
    towards = np.sqrt(np.maximum(1.0 - facing * facing, 0.0))
    high = rng.uniform(-0.2, 0.9)
    lit = np.maximum(high * facing + np.sqrt(1.0 - high**2) * towards, 0.0)
    strength = rng.uniform(0.1, 0.75)
    shade = 1.0 - strength + strength * 1.25 * lit
    if rng.random() < 0.2:  # a wet skin mirrors the sky
        shade += rng.uniform(0.3, 1.0) * lit**24
    return np.asarray(shade, np.float32)


def illumination(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """How brightly the scene is lit, (H, W): a gradient, often shadows of leaves or patches of sun."""
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    slope = rng.normal(0.0, 0.18, 2)
    light = np.clip(1.0 + slope[0] * x + slope[1] * y, 0.3, 1.8).astype(np.float32)
    if rng.random() < 0.3:
        field = stock().field(rng, shape, rng.uniform(0.14, 0.6) * max(shape))
        edge = rng.uniform(0.2, 1.5)
        light *= 1.0 - rng.uniform(0.15, 0.5) * smoothstep(field + np.float32(rng.normal(0, 0.4)), -edge, edge)
    return np.asarray(light, np.float32)


def through_water(rng: np.random.Generator, picture: Floats) -> Floats:
    """Veils the picture by murk and sets glints on it; one picture in four is taken through water."""
    if rng.random() < 0.78:
        return picture
    shape = picture.shape[0], picture.shape[1]
    veil = np.array((0.35, 0.42, 0.36), np.float32) * rng.uniform(0.4, 1.5) + rng.normal(0, 0.06, 3).astype(
        np.float32
    )
    murk = np.clip(rng.uniform(0.05, 0.42) + 0.1 * stock().field(rng, shape, 0.6 * max(shape)), 0.0, 0.6)
    picture = picture + murk[..., None] * (veil - picture)
    if rng.random() < 0.4:
        field = stock().field(rng, shape, rng.uniform(8, 40), (0.4, 2.5))
        picture += smoothstep(field, 1.6, 3.6)[..., None] * np.float32(rng.uniform(0.3, 1.0))
    return np.asarray(picture, np.float32)


def develop(rng: np.random.Generator, picture: Floats) -> npt.NDArray[np.uint8]:
    """Takes the picture: lens, sensor and what the camera makes of it.

    Args:
        rng: The photograph's own generator.
        picture: Light, float32 RGB (H, W, 3), about 0 to 1.

    Returns:
        The picture, uint8 RGB.
    """
    height, width = picture.shape[:2]
    taken: Any = picture
    coarse = float(rng.uniform(1.3, 2.8)) if rng.random() < 0.2 else 1.0
    if coarse > 1.0:
        small = round(width / coarse), round(height / coarse)
        taken = cv2.resize(taken, small, interpolation=cv2.INTER_AREA)
    taken = _toned(rng, _blurred(rng, taken, 1.0 / coarse))
    noise = 0.01 + (rng.uniform(0.03, 0.11) if rng.random() < 0.2 else rng.uniform(0.0, 0.03))
    taken = cv2.scaleAdd(stock().grain(rng, taken.shape[:2]), noise, taken)
    if rng.random() < 0.15:  # infrared, or a black and white film
        mixture = np.tile(_GREY + rng.dirichlet((1, 1, 1)).astype(np.float32), (3, 1)) * np.float32(0.5)
        taken = cv2.transform(taken, mixture)
    if coarse > 1.0:
        taken = cv2.resize(taken, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(taken * np.float32(255), 0, 255), np.uint8)


def _blurred(rng: np.random.Generator, picture: Floats, scale: float) -> Floats:
    """Out of focus, or moved."""
    chance = rng.random()
    size = max(picture.shape[:2])
    if chance < 0.35:
        return blur(picture, scale * size * rng.uniform(0.001, 0.0075))
    if chance < 0.5:
        length = max(2.0, scale * size * rng.uniform(0.008, 0.035))
        side = int(length) // 2 * 2 + 3
        kernel = np.zeros((side, side), np.uint8)
        turn = rng.uniform(0, np.pi)
        reach = 0.5 * length * np.array((np.cos(turn), np.sin(turn)))
        ends = [[round(16 * (side // 2 + sign * part)) for part in reach] for sign in (-1, 1)]
        cv2.line(kernel, ends[0], ends[1], 255, 1, cv2.LINE_AA, 4)
        weights = kernel.astype(np.float32) / max(float(kernel.sum()), 1.0)
        return np.asarray(cv2.filter2D(picture, -1, weights), np.float32)
    return picture


def _toned(rng: np.random.Generator, picture: Floats) -> Floats:
    """White balance, saturation, exposure and contrast."""
    chance = rng.random()
    exposure = rng.uniform(0.8, 1.25)
    if chance < 0.12:
        exposure = rng.uniform(0.35, 0.65)
    elif chance < 0.24:
        exposure = rng.uniform(1.4, 1.9)
    # A camera meters the light, though not to the full.
    metered = exposure * (_MIDDLE / max(float(np.mean(cv2.mean(picture)[:3])), 0.05)) ** 0.85
    balance = np.exp(rng.normal(0.0, 0.09, 3)) * metered
    saturation = rng.uniform(0.4, 1.15)
    mix = saturation * np.eye(3) + (1.0 - saturation) * np.tile(_GREY, (3, 1))
    contrast = rng.uniform(0.7, 1.25)
    lift = (1.0 - contrast) * _MIDDLE * min(exposure, 1.0) + rng.normal(0.0, 0.02)
    matrix = np.hstack([contrast * balance[:, None] * mix, np.full((3, 1), lift)])
    toned = np.asarray(cv2.transform(picture, matrix.astype(np.float32)), np.float32)
    return np.asarray(cv2.min(toned, 0.8 + 0.3 * (toned - 0.8)), np.float32)  # gives way softly before it is full
