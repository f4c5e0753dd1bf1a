"""The surface between camera and animal: refraction, caustics, and the sky mirrored in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

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
    slope_x, slope_y = _slopes(rng, water, shape)
    caustics = np.ones(shape, np.float32)
    if strength > 0.01:
        net = _focused(*_slopes(rng, water, shape, spread=np.pi), 0.055 * short)
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


def _slopes(
    rng: np.random.Generator, water: Water, shape: tuple[int, int], spread: float = 0.9
) -> tuple[Floats, Floats]:
    """Slopes of a sum of plane waves whose directions lie within about `spread` of the flow."""
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
    # Slow wandering of the phase breaks the regularity that few waves would show.
    wander = np.exp(0.9j * band_noise(rng, (y.size, x.size), 0.4 * short)).astype(np.complex64)

    slopes = []
    for lean in (norm * np.cos(towards), norm * np.sin(towards)):
        waves = np.einsum("yk,kx->yx", in_y * (phase * lean).astype(np.complex64), in_x) * wander
        slopes.append(enlarge(waves.real.astype(np.float32), (shape[1], shape[0]), cv2.INTER_CUBIC))
    return slopes[0], slopes[1]


def _focused(slope_x: Floats, slope_y: Floats, depth: float) -> Floats:
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
