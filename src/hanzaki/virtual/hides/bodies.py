"""Bodies and how they stand before the camera: outline, pose and the map from picture to skin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.noise import Floats

Bytes = npt.NDArray[np.uint8]

_REACH = 1.8  # outline and coarse map reach so far from the middle, in half lengths of the trunk
_OUTLINE = 100  # pixels of an outline per half length
_CELLS = 72  # of the coarse map, each way
NO_MAP: Any = None
"""Says to OpenCV that the first map holds both coordinates."""

_THIN = 0.35  # the trunk tapers to this share of its height

_SHAPES = ("flank", "ellipse", "quadruped", "above", "fish")


@dataclass(frozen=True)
class Body:
    """The shape of a species.

    Attributes:
        shape: Flank, ellipse, quadruped, above (a newt's or lizard's) or fish.
        height: Half the height of the trunk, whose half length is 1.
        bluntness: Exponent of the trunk's superellipse.
        roundness: 0 for a flat flank, 1 for a barrel.
        limbs: Length of legs or fins.
        neck: Length of the neck.
    """

    shape: str
    height: float
    bluntness: float
    roundness: float
    limbs: float
    neck: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Body:
        """Draws the body of a species."""
        shape = str(rng.choice(_SHAPES, p=(0.25, 0.15, 0.25, 0.2, 0.15)))
        lowest, highest = {"above": (0.28, 0.42), "fish": (0.32, 0.58)}.get(shape, (0.42, 0.68))
        return cls(
            shape=shape,
            height=float(rng.uniform(lowest, highest)),
            bluntness=float(rng.uniform(3.5, 7.0) if shape == "flank" else rng.uniform(2.0, 3.2)),
            roundness=float(rng.uniform(0.4, 1.0)),
            limbs=float(rng.uniform(0.25, 0.55)),
            neck=float(rng.uniform(0.2, 0.45)),
        )

    def half_height(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Half the trunk's height at places along it."""
        inner = np.clip(np.abs(x), 0.0, 1.0) ** self.bluntness
        tapered = np.maximum(1.0 - inner, 0.0) ** (1.0 / self.bluntness)
        return np.asarray(self.height * np.maximum(tapered, _THIN), x.dtype)

    def outline(self, rng: np.random.Generator) -> Bytes:
        """Draws the silhouette in one pose, as bytes over the square of -_REACH to _REACH."""
        side = round(2 * _REACH * _OUTLINE)
        canvas = np.zeros((side, side), np.uint8)
        x = np.concatenate([np.linspace(-1, -0.9, 6), np.linspace(-0.85, 0.85, 18), np.linspace(0.9, 1, 6)])
        y = self.height * (1.0 - np.abs(x) ** self.bluntness) ** (1.0 / self.bluntness)
        bulge = 1.0 + 0.05 * rng.standard_normal(2)
        _fill(canvas, np.concatenate([x, x[::-1]]), np.concatenate([-bulge[0] * y, bulge[1] * y[::-1]]))
        for place, angle, length, width in self._parts(rng):
            _limb(canvas, place, angle, length, width)
        return canvas

    def _parts(self, rng: np.random.Generator) -> list[tuple[tuple[float, float], float, float, float]]:
        """Limbs as (place, angle, length, width); the head looks to the left, angles from there to below."""
        height, limbs, neck = self.height, self.limbs, self.neck
        sway = rng.normal(0.0, 0.28, 7)
        if self.shape == "quadruped":
            legs = [((x, 0.55 * height), 1.57 + sway[i], limbs + 0.4 * height, 0.10)
                    for i, x in enumerate((-0.78, -0.62, 0.62, 0.78))]  # fmt: skip
            front = [((-0.8, -0.3 * height), -0.6 + sway[4], neck + 0.2, 0.5 * height)]
            return [*legs, *front, ((0.9, -0.2 * height), 2.4 + sway[5], 0.4, 0.05)]
        if self.shape == "above":
            legs = [((x, side * 0.7 * height), side * (1.57 + sway[i]), 0.5 * limbs, 0.08)
                    for i, (x, side) in enumerate(((-0.6, 1), (-0.6, -1), (0.5, 1), (0.5, -1)))]  # fmt: skip
            return [
                *legs,
                ((-0.8, 0.0), sway[4], 0.3, 0.75 * height),
                ((0.8, 0.0), 3.14 + sway[5], 0.45, 0.5 * height),
            ]
        if self.shape == "fish":
            tail = [((0.85, 0.0), 3.14 + turn + 0.5 * sway[5], 0.5, 0.3 * height) for turn in (-0.5, 0.5)]
            fins = [
                ((0.0, -0.8 * height), -2.3 + sway[0], limbs, 0.1),
                ((-0.2, 0.7 * height), 2.3 + sway[1], limbs, 0.09),
            ]
            return tail + fins
        return []


