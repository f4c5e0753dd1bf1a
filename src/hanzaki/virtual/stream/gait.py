"""How the animal moves: its way over the bed, the waves of its body, and its steps.

A walking salamander moves its limbs in diagonal pairs while its trunk swings as a standing wave between the
girdles and a travelling wave runs down its tail (Frolich and Biewener, J. Exp. Biol. 162 (1992) 107-130).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from hanzaki.virtual.stream.body import LENGTH, PELVIS, SHOULDER
from hanzaki.virtual.stream.limbs import FOOT, LOWER, UPPER
from hanzaki.virtual.stream.ribbon import Line

Mode = Literal["rest", "walk", "enter", "leave"]

Doubles = npt.NDArray[np.float64]

_STEP = 0.08  # head lengths between points of a spine
_STIFF = 0.95  # the head does not bend
_BEFORE, _AFTER = 0.16, 0.16  # the spine is gone on with beyond snout and tail tip
_PATH_STEP = 0.04
_DUTY = 0.72  # share of a stride that a foot stands


@dataclass(frozen=True)
class Gait:
    """What governs one animal's movement during one clip. Lengths in head lengths, times in seconds.

    Attributes:
        mode: What it does.
        speed: Of walking, head lengths a second; 0 at rest.
        stride: Distance of one whole stride.
        sway: Amplitude of the body's wave.
        breath: Breaths a second.
        glance: Amplitude of slow head turns, radians.
        phases: Where in their cycles breath, glance and stride begin, radians.
        bends: Amplitudes and phases of the bends of the way, (3, 2).
        asymmetry: How differently the resting limbs are held, radians, (4,).
    """

    mode: Mode
    speed: float
    stride: float
    sway: float
    breath: float
    glance: float
    phases: tuple[float, float, float]
    bends: tuple[tuple[float, float], ...]
    asymmetry: tuple[float, ...]

    @classmethod
    def draw(cls, rng: np.random.Generator, mode: Mode) -> Gait:
        """Draws an unhurried adult's movement."""
        resting = mode == "rest"
        phases = rng.uniform(0, 2 * np.pi, 3)
        bends = [(rng.normal(0.0, size), rng.uniform(0, 2 * np.pi)) for size in (0.13, 0.16, 0.10)]
        return cls(
            mode=mode,
            speed=0.0 if resting else rng.uniform(*((0.28, 0.62) if mode == "walk" else (0.42, 0.70))),
            stride=rng.uniform(0.85, 1.05),
            sway=rng.uniform(0.015, 0.05) if resting else rng.uniform(0.075, 0.12),
            breath=rng.uniform(0.18, 0.3),
            glance=rng.uniform(0.02, 0.10) if resting else rng.uniform(0.02, 0.06),
            phases=(float(phases[0]), float(phases[1]), float(phases[2])),
            bends=tuple((float(a), float(b)) for a, b in bends),
            asymmetry=tuple(rng.normal(0.0, 0.22, 4).tolist()),
        )

    def walked(self, time: float) -> float:
        """Head lengths walked until `time`: a slow animal hesitates a little in every stride."""
        even = self.speed * time
        if self.speed == 0.0:
            return 0.0
        number = 2 * np.pi / (0.5 * self.stride)
        return float(even + 0.25 / number * np.sin(number * even + self.phases[2]))


@dataclass(frozen=True)
class Posture:
    """An animal at one moment: its spine and four limbs as lines on the bed, and how wide it is breathed."""

    spine: Line
    limbs: tuple[Line, Line, Line, Line]
    girth: float


_WAY = 14.0  # head lengths of the way that are worked out for a short clip
_LONGEST = 5.0  # times the time of the middle that a clip may last


