"""The shape of a giant salamander's head, neck, shoulders and fore legs, as seen from above."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from hanzaki.virtual.noise import Floats, band_noise, blur, grain, smoothstep
from hanzaki.virtual.pattern import BOTTOM, HEAD, LEFT, SKIN_SHAPE, TOP, body_grid

HEAD_END = 1.0
"""Where the head ends and the neck begins, in head lengths from the snout tip."""


@dataclass(frozen=True)
class Shape:
    """Proportions of one animal, in head lengths: half widths, and the angles of its fore legs in radians."""

    jaw: float
    neck: float
    trunk: float
    bluntness: float
    eyes: tuple[float, float]
    legs: tuple[float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Shape:
        """Draws the proportions of an adult."""
        jaw = rng.uniform(0.50, 0.545)
        return cls(
            jaw=jaw,
            neck=jaw * rng.uniform(0.78, 0.84),
            trunk=jaw * rng.uniform(0.87, 0.97),
            bluntness=rng.uniform(2.45, 2.85),
            eyes=(0.66 * jaw, rng.uniform(0.27, 0.31)),
            legs=(rng.uniform(-0.5, 0.6), rng.uniform(-0.5, 0.6)),
        )

    def half_width(self, y: Floats) -> Floats:
        """Half the body's width at the distances `y` behind the snout tip; 0 in front of it."""
        widest = 0.63
        towards_snout = np.clip((widest - y) / widest, 0.0, 1.0) ** self.bluntness
        snout = self.jaw * (1.0 - towards_snout) ** (1.0 / self.bluntness)
        stations = [widest, 0.82, 0.98, 1.1, 1.34, 1.7, BOTTOM + 0.2]
        widths = [self.jaw, 0.965 * self.jaw, 1.04 * self.neck, self.neck, 1.06 * self.trunk]
        behind = PchipInterpolator(stations, [*widths, self.trunk, 1.05 * self.trunk])(y)
        return np.asarray(np.where(y < widest, snout, behind) * (y > 0), np.float32)


@dataclass(frozen=True)
class Body:
    """One animal's form on the skin map: arrays of `SKIN_SHAPE`.

    Attributes:
        opacity: 1 on the animal, 0 beside it, with a soft edge.
        head: Opacity of the head alone.
        height: Relief in pixels of the skin map.
        pale: Where skin is rubbed pale: lips, warts, toes (0 to 1).
        eyes: Opacity of the two eyes and nostrils.
    """

    opacity: Floats
    head: Floats
    height: Floats
    pale: Floats
    eyes: Floats


def form(shape: Shape, rng: np.random.Generator) -> Body:
    """Models the relief of one animal: flat domes, folds, muscles and warts."""
    x, y = body_grid()
    trunk = (np.abs(x) < shape.half_width(y[:, :1])).astype(np.uint8)
    legs = np.zeros(SKIN_SHAPE, np.uint8)
    for side, angle in zip((-1, 1), shape.legs, strict=True):
        _draw_leg(legs, side, angle, shape.trunk)
    opacity = smoothstep(blur(np.maximum(trunk, legs).astype(np.float32), 2.2), 0.3, 0.7)
    neckline = HEAD_END - 0.16 * (x / shape.jaw) ** 2
    head = opacity * smoothstep(neckline - y, -0.004, 0.004) * (np.abs(x) < 0.6)
    from_edge = _from_edge(trunk)
    height = np.maximum(0.62 * _dome(from_edge, 0.24), 0.62 * _dome(_from_edge(legs), 0.10))
    height += _folds(x, y, shape) * trunk
    warts, pale = _warts(rng, shape, x, y, from_edge)
    lips = 0.6 * np.exp(-0.5 * ((from_edge - 0.012) / 0.012) ** 2) * (y < 0.85) * trunk
    pale = np.maximum(pale, np.maximum(lips, 0.5 * legs * (np.abs(x) > shape.trunk + 0.22)))
    wrinkles = 0.0017 * band_noise(rng, SKIN_SHAPE, 0.07 * HEAD, 0.5) + 0.0003 * grain(rng, SKIN_SHAPE, 1.4)
    eyes, sockets = _eyes(shape, x, y)
    height = blur((height + warts + wrinkles + sockets).astype(np.float32), 0.8) * HEAD
    return Body(opacity, np.asarray(head, np.float32), height, blur(pale, 1.2), eyes)


def _to_pixels(x: float, y: float) -> tuple[int, int]:
    return round((x - LEFT) * HEAD), round((y - TOP) * HEAD)


