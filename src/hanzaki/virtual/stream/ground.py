"""The bed under one clip: two kinds of bed that run into each other, stones, and sunken leaves."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.bed import LIT_FROM, STONES, Bed, bed_picture, stone_height
from hanzaki.virtual.noise import Floats, band_noise, blur, normals, smoothstep
from hanzaki.virtual.scene import Light

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]

_FINEST = 170.0  # pixels for one head length: the bed pictures hold no more
_TILE = 150.0  # pixels of a bed picture for one head length
_MARGIN = 0.4  # head lengths beyond the picture, for the hand's sway and the water's refraction
_BESIDE: dict[Bed, Bed] = {"gravel": "sand", "cobbles": "gravel", "sand": "gravel", "concrete": "sand"}
_LEAVES = np.array([(112, 84, 48), (134, 104, 52), (92, 62, 40), (104, 98, 56), (70, 54, 42)], np.float32)


@dataclass(frozen=True)
class Ground:
    """The lit bed: sRGB uint8 (H, W, 3), of which pixel `middle` is the origin of the bed's coordinates."""

    picture: Bytes
    per_head: float
    middle: tuple[float, float]

    @classmethod
    def lay(
        cls,
        rng: np.random.Generator,
        bed: Bed,
        light: Light,
        extent: tuple[float, float],
        head: float,
        keep_clear: Doubles,
    ) -> Ground:
        """Lays the bed of a clip.

        Args:
            rng: The clip's own generator.
            bed: What most of it is.
            light: From where the stones are lit.
            extent: Width and height of the picture in head lengths.
            head: Length of the head in pixels of the picture.
            keep_clear: Places where no stone may lie, (N, 2), in head lengths from the middle.
        """
        per_head = min(head, _FINEST)
        size = [int(np.ceil((side + 2 * _MARGIN) * per_head)) for side in extent]
        shape = (size[1], size[0])
        warp = [13.0 * band_noise(rng, shape, 4.5 * per_head) for _ in range(2)]
        picture = _tiled(rng, bed, light, warp, per_head)
        other = _tiled(rng, _BESIDE[bed], light, warp, per_head)
        drift = band_noise(rng, shape, 3.2 * per_head, 0.5) + 0.35 * band_noise(rng, shape, 0.5 * per_head, 0.5)
        share = (0.92 * smoothstep(drift, 0.35, 1.0))[..., None]
        mixed = np.asarray(picture + share * (other.astype(np.float32) - picture), np.float32)
        tone = 1.0 + 0.09 * band_noise(rng, shape, 2.2 * per_head, 0.6)
        algae = smoothstep(band_noise(rng, shape, 1.7 * per_head, 0.6), 0.2, 1.8)[..., None]
        mixed *= tone[..., None] * (1.0 - algae * np.array((0.20, 0.11, 0.26), np.float32))
        middle = (0.5 * size[0], 0.5 * size[1])
        _scatter_stones(rng, mixed, light, per_head, keep_clear * per_head + middle)
        for _ in range(int(rng.integers(0, 7))):
            _drop_leaf(rng, mixed, light, per_head)
        return cls(np.clip(np.rint(mixed), 0, 255).astype(np.uint8), per_head, middle)


