"""Random fields: the raw material of skin, river beds and water."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy import fft

Floats = npt.NDArray[np.float32]

_CELLS_PER_WAVE = 5  # a band-limited field is sampled this finely, then enlarged: exact enough and much cheaper


def band_noise(
    rng: np.random.Generator, shape: tuple[int, int], wavelength: float, spread: float = 0.35
) -> Floats:
    """Draws Gaussian noise whose features all have about one size.

    Args:
        rng: The only source of chance.
        shape: Height and width of the field, in pixels.
        wavelength: Distance between neighbouring crests, in pixels.
        spread: Width of the band, as the standard deviation of the logarithm of the frequency.

    Returns:
        A float32 array of the given shape with mean 0 and standard deviation about 1.
    """
    cell = max(1.0, wavelength / _CELLS_PER_WAVE)
    rows, columns = (fft.next_fast_len(int(np.ceil(length / cell)) + 2, real=True) for length in shape)
    spectrum = fft.rfft2(rng.standard_normal((rows, columns), dtype=np.float32))
    frequency = np.hypot(fft.fftfreq(rows)[:, None], fft.rfftfreq(columns)[None, :]).astype(np.float32)
    frequency[0, 0] = 1e-9
    band = np.exp(-0.5 * (np.log(frequency * wavelength / cell) / spread) ** 2)
    band[0, 0] = 0.0
    field = fft.irfft2(spectrum * band, s=(rows, columns))
    field = np.asarray(field / max(float(field.std()), 1e-9), np.float32)
    if cell > 1.0:
        field = enlarge(field, (round(columns * cell), round(rows * cell)), cv2.INTER_CUBIC)
    return np.ascontiguousarray(field[: shape[0], : shape[1]])


def grain(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> Floats:
    """Draws fine noise without a band: white noise blurred by `sigma` pixels; mean 0, standard deviation 1."""
    # Even noise is several times faster to draw than Gaussian noise, and the blur makes it nearly Gaussian.
    field = blur(rng.integers(0, 256, shape, dtype=np.uint8).astype(np.float32), sigma)
    mean, deviation = cv2.meanStdDev(field)
    return np.asarray((field - float(mean[0, 0])) / float(deviation[0, 0]), np.float32)


def enlarge(field: npt.NDArray[Any], size: tuple[int, int], interpolation: int = cv2.INTER_LINEAR) -> Floats:
    """Resamples a field to `size` (width, height); float32 in, float32 out."""
    return np.asarray(cv2.resize(field, size, interpolation=interpolation), np.float32)


def blur(field: npt.NDArray[Any], sigma: float) -> Floats:
    """Gaussian blur with a standard deviation in pixels; none below a fifth of a pixel."""
    if sigma < 0.2:
        return np.asarray(field, np.float32)
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma), np.float32)


def smoothstep(field: npt.NDArray[Any], low: float, high: float) -> Floats:
    """Rises smoothly from 0 where `field` is `low` to 1 where it is `high` (low < high)."""
    t = np.clip((field - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def normals(height: Floats, steepness: float) -> tuple[Floats, Floats]:
    """Surface normals of a height field.

    Args:
        height: Heights, (H, W), in pixels.
        steepness: Factor on the slope.

    Returns:
        The x and y components of the unit normal, (H, W) each; z is what is missing to length 1.
    """
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=steepness / 8)
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=steepness / 8)
    length = np.sqrt(1.0 + slope_x**2 + slope_y**2)
    return np.asarray(-slope_x / length, np.float32), np.asarray(-slope_y / length, np.float32)