class Walk:
    """An animal's way over the bed during a clip.

    Args:
        gait: How it moves.
        middle: The time at which it is where the photographer wants it, seconds.
        place: Where it is then, on the bed, in head lengths.
        heading: Where it goes then, radians clockwise from the right-hand side.
        anchor: Which part of it is there, head lengths behind the snout.
    """

    def __init__(
        self, gait: Gait, middle: float, place: tuple[float, float], heading: float, anchor: float
    ) -> None:
        self._gait = gait
        self._ahead = -(LENGTH + 8.0)
        far = max(_WAY, gait.walked(_LONGEST * middle + 1.0) + 2.0)
        along = np.arange(self._ahead, far, _PATH_STEP)
        curvature = sum(
            size * np.sin(along / 10.0 * 2 * np.pi * (k + 1) + phase) for k, (size, phase) in enumerate(gait.bends)
        )
        angle = np.cumsum(np.asarray(curvature)) * _PATH_STEP
        points = np.stack([np.cumsum(np.cos(angle)), np.cumsum(np.sin(angle))], axis=1) * _PATH_STEP
        walked = gait.walked(middle)
        at = walked - anchor
        here = round((at - self._ahead) / _PATH_STEP)
        turn = heading - float(angle[here])
        cos, sin = np.cos(turn), np.sin(turn)
        moved = (points - points[here]) @ np.array(((cos, sin), (-sin, cos)))
        self._along, self._points = along, moved + np.array(place)

    @property
    def speed(self) -> float:
        """How fast it walks on the whole, head lengths a second; 0 at rest."""
        return self._gait.speed

    def posture(self, time: float) -> Posture:
        """The animal at `time` seconds."""
        line, stride = self.spine(time), self._stride(time)
        limbs = [_limb(self._gait, line, number, stride) for number in range(4)]
        return Posture(line, (limbs[0], limbs[1], limbs[2], limbs[3]), self.girth(time))

    def girth(self, time: float) -> float:
        """How wide it is breathed at `time` seconds, about 1."""
        return float(1.0 + 0.012 * np.sin(2 * np.pi * self._gait.breath * time + self._gait.phases[0]))

    def _stride(self, time: float) -> float:
        return 2 * np.pi * self._gait.walked(time) / self._gait.stride + self._gait.phases[2]

    def spine(self, time: float) -> Line:
        """Its spine alone at `time` seconds."""
        gait = self._gait
        snout = gait.walked(time)
        behind = np.arange(-_BEFORE, LENGTH + _AFTER + 1e-6, _STEP)
        at = snout - np.maximum(behind, 0.0)
        spine = np.stack([np.interp(at, self._along, self._points[:, k]) for k in range(2)], axis=1)
        spine = _swayed(spine, behind, _wave(gait, behind, time, self._stride(time)))
        spine = _stiffened(spine, behind, self._glance(time))
        return Line.near(spine, -_BEFORE)

    def _glance(self, time: float) -> float:
        gait = self._gait
        slow = np.sin(2 * np.pi * 0.13 * time + gait.phases[1]) + 0.5 * np.sin(2 * np.pi * 0.31 * time)
        return float(gait.glance * slow)


def _wave(gait: Gait, behind: Doubles, time: float, stride: float) -> Doubles:
    """How far each point of the spine is swung to the right: standing in the trunk, travelling in the tail."""
    trunk = np.clip((behind - SHOULDER) / (PELVIS - SHOULDER), 0.0, 1.0)
    standing = np.sin(np.pi * trunk) * np.sin(stride)
    tail = np.clip((behind - PELVIS) / (LENGTH - PELVIS), 0.0, 1.2)
    turn = stride if gait.speed else 2 * np.pi * 0.07 * time + gait.phases[2]
    travelling = 2.6 * tail**1.3 * np.sin(turn - 3.6 * tail + 0.5)
    neck = 0.35 * np.clip(1.0 - behind / SHOULDER, 0.0, 1.2) * np.sin(stride + 2.4)
    return np.asarray(gait.sway * ((standing + neck) * (gait.speed > 0) + travelling))


