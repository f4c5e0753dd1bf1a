"""The last stage: water and smartphone turn the light of a scene into pixels."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.noise import Floats, blur
from hanzaki.virtual.scene import Camera, Scene

_TILE = (1100, 1100)
CLEAR = np.array((0.91, 0.965, 0.94))
"""What 20 cm of clear water leaves of red, green and blue."""

VEIL = np.array((0.108, 0.122, 0.092))
"""Colour of light scattered in stream water, linear."""

SKY = np.array((0.80, 0.90, 1.00))
"""Colour of the sky that the water mirrors, linear."""


def develop(lit: Floats, scene: Scene, glare: Floats) -> npt.NDArray[np.uint8]:
    """Makes the photograph of what lies below the water.

    Args:
        lit: Linear light, float32 RGB (H, W, 3).
        scene: Its water, light and camera.
        glare: Share of each pixel that mirrors the sky, (H, W).

    Returns:
        The picture, sRGB, uint8 (H, W, 3).
    """
    camera, water, light = scene.camera, scene.water, scene.light
    short = min(lit.shape[:2])
    gain = camera.exposure * np.array(light.tint) * np.array(camera.balance)
    ambient = light.sun * light.height + light.sky
    through = np.diag(gain * CLEAR * (1.0 - water.turbidity))
    veil = gain * VEIL * water.turbidity * ambient * 2.2
    seen = cv2.transform(lit, np.column_stack([through, veil]))
    if glare.any():
        sky = cv2.merge([glare] * 3)
        white = (gain * SKY * (0.45 * light.sun + 0.75 * light.sky)).astype(np.float32)
        seen = seen + sky * (white - seen)
    # Turbid water scatters forwards too: it softens what it veils.
    softness = np.hypot(camera.defocus, 0.0045 * water.turbidity) * short
    seen = _shaken(blur(seen, float(softness)), camera, short)
    return _toned(seen, camera)


def _shaken(picture: Floats, camera: Camera, short: int) -> Floats:
    """Motion blur along a straight line."""
    length = camera.shake * short
    if length < 1.2:
        return picture
    reach = int(np.ceil(length / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for t in np.linspace(-0.5, 0.5, 8 * reach + 1):
        x, y = (reach + length * t * f(camera.shake_angle) for f in (np.cos, np.sin))
        kernel[round(y), round(x)] += 1.0
    return np.asarray(
        cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.float32
    )


def _toned(picture: Floats, camera: Camera) -> npt.NDArray[np.uint8]:
    """Noise and tone curve. Photon noise is even in the square root of the light, so it is added there."""
    root = cv2.sqrt(np.maximum(picture, 0.0))
    rng = np.random.Generator(np.random.PCG64(camera.seed))
    noisy = cv2.scaleAdd(_noise_for(rng, picture.shape[:2]), camera.noise, root)
    return np.asarray(cv2.LUT(cv2.convertScaleAbs(np.maximum(noisy, 0.0), alpha=255.0), _tone_curve()), np.uint8)


def _noise_for(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    tile = _noise_tile()
    repeats = [-(-length // available) for length, available in zip(shape, tile.shape, strict=False)]
    if max(repeats) > 1:
        tile = np.tile(tile, (*repeats, 1))
    top, left = (
        int(rng.integers(0, available - length + 1)) for length, available in zip(shape, tile.shape, strict=False)
    )
    return np.ascontiguousarray(tile[top : top + shape[0], left : left + shape[1]])


@lru_cache(maxsize=1)
def _noise_tile() -> Floats:
    """Sensor noise after the phone's processing: fine in brightness, blotchy in colour; standard deviation 1."""
    rng = np.random.Generator(np.random.PCG64(20220820))
    grain = blur(rng.standard_normal(_TILE, dtype=np.float32), 0.55)
    blotches = blur(rng.standard_normal((*_TILE, 3), dtype=np.float32), 1.8)
    tile = grain[..., None] / grain.std() + 0.45 * blotches / blotches.std()
    return np.asarray(tile, np.float32)


def tone(root: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Passes the square root of light, 0 to 255, through the phone's tone curve; sRGB, of the same shape."""
    return _tone_curve()[root]


@lru_cache(maxsize=1)
def _tone_curve() -> npt.NDArray[np.uint8]:
    """From the square root of light (0..255) to sRGB with a phone's gentle S-curve and soft highlights."""
    light = (np.arange(256) / 255.0) ** 2
    light = 1.12 * light / (1.0 + 0.12 * light**2)
    shade = np.clip(light, 0, 1) ** (1 / 2.2)
    contrast = shade + 0.035 * np.sin(2 * np.pi * (shade - 0.5))
    return np.clip(np.rint(255.0 * contrast), 0, 255).astype(np.uint8)
