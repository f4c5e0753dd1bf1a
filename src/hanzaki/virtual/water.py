"""The surface between camera and animal: refraction, caustics, and the sky mirrored in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.noise import Floats, band_noise, blur, enlarge, smoothstep
from hanzaki.virtual.scene import Water

_WAVES = 16


@dataclass(frozen=True)
class Surface:
    """The water's surface over a coarse grid of the picture, (h, w) each.

    Attributes:
        slope_x: Slope to the right, about 1 in its standard deviation.
        slope_y: Slope downwards.
        caustics: Brightness of the light that has come through, mean 1.
        glare: Share of each pixel that shows the sky.
    """

    slope_x: Floats
    slope_y: Floats
    caustics: Floats
    glare: Floats


def surface(water: Water, shape: tuple[int, int], strength: float) -> Surface:
    """Makes the surface of a moment.

    Args:
        water: The state of the water.
        shape: Height and width of the coarse grid.
        strength: Contrast of the caustics, 0 to 1.

    Returns:
        Slopes, caustics and glare.
    """
    rng = np.random.Generator(np.random.PCG64(water.seed))
    short = min(shape)
    slope_x, slope_y = Waves.draw(rng, water, shape).slopes()
    caustics = np.ones(shape, np.float32)
    if strength > 0.01:
        net = focused(*Waves.draw(rng, water, shape, spread=np.pi).slopes(), 0.055 * short)
        caustics = np.asarray(1.0 + strength * (net - 1.0), np.float32)
    glare = np.zeros(shape, np.float32)
    if water.glare > 0:
        # The sky shows where the surface leans towards the gap beside the umbrella.
        gap = rng.uniform(-np.pi, np.pi)
        lean = slope_x * np.cos(gap) + slope_y * np.sin(gap)
        lean += 0.8 * band_noise(rng, shape, 0.8 * short) + 0.12 * band_noise(rng, shape, 0.10 * short)
        cut = float(np.quantile(lean, 1.0 - min(water.glare, 0.3)))
        glare = 0.75 * smoothstep(lean, cut - 0.35, cut + 1.5)
    return Surface(slope_x, slope_y, caustics, glare)


@dataclass(frozen=True)
class Waves:
    """A sum of plane waves over a coarse grid of (h, w) cells, as two matrices whose product it is.

    Attributes:
        shape: Height and width of the grid.
        in_x: Every wave along the rows, (waves, w / 2).
        in_y: Every wave along the columns, (h / 2, waves).
        wander: Slow wandering of the phase, which breaks the regularity that few waves would show, (h / 2, w / 2).
        leans: Amplitudes of the slopes to the right and downwards, (2, waves).
        numbers: Wave numbers, radians over the shorter side of the picture.
    """

    shape: tuple[int, int]
    in_x: npt.NDArray[np.complex64]
    in_y: npt.NDArray[np.complex64]
    wander: npt.NDArray[np.complex64]
    leans: npt.NDArray[np.complex64]
    numbers: npt.NDArray[np.float64]

    @classmethod
    def draw(cls, rng: np.random.Generator, water: Water, shape: tuple[int, int], spread: float = 0.9) -> Waves:
        """Draws waves whose directions lie within about `spread` radians of the water's flow."""
        short = min(shape)
        # Slopes are smooth: every second cell is enough.
        y = np.arange(0, shape[0], 2) / short
        x = np.arange(0, shape[1], 2) / short
        towards = water.flow + rng.uniform(-spread, spread, _WAVES)
        number = 2 * np.pi / (water.wavelength * rng.lognormal(0.0, 0.45, _WAVES))
        norm = np.sqrt(2.0 / _WAVES)
        phase = np.exp(2j * np.pi * rng.random(_WAVES))
        # A plane wave is a product of one in x and one in y, so all of them together are one matrix product.
        in_x = np.exp(1j * np.outer(number * np.cos(towards), x)).astype(np.complex64)
        in_y = np.exp(1j * np.outer(y, number * np.sin(towards))).astype(np.complex64)
        wander = np.exp(0.9j * band_noise(rng, (y.size, x.size), 0.4 * short)).astype(np.complex64)
        leans = np.stack([phase * norm * np.cos(towards), phase * norm * np.sin(towards)])
        return cls(shape, in_x, in_y, wander, leans.astype(np.complex64), number)

    def slopes(self, turned: npt.NDArray[np.float64] | None = None) -> tuple[Floats, Floats]:
        """Slopes to the right and downwards, (h, w) each, when each wave has gone on by `turned` radians."""
        leans = self.leans if turned is None else (self.leans * np.exp(-1j * turned)).astype(np.complex64)
        slopes = []
        for lean in leans:
            waves = np.einsum("yk,kx->yx", self.in_y * lean, self.in_x) * self.wander
            field = waves.real.astype(np.float32)
            slopes.append(enlarge(field, (self.shape[1], self.shape[0]), cv2.INTER_CUBIC))
        return slopes[0], slopes[1]


def focused(slope_x: Floats, slope_y: Floats, depth: float) -> Floats:
    """Light on the bed: rays bent by the slopes, followed for `depth` pixels and counted where they land."""
    rows, columns = slope_x.shape
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    # Rays leave on the grid; the counting grid is twice as coarse, so that four land in each cell on average.
    cells = (rows // 2 + 1, columns // 2 + 1)
    to_x = np.clip((x + depth * slope_x) / 2, 0, cells[1] - 1.001)
    to_y = np.clip((y + depth * slope_y) / 2, 0, cells[0] - 1.001)
    left, top = to_x.astype(np.int32), to_y.astype(np.int32)
    right_share, lower_share = to_x - left, to_y - top
    landed = np.zeros(cells[0] * cells[1])
    for dy, share_y in ((0, 1 - lower_share), (1, lower_share)):
        for dx, share_x in ((0, 1 - right_share), (1, right_share)):
            place = (top + dy) * cells[1] + left + dx
            landed += np.bincount(place.ravel(), (share_x * share_y).ravel(), landed.size)
    light = blur(landed.reshape(cells).astype(np.float32) / 4.0, 0.9)
    light[[0, -1], :] = light[[1, -2], :]
    light[:, [0, -1]] = light[:, [1, -2]]
    return enlarge(np.clip(light, 0.35, 3.2), (columns, rows))
