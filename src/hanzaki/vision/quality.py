"""How much of an animal's markings a picture shows: what makes it bad can be read, fault by fault."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.boxes import Box
from hanzaki.vision.crop import Pixels

_WORKING = 192  # pixels of the longer side on which everything is judged, as if all animals were equally near
_CORE = (
    0.75  # of each side: round the middle there is more animal than scenery, which may be sharp where it is not
)
_LEAST = 8  # pixels; a smaller picture shows nothing

_FINE, _COARSE = (1.0, 2.0), (4.0, 8.0)  # pixels: standard deviations of the Gaussians that bound each band
_CRISP = 1.7  # ratio of the bands' energies at which a sharpness of 63% is reached
_WEAK = 0.05  # of the greater direction's energy: what a direction without structure is judged by
_FAINT = 0.02  # grey levels per pixel, squared: a slope that is no more than the rounding of the pixels
_RANGE = 70.0  # grey levels between the 5th and the 95th percentile at which an exposure of 76% is reached
_WHITE = 200  # from here on in all three colours a pixel is mirrored sky, or burnt out
_BIG = 200.0  # pixels: geometric mean of width and height beyond which more of them show no more
_CUT_OFF = 0.7  # what is left of an animal whose box ends at the picture's edge, where the detector had to end it
_TOUCHING = 0.005  # of the picture's side


@dataclass(frozen=True)
class Quality:
    """What each fault leaves of the markings, 1 (all) to 0 (nothing).

    Attributes:
        sharpness: against blur by focus, motion or water, relative to the animal's size in the picture.
        exposure: against darkness, haze and too little contrast.
        glare: against mirrored sky and burnt-out highlights.
        size: against too few pixels.
        inside: against the picture's edge.
    """

    sharpness: float
    exposure: float
    glare: float
    size: float
    inside: float

    @property
    def score(self) -> float:
        """The product of the parts.

        Each part is a share of the markings that can still be read; faults of different kinds hit independently of
        each other, so that shares multiply. A picture is thus never better than its worst part, as is right (no
        sharpness makes up for darkness), and two faults are worse than one, which a minimum would not see.
        """
        return self.sharpness * self.exposure * self.glare * self.size * self.inside

    @property
    def low(self) -> bool:
        """Whether the score is below :data:`LOW`."""
        return self.score < LOW


#: Below this a picture is not worth comparing. Where animals were photographed with care none is: none of 1205
#: nyalas, none of 172 heads of the virtual stream. Of 2206 cattle of farm cameras 1.1% are, nearly all of them
#: spoilt to the eye by night, haze or smear; from 0.3 upwards most faces can be read.
LOW = 0.2


def assess(pixels: Pixels, box: Box | None = None, picture: tuple[int, int] | None = None) -> Quality:
    """Judge the picture of one animal.

    Args:
        pixels: uint8 (h, w, 3), RGB, cropped to the animal's box.
        box: where it was cut out, in pixels of the whole picture; None where the crop is all there is.
        picture: width and height of the whole picture; None where they are not known.
    """
    whole = Box(0, 0, pixels.shape[1], pixels.shape[0]) if box is None else box
    inside, cut_off = (1.0, 1.0) if box is None or picture is None else _inside(box.upright, *picture)
    size = min(1.0, math.sqrt(max(0.0, whole.area * inside)) / _BIG)
    core = _core(pixels)
    grey = _shrunk(np.asarray(cv2.cvtColor(core, cv2.COLOR_RGB2GRAY), np.uint8))
    if min(grey.shape) < _LEAST:
        return Quality(0.0, 0.0, 0.0, size, inside * cut_off)
    return Quality(sharpness(grey), _exposure(grey), _glare(core), size, inside * cut_off)


def sharpness(grey: npt.NDArray[np.uint8]) -> float:
    """Sharpness of a grey picture, 0 to 1.

    Natural pictures have about the same contrast in every octave of detail (Field, JOSA A 4(12), 1987); blur takes
    it from the finer first. So the energy of the slopes in a finer band (between Gaussians of 1 and 2 pixels) is
    divided by that in a coarser one (4 and 8), in the direction where this is least, in which the camera or the
    animal moved: the smaller generalised eigenvalue of the bands' structure tensors. The ratio of the two bands'
    transfer functions grows with frequency, hence Gaussian blur lowers the quotient whatever the picture shows,
    while brightness and contrast leave it alone. What noise adds to both is estimated from the finest detail
    (Immerkær, CVIU 64(2), 1996) and taken off.

    Args:
        grey: uint8 (h, w), at the size at which it is to be judged.
    """
    values = grey.astype(np.float32)
    noise = _noise_variance(values)
    fine = _structure(_band(values, _FINE), noise * _noise_in_slopes(*_FINE))
    half = np.asarray(cv2.resize(values, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.float32)
    inner, outer = _COARSE[0] / 2, _COARSE[1] / 2
    # On half as many pixels slopes are twice as steep, and noise has a quarter of its variance.
    coarse = _structure(_band(half, (inner, outer)), noise / 4 * _noise_in_slopes(inner, outer)) / 4
    # A direction without structure is judged by the whole of the picture, and a picture without any as blurred.
    whole = np.trace(fine) / max(np.trace(coarse), _FAINT)
    weak = _WEAK * np.trace(coarse)
    fine = fine + weak * whole * np.eye(2)
    coarse = coarse + (weak + _FAINT) * np.eye(2)
    least = float(np.linalg.eigvals(np.linalg.solve(coarse, fine)).real.min())
    return 1.0 - math.exp(-max(0.0, least) / _CRISP)


def _band(values: npt.NDArray[np.float32], sigmas: tuple[float, float]) -> npt.NDArray[np.float32]:
    inner, outer = (cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101) for sigma in sigmas)
    return np.asarray(inner - outer, np.float32)


def _structure(band: npt.NDArray[np.float32], noise: float) -> npt.NDArray[np.float64]:
    """Mean outer product of the slopes of a band, (2, 2), less what noise alone has in each direction."""
    right = band[:-1, 1:] - band[:-1, :-1]
    down = band[1:, :-1] - band[:-1, :-1]
    across = float((right * down).mean())
    own = [max(0.0, float((slope * slope).mean()) - noise) for slope in (right, down)]
    limit = math.sqrt(own[0] * own[1])
    across = min(max(across, -limit), limit)
    return np.array([[own[0], across], [across, own[1]]])


def _noise_variance(values: npt.NDArray[np.float32]) -> float:
    """Variance of white noise, by a median which edges do not move."""
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    rough = np.abs(cv2.filter2D(values, -1, mask, borderType=cv2.BORDER_REFLECT_101))
    return (float(np.median(rough[::2, ::2])) / (0.6745 * 6)) ** 2


def _noise_in_slopes(inner: float, outer: float) -> float:
    """Variance that white noise of variance 1 gives to the slopes of a band between two Gaussians, per direction.

    Under one Gaussian it is 1 / (8 pi sigma^4).
    """
    both = (inner**2 + outer**2) / 2
    return (inner**-4 + outer**-4 - 2 * both**-2) / (8 * math.pi)


def _exposure(grey: npt.NDArray[np.uint8]) -> float:
    """Range of the grey levels, which darkness, haze and burning out all narrow."""
    darkest, brightest = np.percentile(grey[::2, ::2], (5, 95))
    return math.tanh(float(brightest - darkest) / _RANGE)


def _glare(core: Pixels) -> float:
    """Share of the pixels that are not white: as much of the markings is not hidden behind a mirrored sky.

    A white coat in the sun cannot be told from glare by one picture, hence the mild measure.
    """
    step = max(1, max(core.shape[:2]) // _WORKING)
    some = np.ascontiguousarray(core[::step, ::step])
    return 1.0 - cv2.countNonZero(cv2.inRange(some, (_WHITE,) * 3, (255,) * 3)) / some[..., 0].size


def _core(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    top, left = int(height * (1 - _CORE) / 2), int(width * (1 - _CORE) / 2)
    return pixels[top : height - top, left : width - left]


def _shrunk(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """At the working size; what is smaller stays, since enlarging makes blur that is not the camera's."""
    scale = _WORKING / max(pixels.shape)
    if scale >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _inside(box: Box, width: int, height: int) -> tuple[float, float]:
    """Share of an upright box's area that lies in the picture, and what is left of an animal that is cut off.

    A detector's box cannot leave the picture, so that a side which lies on the picture's edge means an animal that
    goes on beyond it; unless the box reaches from edge to edge, as of a picture that was cut to the animal.
    """
    share, left = 1.0, 1.0
    for start, length, extent in ((box.x, box.w, width), (box.y, box.h, height)):
        end = start + length
        within = max(0.0, min(end, extent) - max(start, 0.0))
        share *= min(1.0, within / length) if length > 0 else 0.0  # start + length - start may exceed length
        close = _TOUCHING * extent
        if (start <= close) != (end >= extent - close):
            left *= _CUT_OFF
    return share, left
