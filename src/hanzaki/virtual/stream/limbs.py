"""The four limbs: short, stout, with four toes in front and five behind."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.animal import Salamander
from hanzaki.virtual.noise import band_noise, blur, normals, smoothstep
from hanzaki.virtual.pattern import HEAD
from hanzaki.virtual.stream.body import Tones, halvings_for
from hanzaki.virtual.stream.layers import Layers

Bytes = npt.NDArray[np.uint8]

UPPER, LOWER, FOOT = 0.30, 0.24, 0.22
"""Lengths of a limb's parts, in head lengths: to the elbow or knee, to the wrist or ankle, to the toes' tips."""

LIMB_LENGTH = UPPER + LOWER + FOOT
HALF = 0.24
"""Half the width of a limb map, in head lengths."""

_BEFORE = 0.1  # the map begins inside the body
_CHANCE = 0x11B5
_TOES = {True: (-0.62, -0.18, 0.26, 0.72), False: (-0.74, -0.36, 0.02, 0.40, 0.80)}


def limb_at(animal: Salamander, number: int, head_pixels: float) -> Layers:
    """The map of limb `number`: 0 and 1 the fore limbs, left and right, 2 and 3 the hind limbs."""
    return _limb(animal, number, halvings_for(head_pixels))


@lru_cache(maxsize=128)
def _limb(animal: Salamander, number: int, halvings: int) -> Layers:
    return _full_limb(animal, number) if halvings == 0 else _limb(animal, number, halvings - 1).halved()


def _full_limb(animal: Salamander, number: int) -> Layers:
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([animal.seed, _CHANCE, number])))
    shape = (round((LIMB_LENGTH + _BEFORE + 0.04) * HEAD), round(2 * HALF * HEAD))
    mask = _silhouette(shape, fore=number < 2)
    from_edge = np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, 5) / HEAD, np.float32)
    inward = np.clip(from_edge / 0.10, 0.0, 1.0)
    height = 0.085 * np.sqrt(1.0 - (1.0 - inward) ** 2) + 0.0022 * band_noise(rng, shape, 0.06 * HEAD, 0.6)
    slope_x, slope_y = normals(blur(np.asarray(height, np.float32), 0.8) * HEAD, 1.9)
    upright = np.sqrt(np.clip(1.0 - slope_x**2 - slope_y**2, 0.0, 1.0))
    tones = Tones.of(animal)
    along = ((np.arange(shape[0], dtype=np.float32) + 0.5) / HEAD - _BEFORE)[:, None]
    field = band_noise(rng, shape, animal.markings.spacing * HEAD, 0.4)
    cut = float(np.quantile(field, 1.0 - 0.8 * animal.markings.coverage))
    dark = 0.85 * smoothstep(field, cut - 0.3, cut + 0.3)[..., None]
    mottle = 1.0 + 0.08 * band_noise(rng, shape, 0.10 * HEAD, 0.6)[..., None]
    toes = 0.35 * smoothstep(along, UPPER + LOWER, LIMB_LENGTH)[..., None]
    colour = tones.ground * (1.0 + toes * 0.35) * mottle * (1.0 - dark) + tones.dark * mottle * dark
    opacity = smoothstep(blur(mask.astype(np.float32), 2.0), 0.3, 0.7)
    return Layers(
        np.clip(np.rint(colour), 0, 255).astype(np.uint8),
        opacity,
        np.stack([slope_x, slope_y, upright]).astype(np.float32),
        np.clip(0.55 + 5.0 * from_edge, 0.55, 1.0).astype(np.float32),
        HEAD,
        -_BEFORE,
    )


def _silhouette(shape: tuple[int, int], *, fore: bool) -> Bytes:
    """A straight limb with spread toes, 1 inside and 0 outside: uint8 (H, W)."""
    mask = np.zeros(shape, np.uint8)
    stout = 1.0 if fore else 1.14
    stations = [-_BEFORE, 0.0, UPPER, UPPER + 0.6 * LOWER, UPPER + LOWER, UPPER + LOWER + 0.07]
    widths = np.array([0.17, 0.155, 0.115, 0.098, 0.085, 0.100]) * stout
    for along in np.linspace(-_BEFORE, stations[-1], 90):
        radius = float(np.interp(along, stations, widths))
        cv2.circle(mask, (round(HALF * HEAD), round((along + _BEFORE) * HEAD)), round(radius * HEAD), 1, -1)
    wrist = UPPER + LOWER + 0.03
    for spread in _TOES[fore]:
        reach = FOOT - 0.055 - 0.035 * abs(spread)
        for step in np.linspace(0.0, 1.0, 14):
            x = HALF + step * reach * np.sin(spread) + 0.045 * np.sin(spread)
            y = wrist + _BEFORE + step * reach * np.cos(spread)
            radius = 0.034 * stout * (1.0 - 0.18 * step)
            cv2.circle(mask, (round(x * HEAD), round(y * HEAD)), round(radius * HEAD), 1, -1)
    return mask
