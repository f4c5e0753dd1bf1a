"""What the animal lies on: gravel, cobbles, sand, or the floor of a tank."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.noise import Floats, band_noise, blur, grain, normals

Bed = Literal["gravel", "cobbles", "sand", "concrete"]
BEDS: tuple[Bed, ...] = get_args(Bed)

SIZE = 1024
"""Side of the square picture of a bed, in pixels. It joins itself at its edges, so it can be laid endlessly."""

HEAD_ON_BED = 420.0
"""Pixels of that picture for one head length of the animal upon it."""

LIT_FROM = (-0.6, -0.5, 0.62)
"""Where the light comes from in a bed's picture: the scene turns the bed to suit its own light."""

_MARGIN = 96  # how far beyond its edges a bed is worked, so that they join

_INNER = np.s_[_MARGIN : _MARGIN + SIZE, _MARGIN : _MARGIN + SIZE]

STONES = np.array(
    [
        (118, 112, 102),
        (141, 132, 116),
        (96, 92, 88),
        (125, 104, 84),
        (84, 82, 74),
        (150, 146, 136),
        (108, 98, 78),
    ],
    np.float32,
)
"""Colours of stones, sRGB."""

_SIZES: dict[Bed, tuple[tuple[float, int], ...]] = {  # radius in pixels, and how many such stones
    "gravel": ((6, 1600), (12, 900), (20, 180)),
    "cobbles": ((7, 1000), (22, 320), (46, 60)),
    "sand": ((2.5, 900), (5, 260), (9, 50), (18, 7)),
    "concrete": ((3, 160), (6, 30)),
}


@lru_cache(maxsize=8)
def bed_picture(kind: Bed) -> npt.NDArray[np.uint8]:
    """The lit river bed of one kind: sRGB, uint8 (SIZE, SIZE, 3); the same on every machine."""
    rng = np.random.Generator(np.random.PCG64([7, BEDS.index(kind)]))
    relief = 0.8 * _field(rng, 90.0, 0.6)
    sand = _joined(grain(rng, (SIZE + _MARGIN, SIZE + _MARGIN), 0.8))
    if kind == "concrete":
        relief = 0.3 * relief + 0.22 * sand + 0.5 * np.minimum(_field(rng, 14.0, 0.9), 0.5)
        colour = np.array((122, 124, 118), np.float32) * (1.0 + 0.10 * sand[..., None])
    else:
        relief = relief + 0.45 * sand
        colour = np.array((126, 116, 98), np.float32) * (1.0 + 0.10 * sand[..., None])
    relief = np.pad(relief, _MARGIN, "wrap")
    colour = np.pad(colour, ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0)), "wrap")
    for radius, count in _SIZES[kind]:
        _scatter(rng, relief, colour, radius, count)
    shade = _shade(relief, 0.09 if kind == "sand" else 0.055)[_INNER]
    algae = np.clip(0.5 + 0.4 * _field(rng, 150.0, 0.6), 0.0, 1.0)[..., None]
    shade *= (1.0 + 0.09 * _field(rng, 34.0, 0.8)) * (1.0 + 0.05 * sand)
    tinted = colour[_INNER] * (1.0 + algae * np.array((-0.07, -0.06, -0.12), np.float32))
    return np.asarray(cv2.convertScaleAbs(np.clip(tinted * shade[..., None], 0.0, 255.0)), np.uint8)


def _field(rng: np.random.Generator, wavelength: float, spread: float) -> Floats:
    return _joined(band_noise(rng, (SIZE + _MARGIN, SIZE + _MARGIN), wavelength, spread))


def _joined(field: Floats) -> Floats:
    """Fades the surplus of a noise field into its beginning, on both axes, keeping its variance."""
    fade = np.sin(0.5 * np.pi * (np.arange(_MARGIN, dtype=np.float32) + 0.5) / _MARGIN)
    for _ in range(2):
        start = fade[:, None] * field[:_MARGIN] + fade[::-1, None] * field[SIZE:]
        field = np.concatenate([start, field[_MARGIN:SIZE]]).T
    return np.ascontiguousarray(field)