def _draw_leg(canvas: npt.NDArray[np.uint8], side: int, angle: float, trunk: float) -> None:
    """Paints a stubby fore leg with four toes into `canvas`; `angle` swings it back (+) or forth (-)."""
    shoulder = np.array([side * (trunk - 0.10), 1.42])
    arm = np.array([side * np.cos(angle), np.sin(angle)])
    elbow = shoulder + 0.27 * arm
    bend = angle - 0.55
    fore = np.array([side * np.cos(bend), np.sin(bend)])
    wrist = elbow + 0.17 * fore
    for start, end, wide, narrow in ((shoulder, elbow, 0.155, 0.12), (elbow, wrist, 0.12, 0.095)):
        for t in np.linspace(0, 1, 16):
            radius = round((wide + t * (narrow - wide)) * HEAD)
            cv2.circle(canvas, _to_pixels(*(start + t * (end - start))), radius, 1, -1)
    for spread in (-0.75, -0.22, 0.28, 0.8):
        toe = np.array([side * np.cos(bend + spread), np.sin(bend + spread)])
        start, end = wrist + 0.03 * toe, wrist + 0.155 * toe
        cv2.line(canvas, _to_pixels(*start), _to_pixels(*end), 1, round(0.066 * HEAD))


def _from_edge(region: npt.NDArray[np.uint8]) -> Floats:
    """Distance of every pixel to the edge of its region, in head lengths; 0 outside."""
    return np.asarray(cv2.distanceTransform(region, cv2.DIST_L2, 5) / HEAD, np.float32)


def _dome(from_edge: Floats, radius: float) -> Floats:
    inward = np.clip(from_edge / radius, 0.0, 1.0)
    return np.asarray(radius * np.sqrt(1.0 - (1.0 - inward) ** 2), np.float32)


def _folds(x: Floats, y: Floats, shape: Shape) -> Floats:
    """The large relief: jaw muscles, groove of the spine, fold of the throat and of the flanks."""

    def bump(cx: float, cy: float, rx: float, ry: float) -> Floats:
        return np.asarray(np.exp(-0.5 * (((np.abs(x) - cx) / rx) ** 2 + ((y - cy) / ry) ** 2)), np.float32)

    muscles = 0.055 * bump(0.46 * shape.jaw, 0.66, 0.10, 0.16) + 0.02 * bump(0.0, 0.22, 0.13, 0.12)
    brow = 0.022 * bump(shape.eyes[0], shape.eyes[1], 0.055, 0.05)
    spine = -0.022 * np.exp(-0.5 * (x / 0.035) ** 2) * smoothstep(y, 0.55, 1.1)
    throat = -0.035 * np.exp(-0.5 * ((y - 1.04 + 0.35 * x**2) / 0.022) ** 2) * smoothstep(np.abs(x), 0.08, 0.34)
    flank = np.abs(np.abs(x) - 0.8 * shape.trunk - 0.012 * np.sin(11 * y))
    flanks = -0.012 * np.exp(-0.5 * (flank / 0.014) ** 2) * smoothstep(y, 1.15, 1.4)
    return np.asarray(muscles + brow + spine + throat + flanks, np.float32)


def _warts(
    rng: np.random.Generator, shape: Shape, x: Floats, y: Floats, from_edge: Floats
) -> tuple[Floats, Floats]:
    """Scatters tubercles, thickest along the jaw and round the eyes; gives their relief and their paleness."""
    relief = np.zeros(SKIN_SHAPE, np.float32)
    pale = np.zeros(SKIN_SHAPE, np.float32)
    near_jaw = np.exp(-0.5 * ((from_edge - 0.07) / 0.045) ** 2) * (y < 1.0)
    near_eye = np.exp(-0.5 * ((np.abs(x) - shape.eyes[0]) ** 2 + (y - shape.eyes[1]) ** 2) / 0.09**2)
    likely = (0.25 + near_jaw + near_eye) * (from_edge > 0.02)
    chance = rng.random(SKIN_SHAPE, dtype=np.float32) / np.maximum(likely, 1e-6)
    for radius, density, rise in ((1.6, 0.0045, 0.5), (2.8, 0.0013, 0.75), (4.6, 0.0003, 0.8)):
        points = ((chance >= 0) & (chance < density)).astype(np.float32)
        chance -= density  # no place bears warts of two sizes
        domes = np.minimum(blur(points, radius) * (2 * np.pi * radius**2), 1.3)
        relief += domes * rise * radius / HEAD
        pale = np.maximum(pale, 0.45 * domes)
    return relief, np.asarray(pale, np.float32)


def _eyes(shape: Shape, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The two tiny lidless eyes and the nostrils: their opacity, and the relief that they add."""
    front = round((0.5 - TOP) * HEAD)  # everything lies in the front half of the head
    side, y = np.abs(x[:front]), y[:front]
    to_eye = np.hypot(side - shape.eyes[0], y - shape.eyes[1])
    to_nostril = np.hypot(side - 0.085, y - 0.045)
    eye = smoothstep(-to_eye, -0.019, -0.013)
    nostril = 0.8 * smoothstep(-to_nostril, -0.011, -0.006)
    opacity, relief = np.zeros(SKIN_SHAPE, np.float32), np.zeros(SKIN_SHAPE, np.float32)
    opacity[:front] = np.maximum(eye, nostril)
    relief[:front] = 0.010 * eye - 0.010 * np.exp(-0.5 * ((to_eye - 0.026) / 0.008) ** 2)
    return opacity, relief
