"""Augmentation: the same animal as another photographer, another hour and another camera would have shown it.

Framing (shift and scale) moves the animal's box, so that the picture is cut and resized once, by the functions
that the field uses, and keeps its sharpness. Everything else happens to the pixels that the network is about to
see. All chance comes from the generator that is passed in: a picture's look follows from nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from hanzaki.boxes import Box
from hanzaki.vision.crop import Pixels

_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


class Augmentation(BaseModel):
    """How strongly, and how often, pictures are changed. Chances are from 0 to 1; a chance of 0 leaves it out.

    The defaults are those of the MiewID paper's appendix where it gives a number (shift, scale, rotate).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    framing: float = Field(0.75, ge=0, le=1, description="Chance of another framing: shift, scale and rotate.")
    shift: float = Field(0.25, ge=0, le=1, description="Most that the box moves, as a share of its sides.")
    scale: float = Field(0.2, ge=0, lt=1, description="Most that the box grows or shrinks, as a share.")
    rotate: float = Field(15.0, ge=0, le=180, description="Most that the picture turns, in degrees.")
    stretch: float = Field(0.0, ge=0, lt=1, description="Most that width changes against height, as a share.")
    colour: float = Field(0.5, ge=0, le=1, description="Chance of other colours (the four that follow).")
    brightness: float = Field(0.3, ge=0, lt=1, description="Most that brightness changes, as a share.")
    contrast: float = Field(0.3, ge=0, lt=1, description="Most that contrast changes, as a share.")
    saturation: float = Field(0.3, ge=0, le=1, description="Most that saturation changes, as a share.")
    hue: float = Field(0.05, ge=0, le=0.5, description="Most that hue turns, as a share of the full circle.")
    grey: float = Field(0.1, ge=0, le=1, description="Chance of no colour at all.")
    sharpen: float = Field(0.2, ge=0, le=1, description="Chance of sharpening.")
    clahe: float = Field(0.2, ge=0, le=1, description="Chance of local contrast equalisation (CLAHE).")
    blur: float = Field(0.0, ge=0, le=1, description="Chance of a Gaussian blur.")
    noise: float = Field(0.0, ge=0, le=1, description="Chance of Gaussian noise.")
    erase: float = Field(0.0, ge=0, le=1, description="Chance that a rectangle is covered (Zhong et al. 2017).")
    rotate_chance: float | None = Field(
        None, ge=0, le=1, description="Chance of turning by itself; null: whenever the framing is another."
    )
    brightness_chance: float | None = Field(
        None, ge=0, le=1, description="Chance of brightness by itself; null: with the other colours."
    )
    contrast_chance: float | None = Field(None, ge=0, le=1, description="Of contrast, likewise.")
    saturation_chance: float | None = Field(None, ge=0, le=1, description="Of saturation, likewise.")
    hue_chance: float | None = Field(None, ge=0, le=1, description="Of hue, likewise.")

    @property
    def reach(self) -> float:
        """How far beyond the animal's box a framing can reach, in sides of the box."""
        widest = (1 + self.scale) * float(np.sqrt(1 + self.stretch) if self.stretch else 1)
        tallest = (1 + self.scale) / float(np.sqrt(1 - self.stretch) if self.stretch else 1)
        return self.shift + (max(widest, tallest) - 1) / 2 if self.framing else 0.0

    def frame(self, box: Box, dice: np.random.Generator) -> tuple[Box, float]:
        """Another framing of an animal.

        Args:
            box: the animal's, in pixels.
            dice: the only source of chance.

        Returns:
            the box to cut, and the degrees to turn the picture afterwards.
        """
        framed = dice.random() < self.framing
        turned = framed if self.rotate_chance is None else dice.random() < self.rotate_chance
        if framed:
            box = self._moved(box, dice)
        return box, float(dice.uniform(-self.rotate, self.rotate)) if turned else 0.0

    def _moved(self, box: Box, dice: np.random.Generator) -> Box:
        across, down = dice.uniform(-self.shift, self.shift, 2)
        scale = 1 + dice.uniform(-self.scale, self.scale)
        aspect = np.sqrt(1 + dice.uniform(-self.stretch, self.stretch))
        width, height = box.w * scale * aspect, box.h * scale / aspect
        left = box.x + (box.w - width) / 2 + across * box.w
        top = box.y + (box.h - height) / 2 + down * box.h
        return Box(left, top, width, height, box.theta)

    def pixels(self, picture: Pixels, degrees: float, dice: np.random.Generator) -> Pixels:
        """Another look of a picture.

        Args:
            picture: uint8 (H, W, 3); it is not changed.
            degrees: to turn it, anticlockwise.
            dice: the only source of chance.

        Returns:
            uint8 (H, W, 3).
        """
        # always as many draws in the same order, so that one chance changed in a config leaves the others alone
        coloured, grey, sharpened, equalised, blurred, noisy, erased = dice.random(7)
        if degrees:
            picture = _turned(picture, degrees)
        changed = self._struck(bool(coloured < self.colour), dice)
        if any(changed):
            picture = self._recoloured(picture, changed, dice)
        if grey < self.grey:
            picture = _as_pixels((picture.astype(np.float32) @ _GREY)[..., None].repeat(3, axis=2))
        if equalised < self.clahe:
            picture = _equalised(picture, dice.uniform(1, 4))
        if sharpened < self.sharpen:
            picture = _sharpened(picture, dice.uniform(0.2, 1.0))
        if blurred < self.blur:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), dice.uniform(0.4, 1.6)), np.uint8)
        if noisy < self.noise:
            spread = dice.uniform(2, 16)
            picture = _as_pixels(picture + spread * dice.standard_normal(picture.shape, np.float32))
        return _covered(picture, dice) if erased < self.erase else picture

    def _struck(self, together: bool, dice: np.random.Generator) -> list[bool]:
        """Whether brightness, contrast, saturation and hue change: as one, but for those with their own chance."""
        chances = (self.brightness_chance, self.contrast_chance, self.saturation_chance, self.hue_chance)
        if chances == (None,) * 4:
            return [together] * 4  # no dice are cast that a config without chances of their own did not cast
        rolled = dice.random(4)
        return [
            together if chance is None else bool(one < chance) for one, chance in zip(rolled, chances, strict=True)
        ]

    def _recoloured(self, picture: Pixels, changed: Sequence[bool], dice: np.random.Generator) -> Pixels:
        most = np.array([self.brightness, self.contrast, self.saturation, self.hue])
        brightness, contrast, saturation, hue = dice.uniform(-1, 1, 4) * most * changed
        if hue:
            hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
            hsv[..., 0] = (hsv[..., 0].astype(np.int16) + round(180 * hue)) % 180
            picture = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)
        pixels = picture.astype(np.float32)
        grey = (pixels @ _GREY)[..., None]
        pixels = (pixels - grey) * np.float32(1 + saturation) + grey
        mean = np.float32(grey.mean())
        pixels = (pixels - mean) * np.float32(1 + contrast) + mean
        return _as_pixels(pixels * np.float32(1 + brightness))


