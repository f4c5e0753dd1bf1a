"""The whole animal laid out straight: head and neck as photographs show them, and the trunk and tail behind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from hanzaki.virtual.animal import Salamander
from hanzaki.virtual.noise import Floats, band_noise, blur, grain, normals, smoothstep
from hanzaki.virtual.pattern import BOTTOM, HEAD, LEFT, SKIN_SHAPE, TOP, draw_pattern
from hanzaki.virtual.stream.layers import Layers

Bytes = npt.NDArray[np.uint8]

LENGTH = 5.3
"""Length of the animal in head lengths, snout tip to tail tip: the tail is the last third."""

SHOULDER, PELVIS = 1.45, 3.38
"""Where the limbs stand, in head lengths behind the snout tip."""

SIDE = 0.74
"""Half the width of a body map in head lengths."""

_END = LENGTH + 0.1
_ROWS, _COLUMNS = round((_END - TOP) * HEAD), round(2 * SIDE * HEAD)
_SEAM = (BOTTOM - 0.2, BOTTOM - 0.03)  # where the pattern of the photographs fades into that of the hind body
_BEHIND_HEAD = (1.02, 1.2)  # where the relief of the photographs fades into that of the whole animal
_CHANCE = 0x5EA1  # keeps the hind body's chance apart from that of the animal's other traits
_RUBBED = np.array((150, 131, 108), np.float32)
_STEEPNESS = 1.9  # as the relief of the head


@dataclass(frozen=True)
class Tones:
    """The colours of one animal's skin, sRGB 0 to 255: its ground and its blotches, measured on its head."""

    ground: Floats
    dark: Floats

    @classmethod
    @lru_cache(maxsize=32)
    def of(cls, animal: Salamander) -> Tones:
        """Measures them on the skin that photographs show, so that the hind body matches whatever its age."""
        head = np.s_[round((0.1 - TOP) * HEAD) : round((1.9 - TOP) * HEAD) : 3, _inner(0.3) : _inner(-0.3) : 3]
        colour = animal.skin.colour[head][..., :3].reshape(-1, 3).astype(np.float32)
        darkness = np.asarray(animal.skin.truth[head][..., 1], np.float32).reshape(-1) / 255
        design = np.column_stack([1.0 - darkness, darkness])
        fitted, *_ = np.linalg.lstsq(design, colour, rcond=None)
        ground, dark = np.clip(fitted, 8.0, 240.0).astype(np.float32)
        return cls(ground, dark)


def _inner(x: float) -> int:
    """Column of the photographs' skin map at `x` head lengths left of the middle line."""
    return round((-x - LEFT) * HEAD)


@lru_cache(maxsize=32)
def _body(animal: Salamander, halvings: int) -> Layers:
    return _full_body(animal) if halvings == 0 else _body(animal, halvings - 1).halved()


def body_at(animal: Salamander, head_pixels: float) -> Layers:
    """The animal's body map, no finer than a picture needs whose head is `head_pixels` long."""
    return _body(animal, halvings_for(head_pixels))


def halvings_for(head_pixels: float) -> int:
    """How often a map of `HEAD` pixels a head can be halved and still be fine enough."""
    return max(0, int(np.floor(np.log2(HEAD / max(head_pixels, 4.0)) + 0.35)))


@lru_cache(maxsize=64)
def outline_of_head(animal: Salamander) -> Floats:
    """The head's outline: (N, 2) of x to the animal's right and y behind the snout tip, in head lengths."""
    head = (animal.skin.truth[..., 0] >= 128).astype(np.uint8)
    contours, _ = cv2.findContours(head, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    longest = max(contours, key=len)[:, 0, :].astype(np.float32)
    points = longest[:: max(1, len(longest) // 96)]
    return np.asarray((points + 0.5) / HEAD + np.array((LEFT, TOP)), np.float32)


def _full_body(animal: Salamander) -> Layers:
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([animal.seed, _CHANCE])))
    x: Floats = np.linspace(-SIDE, SIDE, _COLUMNS, dtype=np.float32)[None, :]
    y: Floats = np.linspace(TOP, _END, _ROWS, dtype=np.float32)[:, None]
    width = _half_width(animal, y[:, 0])
    edge = width[:, None] + _frill(rng, y)
    inside = np.abs(x) < edge
    from_edge = np.asarray(cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5) / HEAD, np.float32)
    pattern = _long_pattern(animal, rng)
    height, pale = _relief(rng, x, y, width[:, None], from_edge)
    colour = _paint(rng, Tones.of(animal), pattern, pale)
    slope_x, slope_y = normals(blur(height, 0.8) * HEAD, _STEEPNESS)
    hollow = blur(height, 0.025 * HEAD) - height
    openness = np.clip(1.0 - 0.13 * HEAD * hollow, 0.35, 1.12).astype(np.float32)
    openness *= 0.72 + 0.28 * smoothstep(from_edge, 0.0, 0.16)  # flanks turn away from the sky
    upright = np.sqrt(np.clip(1.0 - slope_x**2 - slope_y**2, 0.0, 1.0))
    opacity = smoothstep(blur(inside.astype(np.float32), 2.2), 0.3, 0.7)
    layers = Layers(colour, opacity, np.stack([slope_x, slope_y, upright]), openness, HEAD, TOP)
    return _with_head(layers, animal, y)


