"""Skin laid out flat, and the light that falls on it once it lies on the bed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.noise import Floats
from hanzaki.virtual.scene import Light
from hanzaki.virtual.stream.ribbon import Line

Bytes = npt.NDArray[np.uint8]

_GAMMA = 2.2


@dataclass(frozen=True)
class Sunlight:
    """Sun and sky as the skin sees them, over the light that falls on the even bed."""

    direct: float
    diffuse: float
    azimuth: float
    height: float

    @classmethod
    def of(cls, light: Light, sun_left: float) -> Sunlight:
        """The light of a scene, of whose sun an umbrella leaves a share."""
        even = light.sun * light.height * sun_left + light.sky
        direct = light.sun * sun_left / even
        return cls(direct, 1.25 * (light.sky / even + 0.12 * direct), light.azimuth, light.height)


@dataclass(frozen=True)
class Layers:
    """Something flat that can be laid along a line, at one resolution: rows go along it, columns to its right.

    Attributes:
        colour: (H, W, 3): sRGB of the evenly lit skin, uint8.
        opacity: (H, W): 0 to 1.
        normal: (3, H, W): the normal, towards the right, backwards and up.
        openness: (H, W): how much of the sky is seen, about 1.
        per_head: Pixels for one head length.
        start: Distance of the first row from the beginning of the line, in head lengths.
    """

    colour: Bytes
    opacity: Floats
    normal: Floats
    openness: Floats
    per_head: float
    start: float

    def halved(self) -> Layers:
        """The same at half the resolution."""
        normal = np.stack([cv2.pyrDown(part) for part in self.normal]).astype(np.float32)
        colour, opacity, openness = (cv2.pyrDown(layer) for layer in (self.colour, self.opacity, self.openness))
        return Layers(
            np.asarray(colour, np.uint8),
            np.asarray(opacity, np.float32),
            normal,
            np.asarray(openness, np.float32),
            self.per_head * colour.shape[0] / self.colour.shape[0],
            self.start,
        )

    def lit(self, line: Line, sunlight: Sunlight) -> Bytes:
        """The map as it is lit where it lies: colour times opacity, and opacity; uint8 (H, W, 4)."""
        along = (np.arange(self.colour.shape[0]) + 0.5) / self.per_head + self.start
        back = np.arctan2(*(np.interp(along, line.along, line.back[:, k]) for k in (1, 0)))
        sun = sunlight.azimuth - back  # seen from the skin: 0 is backwards, and -90 degrees to the right
        low = np.sqrt(1.0 - sunlight.height**2)
        to_right, to_back = -np.sin(sun)[:, None].astype(np.float32), np.cos(sun)[:, None].astype(np.float32)
        sideways = self.normal[0] * to_right + self.normal[1] * to_back
        faced = np.clip(low * sideways + sunlight.height * self.normal[2], 0.0, 1.0)
        open_sky = np.clip(0.34 * sideways + 0.62 * self.normal[2] + 0.10, 0.0, 1.0)
        shine = faced**8
        light = sunlight.direct * (faced + 0.22 * shine * shine) + sunlight.diffuse * open_sky
        coded = cv2.pow(np.asarray(light * self.openness, np.float32), 1.0 / _GAMMA) * self.opacity
        lit = cv2.multiply(self.colour, cv2.merge([coded] * 3), dtype=cv2.CV_8U)
        return np.asarray(cv2.merge([*cv2.split(lit), cv2.convertScaleAbs(self.opacity, alpha=255.0)]), np.uint8)