def bed_at(kind: Bed, head_pixels: float) -> tuple[npt.NDArray[np.uint8], float]:
    """A bed's picture no finer than a photograph needs.

    Args:
        kind: Which bed.
        head_pixels: Length of the head in the photograph.

    Returns:
        The picture, and its pixels for one head length.
    """
    halvings = max(0, int(np.floor(np.log2(HEAD_ON_BED / max(head_pixels, 4.0)) + 0.35)))
    return _halved(kind, halvings), HEAD_ON_BED / 2**halvings


@lru_cache(maxsize=24)
def _halved(kind: Bed, times: int) -> npt.NDArray[np.uint8]:
    return bed_picture(kind) if times == 0 else np.asarray(cv2.pyrDown(_halved(kind, times - 1)), np.uint8)


def _scatter(rng: np.random.Generator, relief: Floats, colour: Floats, radius: float, count: int) -> None:
    """Drops stones of about one size onto the bed, each where the relief lets it lie; changes both arrays."""
    for _ in range(count):
        size = radius * rng.uniform(0.7, 1.45)
        reach = int(np.ceil(1.25 * size))
        stone = stone_height(rng, reach, size)
        tint = (STONES[rng.integers(len(STONES))] * rng.uniform(0.78, 1.15)).astype(np.float32)
        rows, columns = (_copies(int(place), reach) for place in rng.integers(0, SIZE, 2))
        for y in rows:
            for x in columns:
                window = (slice(y - reach, y + reach + 1), slice(x - reach, x + reach + 1))
                ground = relief[window]
                top = 0.35 * ground[reach, reach] + stone
                shown = (top > ground) & (stone > 0)
                np.copyto(ground, top, where=shown)
                np.copyto(colour[window], tint, where=shown[..., None])


def _copies(place: int, reach: int) -> list[int]:
    """Where a thing at `place` shows on the array with margins: once, or again near the opposite edge."""
    within = range(reach, SIZE + 2 * _MARGIN - reach)
    return [p for p in (place + _MARGIN, place + _MARGIN - SIZE, place + _MARGIN + SIZE) if p in within]


def stone_height(rng: np.random.Generator, reach: int, size: float) -> Floats:
    """The height of one rounded stone over a window of side 2 reach + 1; negative where it is not."""
    steps = np.arange(-reach, reach + 1, dtype=np.float32) / size
    turn = rng.uniform(0, np.pi)
    u = steps[None, :] * np.cos(turn) + steps[:, None] * np.sin(turn)
    v = (steps[:, None] * np.cos(turn) - steps[None, :] * np.sin(turn)) / rng.uniform(0.62, 1.0)
    corner = rng.uniform(2.0, 3.2)
    level = 1.0 - np.abs(u + 0.15 * v**2) ** corner - np.abs(v + 0.18 * u * rng.uniform(-1, 1)) ** corner
    flat = rng.uniform(0.45, 0.75)
    tilt = 0.16 * (rng.uniform(-1, 1) * u + rng.uniform(-1, 1) * v)
    height = size * flat * (np.sqrt(np.clip(level, 0, 1)) + tilt)
    return np.asarray(np.where(level > 0, height, -1.0), np.float32)


def _shade(relief: Floats, depth: float) -> Floats:
    """Brightness of a relief lit from `LIT_FROM`, darker by `depth` for each pixel that a hollow is deep."""
    slope_x, slope_y = normals(blur(relief, 0.7), 0.9)
    upright = np.sqrt(np.clip(1.0 - slope_x**2 - slope_y**2, 0.0, 1.0))
    light = (np.array(LIT_FROM) / np.linalg.norm(LIT_FROM)).tolist()
    shade = 0.34 + 0.95 * np.clip(slope_x * light[0] + slope_y * light[1] + upright * light[2], 0.0, 1.0)
    hollow = np.maximum(blur(relief, 9.0) - relief, 0.0)
    return np.asarray(shade * np.clip(1.0 - depth * hollow, 0.22, 1.0), np.float32)
