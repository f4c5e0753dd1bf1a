"""One individual: its lasting pattern upon its permanent form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.anatomy import Body, Shape, form
from hanzaki.virtual.growth import Growth
from hanzaki.virtual.noise import Floats, band_noise, blur, grain, normals
from hanzaki.virtual.pattern import ADULT, HEAD, SKIN_SHAPE, Change, Markings, Origin, draw_pattern

Bytes = npt.NDArray[np.uint8]

_GROUNDS = np.array([(118, 98, 74), (108, 94, 72), (122, 94, 70), (104, 95, 78)], np.float32)
_BLACK = np.array((34, 29, 26), np.float32)
_PALE = np.array((152, 132, 108), np.float32)
_SKIN_STREAM, _FORM_STREAM, _MARKS_STREAM = 1, 2, 3
_YEARS_STREAM, _GROWTH_STREAM = 5, 6  # 4 draws the pattern itself


@dataclass(frozen=True)
class Skin:
    """An individual flayed onto the skin map, ready to be laid into a picture: uint8 arrays of `SKIN_SHAPE`.

    Attributes:
        colour: (H, W, 4): sRGB colour of the evenly lit skin, and opacity.
        surface: (H, W, 4): x and y of the normal (0..255 for -1..1), z of the normal (0..255 for 0..1),
            openness to the sky (0..255 for 0..1.15).
        truth: (H, W, 2): opacity of the head, darkness of the pattern.
    """

    colour: Bytes
    surface: Bytes
    truth: Bytes

    def halved(self) -> Skin:
        """The same skin at half the resolution, for small pictures."""
        return Skin(
            *(np.asarray(cv2.pyrDown(layer), np.uint8) for layer in (self.colour, self.surface, self.truth))
        )


@dataclass(frozen=True)
class Salamander:
    """A virtual giant salamander at one age, all of which follows from its seed, its origin and that age.

    Two salamanders with one seed and origin are one individual, on any day and any machine.

    Attributes:
        seed: Who; not negative.
        origin: Native, Chinese or a hybrid of the two.
        age: In years. The pattern that was drawn is that of `ADULT`; before and after, it differs a little more
            with every year between, as `Change` has it.

    Raises:
        ValueError: If the age is negative, or no number.
    """

    seed: int
    origin: Origin = "native"
    age: float = ADULT

    def __post_init__(self) -> None:
        if not 0.0 <= self.age < np.inf:
            raise ValueError(f"No animal is {self.age} years old: give `age` in years since it hatched.")

    def _rng(self, *stream: int) -> np.random.Generator:
        # A stream for each trait: a later trait (sex, age, origin) must not change the earlier ones.
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, *stream])))

    @property
    def markings(self) -> Markings:
        """The statistics of its blotches."""
        return Markings.draw(self._rng(_MARKS_STREAM), self.origin)

    @cached_property
    def pattern(self) -> Floats:
        """Darkness of its skin at its age, 0 to 1: float32 of `SKIN_SHAPE`, in body coordinates."""
        change = Change.until(self.age, self.markings, lambda span: self._rng(_YEARS_STREAM, span))
        pattern = draw_pattern(self._rng(_MARKS_STREAM + 1), self.markings, change)
        pattern.flags.writeable = False
        return pattern

    @property
    def growth(self) -> Growth:
        """The curve on which it grows."""
        return Growth.draw(self._rng(_GROWTH_STREAM))

    @property
    def length_cm(self) -> float:
        """Its total length at its age, snout to tip of the tail, in centimetres."""
        return float(self.growth.length(self.age))

    @property
    def skin(self) -> Skin:
        """Its skin for rendering; the last few dozen animals' skins are kept in memory."""
        return _skin(self)


@lru_cache(maxsize=48)
def _skin(animal: Salamander) -> Skin:
    rng = animal._rng(_FORM_STREAM)
    body = form(Shape.draw(rng), rng)
    colour = _colour(animal._rng(_SKIN_STREAM), animal.pattern, body)
    slope_x, slope_y = normals(body.height, 2.3)
    hollow = blur(body.height, 0.02 * HEAD) - body.height
    openness = np.clip(1.0 - 0.13 * hollow, 0.3, 1.15) / 1.15
    upright = np.sqrt(1.0 - slope_x**2 - slope_y**2)
    surface = cv2.merge([_byte(f) for f in (0.5 + 0.5 * slope_x, 0.5 + 0.5 * slope_y, upright, openness)])
    truth = cv2.merge([_byte(body.head), _byte(animal.pattern)])
    return Skin(colour, np.asarray(surface, np.uint8), np.asarray(truth, np.uint8))


def skin_at(animal: Salamander, head_pixels: float) -> tuple[Skin, float]:
    """The animal's skin no finer than a picture needs.

    Args:
        animal: Who.
        head_pixels: Length of the head in the picture.

    Returns:
        The skin, and its pixels for one head length.
    """
    return _halved(animal, max(0, int(np.floor(np.log2(HEAD / max(head_pixels, 4.0)) + 0.35))))


@lru_cache(maxsize=48)
def _halved(animal: Salamander, times: int) -> tuple[Skin, float]:
    skin = _skin(animal)
    for _ in range(times):
        skin = skin.halved()
    return skin, skin.truth.shape[0] / SKIN_SHAPE[0] * HEAD


def _byte(field: npt.NDArray[Any]) -> Bytes:
    return np.clip(np.rint(field * 255.0), 0, 255).astype(np.uint8)


def _colour(rng: np.random.Generator, pattern: Floats, body: Body) -> Bytes:
    """Paints the skin: a mottled brown ground, the blotches, pale wart tips and lips, the eyes."""
    weights = rng.dirichlet(np.full(len(_GROUNDS), 1.2))
    ground = (weights @ _GROUNDS) * rng.uniform(0.92, 1.08)
    mottle = 0.075 * band_noise(rng, SKIN_SHAPE, 0.13 * HEAD, 0.6)
    mottle += 0.05 * band_noise(rng, SKIN_SHAPE, 0.028 * HEAD, 0.5)
    mottle += 0.035 * grain(rng, SKIN_SHAPE, 0.9)
    warmth = 0.025 * band_noise(rng, SKIN_SHAPE, 0.45 * HEAD)
    darkness = np.clip(pattern * (0.97 + 0.5 * mottle), 0.0, 1.0)
    pale = np.clip(body.pale * (1.0 - 0.55 * pattern), 0.0, 1.0)
    layers = []
    for channel, tint in enumerate((1.0, 0.0, -1.0)):
        layer = ground[channel] * (1.0 + mottle + tint * warmth)
        layer += pale * 0.6 * (_PALE[channel] - layer)
        layer += darkness * (_BLACK[channel] * (1.0 + 1.5 * mottle) - layer)
        layer += body.eyes * (14.0 - layer)
        layers.append(_byte(layer / 255.0))
    return np.asarray(cv2.merge([*layers, _byte(body.opacity)]), np.uint8)