def _swayed(spine: Doubles, behind: Doubles, wave: Doubles) -> Doubles:
    tangent: Doubles = np.gradient(spine, axis=0)
    tangent[behind < 0] = tangent[behind >= 0][1]
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    return np.asarray(spine + wave[:, None] * np.stack([tangent[:, 1], -tangent[:, 0]], axis=1))


def _stiffened(spine: Doubles, behind: Doubles, glance: float) -> Doubles:
    """Straightens the head, turned at the neck by `glance` radians, and goes on straight beyond the tail's tip."""
    spine = np.array(spine)
    neck = int(np.searchsorted(behind, _STIFF))
    towards = spine[neck] - spine[neck + 3]
    towards /= np.linalg.norm(towards) + 1e-9
    cos, sin = np.cos(glance), np.sin(glance)
    towards = np.array((cos * towards[0] - sin * towards[1], sin * towards[0] + cos * towards[1]))
    spine[:neck] = spine[neck] + (behind[neck] - behind[:neck, None]) * towards
    # The neck takes the turn over three points, so that the skin does not crease.
    for k in (neck, neck + 1):
        spine[k] = 0.25 * spine[k - 1] + 0.5 * spine[k] + 0.25 * spine[k + 1]
    end = int(np.searchsorted(behind, LENGTH))
    last = spine[end] - spine[end - 1]
    spine[end:] = spine[end] + np.arange(len(spine) - end)[:, None] * last
    return spine


def _limb(gait: Gait, spine: Line, number: int, stride: float) -> Line:
    """One limb from the girdle to the toes. Diagonal pairs share their phase."""
    fore, side = number < 2, (-1.0, 1.0)[number % 2]
    root = SHOULDER if fore else PELVIS
    base, back, right = spine.frame(root)
    outwards = side * right
    inset = 0.33 if fore else 0.28
    start = base + inset * outwards
    forth = 0.06 + (0.10 if fore else -0.06)
    if gait.speed:
        phase = (stride + (0.0 if number in (0, 3) else np.pi)) / (2 * np.pi) % 1.0
        reach = _DUTY * gait.stride * 0.5
        swing = (phase - _DUTY) / (1.0 - _DUTY)
        forth += reach * (1.0 - 2.0 * phase / _DUTY) if phase < _DUTY else reach * (2.0 * _eased(swing) - 1.0)
        lifted = 0.0 if phase < _DUTY else float(np.sin(np.pi * swing))
    else:
        forth += gait.asymmetry[number]
        lifted = 0.0
    out = inset + (0.41 - 0.05 * lifted) - 0.35 * max(0.0, abs(forth) - 0.18)
    wrist = base + out * outwards - forth * back
    wrist, elbow = _two_bones(start, wrist, outwards, back if fore else -back)
    pointing = 0.85 * outwards - (0.75 if fore else 0.45) * back - 0.5 * lifted * outwards
    pointing = pointing + 0.5 * (wrist - elbow) / LOWER
    pointing /= np.linalg.norm(pointing)
    inner = start - 0.15 * (elbow - start) / UPPER
    toes = wrist + FOOT * pointing
    return Line.through(np.array((inner, start, elbow, wrist, toes, toes + 0.08 * pointing)), -0.15, 14)


def _eased(t: float) -> float:
    return t * t * (3.0 - 2.0 * t)


def _two_bones(start: Doubles, end: Doubles, outwards: Doubles, bent: Doubles) -> tuple[Doubles, Doubles]:
    """Where the end comes to lie within reach, and the joint between the two bones, which points `bent`."""
    reach = end - start
    length = float(np.clip(np.linalg.norm(reach), 0.2, 0.98 * (UPPER + LOWER)))
    reach = reach / (np.linalg.norm(reach) + 1e-9)
    end = start + length * reach
    along = (UPPER**2 - LOWER**2 + length**2) / (2 * length)
    off = float(np.sqrt(max(0.0, UPPER**2 - along**2)))
    normal = np.array((-reach[1], reach[0]))
    if normal @ (bent + 0.3 * outwards) < 0:
        normal = -normal
    return end, start + along * reach + off * normal