def _fill(canvas: Bytes, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> None:
    points = np.round((np.stack([x, y], 1) + _REACH) * _OUTLINE * 16).astype(np.int32)
    cv2.fillPoly(canvas, [points], 255, cv2.LINE_AA, 4)


def _limb(canvas: Bytes, place: tuple[float, float], angle: float, length: float, width: float) -> None:
    """A limb that tapers to two thirds, with a round end."""
    along = np.array((-np.cos(angle), np.sin(angle)))
    across = np.array((along[1], -along[0])) * width
    tip = np.array(place) + length * along
    corners = np.array([place + across, tip + 0.66 * across, tip - 0.66 * across, place - across])
    _fill(canvas, corners[:, 0], corners[:, 1])
    centre = [round(value) for value in (tip + _REACH) * _OUTLINE * 16]
    cv2.circle(canvas, centre, round(0.66 * width * _OUTLINE * 16), 255, cv2.FILLED, cv2.LINE_AA, 4)


@dataclass(frozen=True)
class View:
    """Where every pixel of a photograph looks.

    Attributes:
        skin: float32 (H, W, 2): place on the skin (along, round the body), in half lengths of the trunk.
        animal: uint8 (H, W): 255 where the animal is.
        facing: float32 (H, W): the height component of the skin's normal, -1 (belly) to 1 (back).
        box: x, y, w, h of the animal as a person or detector might have drawn it: not quite right.
    """

    skin: Floats
    animal: Bytes
    facing: Floats
    box: tuple[int, int, int, int]


def draw_view(body: Body, rng: np.random.Generator, size: int) -> View:
    """Draws how a body stands before the camera.

    Args:
        body: The body.
        rng: The photograph's own generator.
        size: Longer side of the photograph in pixels.
    """
    outline = body.outline(rng)
    places, facing = _coarse_map(body, rng)
    coarse = _silhouette(outline, places[..., :2])
    columns, rows = (np.flatnonzero(coarse.max(axis) >= 128) for axis in (0, 1))
    low = np.array((columns[0], rows[0]), float)
    extent = np.array((columns[-1], rows[-1])) + 1 - low
    margin = rng.uniform(-0.06, 0.16, (2, 2)) * extent
    low, extent = low - margin[0], extent + margin.sum(0)
    step = extent.max() / size
    width, height = (max(32, round(side / step)) for side in extent)
    move = np.array([[step, 0, low[0] + step / 2 - 0.5], [0, step, low[1] + step / 2 - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    fine, face = (
        np.asarray(
            cv2.warpAffine(layer, move, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
        )
        for layer in (places, facing)
    )
    animal = _silhouette(outline, fine[..., :2])
    return View(np.ascontiguousarray(fine[..., 2:]), animal, face, _jittered(animal, rng))


def _silhouette(outline: Bytes, places: Floats) -> Bytes:
    points: Any = np.ascontiguousarray((places + np.float32(_REACH)) * np.float32(_OUTLINE))
    return np.asarray(cv2.remap(outline, points, NO_MAP, cv2.INTER_LINEAR), np.uint8)


def _coarse_map(body: Body, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Places on the flat body and on its skin (cells, cells, 4), and how much the skin faces up (cells, cells)."""
    line = (np.arange(_CELLS, dtype=np.float32) + 0.5) / _CELLS * (2 * _REACH) - _REACH
    across, down = np.meshgrid(line, line)
    turn = np.clip(rng.normal(0.0, 0.12), -0.27, 0.27)
    x, y = np.cos(turn) * across + np.sin(turn) * down, np.cos(turn) * down - np.sin(turn) * across
    yaw, near = np.clip(rng.normal(0.0, 0.35), -0.7, 0.7), rng.uniform(0.15, 0.45)
    x = x / np.maximum(np.cos(yaw) - near * np.sin(yaw) * x, 0.2)
    y = y * np.clip(1.0 + near * np.sin(yaw) * x, 0.4, 1.8)
    bend = rng.normal(0.0, 0.16 if body.shape == "above" else 0.07)
    y = y - bend * (np.minimum(x**2, 2.0) - 0.3) - 0.3 * bend * np.sin(2.2 * x + rng.uniform(0, 6))
    for wobble, cells in ((0.05, 5), (0.018, 11)):
        x, y = (part + rng.uniform(0.3, 1.0) * wobble * _soft(rng, cells) for part in (x, y))
    if rng.random() < 0.25:  # seen through rippled water
        ripple = rng.uniform(0.006, 0.022)
        x, y = x + ripple * _soft(rng, 26), y + ripple * _soft(rng, 34)
    half = body.half_height(x)
    slant = np.clip(y / half, -1.0, 1.0)
    roll = rng.normal(0.0, 0.16)
    wrapped = half * np.arcsin(slant) + (y - half * slant)
    round_body = y + body.roundness * (wrapped - y) + roll * body.height
    return np.dstack([x, y, x, round_body]).astype(np.float32), np.asarray(-slant, np.float32)


def _soft(rng: np.random.Generator, cells: int) -> Floats:
    values = rng.standard_normal((cells, cells), dtype=np.float32)
    return np.asarray(cv2.resize(values, (_CELLS, _CELLS), interpolation=cv2.INTER_CUBIC), np.float32)


def _jittered(animal: Bytes, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """The box of the animal with every side up to 12 % off, within the picture."""
    x, y, w, h = cv2.boundingRect((animal >= 128).astype(np.uint8))
    off = np.clip(rng.normal(0.0, 0.05, 4), -0.12, 0.12)
    left, top = max(0, round(x + off[0] * w)), max(0, round(y + off[1] * h))
    right = min(animal.shape[1], round(x + w + off[2] * w))
    bottom = min(animal.shape[0], round(y + h + off[3] * h))
    return left, top, right - left, bottom - top