def _half_width(animal: Salamander, y: Floats) -> Floats:
    """Half the body's width at the distances `y` behind the snout; the head's is that of the photographs."""
    solid = animal.skin.colour[..., 3] >= 128
    middle = SKIN_SHAPE[1] // 2
    right = np.argmin(solid[:, middle:], axis=1) / HEAD
    left = np.argmin(solid[:, middle - 1 :: -1], axis=1) / HEAD
    head = np.interp(y, (np.arange(SKIN_SHAPE[0]) + 0.5) / HEAD + TOP, 0.5 * (right + left))
    jaw = float(head[y < 0.95].max())
    stations = [1.08, 1.45, 1.9, 2.5, 3.0, 3.35, 3.6, 3.9, 4.3, 4.7, 5.0]
    shares = [0.83, 0.93, 0.99, 1.0, 0.93, 0.79, 0.60, 0.47, 0.40, 0.34, 0.28]
    widths = jaw * np.array(shares)
    widths[0] = float(np.interp(1.08, y, head))
    behind = PchipInterpolator(stations, widths)(np.clip(y, 1.08, 5.0))
    tip = np.clip((LENGTH - y) / (LENGTH - 4.85), 0.0, 1.0)
    behind *= np.where(y > 4.85, np.sqrt(np.clip(1.0 - (1.0 - tip) ** 2.2, 0.0, 1.0)), 1.0)
    return np.asarray(np.where(y < 1.08, head, behind), np.float32)


def _frill(rng: np.random.Generator, y: Floats) -> Floats:
    """The fold of loose skin along each flank: how far it reaches beyond the body, (rows, columns)."""
    along = smoothstep(y, 1.25, 1.6) * smoothstep(-y, -3.45, -3.1)
    sides = []
    for _ in range(2):
        waves = np.cumsum(rng.normal(0.0, 0.09, _ROWS)) + 2 * np.pi * np.arange(_ROWS) / (0.36 * HEAD)
        deep = np.interp(
            np.arange(_ROWS), np.arange(0, _ROWS, 90), rng.uniform(0.3, 1.0, len(range(0, _ROWS, 90)))
        )
        sides.append(along * (0.030 + 0.018 * deep * np.sin(waves))[:, None])
    half = _COLUMNS // 2
    return np.concatenate([np.repeat(sides[0], half, 1), np.repeat(sides[1], _COLUMNS - half, 1)], 1)


