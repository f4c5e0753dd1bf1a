"""Water and light over one clip: moving ripples, the net of light below, mirrored sky, an umbrella's shade."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.camera import CLEAR, SKY, VEIL, tone
from hanzaki.virtual.noise import Floats, band_noise, blur, smoothstep
from hanzaki.virtual.scene import Scene
from hanzaki.virtual.water import Waves, focused

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]

GAMMA = 2.2

HEADROOM = 1.35
"""How much brighter than evenly lit the gamma-coded light may become before it is cut off at 255."""

_UNIT = 140.0
GAIN_SCALE = 1.0 / (_UNIT * HEADROOM)
"""What `cv2.multiply` scales by, when a picture is multiplied by `gain_bytes`."""

_GRAVITY = 9.81
_METRES = 0.55  # the shorter side of a picture on the bed
_DEPTH = 0.2  # metres
_SLOWED = 0.55  # an unhurried pool: the phone films waves of the right shape at about half their speed
_FOCUS = 0.18  # wavelengths from the surface to the bed, by which the ripples gather the light to a sharp net
_SHADE = 0.16  # what the umbrella lets through of the sun


@dataclass(frozen=True)
class Umbrella:
    """The shade of an umbrella on the water, in units of the picture's shorter side from its middle."""

    middle: tuple[float, float]
    radius: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Umbrella:
        """Draws one whose edge is usually somewhere in the picture."""
        towards = rng.uniform(0, 2 * np.pi)
        off = rng.uniform(0.1, 0.6)
        return cls((float(off * np.cos(towards)), float(off * np.sin(towards))), rng.uniform(0.75, 1.0))


@dataclass(frozen=True)
class Moment:
    """The water at one time, on the coarse grid, (h, w) each.

    Attributes:
        slope_x: Slope of the surface to the right, about 1 in its standard deviation.
        slope_y: Slope downwards.
        brightness: Light on the bed over that without water and shade.
        glare: Share of each pixel that mirrors the sky.
    """

    slope_x: Floats
    slope_y: Floats
    brightness: Floats
    glare: Floats