def mirrored(picture: Pixels) -> Pixels:
    """Left and right exchanged, as the other flank would show (MiewID's code turns pictures upside down here)."""
    return np.ascontiguousarray(picture[:, ::-1])


def _as_pixels(values: npt.NDArray[np.float32]) -> Pixels:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _turned(picture: Pixels, degrees: float) -> Pixels:
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _equalised(picture: Pixels, limit: float) -> Pixels:
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(limit, (8, 8)).apply(np.ascontiguousarray(lab[..., 0]))
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)


def _sharpened(picture: Pixels, amount: float) -> Pixels:
    soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
    return np.asarray(cv2.addWeighted(picture, 1 + amount, soft, -amount, 0), np.uint8)


def _covered(picture: Pixels, dice: np.random.Generator) -> Pixels:
    """One rectangle of 2 to 20% of the picture, 1:3 to 3:1, in one random colour."""
    height, width = picture.shape[:2]
    area, aspect = dice.uniform(0.02, 0.2) * height * width, 3.0 ** dice.uniform(-1, 1)
    tall, wide = min(height, round(np.sqrt(area * aspect))), min(width, round(np.sqrt(area / aspect)))
    top, left = dice.integers(0, height - tall + 1), dice.integers(0, width - wide + 1)
    picture = picture.copy()
    picture[top : top + tall, left : left + wide] = dice.integers(0, 256, 3)
    return picture