def _long_pattern(animal: Salamander, rng: np.random.Generator) -> Floats:
    """Darkness of the whole body, 0 to 1: the photographs' pattern, gone on with behind them for good."""
    margin = (SKIN_SHAPE[1] - _COLUMNS) // 2
    front = np.asarray(animal.skin.truth[:, margin : margin + _COLUMNS, 1], np.float32) / 255
    hind = draw_pattern(rng, animal.markings)[:, margin : margin + _COLUMNS]
    hind = np.pad(hind, ((0, SKIN_SHAPE[0] // 8), (0, 0)), "reflect")  # for the last rows, at the tail's tip
    first = round((_SEAM[0] - TOP) * HEAD)
    overlap = front.shape[0] - first
    pattern = np.zeros((_ROWS, _COLUMNS), np.float32)
    pattern[: front.shape[0]] = front
    rest = hind[: _ROWS - front.shape[0] + overlap]
    y = (np.arange(overlap, dtype=np.float32) / HEAD + _SEAM[0])[:, None]
    # The seam wanders with the blotches themselves, so that none is cut straight across.
    share = smoothstep(y + 0.10 * (rest[:overlap] - front[first:]), *_SEAM)
    pattern[first : front.shape[0]] += share * (rest[:overlap] - front[first:])
    pattern[front.shape[0] :] = rest[overlap : overlap + _ROWS - front.shape[0]]
    return pattern


def _relief(
    rng: np.random.Generator, x: Floats, y: Floats, width: Floats, from_edge: Floats
) -> tuple[Floats, Floats]:
    """Heights of trunk and tail in head lengths, and where the skin is rubbed pale (0 to 1)."""
    across = np.abs(x) / np.maximum(width, 0.05)
    radius = np.clip(0.8 * width, 0.08, 0.34)
    inward = np.clip(from_edge / radius, 0.0, 1.0)
    height = 0.62 * radius * np.sqrt(1.0 - (1.0 - inward) ** 2)
    trunk = smoothstep(y, 1.2, 1.5) * smoothstep(-y, -3.5, -3.2)
    tail = smoothstep(y, 3.45, 3.9)
    height += trunk * (-0.020 * np.exp(-0.5 * (x / 0.035) ** 2))  # groove of the spine
    wavy = 0.03 * np.sin(9.0 * y + 2.0 * np.sign(x)) + 0.02 * np.sin(21.0 * y)
    height -= trunk * 0.030 * np.exp(-0.5 * ((across - 0.80 - wavy) / 0.035) ** 2)  # groove above the flank's fold
    ribs = np.sin(2 * np.pi * y / 0.165 + 2.4 * across**2) * smoothstep(across, 0.25, 0.6)
    height += trunk * 0.0045 * ribs  # costal grooves
    height += (
        tail * 0.055 * np.exp(-0.5 * (x / (0.028 + 0.02 * width)) ** 2)
    )  # fin along the upper edge of the tail
    shape = (_ROWS, _COLUMNS)
    height = height + 0.0026 * band_noise(rng, shape, 0.09 * HEAD, 0.6) + 0.0004 * grain(rng, shape, 1.4)
    chance = rng.random(shape, dtype=np.float32) / (0.35 + 0.9 * trunk * (across > 0.6))
    pale = 0.30 * tail * np.exp(-0.5 * (x / 0.02) ** 2) + 0.35 * trunk * smoothstep(across, 0.93, 1.02)
    for warts_radius, density, rise in ((1.8, 0.0022, 0.45), (3.2, 0.0006, 0.6)):
        domes = np.minimum(
            blur((chance < density).astype(np.float32), warts_radius) * (2 * np.pi * warts_radius**2), 1.3
        )
        height = height + domes * (from_edge > 0.03) * rise * warts_radius / HEAD
        pale = np.maximum(pale, 0.35 * domes)
    return np.asarray(height, np.float32), np.asarray(pale, np.float32)


def _paint(rng: np.random.Generator, tones: Tones, pattern: Floats, pale: Floats) -> Bytes:
    shape = (_ROWS, _COLUMNS)
    mottle = 0.075 * band_noise(rng, shape, 0.13 * HEAD, 0.6) + 0.05 * band_noise(rng, shape, 0.03 * HEAD, 0.5)
    layers = []
    for ground, dark, rubbed in zip(tones.ground, tones.dark, _RUBBED, strict=True):
        layer = ground * (1.0 + mottle)
        layer += 0.6 * pale * (1.0 - 0.55 * pattern) * (rubbed - layer)
        layer += pattern * (dark * (1.0 + mottle) - layer)
        layers.append(np.clip(np.rint(layer), 0, 255).astype(np.uint8))
    return np.asarray(cv2.merge(layers), np.uint8)


def _with_head(layers: Layers, animal: Salamander, y: Floats) -> Layers:
    """Puts head and neck in, exactly as photographs show them, fading into the trunk behind."""
    margin = (SKIN_SHAPE[1] - _COLUMNS) // 2
    rows = round((_BEHIND_HEAD[1] - TOP) * HEAD)
    part = np.s_[:rows, margin : margin + _COLUMNS]
    share = smoothstep(-y[:rows], -_BEHIND_HEAD[1], -_BEHIND_HEAD[0])
    surface = animal.skin.surface[part].astype(np.float32) / 255
    head = [2 * surface[..., 0] - 1, 2 * surface[..., 1] - 1, surface[..., 2]]
    for target, source in zip(layers.normal, head, strict=True):
        target[:rows] += share * (source - target[:rows])
    layers.openness[:rows] += share * (1.15 * surface[..., 3] - layers.openness[:rows])
    mixed = layers.colour[:rows] + share[..., None] * (
        animal.skin.colour[part][..., :3].astype(np.float32) - layers.colour[:rows]
    )
    layers.colour[:rows] = np.rint(mixed).astype(np.uint8)
    return layers
