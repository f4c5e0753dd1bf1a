"""The hand that holds the phone: sway, zoom, autofocus, motion blur and noise that changes with every frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.noise import blur

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]

_TILE = 640  # side of the noise picture; larger frames mirror it
_LEVEL = 128


@dataclass(frozen=True)
class Hand:
    """How a phone is held during one clip.

    Attributes:
        sway: Amplitude of its wandering over the shorter side of the picture.
        zoom: Relative change of scale from the beginning of the clip to its end.
        roll: Amplitude of its rolling, radians.
        focus: Standard deviation of the blur where the focus is worst, over the shorter side.
        hunts: When the autofocus hunts, seconds; far away if it does not.
        phases: Where its movements begin, radians.
    """

    sway: float
    zoom: float
    roll: float
    focus: float
    hunts: float
    phases: tuple[float, ...]

    @classmethod
    def draw(cls, rng: np.random.Generator, seconds: float) -> Hand:
        """Draws a steady but living hand."""
        return cls(
            sway=0.008 * rng.lognormal(0.0, 0.5),
            zoom=rng.normal(0.0, 0.02),
            roll=rng.uniform(0.002, 0.012),
            focus=rng.uniform(0.0015, 0.0045),
            hunts=rng.uniform(0.0, seconds) if rng.random() < 0.35 else -100.0,
            phases=tuple(rng.uniform(0, 2 * np.pi, 8).tolist()),
        )

    def offset(self, time: float) -> Doubles:
        """Where the bed's origin lies from the middle of the picture, over the shorter side."""
        p = self.phases
        x = np.sin(1.7 * time + p[0]) + 0.45 * np.sin(4.3 * time + p[1]) + 0.10 * np.sin(13.1 * time + p[2])
        y = np.sin(1.3 * time + p[3]) + 0.45 * np.sin(3.7 * time + p[4]) + 0.10 * np.sin(11.7 * time + p[5])
        return np.array((x, y)) * self.sway

    def turn(self, time: float) -> float:
        """How the picture is rolled, radians."""
        return float(self.roll * np.sin(1.1 * time + self.phases[6]))

    def scale(self, time: float, seconds: float) -> float:
        """Scale of the picture, about 1."""
        breathing = 0.006 * np.exp(-(((time - self.hunts) / 0.18) ** 2))  # focusing changes the field of view
        return float(1.0 + self.zoom * (time / max(seconds, 1e-6) - 0.5) + breathing)

    def defocus(self, time: float) -> float:
        """Standard deviation of the blur over the shorter side."""
        late = time - self.hunts
        hunting = np.exp(-((late / 0.22) ** 2)) + 0.4 * np.exp(-(((late - 0.5) / 0.12) ** 2))
        return float(self.focus * hunting)

    def smear(self, time: float, exposure: float) -> Doubles:
        """How far the picture moves while the shutter is open for `exposure` seconds, over the shorter side."""
        return self.offset(time + 0.5 * exposure) - self.offset(time - 0.5 * exposure)


def softened(picture: Bytes, sigma: float, smear: Doubles) -> Bytes:
    """Blurs a picture by defocus (`sigma` pixels) and along a straight line (`smear` pixels)."""
    variance = sigma**2
    length = float(np.hypot(*smear))
    if length < 1.5:
        variance += length**2 / 12  # a short smear is no more than softness
    if variance > 0.09:
        # A kernel of the half width 2 sigma: the rest weighs less than a grey level.
        side = 2 * max(1, int(np.ceil(2.0 * np.sqrt(variance)))) + 1
        picture = np.asarray(cv2.GaussianBlur(picture, (side, side), np.sqrt(variance)), np.uint8)
    if length >= 1.5:
        reach = int(np.ceil(length / 2))
        kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
        for t in np.linspace(-0.5, 0.5, 8 * reach + 1):
            kernel[round(reach + t * smear[1]), round(reach + t * smear[0])] += 1.0
        picture = np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.uint8)
    return picture


def grained(picture: Bytes, noise: float, rng: np.random.Generator) -> Bytes:
    """Adds the sensor's noise of one frame; `noise` is its standard deviation over white."""
    tile = _noise_tile(-(-max(picture.shape[:2]) // _TILE) + 1)
    y, x = (
        int(rng.integers(0, have - want + 1)) for have, want in zip(tile.shape, picture.shape[:2], strict=False)
    )
    part = tile[y : y + picture.shape[0], x : x + picture.shape[1]]
    share = noise * 255 / 40.0
    return np.asarray(cv2.addWeighted(picture, 1.0, part, share, -_LEVEL * share), np.uint8)


@lru_cache(maxsize=4)
def _noise_tile(repeats: int) -> Bytes:
    """Noise as a phone leaves it: standard deviation 40 round 128, fine in brightness and blotchy in colour."""
    rng = np.random.Generator(np.random.PCG64(20220820))
    grain = blur(rng.standard_normal((_TILE, _TILE), dtype=np.float32), 0.7)
    blotches = blur(rng.standard_normal((_TILE, _TILE, 3), dtype=np.float32), 2.0)
    tile = grain[..., None] / grain.std() + 0.4 * blotches / blotches.std()
    level = np.clip(np.rint(_LEVEL + 40.0 * tile / tile.std()), 0, 255).astype(np.uint8)
    return np.pad(level, ((0, _TILE * (repeats - 1)), (0, _TILE * (repeats - 1)), (0, 0)), "symmetric")