def _tiled(rng: np.random.Generator, bed: Bed, light: Light, warp: list[Floats], per_head: float) -> Bytes:
    """A bed's picture over the whole clip, turned so that its baked-in light comes from where the sun stands.

    A slow warp (x and y, in pixels of the bed's picture) hides that the picture joins itself.
    """
    turn = light.azimuth - float(np.arctan2(LIT_FROM[1], LIT_FROM[0]))
    scale = _TILE / per_head
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    tile = bed_picture(bed)
    x0, y0 = rng.uniform(0, tile.shape[0], 2)
    rows, columns = warp[0].shape
    x, y = np.arange(columns, dtype=np.float32)[None, :], np.arange(rows, dtype=np.float32)[:, None]
    bed_x, bed_y = cos * x + (sin * y + x0) + warp[0], cos * y - (sin * x - y0) + warp[1]
    where, fractions = cv2.convertMaps(bed_x.astype(np.float32), bed_y.astype(np.float32), cv2.CV_16SC2)
    if scale > 1.3:  # anti-aliasing, for pictures in which the head is small
        tile = np.asarray(cv2.GaussianBlur(tile, (0, 0), 0.45 * scale, borderType=cv2.BORDER_REFLECT), np.uint8)
    laid = cv2.remap(tile, where, fractions, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(laid, np.uint8)


def _scatter_stones(
    rng: np.random.Generator, picture: Floats, light: Light, per_head: float, keep_clear: Doubles
) -> None:
    """Lays larger stones beside the animal's way, the largest first; changes `picture`."""
    sizes = np.sort(rng.uniform(0.16, 1.0, int(rng.integers(5, 15))) ** 1.6 * 0.95)[::-1]
    for size in sizes:
        place = rng.uniform(0, 1, 2) * (picture.shape[1], picture.shape[0])
        radius = size * per_head
        if len(keep_clear) and np.linalg.norm(keep_clear - place, axis=1).min() < 1.2 * radius + 0.62 * per_head:
            continue
        _lay_stone(rng, picture, light, place, float(radius))


def _lay_stone(rng: np.random.Generator, picture: Floats, light: Light, place: Doubles, radius: float) -> None:
    reach = int(1.25 * radius) + 2
    height = stone_height(rng, reach, radius)
    inside = np.asarray(height > 0, np.float32)
    tint = STONES[rng.integers(len(STONES))] * rng.uniform(0.85, 1.15)
    rough = band_noise(rng, height.shape, 0.9 * radius, 0.8) + 0.3 * band_noise(
        rng, height.shape, 0.2 * radius, 0.9
    )
    relief = blur(np.maximum(height, 0.0) * 0.62, 0.06 * radius) + 0.016 * radius * rough
    slope_x, slope_y = normals(np.asarray(relief, np.float32), 1.1)
    upright = np.sqrt(np.clip(1.0 - slope_x**2 - slope_y**2, 0.0, 1.0))
    low = np.sqrt(1.0 - light.height**2)
    faced = low * (slope_x * np.cos(light.azimuth) + slope_y * np.sin(light.azimuth)) + light.height * upright
    shade = 0.34 + 0.85 * np.clip(faced, 0, 1) * (0.55 + 0.45 * upright)
    slime = smoothstep(band_noise(rng, height.shape, 0.8 * radius, 0.6), -0.3, 1.4)[..., None]
    colour = tint * (1.0 + 0.10 * rough[..., None]) * (1.0 - slime * np.array((0.24, 0.14, 0.36), np.float32))
    opacity = blur(inside, max(0.6, 0.015 * radius))
    away = -0.30 * radius * low / light.height * np.array((np.cos(light.azimuth), np.sin(light.azimuth)))
    wide = int(0.7 * radius) + 2
    sunny = light.sun * light.height / (light.sun * light.height + light.sky)
    cast = np.pad(inside, wide)
    move = np.array([[1, 0, away[0]], [0, 1, away[1]]])
    shadow = blur(cv2.warpAffine(cast, move, cast.shape[::-1]), 0.10 * radius) * 0.5 + 0.35 * blur(
        cast, 0.16 * radius
    )
    _blend(
        picture, np.zeros((*cast.shape, 3), np.float32), np.clip(shadow * (0.35 + 0.75 * sunny), 0, 0.66), place
    )
    _blend(picture, np.asarray(colour * shade[..., None], np.float32), opacity, place)


def _drop_leaf(rng: np.random.Generator, picture: Floats, light: Light, per_head: float) -> None:
    """Sinks one long leaf, as of bamboo or oak, anywhere."""
    length, slim = rng.uniform(0.16, 0.42) * per_head, rng.uniform(0.16, 0.36)
    reach = int(length) + 3
    t = np.linspace(0, 1, 24)
    rim = slim * np.sin(np.pi * t**0.8) * (1.0 + 0.12 * rng.normal(size=24))
    bent = 0.3 * rng.normal() * (t - 0.5) ** 2
    outline = np.concatenate(
        [np.stack([t - 0.5, rim * 0.5 + bent], 1), np.stack([t - 0.5, bent - rim * 0.5], 1)[::-1]]
    )
    turn = rng.uniform(0, 2 * np.pi)
    spin = np.array(((np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))))
    corners = np.rint((outline @ spin * length + reach) * 16).astype(np.int32)
    mask = np.zeros((2 * reach, 2 * reach), np.uint8)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, 4)
    rib = np.rint((np.stack([t - 0.5, bent], 1) @ spin * length + reach) * 16).astype(np.int32)
    veins = np.zeros_like(mask)
    cv2.polylines(veins, [rib], False, 255, 1, cv2.LINE_AA, 4)
    colour = _LEAVES[rng.integers(len(_LEAVES))] * rng.uniform(0.7, 1.15) * np.ones((*mask.shape, 3), np.float32)
    colour *= (1.0 + 0.14 * band_noise(rng, mask.shape, 0.25 * length, 0.6))[..., None]
    colour += veins[..., None] * 0.16
    place = rng.uniform(0, 1, 2) * (picture.shape[1], picture.shape[0])
    opacity: Floats = mask.astype(np.float32) / np.float32(255)
    below = place - 0.05 * length * np.array((np.cos(light.azimuth), np.sin(light.azimuth)))
    _blend(picture, np.zeros_like(colour), np.float32(0.5) * blur(opacity, 0.04 * length), below)
    _blend(picture, colour, np.float32(0.9) * opacity, place)


def _blend(picture: Floats, colour: Floats, opacity: Floats, place: Doubles) -> None:
    """Lays a small picture over a large one, centred at `place`, as far as it lies on it."""
    top, left = round(place[1] - opacity.shape[0] / 2), round(place[0] - opacity.shape[1] / 2)
    rows = slice(max(0, top), min(picture.shape[0], top + opacity.shape[0]))
    columns = slice(max(0, left), min(picture.shape[1], left + opacity.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    part = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
    ground = picture[rows, columns]
    ground += opacity[part][..., None] * (colour[part] - ground)