class LightPlay:
    """Water and light of one clip.

    Args:
        scene: Its light, water and camera.
        umbrella: The umbrella, if somebody holds one.
        shape: Height and width of the coarse grid.
    """

    def __init__(self, scene: Scene, umbrella: Umbrella | None, shape: tuple[int, int]) -> None:
        rng = np.random.Generator(np.random.PCG64(scene.water.seed))
        self._scene, self.shape = scene, shape
        self._surface = Waves.draw(rng, scene.water, shape)
        self._net = Waves.draw(rng, scene.water, shape, spread=np.pi)
        short = min(shape)
        self._lean = 0.8 * band_noise(rng, shape, 0.8 * short) + 0.10 * band_noise(rng, shape, 0.10 * short)
        self._gap = rng.uniform(-np.pi, np.pi)
        self._open = 1.0 if umbrella is None else _opening(umbrella, shape, rng)
        self._cut = float(np.quantile(self._leaning(*self._surface.slopes()), 1.0 - min(scene.water.glare, 0.3)))
        light = scene.light
        sun, sky = light.sun * light.height, light.sky
        self.shaded = float(np.mean(self._open)) < 1.0
        self._sunlit = np.asarray((_SHADE + (1.0 - _SHADE) * self._open) * sun / (sun + sky), np.float32)
        self._ambient = np.asarray(self._sunlit + sky / (sun + sky), np.float32)

    @property
    def sun_left(self) -> float:
        """The share of the sun's light that reaches the middle of the picture."""
        middle = np.asarray(self._open if np.ndim(self._open) else [[1.0]])
        return float(_SHADE + (1 - _SHADE) * middle[middle.shape[0] // 2, middle.shape[1] // 2])

    def slopes(self, time: float) -> tuple[Floats, Floats]:
        """The surface's slopes alone at `time` seconds, as in `Moment`."""
        return self._surface.slopes(_turned(self._surface, time))

    def at(self, time: float) -> Moment:
        """The water at `time` seconds."""
        slope_x, slope_y = self.slopes(time)
        net_x, net_y = self._net.slopes(_turned(self._net, time))
        brightness = np.broadcast_to(self._ambient, self.shape)
        strength = 1.2 * self._scene.water.caustics * min(1.0, 1.6 * float(np.max(self._sunlit)))
        if strength > 0.02:
            depth = _FOCUS * self._scene.water.wavelength * min(self.shape)
            net = focused(net_x, net_y, depth)
            brightness = brightness + strength * self._sunlit / float(np.max(self._sunlit)) * (net - 1.0)
        glare = np.zeros(self.shape, np.float32)
        if self._scene.water.glare > 0:
            lean = self._leaning(slope_x, slope_y)
            glare = smoothstep(lean, self._cut - 0.3, self._cut + 1.4) * (0.66 + 0.2 * net_x)
            glare = np.clip(glare, 0.0, 0.9) * np.asarray(self._open, np.float32)
        return Moment(slope_x, slope_y, np.asarray(brightness, np.float32), np.asarray(glare, np.float32))

    def _leaning(self, slope_x: Floats, slope_y: Floats) -> Floats:
        return np.asarray(slope_x * np.cos(self._gap) + slope_y * np.sin(self._gap) + self._lean, np.float32)


def _turned(waves: Waves, time: float) -> Doubles:
    """How far each wave's phase has advanced: gravity waves on shallow water (Airy's dispersion relation)."""
    number = waves.numbers / _METRES
    return np.asarray(_SLOWED * time * np.sqrt(_GRAVITY * number * np.tanh(number * _DEPTH)))


def _opening(umbrella: Umbrella, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """1 where the sky is open, 0 under the umbrella, soft between, with the corners of its ribs."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    dx = (x - 0.5 * shape[1]) / min(shape) - umbrella.middle[0]
    dy = (y - 0.5 * shape[0]) / min(shape) - umbrella.middle[1]
    ribs = 1.0 - 0.035 * np.abs(np.sin(4.0 * np.arctan2(dy, dx) + rng.uniform(0, np.pi)))
    return blur(smoothstep(np.hypot(dx, dy) / (umbrella.radius * ribs), 0.90, 1.08), 0.02 * min(shape))


def curves(scene: Scene, sun_left: float) -> Bytes:
    """What water and phone make of the light: one table a channel, uint8 (256, 1, 3).

    From the gamma-coded brightness of what lies in evenly lit water, to sRGB: absorption, the veil of turbid
    water, exposure, white balance and the phone's tone curve, in the order of `camera.develop`.

    Args:
        scene: Its light, water and camera.
        sun_left: Share of the sun's light that an umbrella leaves.
    """
    even, shaded = _even_light(scene, 1.0), _even_light(scene, sun_left)
    turbidity = scene.water.turbidity
    linear = (np.arange(256) / 255.0)[:, None] ** GAMMA * even * HEADROOM**GAMMA
    below = linear * CLEAR * (1.0 - turbidity) + 2.2 * VEIL * turbidity * shaded
    root = np.sqrt(_gain(scene, sun_left) * below)
    return np.ascontiguousarray(tone(np.clip(np.rint(255.0 * root), 0, 255).astype(np.uint8))[:, None, :])


def sky_table(scene: Scene, sun_left: float) -> Bytes:
    """The mirrored sky as the phone shows it, sRGB, by its share of a pixel: uint8 (256, 1, 3)."""
    root = np.sqrt(_gain(scene, sun_left) * SKY * (0.45 * scene.light.sun + 0.75 * scene.light.sky))
    sky = tone(np.clip(np.rint(255.0 * root), 0, 255).astype(np.uint8))
    return np.rint(np.arange(256)[:, None, None] / 255.0 * sky).astype(np.uint8)


def _even_light(scene: Scene, sun_left: float) -> float:
    return scene.light.sun * scene.light.height * sun_left + scene.light.sky


def _gain(scene: Scene, sun_left: float) -> Doubles:
    """Exposure and white balance under the scene's tint; the phone's meter makes up for most of the shade."""
    metered = (_even_light(scene, sun_left) / _even_light(scene, 1.0)) ** -0.6
    tint = np.array(scene.light.tint) * np.array(scene.camera.balance)
    return np.asarray(1.12 * scene.camera.exposure * metered * tint, np.float64)


def gain_bytes(brightness: Floats) -> Bytes:
    """Brightness over the even light as a gamma-coded factor in bytes, to be scaled by `GAIN_SCALE`."""
    coded = cv2.pow(np.maximum(brightness, 0.0), 1.0 / GAMMA)
    return np.asarray(cv2.convertScaleAbs(coded, alpha=_UNIT), np.uint8)
